"""What is stored of an account's users: typed rows, read all at once, and written where they differ."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice, repeat
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Text,
    UnaryExpression,
    bindparam,
    case,
    cast,
    column,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from app.compliance.data.models import ComplianceChange, ComplianceFormer, CompliancePerson
from app.compliance.data.rows import KEPT, PERSON_COLUMNS, KnownUser, PersonRow, values_of
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


def read_names(connection: Connection, account_id: str) -> Sequence[str]:
    """Return the names of all known users of an account, in alphabetical order."""
    name = CompliancePerson.user_name
    return (
        connection.execute(select(name).where(CompliancePerson.account_id == account_id).order_by(name))
        .scalars()
        .all()
    )


def read_named(connection: Connection, account_id: str, names: Collection[str]) -> dict[str, PersonRow]:
    """Return the rows of these users, by user name."""
    found: dict[str, PersonRow] = {}
    for some in batched(names):
        found |= read_people(connection, account_id, CompliancePerson.user_name.in_(some))
    return found


def read_user_ids(connection: Connection, account_id: str, names: Collection[str]) -> dict[str, str]:
    """Return AWS's unique IDs by the names of these users, as far as they are known."""
    found: dict[str, str] = {}
    for some in batched(names):
        mine = CompliancePerson.account_id == account_id, CompliancePerson.user_name.in_(some)
        query = select(CompliancePerson.user_name, CompliancePerson.user_id).where(*mine)
        found |= {row.user_name: row.user_id for row in connection.execute(query)}
    return found


def batched(names: Iterable[str], size: int = 500) -> Iterator[list[str]]:
    """Yield the names, at most as many at a time as a statement may have."""
    left = iter(names)
    while some := list(islice(left, size)):
        yield some


def read_known_users(connection: Connection, account_id: str) -> Sequence[KnownUser]:
    """Return what a report asks of each user."""
    query = select(
        CompliancePerson.user_name,
        case((CompliancePerson.report_line == KEPT, CompliancePerson.report_row), else_=""),
        CompliancePerson.verdicts,
        cast(CompliancePerson.own, Text) != "{}",
        CompliancePerson.in_user_list,
        CompliancePerson.virtual_devices,
    )
    found = connection.execute(query.where(CompliancePerson.account_id == account_id))
    # As the driver has them: SQLAlchemy has nothing to convert of these, and takes three times as long.
    return found.cursor.fetchall() if found.cursor else []


def read_due(connection: Connection, account_id: str, now: datetime) -> set[str]:
    """Return the names of the users for whom a verdict has changed just by time."""
    query = select(CompliancePerson.user_name).where(CompliancePerson.account_id == account_id)
    return set(connection.execute(query.where(CompliancePerson.changes_at < now)).scalars())


def write_people(
    connection: Connection,
    account_id: str,
    before: Mapping[str, PersonRow],
    after: Iterable[PersonRow],
    now: datetime,
) -> None:
    """Store the rows that differ from those before, and note which verdicts turned."""
    new: list[dict[str, Any]] = []
    changed: list[tuple[Any, ...]] = []
    was: list[tuple[Any, ...]] = []
    turned: list[dict[str, Any]] = []
    for row in after:
        old = before.get(row.user_name)
        if old is None:
            row.known_since = now
        values = values_of(row)
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
            is_first_day = row.known_since is not None and row.known_since.date() == now.date()
            turned += [whose | turn for turn in _turns(old.verdicts, row.verdicts, is_first_day)]
            if len(turned) >= TURNS_AT_ONCE:
                connection.execute(insert(ComplianceChange), turned)
                turned.clear()
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
    at = PERSON_COLUMNS.index("user_name")
    write_columns(connection, account_id, [values[at] for values in becomes], touched)


def write_columns(
    connection: Connection, account_id: str, names: Sequence[str], columns: Mapping[str, Sequence[Any]]
) -> None:
    """Set columns of these users' rows. columns: by PersonRow's name of the column, its value for each user."""
    if connection.dialect.name == "postgresql":
        for start in range(0, len(names), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            _write_at_once(
                connection,
                account_id,
                names[part],
                {name: column_values[part] for name, column_values in columns.items()},
            )
        return
    statement = (
        update(CompliancePerson)
        .where(CompliancePerson.account_id == bindparam("whose_account"))
        .where(CompliancePerson.user_name == bindparam("whose"))
        .values({name: bindparam(f"new_{name}") for name in columns})
        .compile(dialect=connection.dialect)
    )
    values: dict[str, Iterable[Any]] = {"whose_account": repeat(account_id), "whose": names}
    for name, column_values in columns.items():
        process = PERSON_TABLE.c[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
        values[f"new_{name}"] = map(process, column_values) if process else column_values
    # To the driver itself, for SQLAlchemy takes as long for each row as SQLite does.
    rows = zip(*(values[name] for name in statement.positiontup or ()), strict=False)
    connection.exec_driver_sql(str(statement), list(rows))


ROWS_AT_ONCE = 5000
"""Rows that PostgreSQL gets with one statement."""


def _write_at_once(
    connection: Connection, account_id: str, names: Sequence[str], columns: Mapping[str, Sequence[Any]]
) -> None:
    """As `write_columns`, by one statement that takes all rows as JSON: PostgreSQL answers each statement."""
    named = zip(names, *columns.values(), strict=True)
    rows = orjson.dumps([dict(zip(("whose", *columns), row, strict=True)) for row in named]).decode()
    recordset = func.json_to_recordset(cast(literal(rows, Text()), JSON)).table_valued(
        column("whose", Text()), *(column(name, PERSON_TABLE.c[name].type) for name in columns)
    )
    new = recordset.render_derived("recordset", with_types=True)
    mine = CompliancePerson.account_id == account_id, CompliancePerson.user_name == new.c.whose
    statement = update(CompliancePerson).where(*mine).values({name: new.c[name] for name in columns})
    connection.execute(statement.execution_options(synchronize_session=None))


TURNS_AT_ONCE = 5000
"""Notes of turned verdicts in memory: new details turn those of every user."""


def delete_people(connection: Connection, account_id: str, people: Sequence[PersonRow], now: datetime) -> None:
    """Delete these rows, and note for lists of past days who the users were."""
    if people:
        former = [
            {
                "account_id": account_id,
                "user_name": row.user_name,
                "user_id": row.user_id,
                "arn": row.arn,
                "known_since": row.known_since,
                "deleted_at": now,
                "verdicts": row.verdicts,
            }
            for row in people
        ]
        connection.execute(insert(ComplianceFormer), former)
    for some in batched(row.user_name for row in people):
        mine = CompliancePerson.account_id == account_id, CompliancePerson.user_name.in_(some)
        connection.execute(delete(CompliancePerson).where(*mine))


def states(stored: str) -> dict[str, str]:
    """Return rule ids and states from `CompliancePerson.verdicts`."""
    return dict(word.split("=") for word in stored.split())


@lru_cache(maxsize=1024)
def _turns(was: str, became: str, is_first_day: bool) -> list[dict[str, str]]:
    """The rules whose verdict turned.

    is_first_day: of a user, on which only turns between fail and pass or excepted are noted. When the first sources
    are stored, many unknown verdicts of every user turn, and lists of past days show the ends of days.
    """
    before, after = states(was), states(became)
    return [
        {"rule": rule, "was": old, "became": new}
        for rule in before.keys() | after.keys()
        if (old := before.get(rule, "")) != (new := after.get(rule, ""))
        and not (is_first_day and (UNKNOWN in (old, new) or FAIL not in (old, new)))
    ]
