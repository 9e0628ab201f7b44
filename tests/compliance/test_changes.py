"""What changed between two days: who began or stopped to fail which rule."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert, update

from app.compliance.data.models import ComplianceAccount, ComplianceChange, ComplianceDay, CompliancePerson
from app.db import db
from tests.compliance.conftest import Command
from tests.compliance.test_formats import ACCOUNT, take
from tests.compliance.test_report import WHOLE


def today() -> datetime:
    """By the clock of the tests, which others have moved."""
    return datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


def ago(days: int) -> str:
    return f"{today() - timedelta(days=days):%Y-%m-%d}"


@pytest.fixture
def a_month(command: Command, portal: Flask, tmp_path: Path) -> None:
    """An account whose history begins 30 days ago. Turns: user, rule, days ago, state before and after."""
    take(command, tmp_path, WHOLE)
    turns = [
        ("alice", "mfa", 20, "fail", "pass"),
        ("bob", "mfa", 10, "pass", "fail"),
        ("carol", "mfa", 12, "pass", "fail"),
        ("carol", "mfa", 11, "fail", "pass"),
        ("=dave", "unused", 5, "", "fail"),
        ("erin", "mfa", 4, "fail", "excepted"),
        ("frank", "key-age", 25, "pass", "fail"),
    ]
    with portal.app_context(), db.engine.begin() as connection:
        nobody = {"people": 0, "rules": {}, "shown": 0, "key_ages": [0, 0, 0, 0]}
        first = (today() - timedelta(days=30)).date()
        connection.execute(update(CompliancePerson).values(known_since=today() - timedelta(days=30)))
        connection.execute(update(ComplianceAccount).values(history_since=today() - timedelta(days=30)))
        connection.execute(insert(ComplianceDay).values(account_id=ACCOUNT, day=first, figures=nobody))
        connection.execute(
            insert(ComplianceChange),
            [
                {"account_id": ACCOUNT, "user_name": name, "rule": rule, "was": was, "became": became,
                 "at": today() - timedelta(days=days)}
                for name, rule, days, was, became in turns
            ],
        )  # fmt: skip


def told(command: Command, *options: str) -> list[dict[str, str]]:
    done = command("changes", *options)
    assert done.exit_code == 0, done.output
    return list(csv.DictReader(io.StringIO(done.output)))


def test_who_began_and_who_stopped_to_fail(command: Command, a_month: None) -> None:
    rows = told(command, "--from", ago(21))
    assert [(row["rule"], row["user_name_exact"], row["change"]) for row in rows] == [
        ("mfa", "alice", "stopped"), ("mfa", "bob", "began"), ("mfa", "erin", "stopped"),
        ("unused", "%3Ddave", "began"),
    ], "who turned and turned back is left out"  # fmt: skip
    assert rows[3]["user_name"] == "'=dave" and rows[0]["at"].startswith(ago(20))


def test_days_count_to_their_end(command: Command, a_month: None) -> None:
    def names(*options: str) -> list[str]:
        return [row["user_name"] for row in told(command, *options)]

    assert names("--from", ago(21), "--to", ago(20)) == ["alice"]
    assert names("--from", ago(20), "--to", ago(19)) == []
    assert names("--from", ago(13), "--to", ago(12)) == ["carol"]
    assert names("--from", ago(12), "--to", ago(11)) == ["carol"]
    assert names("--from", ago(13), "--to", ago(11)) == []


def test_json_has_names_unchanged(command: Command, a_month: None) -> None:
    done = command("changes", "--from", ago(6), "--format", "json")
    assert [row["user_name"] for row in json.loads(done.output)] == ["erin", "=dave"]


@pytest.mark.parametrize("days", [("30 September",), ("2026-02-30",), (3, 3), (3, 5), (3, -2), (0,)], ids=str)
def test_days_that_are_none_are_refused(command: Command, a_month: None, days: tuple[str | int, ...]) -> None:
    """days: as written, or how many days ago by the clock of the test."""
    written = [each if isinstance(each, str) else ago(each) for each in days]
    options = ["--from", written[0], *(("--to", written[1]) if len(written) > 1 else ())]
    done = command("changes", *options)
    assert done.exit_code == 2 and "--from" in done.output and "Traceback" not in done.output


def test_without_history_nothing_is_claimed(command: Command, portal: Flask) -> None:
    assert command("changes", "--from", ago(5)).exit_code == 1


def test_before_the_first_results_nothing_is_claimed(command: Command, a_month: None) -> None:
    done = command("changes", "--from", ago(31))
    assert done.exit_code == 1 and ago(30) in done.output, "the first day is named"
    assert command("changes", "--from", ago(30)).exit_code == 0
