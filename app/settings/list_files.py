"""Lists of accounts and people that are in files, read again when they change, without a restart.

Each process looks for itself, so all replicas do the same. A file that is broken changes nothing.
"""

from __future__ import annotations

import logging
import time
from collections import ChainMap
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from app.settings.table import Setting

log = logging.getLogger(__name__)
EVERY = 3.0
"""Seconds between two looks at the files."""
IN_FILES = ("WATCHED_ACCOUNTS", "ADMINS", "AUDITORS")
"""Settings whose value can be `@PATH`."""
READ_AGAIN = (*IN_FILES, "OIDC_ADMIN_GROUPS", "OIDC_AUDITOR_GROUPS")
"""Those, and what follows from them: a group without an account is for all of them."""

_State = tuple[tuple[int, int, int] | None, ...]


@dataclass
class ListFiles:
    """The files, and what is known of them. settings: the lines of the table, texts: what the environment has."""

    settings: tuple[Setting, ...]
    texts: Mapping[str, str]
    problems: tuple[str, ...] = field(default=(), compare=False)
    """What is wrong with the files as they are now. What was read before still counts."""
    _seen: _State = field(default=(), compare=False)
    _next: float = field(default=0.0, compare=False)
    _reading: Lock = field(default_factory=Lock, compare=False, repr=False)

    @classmethod
    def of(cls, table: Mapping[str, Setting], env: Mapping[str, str]) -> ListFiles:
        """Return those that the environment names. Call it before they are read for the first time."""
        texts = {name: env[name] for name in READ_AGAIN if name in env}
        files = cls(tuple(table[name] for name in READ_AGAIN), texts)
        files._seen = files._state()
        return files

    def read_changed(self, config: MutableMapping[str, Any]) -> None:
        """Read the files again if they have changed, at most every few seconds. config: Flask's."""
        now = time.monotonic()
        if now < self._next or not self._paths() or not self._reading.acquire(blocking=False):
            return
        try:
            self._next = now + EVERY
            seen = self._state()
            if seen != self._seen:
                self._read(config, seen)
        finally:
            self._reading.release()

    def _read(self, config: MutableMapping[str, Any], seen: _State) -> None:
        values: ChainMap[str, Any] = ChainMap({}, config)
        problems: list[str] = []
        for setting in self.settings:
            key = setting.key or setting.name
            values[key] = setting.read(self.texts, values, problems)
            if self.texts.get(setting.name, "").startswith("@") and config[key] and not values[key]:
                problems.append(f"{setting.name}: {self.texts[setting.name][1:]} is empty.")
        if self._state() != seen:
            self._next = 0.0  # it is being written: the next request looks again
            return
        self._seen = seen
        if problems:
            log.warning("Lists in files were not read again, those of before still count: %s", " ".join(problems))
        else:
            log.info("Lists in files were read again.")
            config.update(values.maps[0])
        self.problems = tuple(problems)

    def _paths(self) -> Iterable[Path]:
        return [
            Path(text[1:]) for name in IN_FILES if (text := self.texts.get(name, "")).startswith("@") and text != "@"
        ]

    def _state(self) -> _State:
        """Return what changes when a file does: its time, its size, and which file it is. None: it isn't there."""
        found: list[tuple[int, int, int] | None] = []
        for path in self._paths():
            try:
                status = path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        return tuple(found)
