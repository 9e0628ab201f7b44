"""An auditor looks back: the list of a past day, what changed between two days, and the trend of a rule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask
from sqlalchemy import update

from app.commands import compliance
from app.compliance.data.models import ComplianceAccount
from app.db import db
from app.sandbox.operations.credential_report import HEADER
from tests.compliance.conftest import entered
from tests.compliance.test_formats import take
from tests.compliance.test_report import ALICE, BOB, ROOT
from tests.security.conftest import ELSEWHERE, Guest, portal_of
from tests.support.clock import Clock
from tests.support.sandbox import Sandbox

DAY = 24 * 3600
WITH_MFA = ALICE.replace("N/A,false,true,", "N/A,true,true,")
CAROL = BOB.replace("bob", "carol").replace("N/A,N/A,N/A,true,", "N/A,N/A,N/A,false,")
HISTORY = "/compliance/history"


class Past(NamedTuple):
    """A portal, and the days on which something happened."""

    app: Flask
    first: date
    """alice has no MFA, bob has."""
    second: date
    """alice has MFA, and carol, who is new, has none."""
    third: date
    """bob was deleted."""

    def command(self, *words: str) -> Any:
        """Run `flask compliance ...`."""
        return self.app.test_cli_runner().invoke(compliance, args=words)

    def printed(self, *words: str) -> str:
        done = self.command(*words)
        assert done.exit_code == 0, done.output
        return str(done.output)


@pytest.fixture(scope="module")
def portal(sandbox: Sandbox, scratch: Path, clock: Clock) -> Iterator[Flask]:
    folder = scratch / "portal-with-a-past"
    folder.mkdir()
    app = portal_of(sandbox, folder)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="module")
def past(portal: Flask, scratch: Path, clock: Clock) -> Past:
    days = []

    def command(*words: str) -> Any:
        return portal.test_cli_runner().invoke(compliance, args=[*words, "--account", "123456789012"])

    for users in ((ALICE, BOB), (WITH_MFA, BOB, CAROL), (WITH_MFA, CAROL)):
        take(command, scratch, "\n".join([HEADER, ROOT, *users]))
        days.append(datetime.now(UTC).date())
        clock.move(12 * DAY)
    return Past(portal, *days)


@pytest.fixture
def auditor(past: Past, sandbox: Sandbox, clock: Clock) -> Guest:
    return entered(past.app, sandbox, clock)


def test_before_there_is_data_there_are_no_trends(sandbox: Sandbox, clock: Clock, tmp_path: Path) -> None:
    everywhere = f"*=arn:aws:iam::{sandbox.account_id}:user/Administrator"
    app = portal_of(sandbox, tmp_path, ADMINS=everywhere)
    guest = entered(app, sandbox, clock).open(f"{HISTORY}?account={ELSEWHERE}")
    assert guest.soup.select_one("[data-no-trends]") and not guest.soup.select("[data-trend]"), "not a list of dashes"
    with app.app_context():
        db.engine.dispose()


def shown(guest: Guest) -> dict[str, tuple[str, bool]]:
    """State by user, and whether the user was deleted since."""
    return {
        str(row["data-user"]): (str(row["data-state"]), row.has_attr("data-deleted"))
        for row in guest.soup.select("tr[data-user]")
    }


def test_the_list_of_a_past_day_is_reached_from_the_dashboard(auditor: Guest, past: Past) -> None:
    auditor.open("/compliance").follow(HISTORY)
    assert auditor.soup.select(f"form[action='{HISTORY}/list'] input[type=date]")
    auditor.open(f"{HISTORY}/list?day={past.first}")
    (mfa,) = auditor.soup.select("[data-rule=mfa]")
    assert (mfa["data-failed"], mfa["data-unknown"]) == ("1", "0")
    auditor.open(str(mfa.select_one("a")["href"]))  # type: ignore[index] # there is one
    assert shown(auditor) == {"alice": ("fail", False), "bob": ("pass", True)}, "carol was created later"
    auditor.open(f"{HISTORY}/list?day={past.second}&rule=mfa")
    assert shown(auditor) == {"alice": ("pass", False), "bob": ("pass", True), "carol": ("fail", False)}
    auditor.open(f"{HISTORY}/list?day={past.second}&rule=mfa&state=fail")
    assert set(shown(auditor)) == {"carol"}
    auditor.open(f"{HISTORY}/list?day={past.third}&rule=root-mfa")
    assert shown(auditor) == {"": ("pass", False)}, "the account's own"


def without_time(csv: str) -> list[str]:
    """The lines without when the file was made, which comes before the version."""
    return [",".join([*(cells := line.split(","))[:-2], cells[-1]]) for line in csv.splitlines()]


def test_its_file_is_the_one_of_the_command(auditor: Guest, past: Past) -> None:
    file = auditor.ask("GET", f"{HISTORY}/list.csv?day={past.first}&rule=mfa&state=fail").text
    account = "--account", "123456789012"
    theirs = past.printed("export", "--as-of", f"{past.first}", "--rule", "mfa", "--state", "fail", *account)
    assert without_time(file) == without_time(theirs) and file.count("\r\n") == 2


@pytest.mark.parametrize("day", ["the day before the first", "tomorrow", "9999-12-31", "0001-01-01"])
def test_a_day_without_a_list_is_refused_with_the_reason(auditor: Guest, past: Past, day: str) -> None:
    tomorrow, before = datetime.now(UTC).date() + timedelta(days=1), past.first - timedelta(days=1)
    asked = {"the day before the first": before, "tomorrow": tomorrow}.get(day, day)
    auditor.open(f"{HISTORY}/list?day={asked}")
    assert auditor.status == 422 and auditor.wrong == {"day": "no-list"}
    assert not auditor.soup.select("tr[data-rule]")
    assert auditor.open(f"{HISTORY}/list.csv?day={asked}").status == 404


def test_what_changed_between_two_days(auditor: Guest, past: Past) -> None:
    auditor.open(f"{HISTORY}/changes?before={past.first}&after={past.third}")
    found = {(row["data-user"], row["data-became"]) for row in auditor.soup.select("tr[data-rule=mfa]")}
    assert found == {("alice", "pass"), ("carol", "fail")}
    auditor.open(f"{HISTORY}/changes?before={past.second}&after={past.third}")
    assert not auditor.soup.select("tr[data-rule=mfa]"), "bob had MFA when he was deleted"
    file = auditor.ask("GET", f"{HISTORY}/changes.csv?before={past.first}&after={past.third}").text
    days = "--from", f"{past.first}", "--to", f"{past.third}"
    theirs = past.printed("changes", *days, "--account", "123456789012")
    assert file.splitlines() == theirs.splitlines() and "carol" in file


def test_days_that_cannot_be_compared_are_refused(auditor: Guest, past: Past) -> None:
    today = datetime.now(UTC).date()
    for before, after, wrong in (
        (past.first - timedelta(days=1), today, {"before": "no-results"}),
        (past.second, past.second, {"after": "not-later"}),
        (past.second, past.first, {"after": "not-later"}),
        (past.first, today + timedelta(days=1), {"after": "future"}),
    ):
        auditor.open(f"{HISTORY}/changes?before={before}&after={after}")
        assert auditor.status == 422 and auditor.wrong == wrong
        assert auditor.open(f"{HISTORY}/changes.csv?before={before}&after={after}").status == 404


def test_the_trend_of_a_rule_over_a_month_and_a_year(auditor: Guest, past: Past) -> None:
    def rows() -> dict[str, list[str]]:
        found = auditor.soup.select("tr[data-day]")
        return {str(row["data-day"]): [cell.get_text() for cell in row.select("td")] for row in found}

    auditor.open(HISTORY).follow(f"{HISTORY}/rules/mfa")
    month = rows()
    labels = [str(cell.get("data-label")) for cell in auditor.soup.select("tr[data-day]:first-of-type td")]
    assert labels == ["Failed", "Unknown", "Excepted", "Passed"], "what a phone shows beside each figure"
    assert month[f"{past.second}"] == ["1", "0", "0", "2"], "failed, unknown, excepted, passed"
    assert month[f"{past.third}"] == ["1", "0", "0", "1"] and f"{past.first}" not in month, "longer than a month ago"
    auditor.open(f"{HISTORY}/rules/mfa?span=year")
    assert rows()[f"{past.first}"] == ["1", "0", "0", "1"], "the last day with figures of that week"
    points = str(auditor.soup.select("polyline")[0]["points"]).split()
    assert len(points) == len(rows()), "a point for each row"
    for elsewhere in ("rules/no-such-rule", "rules/mfa?span=decade"):
        assert auditor.open(f"{HISTORY}/{elsewhere}").status == 404


def test_what_an_earlier_release_did_not_store_is_said(auditor: Guest, past: Past) -> None:
    with past.app.app_context(), db.engine.begin() as connection:
        later = datetime.combine(past.second, datetime.min.time(), UTC)
        before = connection.execute(update(ComplianceAccount).values(history_since=later))
        assert before.rowcount
    auditor.open(f"{HISTORY}/list?day={past.first}")
    assert auditor.status == 422 and auditor.wrong == {"day": "no-list"} and f"{past.second}" in auditor.text
    auditor.open(f"{HISTORY}/changes?before={past.first}&after={past.third}")
    assert auditor.soup.select("[data-partial]") and auditor.soup.select("tr[data-rule=mfa]")
    assert not auditor.open(f"{HISTORY}/changes?before={past.second}&after={past.third}").soup.select(
        "[data-partial]"
    )
