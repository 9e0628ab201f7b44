"""The table of all accounts: which are shown, in which order, by which rules, and the totals of all that match."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, insert

from app.compliance.all_accounts import (
    CELLS,
    COLUMNS,
    EVERY,
    FEWEST,
    PAGE,
    SORTS,
    AllAccounts,
    Chosen,
    all_accounts,
    file_columns,
    file_rows,
)
from app.compliance.data import daily
from app.compliance.data.daily import Count, Figures
from app.compliance.data.models import ComplianceAccount, ComplianceSync
from app.compliance.rules.table import BY_ID, RULES
from app.db import db
from app.web.exports import as_csv
from tests.compliance.conftest import Aws, Command
from tests.compliance.many_accounts import rows
from tests.support.databases import in_memory

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
IDS = [f"1111{number:08d}" for number in range(60)]


def put(connection: Connection, account_id: str, number: int) -> None:
    """Account number 7 has 17 users, 7 of whom have no MFA, and sources of 7 days ago."""
    at = NOW - timedelta(days=number)
    row = {"user_list": {"alias": f"alias-{number}"}, "report": {}, "judged_with": "", "stale": False, "running": ""}
    times = {"user_list_at": at, "report_at": NOW if number % 2 else at, "details_at": None}
    connection.execute(insert(ComplianceAccount).values(account_id=account_id, **row, **times))
    counts = {rule.id: Count(10, number % 3) for rule in RULES} | {
        "mfa": Count(10, number),
        "key-age": Count(0, 0, 4),
    }
    daily.keep_day(connection, account_id, NOW, Figures(10 + number, counts, 0, (0,) * 4, NOW))


def sync(connection: Connection, account_id: str, name: str, unit: str, problem: str = "") -> None:
    row = {"account_id": account_id, "name": name, "unit": unit, "problem": problem, "parts": ""}
    connection.execute(insert(ComplianceSync).values(row))


@pytest.fixture(scope="module")
def stored() -> Iterator[Connection]:
    """60 accounts. The last 10 have no data."""
    engine = in_memory()
    with engine.begin() as connection:
        for number, account_id in enumerate(IDS[:50]):
            put(connection, account_id, number)
            unit = "" if number < 10 else "Workloads/Production" if number < 30 else "Workloads/Test"
            sync(connection, account_id, f"team-{number:02d}", unit, "denied" if number in (3, 4) else "")
        yield connection
    engine.dispose()


def found(connection: Connection, whole: bool = False, **asked: Any) -> AllAccounts:
    return all_accounts(connection, IDS, Chosen(**asked), NOW, whole=whole)


def numbers(found: AllAccounts) -> list[int]:
    return [IDS.index(each.account_id) for each in found.shown]


def test_names_of_the_file_count_until_a_sync_has_others(stored: Connection) -> None:
    named = {IDS[5]: ("of the file", "Old"), IDS[55]: ("Shop", "Workloads/Production")}
    page = all_accounts(stored, IDS, Chosen(text="shop"), NOW, named)
    assert [(each.account_id, each.name, each.unit) for each in page.shown] == [
        (IDS[55], "Shop", "Workloads/Production"),
    ]
    assert {each.name for each in all_accounts(stored, IDS, Chosen(text=IDS[5]), NOW, named).shown} == {"team-05"}


def test_a_page_has_25_accounts_and_totals_are_of_all(stored: Connection) -> None:
    first, third = found(stored), found(stored, page=3)
    assert (len(first.shown), first.number, first.last, first.matching) == (PAGE, 1, 3, 60)
    assert numbers(first) == list(range(25)) and numbers(third) == list(range(50, 60))
    assert found(stored, page=99) == third, "a page beyond the last is the last"
    assert first.people == third.people == sum(10 + number for number in range(50))
    assert (first.known, first.without_mfa) == (50, sum(range(50)))
    assert third.shown[0].day is None and third.shown[0].figures.people == 0


def test_every_rule_can_be_a_column(stored: Connection) -> None:
    every = found(stored, columns=EVERY)
    assert [each.rule.id for each in every.columns] == [rule.id for rule in RULES]
    assert {rule for name in COLUMNS for rule in COLUMNS[name]} == {rule.id for rule in RULES}
    assert len(every.shown) == max(FEWEST, CELLS // len(RULES)) < PAGE, "wide pages have fewer accounts"
    for name, rules in COLUMNS.items():
        assert {each.rule.id for each in found(stored, columns=name).columns} == set(rules)
    mfa = next(each for each in every.columns if each.rule.id == "mfa")
    keys = next(each for each in every.columns if each.rule.id == "key-age")
    assert (mfa.failed, mfa.unknown) == (sum(range(50)), 0) and (keys.failed, keys.unknown) == (0, 200)


def test_a_variant_that_a_standard_demands_has_a_column_beside_its_rule() -> None:
    engine = in_memory()
    with engine.begin() as connection:
        figures = Figures(3, {"unused": Count(3), "unused-90": Count(2, 1), "gone-rule": Count(1)}, 0)
        daily.keep_day(connection, IDS[0], NOW, figures)
        shown = all_accounts(connection, IDS[:1], Chosen(columns="unused"), NOW)
        assert [each.rule.id for each in shown.columns] == ["unused", "unused-90"]
        by_rule = all_accounts(connection, IDS[:1], Chosen(rule="unused-90"), NOW)
        assert by_rule.columns[0].rule is BY_ID["unused-90"] and by_rule.columns[0].failed == 1
    engine.dispose()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"text": "TEAM-07"}, [7]),
        ({"text": "00000059"}, [59]),
        ({"text": "production"}, [*range(10, 30)]),
        ({"unit": "Workloads"}, [*range(10, 50)]),
        ({"unit": "Workloads/Test"}, [*range(30, 50)]),
        ({"unit": "Work"}, []),
        ({"sources": "failed"}, [3, 4]),
        ({"sources": "missing"}, [*range(50, 60)]),
        ({"sources": "30"}, [*range(31, 60)]),
        ({"rule": "mfa", "sources": "7"}, [*range(49, 7, -1)]),
        ({"text": "nothing like it"}, []),
    ],
)
def test_filters(stored: Connection, asked: dict[str, str], expected: list[int]) -> None:
    shown = found(stored, whole=True, **asked)
    assert numbers(shown) == expected and shown.matching == len(expected)
    assert shown.people == sum(10 + number for number in expected if number < 50), "totals are of what matches"


def test_orders(stored: Connection) -> None:
    assert numbers(found(stored, sort="users"))[:3] == [49, 48, 47]
    assert numbers(found(stored, sort="oldest", whole=True))[:11] == [*range(50, 60), 49], "no sources are the oldest"
    assert numbers(found(stored, sort="unit"))[0] == 10, "those without a unit come last"
    assert numbers(found(stored, sort="name", whole=True))[:50] == [*range(50)]
    assert numbers(found(stored, rule="mfa"))[:2] == [49, 48], "a rule's worst first"
    for sort in SORTS:
        assert sorted(numbers(found(stored, sort=sort, whole=True))) == [*range(60)]


def test_units_to_choose_from_are_all_there_are_and_those_above(stored: Connection) -> None:
    assert found(stored).units == ["Workloads", "Workloads/Production", "Workloads/Test"]


def test_the_file_has_what_is_shown(stored: Connection) -> None:
    shown = found(stored, whole=True, rule="mfa", columns="mfa")
    text = "".join(as_csv(file_columns(shown), file_rows(shown)))
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 49 and lines[0]["account_id"] == IDS[49] and lines[0]["mfa failed"] == "49"
    assert lines[0]["unit"] == "Workloads/Test" and lines[0]["lists_at"] == "2026-10-11T12:00:00Z"
    empty = list(
        csv.DictReader(
            io.StringIO("".join(as_csv(file_columns(shown), file_rows(found(stored, page=3, columns="mfa")))))
        )
    )
    assert {line["users"] for line in empty} == {""}, "of an account without data nothing is said"


def test_a_refreshed_account_is_in_the_table(portal: Flask, command: Command, aws: Aws) -> None:
    aws.state.credential_report = None
    assert command("refresh", "--report", "--quiet").exit_code == 0
    [[people]] = rows(portal, "select count(*) from compliance_people")
    with portal.app_context(), db.engine.connect() as connection:
        shown = all_accounts(connection, [*IDS, aws.state.account_id], Chosen(sort="users"), datetime.now(UTC))
    ours = shown.shown[0]
    assert (ours.account_id, ours.figures.people) == (aws.state.account_id, people)
    assert ours.lists_at and ours.report_at and ours.day and shown.known == 1
    assert shown.without_mfa == ours.figures.of("mfa").failed > 0
