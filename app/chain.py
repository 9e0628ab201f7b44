"""The chain that makes the record tamper-evident: each row carries an HMAC over itself and its predecessor.

Pure: rows in, flaws out. Who can change the table but does not hold AUDIT_KEYS cannot change, remove or
move a row unseen; a tail cut off shows only against a head kept elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import NamedTuple

START = ""
"""The predecessor of a chain's first row."""
SHORTENED = "record-shortened"
"""The event whose row is a checkpoint: its target, "SEQ:MAC", is the last row that retention removed."""
FORMAT = 1
"""Of what is hashed."""
_FEW = 40


class Link(NamedTuple):
    """A row as it is chained; columns of `app.models.ActivityRow`, in this order.

    The macs of old rows cover just these: whoever adds a column raises FORMAT for the rows that have it.
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


@dataclass(frozen=True)
class Keyring:
    """Keys by id; the first signs, all verify."""

    keys: Mapping[str, bytes]

    @property
    def signing(self) -> str:
        """Id of the key that new rows are made with."""
        return next(iter(self.keys))

    def mac(self, before: str, link: Link) -> str:
        """64 hex digits: HMAC-SHA-256 over the predecessor's mac and the row. Raises KeyError: no such key."""
        at = link.at.astimezone(UTC).isoformat(timespec="microseconds")
        text = json.dumps([FORMAT, before, *link._replace(at=at)], separators=(",", ":"))  # type: ignore[arg-type]  # as text
        return hmac.new(self.keys[link.key_id], text.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Flaw:
    """Something wrong at a position of the chain."""

    seq: int
    what: str


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
    """ "17:5be1…", as `--expect-head` takes it."""
    return f"{seq}:{mac}"


def read_head(text: str) -> tuple[int, str]:
    """Raises ValueError where the text is not SEQ:HASH."""
    seq, _, mac = text.partition(":")
    if not (seq.isascii() and seq.isdigit() and len(mac) == 64 and set(mac) <= set("0123456789abcdef")):
        raise ValueError(f"{text!r} is not SEQ:HASH, a number and 64 hex digits")
    return int(seq), mac


def verify(
    account_id: str,
    rows: Iterable[tuple[Link, str]],
    keyring: Keyring,
    expected: Sequence[tuple[int, str]] = (),
    old_before: datetime | None = None,
) -> Verification:
    """Check a chain. rows: (row, its mac) in order of seq. expected: heads seen earlier, (seq, mac).

    old_before: rows made before this are old, in order of seq: a clock that was set back makes no hole.
    """
    found: list[Flaw] = []
    suspects: list[tuple[Link, str, str]] = []
    checkpoints: set[tuple[int, str]] = set()
    seen: dict[int, str] = {}
    wanted = {seq for seq, _ in expected}
    first: tuple[Link, str] | None = None
    count, last, before, old, all_old = 0, 0, START, (0, START), old_before is not None
    for link, mac in rows:
        if first is None:
            first = (link, mac)
            last = link.seq - 1
        elif link.seq != last + 1:
            found.append(Flaw(last + 1, _missing(last + 1, link.seq - 1)))
        if link.seq < 1:
            found.append(Flaw(link.seq, "is before the beginning: not ours"))
        if link.event == SHORTENED:
            checkpoints.update(_checkpoint(link.target))
        if count or link.seq == 1:
            problem = _problem(keyring, before, link, mac)
            if problem:
                found.append(Flaw(link.seq, problem))
                suspects.append((link, mac, before))
        if link.seq in wanted:
            seen[link.seq] = mac
        all_old = all_old and bool(old_before and link.at < old_before)
        if all_old:
            old = (link.seq, mac)
        count, last, before = count + 1, link.seq, mac
    if first and first[0].seq > 1:
        found.extend(_beginning(keyring, *first, checkpoints))
    found.extend(_compared(expected, seen, last, first[0].seq if first else 1))
    found = [*found, *_moved(keyring, suspects)]
    return Verification(account_id, count, (last, before), sorted(found, key=lambda flaw: flaw.seq), old)


def _problem(keyring: Keyring, before: str, link: Link, mac: str) -> str:
    if link.key_id not in keyring.keys:
        return f"was made with the key {link.key_id!r}, which AUDIT_KEYS does not have"
    if not hmac.compare_digest(keyring.mac(before, link), mac):
        return "is not what was written here: changed, moved, or not ours"
    return ""


def _missing(low: int, high: int) -> str:
    return "is missing" if low == high else f"to {high} are missing"


def _checkpoint(target: str) -> Iterator[tuple[int, str]]:
    try:
        yield read_head(target)
    except ValueError:
        return  # the row's own mac tells that it was changed


def _beginning(keyring: Keyring, link: Link, mac: str, checkpoints: set[tuple[int, str]]) -> Iterator[Flaw]:
    """A chain that does not begin at 1 must follow a checkpoint, which a later row of it vouches for."""
    before = [checked for seq, checked in checkpoints if seq == link.seq - 1]
    if not before:
        yield Flaw(1, f"{_missing(1, link.seq - 1)}, and no checkpoint of a retention says so")
    elif all(_problem(keyring, checked, link, mac) for checked in before):
        yield Flaw(link.seq, "is not what followed the rows that retention removed")


def _compared(expected: Sequence[tuple[int, str]], seen: Mapping[int, str], last: int, begins: int) -> Iterator[Flaw]:
    for seq, mac in expected:
        if seq > last:
            yield Flaw(last + 1, f"to {seq} are missing: the chain was cut after {last}")
        elif seq < begins:
            yield Flaw(seq, "was removed by retention, so it cannot be compared with the expected head")
        elif seen.get(seq) != mac:
            yield Flaw(seq, "has another hash than the expected head")


def _moved(keyring: Keyring, suspects: Sequence[tuple[Link, str, str]]) -> Iterator[Flaw]:
    """Rows that were written for another place of the chain, where there are few to try."""
    if not 1 < len(suspects) <= _FEW:
        return
    macs = {mac for _, mac, _ in suspects} | {before for *_, before in suspects}
    for (link, mac, _), (other, _, _), before in product(suspects, suspects, macs):
        if link.seq != other.seq and link.key_id in keyring.keys:
            as_written = link._replace(seq=other.seq)
            if hmac.compare_digest(keyring.mac(before, as_written), mac):
                yield Flaw(link.seq, f"was written as {other.seq}: rows were reordered")
