"""What is stored of an account's users: typed rows, read all at once, and written where they differ."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    UnaryExpression,
    bindparam,
    cast,
    delete,
    insert,
    or_,
    select,
    update,
)

from app.compliance.data.models import ComplianceChange, CompliancePerson
from app.compliance.data.rows import PERSON_COLUMNS, PersonRow, values_of
from app.compliance.rules.table import BY_ID
from app.compliance.rules.verdicts import FAIL, UNKNOWN

PERSON_TABLE = CompliancePerson.__table__


def read_people(
    connection: Connection,
    account_id: str,
    *conditions: ColumnElement[bool],
    order: UnaryExpression[Any] | None = None,
    at_most: int | None = None,
) -> dict[str, PersonRow]:
    """Return the rows of an account's users by user name, in that order."""
    query = select(PERSON_TABLE).where(CompliancePerson.account_id == account_id, *conditions)
    query = query.order_by(order).limit(at_most)
    return {row.user_name: row for row in (PersonRow(*columns) for columns in connection.execute(query).all())}


def read_named(connection: Connection, account_id: str, names: Collection[str]) -> dict[str, PersonRow]:
    """Return the rows of these users, by user name."""
    found: dict[str, PersonRow] = {}
    for some in batched(names):
        found |= read_people(connection, account_id, CompliancePerson.user_name.in_(some))
    return found


def batched(names: Iterable[str], size: int = 500) -> Iterator[list[str]]:
    """Yield the names, so many at a time as a statement may have."""
    left = iter(names)
    while some := list(islice(left, size)):
        yield some


def read_standings(
    connection: Connection, account_id: str, now: datetime
) -> Sequence[tuple[str, str, str, bool | None]]:
    """Return of each user what a report asks that has the same line of them.

    That is the name, the hash of the line, the verdicts, and whether they are due or showed something themselves.
    """
    stirs = or_(CompliancePerson.changes_at < now, cast(CompliancePerson.own, Text) != "{}")
    query = select(CompliancePerson.user_name, CompliancePerson.report_line, CompliancePerson.verdicts, stirs)
    found = connection.execute(query.where(CompliancePerson.account_id == account_id))
    # As the driver has them: SQLAlchemy has nothing to convert of these, and takes three times as long.
    return found.cursor.fetchall() if found.cursor else []


def read_lines(connection: Connection, account_id: str) -> dict[str, str]:
    """Return the hash of each user's line of the report by user name, "" for those who have none."""
    query = select(CompliancePerson.user_name, CompliancePerson.report_line)
    found = connection.execute(query.where(CompliancePerson.account_id == account_id))
    return dict(found.cursor.fetchall()) if found.cursor else {}


def write_people(
    connection: Connection,
    account_id: str,
    before: Mapping[str, PersonRow],
    after: Iterable[PersonRow],
    now: datetime,
) -> None:
    """Store the rows that differ from those before, and note which users began or stopped to fail a rule."""
    new: list[dict[str, Any]] = []
    changed: list[tuple[Any, ...]] = []
    was: list[tuple[Any, ...]] = []
    turned: list[dict[str, Any]] = []
    for row in after:
        values, old = values_of(row), before.get(row.user_name)
        if old is None:
            new.append(dict(zip(PERSON_COLUMNS, values, strict=True)))
            continue
        old_values = values_of(old)
        if values == old_values:
            continue
        changed.append(values)
        was.append(old_values)
        if old.verdicts != row.verdicts:
            whose = {"account_id": account_id, "user_name": row.user_name, "at": now}
            turned += [whose | turn for turn in _turns(old.verdicts, row.verdicts)]
    if new:
        connection.execute(insert(CompliancePerson), new)
    if changed:
        _update(connection, account_id, was, changed)
    if turned:
        connection.execute(insert(ComplianceChange), turned)


def _update(
    connection: Connection, account_id: str, was: Sequence[tuple[Any, ...]], becomes: Sequence[tuple[Any, ...]]
) -> None:
    """Write the columns that changed for any of these users: most of a row stays as it is."""
    columns = zip(PERSON_COLUMNS, zip(*was, strict=True), zip(*becomes, strict=True), strict=True)
    touched = {name: after for name, before, after in columns if before != after}
    statement = (
        update(CompliancePerson)
        .where(CompliancePerson.account_id == account_id, CompliancePerson.user_name == bindparam("whose"))
        .values({name: bindparam(f"new_{name}") for name in touched})
        .execution_options(synchronize_session=None)
    )
    names = ["whose", *(f"new_{name}" for name in touched)]
    whose = [values[PERSON_COLUMNS.index("user_name")] for values in becomes]
    rows = zip(whose, *touched.values(), strict=True)
    connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])


def delete_people(connection: Connection, account_id: str, names: Sequence[str]) -> None:
    """Delete the rows of these users."""
    for some in batched(names):
        mine = CompliancePerson.account_id == account_id, CompliancePerson.user_name.in_(some)
        connection.execute(delete(CompliancePerson).where(*mine))


def states(stored: str) -> dict[str, str]:
    """Return rule ids and states from `CompliancePerson.verdicts`."""
    return dict(word.split("=") for word in stored.split())


@lru_cache(maxsize=1024)
def _turns(was: str, became: str) -> list[dict[str, str]]:
    """The rules that turned to fail, or from it. A verdict that was or becomes unknown did not turn."""
    before, after = states(was), states(became)
    return [
        {"rule": rule, "was": old, "became": new}
        for rule in before.keys() | after.keys()
        if (old := before.get(rule, "")) != (new := after.get(rule, ""))
        and FAIL in (old, new)
        and UNKNOWN not in (old, new)
        and rule in BY_ID
    ]
