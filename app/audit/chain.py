"""The chain that makes the audit log tamper-evident: each row carries an HMAC over itself and its predecessor.

Pure: rows in, flaws out. Someone who can change the table but doesn't have AUDIT_KEYS can't change, remove or move a
row unseen. A tail that was cut off shows only against a head kept elsewhere. Keys have an order: a row can't be
made with a key older than that of a row before it, so a key that leaked and was replaced can't sign again.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

from app.audit import flaws
from app.audit.flaws import Flaw

START = ""
"""The predecessor of a chain's first row."""
SHORTENED = "record-shortened"
"""The event whose row is a checkpoint: its target, "SEQ:MAC", is the last row that retention removed."""
KEY_CHANGED = "record-key-changed"
"""The event whose row begins a new key: its target is "KEYID from SEQ"."""
FORMAT, WITH_USER_ID = 1, 2
"""Of what is hashed. Rows without a user id are hashed as they were before there were any."""
_FEW = 40
_JSON = json.JSONEncoder(check_circular=False, separators=(",", ":"))


class ChainedRow(NamedTuple):
    """A row as it is hashed: columns of `app.audit.models.ActivityRow`, in this order.

    The macs of old rows cover the columns before `user_id`. To add a column, put it last and add a format.
    """

    account_id: str
    seq: int
    at: datetime
    attempt_id: str
    user_name: str
    event: str
    target: str
    phase: str
    reason: str
    request_id: str
    address: str
    user_agent: str
    session: str
    key_id: str
    user_id: str = ""


COLUMNS = [*ChainedRow._fields, "mac"]
"""What is stored of a row, in the order in which `verify` takes it."""
_SEQ, _AT = COLUMNS.index("seq"), COLUMNS.index("at")
_TYPES: list[type] = [{"seq": int, "at": datetime}.get(name, str) for name in COLUMNS]


@dataclass(frozen=True)
class Keyring:
    """AUDIT_KEYS by ID, from the newest to the oldest. All of them verify."""

    keys: Mapping[str, bytes]
    ends: Mapping[str, datetime] = field(default_factory=dict)
    """By id of an older key: from when on it counts for nothing, UTC."""
    prepared: int = 0
    """How many of the newest don't sign yet, unless a row shows that another replica began to."""

    @property
    def signing(self) -> str:
        """Id of the key that new rows are made with."""
        return list(self.keys)[self.prepared]

    @cached_property
    def _hmacs(self) -> dict[str, hmac.HMAC]:
        """By ID of a key. Copying takes two thirds of the time of making one."""
        return {known: hmac.new(key, digestmod="sha256") for known, key in self.keys.items()}

    @cached_property
    def _ages(self) -> dict[str, int]:
        return {known: age for age, known in enumerate(self.keys)}

    def age(self, key_id: str) -> int:
        """Return the position among the keys, 0 for the newest. Raises KeyError for an unknown key."""
        return self._ages[key_id]

    def next_after(self, key_id: str) -> str:
        """Id of the key for the row that follows a row made with this one: never an older one."""
        if key_id in self.keys and self.age(key_id) < self.age(self.signing):
            return key_id
        return self.signing

    def mac(self, before: str, row: ChainedRow, at: str = "") -> str:
        """64 hex digits: HMAC-SHA-256 over the predecessor's mac and the row. Raises KeyError: no such key.

        at: `row.at` as it's hashed, if you have it. Formatting a time takes a tenth of verifying a row.
        """
        fields: list[object] = [WITH_USER_ID if row.user_id else FORMAT, before, *row]
        fields[2 + _AT] = at or row.at.astimezone(UTC).isoformat(timespec="microseconds")
        if not row.user_id:
            fields.pop()
        made = self._hmacs[row.key_id].copy()
        made.update(_JSON.encode(fields).encode())
        return made.hexdigest()


@dataclass(frozen=True)
class Verification:
    """What verifying an account's chain found."""

    account_id: str
    rows: int
    head: tuple[int, str]
    """(seq, mac) of the last row; (0, "") of an empty chain."""
    flaws: list[Flaw]
    old: tuple[int, str]
    """(seq, mac) of the last row before the first that is not old, as these rows were read; (0, "") for none."""


def head_text(seq: int, mac: str) -> str:
    """Return the head as `--expect-head` takes it: "17:5be1…"."""
    return f"{seq}:{mac}"


def read_head(text: str) -> tuple[int, str]:
    """Return (seq, mac) of a text like "17:5be1…". Raises ValueError for any other text."""
    seq, _, mac = text.partition(":")
    if not (seq.isascii() and seq.isdigit() and len(mac) == 64 and set(mac) <= set("0123456789abcdef")):
        raise ValueError(f"{text!r} is not SEQ:HASH, a number and 64 hex digits")
    return int(seq), mac


def _as_row(stored: Sequence[object]) -> tuple[ChainedRow, str, list[str]]:
    """Return the row, its mac, and the columns with values the portal never writes. The row has others in place."""
    values: list[Any] = [*stored]
    values[_AT] = _moment(values[_AT])
    odd = []
    if list(map(type, values)) != _TYPES:
        for place, (name, right) in enumerate(zip(COLUMNS, _TYPES, strict=True)):
            if type(values[place]) is not right:
                odd.append(name)
                values[place] = {int: 0, datetime: _NEVER}.get(right, "")
    mac = values.pop()
    return ChainedRow(*values), mac, odd


_NEVER = datetime.max.replace(tzinfo=UTC)


def _moment(value: object) -> datetime | None:
    """A time from text like "2026-05-03 10:00:00.000000", in UTC; None for anything else."""
    try:
        return datetime.fromisoformat(value + "+00:00") if isinstance(value, str) and len(value) >= 19 else None
    except ValueError:
        return None


def verify(
    account_id: str,
    rows: Iterable[Sequence[object]],
    keyring: Keyring,
    expected: Sequence[tuple[int, str]] = (),
    old_before: datetime | None = None,
) -> Verification:
    """Check a chain. rows: values of COLUMNS, in order of seq, as they are stored, times as text.

    expected: heads seen earlier, (seq, mac).
    old_before: rows made before this are old, in order of seq: a clock that was set back makes no hole.
    """
    walk = _Walk(keyring, {seq for seq, _ in expected}, old_before)
    for stored in rows:
        walk.take(stored)
    walk.end()
    begins = walk.first[0].seq if walk.first else 1
    found = [*walk.found, *_compared(expected, walk.seen, walk.last, begins), *_moved(keyring, walk.suspects)]
    head = (walk.last, walk.before) if walk.count else (0, START)
    return Verification(account_id, walk.count, head, sorted(found, key=lambda flaw: flaw.seq), walk.old)


class _Walk:
    """Along a chain, row by row."""

    def __init__(self, keyring: Keyring, wanted: set[int], old_before: datetime | None) -> None:
        self._keyring, self._wanted, self._old_before = keyring, wanted, old_before
        self.found: list[Flaw] = []
        self.suspects: list[tuple[ChainedRow, str, str]] = []
        self._checkpoints: set[tuple[int, str]] = set()
        self.seen: dict[int, str] = {}
        self.first: tuple[ChainedRow, str] | None = None
        self.count, self.last, self.before = 0, 0, START
        self.old = (0, START)
        self._all_old = old_before is not None
        self._key = ""
        """Id of the key of the last row that is sound."""

    def take(self, stored: Sequence[object]) -> None:
        """The next row."""
        row, mac, odd = _as_row(stored)
        self.count += 1
        if "seq" in odd:
            self.found.append(flaws.wrong_number(self.last, stored[_SEQ]))
            self._all_old = False
            return
        self._take_number(row, mac)
        if row.event == SHORTENED:
            self._checkpoints.update(_checkpoint(row.target))
        if odd:
            self.found.append(flaws.odd_value(row.seq, odd))
        elif self.count == 1 and row.seq != 1:  # `_beginning` judges what retention has left
            self._take_key(row)
        elif problem := _problem(self._keyring, self.before, row, mac, f"{stored[_AT]}+00:00".replace(" ", "T")):
            self.found.append(problem)
            self.suspects.append((row, mac, self.before))
        else:
            self._take_key(row)
        if row.seq in self._wanted:
            self.seen[row.seq] = mac
        self._all_old = self._all_old and not odd and bool(self._old_before and row.at < self._old_before)
        if self._all_old:
            self.old = (row.seq, mac)
        self.last, self.before = row.seq, mac

    def _take_number(self, row: ChainedRow, mac: str) -> None:
        """Does it follow the last row's?"""
        if self.first is None:
            self.first = (row, mac)
            self.last = row.seq - 1
        elif row.seq != self.last + 1:
            self.found.append(flaws.missing(self.last + 1, row.seq - 1))
        if row.seq < 1:
            self.found.append(flaws.before_first(row.seq))

    def _take_key(self, row: ChainedRow) -> None:
        """Is the key one that may sign here?"""
        ring, former = self._keyring, self._key
        ends = ring.ends.get(row.key_id)
        if row.key_id == former and not ends:
            return
        if row.key_id not in ring.keys:
            return  # the first row that is left: it is judged with what retention removed
        if former and ring.age(row.key_id) > ring.age(former):
            self.found.append(flaws.replaced_key(row.seq, row.key_id, former))
            return
        if ends and row.at >= ends:
            self.found.append(flaws.ended_key(row.seq, row.key_id, ends))
        if former and former != row.key_id and (ended := ring.ends.get(former)) and row.at >= ended:
            self.found.append(flaws.gap_after_ended_key(row.seq, former, ended))
        self._key = row.key_id

    def end(self) -> None:
        """After the last row."""
        if self.first and self.first[0].seq > 1:
            self.found.extend(_beginning(self._keyring, *self.first, self._checkpoints))
        ring = self._keyring
        if self._key and ring.age(self._key) > ring.age(ring.signing):
            self.found.append(flaws.old_key_last(self.last, self._key, ring.signing))


def _problem(keyring: Keyring, before: str, row: ChainedRow, mac: str, at: str = "") -> Flaw | None:
    if row.key_id not in keyring.keys:
        return flaws.unknown_key(row.seq, row.key_id)
    if keyring.mac(before, row, at) != mac:
        return flaws.not_written(row.seq)
    return None


def _checkpoint(target: str) -> Iterator[tuple[int, str]]:
    try:
        yield read_head(target)
    except ValueError:
        return  # the row's own mac tells that it was changed


def _beginning(keyring: Keyring, row: ChainedRow, mac: str, checkpoints: set[tuple[int, str]]) -> Iterator[Flaw]:
    """A chain that does not begin at 1 must follow a checkpoint, which a later row of it vouches for."""
    before = [checked for seq, checked in checkpoints if seq == row.seq - 1]
    if not before:
        yield flaws.missing_at_start(row.seq - 1)
    elif all(_problem(keyring, checked, row, mac) for checked in before):
        yield flaws.wrong_start(row.seq)


def _compared(expected: Sequence[tuple[int, str]], seen: Mapping[int, str], last: int, begins: int) -> Iterator[Flaw]:
    for seq, mac in expected:
        if seq > last:
            yield flaws.cut(last, seq)
        elif seq < begins:
            yield flaws.head_removed(seq)
        elif seen.get(seq) != mac:
            yield flaws.other_head(seq)


def _moved(keyring: Keyring, suspects: Sequence[tuple[ChainedRow, str, str]]) -> Iterator[Flaw]:
    """Rows that were written for another place of the chain, where there are few to try."""
    if not 1 < len(suspects) <= _FEW:
        return
    macs = {mac for _, mac, _ in suspects} | {before for *_, before in suspects}
    for (row, mac, _), (other, _, _), before in product(suspects, suspects, macs):
        if row.seq != other.seq and row.key_id in keyring.keys:
            as_written = row._replace(seq=other.seq)
            if keyring.mac(before, as_written) == mac:
                yield flaws.moved(row.seq, other.seq)
