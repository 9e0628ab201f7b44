"""A line of the table of settings, and reading all of them. If one is wrong, none of the values is used."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.settings.secret_files import Unusable, read_secret

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """The place where a setting is read: what its parser may use, and where it says what is wrong."""

    name: str
    """As the environment has it, so possibly a former name."""
    env: Mapping[str, str]
    values: Mapping[str, Any]
    """The settings above in the table, by `Setting.key`."""
    problems: list[str]

    def wrong(self, sentence: str) -> None:
        """Say what is wrong, and what to set."""
        self.problems.append(sentence)


Parser = Callable[[str, Reading], Any]
"""Makes the value out of the text, which is the default, or empty, where the setting isn't set."""


class Former(NamedTuple):
    """An earlier name of a setting. docs/deprecations.md lists all of them."""

    name: str
    since: str
    """The version since which it is a former name."""
    until: str
    """The version that will no longer know it."""


@dataclass(frozen=True)
class Setting:
    """A line of the table."""

    name: str
    """Of the environment variable."""
    parse: Parser
    default: str = ""
    help: str = ""
    """For docs/settings.md, as Markdown, without the default and the full stop."""
    key: str = ""
    """Its name in Flask's configuration, where that is another one."""
    formerly: Former | None = None
    """An earlier name, which still works."""
    secret: bool = False
    """Is it one? Then it can also be in a file, whose path is in `NAME_FILE`."""

    @property
    def file_name(self) -> str:
        """Name of the environment variable with the path of a file that has the value. "" where there is none."""
        return f"{self.name}_FILE" if self.secret else ""

    @property
    def names(self) -> tuple[str, ...]:
        """All environment variables that set it."""
        former = self.formerly.name if self.formerly else ""
        return tuple(name for name in (self.name, self.file_name, former) if name)

    def description(self) -> str:
        """Return what docs/settings.md says about it."""
        parts = [self.help]
        if self.default:
            parts.append(f"Default `{self.default}`")
        if self.formerly:
            parts.append(f"The former name `{self.formerly.name}` works until version {self.formerly.until}")
        if self.secret:
            parts.append(f"Secret: `{self.file_name}` reads it from a file")
        return ". ".join(parts)

    def _name_in(self, env: Mapping[str, str]) -> str:
        former = self.formerly
        if not former or not env.get(former.name):
            return self.name
        if env.get(self.name):
            log.warning("%s is ignored, because %s is set. Remove it.", former.name, self.name)
            return self.name
        log.warning(
            "%s is now called %s. The former name works until version %s. Rename it.",
            former.name,
            self.name,
            former.until,
        )
        return former.name

    def read(self, env: Mapping[str, str], values: Mapping[str, Any], problems: list[str]) -> Any:
        """Return its value. What is wrong is added to the problems."""
        name = self._name_in(env)
        text = env.get(name, "")
        if self.secret and (path := env.get(self.file_name)):
            if text:
                problems.append(f"{name} and {self.file_name} are both set. Set one of them.")
                problems = []  # what follows from that isn't said as well
            name = self.file_name
            try:
                text = text or read_secret(name, path)
            except Unusable as error:
                problems.append(str(error))
                problems = []  # as above
        return self.parse(text or self.default, Reading(name, env, values, problems))


def read_all(table: Iterable[Setting], env: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the values of all settings, for Flask's configuration, and every problem."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for setting in table:
        values[setting.key or setting.name] = setting.read(env, values, problems)
    return values, problems
