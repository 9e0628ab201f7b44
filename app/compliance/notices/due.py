"""Reminders to users: a key is due, a certificate expires, MFA is missing, a credential is unused.

Each has an idempotency key, so it is written once, however many workers there are and however often the job runs.
Users with an exception to the rule get none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from app.compliance.data.judgements import subject_of
from app.compliance.data.people_data import states
from app.compliance.data.rows import AccountRow, ExceptionRow, PersonRow
from app.compliance.rules.subjects import Key, Subject, Terms
from app.compliance.rules.table import covering
from app.compliance.rules.verdicts import State
from app.notices.notice import Notice


class Due(StrEnum):
    """Kinds of reminders."""

    KEY_AGE = "key-age"
    CERTIFICATE = "certificate-expiry"
    MFA = "mfa-missing"
    UNUSED = "unused-credentials"


RULE_OF = {Due.KEY_AGE: "key-age", Due.CERTIFICATE: "certificate-age", Due.MFA: "mfa", Due.UNUSED: "unused"}
"""Users with an exception to this rule don't get the reminder."""


@dataclass(frozen=True)
class Frequency:
    """Which reminders are written, and when. Numbers are days."""

    kinds: frozenset[Due]
    ahead: tuple[int, ...]
    """Days before something is due, in descending order. On the due date there's always a reminder."""
    mfa_every: int
    repeat_every: int
    """For what is overdue or unused."""


def due_notices(
    stored: AccountRow,
    people: Iterable[PersonRow],
    exceptions: Mapping[str, Sequence[ExceptionRow]],
    terms: Terms,
    frequency: Frequency,
) -> Iterator[Notice]:
    """Yield an account's reminders as of `terms.now`. people: already judged. exceptions: in force, by user name."""
    for row in people:
        muted = covering({each.rule: each for each in exceptions.get(row.user_name, ())}, lambda each: each.until)
        wanted = [kind for kind in Due if kind in frequency.kinds and RULE_OF[kind] not in muted]
        verdicts = states(row.verdicts)
        subject = None
        for kind in wanted:
            if not _may_be_due(kind, row, verdicts, terms, frequency):
                continue
            subject = subject or subject_of(row, stored)
            for suffix, data in _OF[kind](subject, terms, frequency):
                yield _notice(kind, row, suffix, data)


def _notice(kind: Due, row: PersonRow, suffix: str, data: Mapping[str, Any]) -> Notice:
    whose = row.user_id or row.user_name
    return Notice(
        kind=kind.value,
        account_id=row.account_id,
        user_name=row.user_name,
        user_id=row.user_id,
        idempotency_key=f"due:{kind}:{row.account_id}:{whose}:{suffix}"[:160],
        data={"user": row.user_name, "account": row.account_id, **data},
    )


def _may_be_due(kind: Due, row: PersonRow, verdicts: Mapping[str, str], terms: Terms, frequency: Frequency) -> bool:
    """Return whether to look closer. Fast, because it uses only columns: for most users, nothing is due."""
    if kind is Due.KEY_AGE:
        begins = terms.now - timedelta(days=terms.key_days - max((0, *frequency.ahead)))
        known = verdicts.get("key-age") in (State.PASS, State.FAIL)
        return known and row.oldest_key_at is not None and row.oldest_key_at <= begins
    if kind is Due.CERTIFICATE:
        return "certificate-age" in verdicts
    return verdicts.get(RULE_OF[kind]) == State.FAIL


Found = Iterator[tuple[str, dict[str, Any]]]
"""The end of the idempotency key, and the data (`app.notices.texts.due`), of each reminder."""


def _key_age(subject: Subject, terms: Terms, frequency: Frequency) -> Found:
    for key in subject.keys or ():
        if not key.active or key.created_at is None:
            continue
        due = key.created_at + timedelta(days=terms.key_days)
        step, days = _step(due, terms.now, frequency)
        if step:
            made = key.created_at.isoformat()
            yield f"{made}:{step}", {"created_at": made, "due_at": due.date().isoformat(), "days": days}


def _certificate(subject: Subject, terms: Terms, frequency: Frequency) -> Found:
    for certificate in subject.certificates or ():
        if not certificate.active or certificate.expires_at is None:
            continue
        step, days = _step(certificate.expires_at, terms.now, frequency)
        if step:
            expires = certificate.expires_at.isoformat()
            yield f"{expires}:{step}", {"expires_at": expires, "days": days}


def _step(due: datetime, now: datetime, frequency: Frequency) -> tuple[str, int]:
    """Return the current step, "" before the first one, and how many days are left, rounded up.

    If no worker ran on the day of a step, its reminder comes late, with the days that are left then. Overdue ones are
    repeated like those for unused credentials.
    """
    day = timedelta(days=1)
    if now >= due:
        return f"late-{(now - due) // day // frequency.repeat_every}", 0
    reached = [step for step in frequency.ahead if due - now <= timedelta(days=step)]
    return str(reached[-1]) if reached else "", -((now - due) // day)


def _mfa(subject: Subject, terms: Terms, frequency: Frequency) -> Found:
    yield _period(terms.now.date(), frequency.mfa_every), {}


def _unused(subject: Subject, terms: Terms, frequency: Frequency) -> Found:
    items: list[dict[str, Any]] = []
    limit = terms.now - timedelta(days=terms.unused_days)
    used = subject.password_last_used or subject.password_changed_at
    if subject.password and subject.password_use_known and used and used <= limit:
        items.append({"thing": "password", "last_used_at": _day(subject.password_last_used)})
    items += [
        {"thing": "access-key", "last_used_at": _day(key.used_at)}
        for key in subject.keys or ()
        if key.active and _lies(key, limit)
    ]
    if items:
        yield _period(terms.now.date(), frequency.repeat_every), {"days": terms.unused_days, "items": items}


def _lies(key: Key, limit: datetime) -> bool:
    """Return whether a key is known to be unused since `limit`."""
    since = key.used_at or key.created_at
    return key.use_known and since is not None and since <= limit


def _day(moment: datetime | None) -> str | None:
    return moment.date().isoformat() if moment else None


def _period(day: date, every: int) -> str:
    """Return the number of the period of `every` days that a day is in."""
    return str(day.toordinal() // every)


_OF = {Due.KEY_AGE: _key_age, Due.CERTIFICATE: _certificate, Due.MFA: _mfa, Due.UNUSED: _unused}
