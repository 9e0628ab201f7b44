"""What can be wrong with a chain: each flaw has a stable code, and a sentence about its row, `seq`. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.text.messages import _

NOT_WRITTEN = "not-written"
UNKNOWN_KEY = "unknown-key"


@dataclass(frozen=True)
class Flaw:
    """Something wrong at a position of the chain."""

    seq: int
    code: str
    """Stable name of what is wrong. `activity verify` prints it, and scripts and tests read it."""
    what: str
    """The same in words, with the number of the row."""


def wrong_number(after: int, number: object) -> Flaw:
    """A row has no number. after: `seq` of the row before it. number: what it has instead."""
    message = _("row %(seq)d is followed by a row whose number is %(number)s", seq=after, number=repr(number))
    return Flaw(after, "wrong-number", message)


def missing(low: int, high: int) -> Flaw:
    """Rows are missing, from `low` to `high`."""
    if low == high:
        return Flaw(low, "missing", _("row %(seq)d is missing", seq=low))
    return Flaw(low, "missing", _("rows %(low)d to %(high)d are missing", low=low, high=high))


def missing_at_start(high: int) -> Flaw:
    """Rows 1 to `high` are missing, and retention didn't remove them."""
    if high == 1:
        return Flaw(1, "missing-at-start", _("row 1 is missing, and no retention checkpoint accounts for it"))
    message = _("rows 1 to %(high)d are missing, and no retention checkpoint accounts for them", high=high)
    return Flaw(1, "missing-at-start", message)


def wrong_start(seq: int) -> Flaw:
    """The first row doesn't follow what retention removed."""
    return Flaw(seq, "wrong-start", _("row %(seq)d doesn’t follow the rows that retention removed", seq=seq))


def before_first(seq: int) -> Flaw:
    """A row before row 1."""
    message = _("row %(seq)d comes before the first row: Latchkey didn’t write it", seq=seq)
    return Flaw(seq, "before-first", message)


def odd_value(seq: int, columns: Iterable[str]) -> Flaw:
    """A value that no row can have."""
    message = _(
        "row %(seq)d has a value in %(columns)s that Latchkey never writes", seq=seq, columns=", ".join(columns)
    )
    return Flaw(seq, "odd-value", message)


def not_written(seq: int) -> Flaw:
    """The row isn't what the portal wrote at this place."""
    message = _("row %(seq)d isn’t what Latchkey wrote: it was changed, moved or added", seq=seq)
    return Flaw(seq, NOT_WRITTEN, message)


def moved(seq: int, other: int) -> Flaw:
    """The row was written for another place."""
    message = _("row %(seq)d was written as %(other)d: rows were reordered", seq=seq, other=other)
    return Flaw(seq, "moved", message)


def unknown_key(seq: int, key: str) -> Flaw:
    """The row's key is not among AUDIT_KEYS."""
    message = _("row %(seq)d was made with the key %(key)s, which AUDIT_KEYS doesn’t have", seq=seq, key=repr(key))
    return Flaw(seq, UNKNOWN_KEY, message)


def replaced_key(seq: int, key: str, newer: str) -> Flaw:
    """The row was made with a key after a newer one had replaced it."""
    message = _("row %(seq)d was made with the key %(key)s after %(newer)s replaced it")
    return Flaw(seq, "replaced-key", message % {"seq": seq, "key": repr(key), "newer": repr(newer)})


def ended_key(seq: int, key: str, ended: datetime) -> Flaw:
    """The row was made with a key that had ended."""
    message = _("row %(seq)d was made with the key %(key)s, which ended on %(time)s")
    return Flaw(seq, "ended-key", message % {"seq": seq, "key": repr(key), "time": _minute(ended)})


def gap_after_ended_key(seq: int, key: str, ended: datetime) -> Flaw:
    """The row follows rows of a key that ended earlier."""
    message = _(
        "row %(seq)d is the first after the rows made with the key %(key)s, but that key ended on %(time)s: the rows "
        "in between were removed or replaced"
    )
    return Flaw(seq, "gap-after-ended-key", message % {"seq": seq, "key": repr(key), "time": _minute(ended)})


def old_key_last(seq: int, key: str, newer: str) -> Flaw:
    """The last row was made with a key that has a successor."""
    message = _(
        "row %(seq)d is the last row and was made with the old key %(key)s: no row made with %(newer)s follows. If "
        "the portal has run with the new key, rows were removed or replaced"
    )
    return Flaw(seq, "old-key-last", message % {"seq": seq, "key": repr(key), "newer": repr(newer)})


def cut(last: int, expected: int) -> Flaw:
    """The chain ends before a head seen earlier. last: `seq` of its last row. expected: `seq` of that head."""
    message = _("rows %(low)d to %(high)d are missing: the chain was cut after %(last)d")
    return Flaw(last + 1, "cut", message % {"low": last + 1, "high": expected, "last": last})


def head_removed(seq: int) -> Flaw:
    """Retention removed the row of the expected head."""
    message = _("row %(seq)d was removed by retention, so it can’t be compared with the expected head", seq=seq)
    return Flaw(seq, "head-removed", message)


def other_head(seq: int) -> Flaw:
    """The row isn't the head seen earlier."""
    return Flaw(seq, "other-head", _("row %(seq)d doesn’t match the expected head", seq=seq))


def invalid_head(seq: int) -> Flaw:
    """The value stored as the chain's head isn't a head."""
    return Flaw(seq, "invalid-head", _("row %(seq)d is the last row, but the stored chain head is invalid", seq=seq))


def no_head(seq: int) -> Flaw:
    """No head of the chain is stored."""
    return Flaw(seq, "no-head", _("row %(seq)d is the last row, but this chain has no stored head", seq=seq))


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
