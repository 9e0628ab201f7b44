"""Rows of people and accounts: locked, judged, written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.compliance.data import daily
from app.compliance.data.models import ComplianceAccount, ComplianceChange, ComplianceException, CompliancePerson
from app.compliance.rules.facts import account, devices_told, others_of, subject
from app.compliance.rules.subjects import Account, Subject, Terms
from app.compliance.rules.table import BY_ID, OF_ACCOUNT, judged
from app.compliance.rules.verdicts import FAIL, UNKNOWN, Verdict
from app.compliance.thresholds import fingerprint

TermsOf = Callable[[int | None], Terms]
"""The account's terms, given how many MFA devices of other kinds there are at most."""
Exceptions = Mapping[str, Mapping[str, datetime]]
"""By user name ("" for the account) and rule: when the exception ends."""
_PERSON = CompliancePerson.__table__
COLUMNS = [column.name for column in _PERSON.columns]
_values = attrgetter(*COLUMNS)


def changeable(row: Row[Any]) -> Any:
    """A copy of a row whose attributes can be set."""
    copy = SimpleNamespace()
    copy.__dict__.update(zip(COLUMNS, row, strict=True))
    return copy


def begin(engine: Engine, account_id: str) -> None:
    """Have a row for the account."""
    with engine.connect() as connection:
        if account_row(connection, account_id):
            return
    blank = {"roster": {}, "report": {}, "judged_with": "", "stale": False, "running": ""}
    try:
        with engine.begin() as connection:
            connection.execute(insert(ComplianceAccount).values(account_id=account_id, **blank))
    except IntegrityError:
        pass  # somebody else was faster


def account_row(connection: Connection, account_id: str) -> Row[Any] | None:
    """The account's row."""
    mine = ComplianceAccount.account_id == account_id
    return connection.execute(select(ComplianceAccount.__table__).where(mine)).first()


def lock(connection: Connection, account_id: str) -> Row[Any]:
    """The account's row, which nobody else changes until the transaction ends. It has to be there."""
    held = (
        update(ComplianceAccount)
        .where(ComplianceAccount.account_id == account_id)
        .values(stale=ComplianceAccount.stale)  # the first statement takes the lock, on SQLite and PostgreSQL
        .returning(*ComplianceAccount.__table__.columns)
    )
    return connection.execute(held).one()


def change_account(connection: Connection, account_id: str, **values: Any) -> None:
    """Set columns of the account's row."""
    connection.execute(update(ComplianceAccount).where(ComplianceAccount.account_id == account_id).values(**values))


def in_force(now: datetime) -> ColumnElement[bool]:
    """Exceptions that hold at this moment."""
    return ComplianceException.ended_at.is_(None) & (ComplianceException.until > now)


def exceptions_of(connection: Connection, account_id: str, now: datetime) -> dict[str, dict[str, datetime]]:
    """Those in force; the one that ends last counts."""
    query = select(ComplianceException.user_name, ComplianceException.rule, ComplianceException.until).where(
        ComplianceException.account_id == account_id, in_force(now)
    )
    found: dict[str, dict[str, datetime]] = {}
    for user_name, rule, until in connection.execute(query.order_by(ComplianceException.until)):
        found.setdefault(user_name, {})[rule] = until
    return found


def subject_of(row: Any, held: Row[Any]) -> Subject:
    """What is known of a person, from their row and the account's."""
    return subject(row, held.roster_at, held.report_at, others_of(held.roster))


def account_of(held: Row[Any]) -> Account:
    """What is known of the account."""
    return account(held.roster, held.roster_at, held.report, held.report_at)


def account_verdicts(held: Row[Any], terms: Terms, exceptions: Exceptions) -> dict[str, Verdict]:
    """What the rules about the account say."""
    return judged(account_of(held), terms, exceptions.get(""), OF_ACCOUNT)


_FAILED = f"={FAIL} "


def words(verdicts: Mapping[str, Verdict]) -> str:
    """As they are stored: " mfa=fail key-age=pass "."""
    return " " + "".join([rule + "=" + verdict.state + " " for rule, verdict in verdicts.items()])


def states(stored: str) -> dict[str, str]:
    """Rule to state, from `words`."""
    return dict(word.split("=") for word in stored.split())


def _judgement(row: Any, known: Subject, terms: Terms, exceptions: Exceptions) -> dict[str, Any]:
    verdicts = judged(known, terms, exceptions.get(row.user_name))
    made = [key.created_at for key in known.keys or () if key.active and key.created_at]
    stored = words(verdicts)
    return {
        "verdicts": stored,
        "failed": stored.count(_FAILED),
        "oldest_key_at": min(made, default=None),
        "changes_at": min([verdict.until for verdict in verdicts.values() if verdict.until], default=None),
    }


def people(connection: Connection, account_id: str, *wanted: Any) -> Sequence[Row[Any]]:
    """Rows of an account's people."""
    return connection.execute(select(_PERSON).where(CompliancePerson.account_id == account_id, *wanted)).all()


def _write(
    connection: Connection, account_id: str, before: Mapping[str, Row[Any]], after: Iterable[Any], now: datetime
) -> None:
    """Store people whose row differs from what it was, and note who began or stopped to fail."""
    new, changed, turned = [], [], []
    was, becomes = [], []
    for row in after:
        values, old = _values(row), before.get(row.user_name)
        if old is None:
            new.append(dict(zip(COLUMNS, values, strict=True)))
        elif values != tuple(old):
            changed.append(row)
            was.append(old)
            becomes.append(values)
            if old.verdicts != row.verdicts:
                whose = {"account_id": account_id, "user_name": row.user_name, "at": now}
                turned += [whose | turn for turn in _turns(old.verdicts, row.verdicts)]
    if new:
        connection.execute(insert(CompliancePerson), new)
    if changed:
        # Only columns that changed for somebody: most of a row stays as it is.
        columns = zip(COLUMNS, zip(*was, strict=True), zip(*becomes, strict=True), strict=True)
        touched = [name for name, before_it, after_it in columns if before_it != after_it]
        statement = (
            update(CompliancePerson)
            .where(CompliancePerson.account_id == account_id, CompliancePerson.user_name == bindparam("whose"))
            .values({name: bindparam(f"new_{name}") for name in touched})
            .execution_options(synchronize_session=None)
        )
        names, of = [f"new_{name}" for name in touched], attrgetter("user_name", *touched)
        connection.execute(statement, [dict(zip(["whose", *names], of(row), strict=True)) for row in changed])
    if turned:
        connection.execute(insert(ComplianceChange), turned)


@lru_cache(maxsize=1024)
def _turns(was: str, became: str) -> list[dict[str, str]]:
    """Rules that turned to fail, or from it. What only became known, or is not known any more, did not turn."""
    before, after = states(was), states(became)
    return [
        {"rule": rule, "was": old, "became": new}
        for rule in before.keys() | after.keys()
        if (old := before.get(rule, "")) != (new := after.get(rule, ""))
        and FAIL in (old, new)
        and UNKNOWN not in (old, new)
        and rule in BY_ID
    ]


def judge_all(
    connection: Connection,
    held: Row[Any],
    before: Mapping[str, Row[Any]],
    after: Sequence[Any],
    terms: Terms,
) -> None:
    """Judge and store everyone, and what it comes to today. held: the account as it is from now on."""
    exceptions = exceptions_of(connection, held.account_id, terms.now)
    for row in after:
        row.__dict__.update(_judgement(row, subject_of(row, held), terms, exceptions))
    _write(connection, held.account_id, before, after, terms.now)
    figures = daily.counted(after, account_verdicts(held, terms, exceptions), terms.now)
    daily.keep_day(connection, held.account_id, terms.now, figures)
    change_account(connection, held.account_id, judged_with=fingerprint(terms), stale=False)


def compare_devices(connection: Connection, held: Row[Any], people: Iterable[Any]) -> Row[Any]:
    """Hold the devices users are taken to have against how many are in use, after new lists or a new report.

    held: the account as it is from now on. Returns it with what came of that.
    """
    at_most = held.roster.get("others")
    if at_most is None or held.roster_at is None:
        return held
    told = [devices_told(row, held.roster_at, held.report_at) for row in people]
    least, most = sum(low for low, _ in told), sum(high for _, high in told)
    before = held.report.get("unexplained")
    unexplained = max(0, at_most - least)
    report = held.report
    if report and (before is None or unexplained < before):
        report = {**report, "unexplained": unexplained}
    doubts = {"others_fewer": least > at_most, "others_more": before is not None and at_most - most > before}
    change_account(connection, held.account_id, roster={**held.roster, **doubts}, report=report)
    return lock(connection, held.account_id)


def judge_some(
    connection: Connection, held: Row[Any], rows: Sequence[Any], before: Mapping[str, Row[Any]], terms_of: TermsOf
) -> None:
    terms = terms_of(held.roster.get("others"))
    exceptions = exceptions_of(connection, held.account_id, terms.now)
    turned = False
    for row in rows:
        earlier = (row.verdicts, row.oldest_key_at)
        row.__dict__.update(_judgement(row, subject_of(row, held), terms, exceptions))
        turned |= (row.verdicts, row.oldest_key_at) != earlier
    _write(connection, held.account_id, before, rows, terms.now)
    if turned:
        change_account(connection, held.account_id, stale=True)


def record_of(account_id: str, user_name: str, old: Row[Any] | None) -> Any:
    if old is not None:
        return changeable(old)
    known = {"account_id": account_id, "user_name": user_name, "user_id": "", "own": {}, "verdicts": ""}
    numbers = {"in_roster": False, "virtual_devices": 0, "failed": 0}
    return SimpleNamespace(**(dict.fromkeys(COLUMNS) | known | numbers))


def forget(connection: Connection, account_id: str, names: Sequence[str]) -> None:
    for start in range(0, len(names), 500):
        some = CompliancePerson.user_name.in_(names[start : start + 500])
        connection.execute(delete(CompliancePerson).where(CompliancePerson.account_id == account_id, some))
