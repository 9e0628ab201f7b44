"""Users are reminded of what is due, once for each step, and administrators of how their accounts are doing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from huey import crontab
from sqlalchemy import Engine, delete, insert, select

from app.commands import compliance
from app.compliance import judging
from app.compliance.data.models import ComplianceException
from app.compliance.notices import jobs
from app.db import db
from app.factory import create_app
from app.notices.addresses import AddressFile
from app.notices.content import Brand
from app.notices.models import NoticeRow
from app.notices.outbox import outbox
from app.notices.rendering import render
from app.notices.schedules import planned
from app.sandbox.operations.credential_report import HEADER
from config import from_env
from tests.compliance.test_due import ROOT, Someone
from tests.support.clock import Clock
from tests.support.databases import GOOD, make_database

ACCOUNT = "123456789012"
MAIL = {"SMTP_SERVER": "127.0.0.1:2525", "SMTP_SECURITY": "plain", "SMTP_FROM": "latchkey@example.com"}
SETTINGS = {
    **MAIL,
    "NOTICES_AT": "00:00",
    "NOTICES_ADMINS": "anna@example.com,otto@example.com",
    "NOTICES_ALERTS": "mfa=1,key-age=0",
}


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def someone(name: str, **has: Any) -> Someone:
    return Someone(name, now() - timedelta(days=400), random.Random(1), **{"virtual": 1, **has})


def key(age: float, used: float | None = 1) -> tuple[bool, datetime, datetime | None]:
    """An active access key, `age` days old, last used `used` days ago. None: never."""
    return True, now() - timedelta(days=age), None if used is None else now() - timedelta(days=used)


@pytest.fixture
def portal(tmp_path: Path, clock: Clock) -> Iterator[Flask]:
    make_database(tmp_path / "portal.db")
    app = create_app(from_env({**GOOD, **SETTINGS, "DATABASE_URL": f"sqlite:///{tmp_path / 'portal.db'}"}))
    with app.app_context():
        yield app
        db.engine.dispose()


def report(app: Flask, folder: Path, *people: Someone) -> None:
    """AWS's credential report of this moment is imported."""
    file = folder / "report.csv"
    file.write_text("\n".join([HEADER, ROOT, *(each.line() for each in people)]))
    words = ["import", str(file), "--account", ACCOUNT, "--made-at", f"{now():%Y-%m-%dT%H:%M:%SZ}"]
    done = app.test_cli_runner().invoke(compliance, args=words)
    assert done.exit_code == 0, done.output


def told(kind: str = "") -> list[tuple[str, str, dict[str, Any]]]:
    """Kind, user and data of the notices, oldest first."""
    with db.engine.connect() as connection:
        rows = connection.execute(select(NoticeRow).order_by(NoticeRow.id)).all()
    return [(row.kind, row.user_name, row.data) for row in rows if kind in ("", row.kind)]


def test_an_access_key_is_due_in_steps(portal: Flask, tmp_path: Path, clock: Clock) -> None:
    nadia, omar = someone("nadia", keys=[key(75.5)]), someone("omar", keys=[key(10)])
    days = []
    for _ in range(20):
        report(portal, tmp_path, nadia, omar)
        before = len(told())
        jobs.write_due(now())
        jobs.write_due(now())
        days += [data["days"] for _, _, data in told()[before:]]
        clock.move(24 * 3600)
    assert days == [14, 7, 1, 0], "each step once, whatever runs twice"
    assert {user for _, user, _ in told()} == {"nadia"}


def test_a_step_that_was_missed_is_told_late_with_the_days_left(portal: Flask, tmp_path: Path, clock: Clock) -> None:
    report(portal, tmp_path, someone("nadia", keys=[key(76.5)]))
    jobs.write_due(now())
    clock.move(9 * 24 * 3600)
    jobs.write_due(now())
    assert [data["days"] for _, _, data in told()] == [14, 5]


def test_a_key_that_may_have_been_replaced_is_not_called_overdue(portal: Flask, tmp_path: Path, clock: Clock) -> None:
    report(portal, tmp_path, someone("nadia", keys=[key(88.5)]))
    jobs.write_due(now())
    clock.move(5 * 24 * 3600)
    jobs.write_due(now())
    assert [data["days"] for _, _, data in told()] == [2], "the report is older than the day on which it was due"


def test_what_is_overdue_is_repeated_each_month(portal: Flask, tmp_path: Path, clock: Clock) -> None:
    report(portal, tmp_path, someone("nadia", keys=[key(95)]))
    for _ in range(62):
        jobs.write_due(now())
        clock.move(24 * 3600)
    assert [data["days"] for _, _, data in told("key-age")] == [0, 0, 0]


def test_missing_mfa_is_told_once_a_week_until_it_is_there(portal: Flask, tmp_path: Path, clock: Clock) -> None:
    sam = someone("sam", virtual=0, password=True, used=now() - timedelta(days=1))
    report(portal, tmp_path, sam, someone("nadia"))
    for _ in range(14):
        jobs.write_due(now())
        clock.move(24 * 3600)
    assert {(kind, user) for kind, user, _ in told()} == {("mfa-missing", "sam")}
    assert len(told()) in (2, 3), "in two weeks, which may be parts of three"
    before = len(told())
    sam.virtual = 1
    report(portal, tmp_path, sam, someone("nadia"))
    for _ in range(14):
        jobs.write_due(now())
        clock.move(24 * 3600)
    assert told("mfa-missing")[before:] == []


def test_unused_credentials_are_named(portal: Flask, tmp_path: Path) -> None:
    idle = now() - timedelta(days=60)
    report(portal, tmp_path, someone("paula", password=True, used=idle, keys=[key(80, used=50), key(80, used=2)]))
    jobs.write_due(now())
    ((_, user, data),) = told("unused-credentials")
    assert user == "paula" and data["days"] == 45
    assert [(item["thing"], item["last_used_at"]) for item in data["items"]] == [
        ("password", idle.date().isoformat()),
        ("access-key", (now() - timedelta(days=50)).date().isoformat()),
    ]


def test_an_exception_mutes_the_notice_of_its_rule(portal: Flask, tmp_path: Path) -> None:
    report(portal, tmp_path, someone("sam", virtual=0, keys=[key(95)]))
    for rule in ("mfa", "key-age"):
        with db.engine.begin() as connection:
            connection.execute(insert(ComplianceException).values(**exception("sam", rule)))
        with db.engine.begin() as connection:
            connection.execute(delete(NoticeRow))
        jobs.write_due(now())
        left = {kind for kind, _, _ in told()}
        assert left == ({"key-age"} if rule == "mfa" else set())


def exception(user: str, rule: str) -> dict[str, Any]:
    return {
        "account_id": ACCOUNT,
        "user_name": user,
        "rule": rule,
        "reason": "on leave",
        "owner": "anna",
        "ended_by": "",
        "made_by": "anna",
        "made_at": now(),
        "until": now() + timedelta(days=10),
    }


def test_administrators_get_a_summary_of_each_account(portal: Flask, tmp_path: Path, clock: Clock) -> None:
    report(portal, tmp_path, someone("sam", virtual=0), someone("nadia"))
    jobs.write_digests(now())
    clock.move(7 * 24 * 3600)
    report(portal, tmp_path, someone("sam", virtual=0), someone("nadia", virtual=0))
    with db.engine.begin() as connection:
        connection.execute(insert(ComplianceException).values(**exception("omar", "key-age")))
    jobs.write_digests(now())
    jobs.write_digests(now())
    found = told("digest")
    assert [user for _, user, _ in found] == ["anna@example.com", "otto@example.com"] * 2
    data = found[-1][2]
    assert (data["users"], data["failing_users"]) == (2, 2)
    assert {row["rule"]: (row["failing"], row["before"]) for row in data["rules"]}["mfa"] == (2, 1)
    assert [row["user"] for row in data["exceptions"]] == ["omar"]
    assert data["without_address"] == 2


def test_a_summary_counts_users_without_an_address_where_mail_is_set_up(
    portal: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(portal, tmp_path, someone("sam"), someone("nadia"), someone("omar"))
    (tmp_path / "addresses.csv").write_text("user,address\nsam,sam@example.com\n")
    monkeypatch.setitem(portal.config, "NOTICES_ADDRESS_FILE", AddressFile(str(tmp_path / "addresses.csv")))
    jobs.write_digests(now())
    _, _, data = told("digest")[0]
    assert data["without_address"] == 2
    text = render("digest", data, "en", Brand.of(portal.config)).text
    assert "2 users have no address for notices." in text
    monkeypatch.setattr(outbox(), "channels", frozenset({"webhook"}))
    with db.engine.begin() as connection:
        connection.execute(delete(NoticeRow))
    jobs.write_digests(now())
    assert "without_address" not in told("digest")[0][2], "nobody gets mail"


def test_a_rule_that_gets_worse_than_its_bound_raises_an_alert_a_day(
    portal: Flask, tmp_path: Path, clock: Clock
) -> None:
    def day(without: int) -> list[int]:
        people = [someone(f"user{number}", virtual=0 if number < without else 1) for number in range(5)]
        report(portal, tmp_path, *people)
        before = len(told())
        jobs.write_alerts(now())
        jobs.write_alerts(now())
        clock.move(24 * 3600)
        return [data["failing"] for _, user, data in told()[before:] if user == "anna@example.com"]

    assert [day(1), day(2), day(2), day(4), day(3)] == [[], [2], [], [4], []]


@pytest.mark.parametrize("write", [jobs.write_due, jobs.write_digests, jobs.write_alerts])
def test_an_account_that_fails_keeps_no_other_from_its_notices(
    portal: Flask, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, write: Callable[[datetime], None]
) -> None:
    judged_now, broken = judging.judged_now, "000000000001"

    def fails_for_one(engine: Engine, account_id: str, terms: Any) -> Any:
        if account_id == broken:
            raise LookupError("keys")
        return judged_now(engine, account_id, terms)

    report(portal, tmp_path, someone("nadia"), someone("sam"))
    clock.move(24 * 3600)
    report(portal, tmp_path, someone("nadia", virtual=0, keys=[key(95)]), someone("sam", virtual=0))
    monkeypatch.setattr(judging, "judged_now", fails_for_one)
    monkeypatch.setitem(portal.config, "ACCOUNTS", frozenset({broken, ACCOUNT}))
    with pytest.raises(ExceptionGroup) as failed:
        write(now())
    assert [type(error) for error in failed.value.exceptions] == [LookupError], "the worker tries again"
    assert told(), "the other account, which comes after it"


def test_workers_do_all_of_it_at_the_times_of_the_settings(portal: Flask) -> None:
    jobs.plan_reminders(portal)
    monday = datetime(2026, 11, 30, 0, 0, tzinfo=UTC)
    due = {each.name: each.plan(monday) for each in planned(portal)}
    assert due == {"due-notices": True, "alerts": False, "campaigns": False, "digest": True}
    tuesday = {each.name: each.plan(monday + timedelta(days=1)) for each in planned(portal)}
    assert tuesday == {"due-notices": True, "alerts": False, "campaigns": False, "digest": False}
    assert crontab(minute="10")(monday + timedelta(minutes=10))
