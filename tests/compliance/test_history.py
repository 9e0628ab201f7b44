"""The list as it was at the end of a past day: what an export said on that day, whatever happened since."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, select, update

from app.audit.models import ActivityRow
from app.compliance.data import history
from app.compliance.data.models import ComplianceAccount, CompliancePerson
from app.compliance.data.people_data import states
from app.db import db
from app.sandbox.operations.credential_report import HEADER
from tests.compliance.conftest import Command
from tests.compliance.test_due import ACCOUNT, World
from tests.compliance.test_formats import take
from tests.compliance.test_report import ALICE, BOB, ROOT, WHOLE
from tests.support.clock import Clock

CAROL = BOB.replace("bob", "carol")
NOBODY = "\n".join([HEADER, ROOT])
DAY = 24 * 3600
States = dict[tuple[str, str], str]
"""By user and rule."""


def today() -> date:
    return datetime.now(UTC).date()


def now_said(command: Command) -> States:
    """What an export says now."""
    done = command("export", "--format", "json")
    assert done.exit_code == 0, done.output
    return {(row["user_name"], row["rule"]): row["state"] for row in json.loads(done.output)}


def then_said(command: Command, day: date, *options: str) -> list[dict[str, Any]]:
    """The rows of the list of a past day."""
    done = command("export", "--format", "json", "--as-of", f"{day}", *options)
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.output)
    return found


def of(rows: list[dict[str, Any]]) -> States:
    return {(row["user_name"], row["rule"]): row["state"] for row in rows}


@pytest.fixture
def four_days(command: Command, portal: Flask, tmp_path: Path, clock: Clock) -> dict[str, tuple[date, States]]:
    """Four days with what an export said at the end of each. On two of them nobody looked after the import."""
    found: dict[str, tuple[date, States]] = {}

    def at_the_end(name: str) -> None:
        found[name] = today(), now_said(command)
        clock.move(2 * DAY)

    take(command, tmp_path, WHOLE)
    at_the_end("alice without MFA")
    take(command, tmp_path, WHOLE.replace("N/A,false,true,", "N/A,true,true,") + "\n" + CAROL)
    at_the_end("alice with MFA, carol new")
    clock.move(100 * DAY)
    at_the_end("all evidence too old")
    take(command, tmp_path, "\n".join([HEADER, ROOT, ALICE, CAROL]))
    at_the_end("bob deleted, alice without MFA")
    return found


def test_a_list_of_a_past_day_is_what_was_said_on_that_day(
    command: Command, four_days: dict[str, tuple[date, States]]
) -> None:
    for name, (day, said) in four_days.items():
        rows = then_said(command, day)
        assert of(rows) == said, name
        assert {row["day"] for row in rows} == {f"{day}"}
        assert {row["recorded_at"][:10] for row in rows} == {f"{day}"}, "the day was judged to its end"
    first, _said = four_days["alice without MFA"]
    assert of(then_said(command, first + timedelta(days=1))) == of(then_said(command, first)), "nothing came that day"
    assert {row["recorded_at"][:10] for row in then_said(command, first + timedelta(days=1))} == {f"{first}"}


def test_a_user_who_was_deleted_since_is_listed_and_marked(
    command: Command, four_days: dict[str, tuple[date, States]]
) -> None:
    day, _said = four_days["alice with MFA, carol new"]
    gone, _said = four_days["bob deleted, alice without MFA"]
    deleted = {row["user_name"]: row["deleted_at"][:10] for row in then_said(command, day)}
    assert deleted == {"": "", "alice": "", "bob": f"{gone}", "carol": ""}
    assert {row["user_name"] for row in then_said(command, gone)} == {"", "alice", "carol"}
    before, _said = four_days["alice without MFA"]
    assert "carol" not in {row["user_name"] for row in then_said(command, before)}, "she was created later"


def test_a_namesake_has_a_history_of_their_own(
    command: Command, four_days: dict[str, tuple[date, States]], tmp_path: Path, clock: Clock
) -> None:
    """A new user gets the name bob, sets up MFA a day later, and is deleted. alice's MFA comes back."""
    made = f"{today()}T00:00:00"  # at any time of the day it is over
    another = re.sub(r"2026-01-02T\d\d:\d\d:\d\d", made, BOB).replace("N/A,N/A,N/A,true,", "N/A,N/A,N/A,false,")
    with_mfa = ALICE.replace("N/A,false,true,", "N/A,true,true,")
    take(command, tmp_path, "\n".join([HEADER, ROOT, with_mfa, another, CAROL]))
    here, said = today(), now_said(command)
    assert said["bob", "mfa"] == "fail" and said["alice", "mfa"] == "pass"
    clock.move(2 * DAY)
    secured = another.replace("N/A,N/A,N/A,false,", "N/A,N/A,N/A,true,")
    take(command, tmp_path, "\n".join([HEADER, ROOT, with_mfa, secured, CAROL]))
    there, then = today(), now_said(command)
    assert then["bob", "mfa"] == "pass"
    clock.move(2 * DAY)
    take(command, tmp_path, "\n".join([HEADER, ROOT, with_mfa, CAROL]))
    assert of(then_said(command, here)) == said and of(then_said(command, there)) == then
    for name, (day, before) in four_days.items():
        assert of(then_said(command, day)) == before, name


def test_by_rule_and_state_and_as_csv(
    command: Command, portal: Flask, four_days: dict[str, tuple[date, States]]
) -> None:
    day, said = four_days["alice without MFA"]
    chosen = ("--rule", "mfa", "--state", "fail")
    assert of(then_said(command, day, *chosen)) == {("alice", "mfa"): "fail"}
    done = command("export", "--as-of", f"{day}", "--standard", "cis-5.0")
    rows = list(csv.DictReader(io.StringIO(done.output)))
    assert ("alice", "mfa-console") in {(row["user_name_exact"], row["rule"]) for row in rows}
    assert not {row["rule"] for row in rows} & {"mfa", "signed-in"}, "no items of that standard"
    assert all(said[row["user_name_exact"], row["rule"]] == row["state"] for row in rows)
    with portal.app_context(), db.engine.connect() as connection:
        exported = select(ActivityRow.target).where(ActivityRow.event == "compliance-exported")
        assert f"{ACCOUNT}.{day}.csv" in connection.execute(exported).scalars().all()


@pytest.mark.parametrize("form", ["pack", "html", "ocsf", "asff"])
def test_formats_that_need_reasons_are_refused(command: Command, portal: Flask, tmp_path: Path, form: str) -> None:
    take(command, tmp_path, WHOLE)
    done = command("export", "--as-of", f"{today()}", "--format", form, "--output", str(tmp_path / "file"))
    assert done.exit_code == 2 and "csv" in done.output


def test_what_the_history_does_not_know_is_said(command: Command, portal: Flask, tmp_path: Path) -> None:
    asked = command("export", "--as-of", f"{today()}")
    assert asked.exit_code == 1, "there is nothing yet"
    take(command, tmp_path, WHOLE)
    assert then_said(command, today())
    for day, status in ((today() - timedelta(days=1), 1), (today() + timedelta(days=1), 2)):
        assert command("export", "--as-of", f"{day}").exit_code == status


def test_the_history_of_an_earlier_release_has_no_whole_lists(
    command: Command, portal: Flask, tmp_path: Path, clock: Clock
) -> None:
    """As after an upgrade: that release stored neither since when users are known nor every turn."""
    take(command, tmp_path, WHOLE)
    with portal.app_context(), db.engine.begin() as connection:
        connection.execute(update(ComplianceAccount).values(history_since=None))
        connection.execute(update(CompliancePerson).values(known_since=None))
    day = today()
    clock.move(3 * DAY)
    take(command, tmp_path, "\n".join([HEADER, ROOT, ALICE]))
    done = command("export", "--as-of", f"{day}")
    assert done.exit_code == 1 and f"{today()}" in done.output, "it says from when on"
    assert {row["user_name"] for row in then_said(command, today())} == {"", "alice"}
    changes = command("changes", "--from", f"{day}")
    assert changes.exit_code == 0 and f"{today()}" in changes.output, "with what isn't in them"


def test_the_history_begins_again_after_an_earlier_release_judged(
    command: Command, portal: Flask, tmp_path: Path, clock: Clock
) -> None:
    """As while replicas of both releases serve: that one doesn't store every turn."""
    take(command, tmp_path, WHOLE)
    with portal.app_context(), db.engine.begin() as connection:
        connection.execute(update(ComplianceAccount).values(judged_with="e5" * 32))
    day = today()
    clock.move(3 * DAY)
    take(command, tmp_path, "\n".join([HEADER, ROOT, ALICE]))
    done = command("export", "--as-of", f"{day}")
    assert done.exit_code == 1 and f"{today()}" in done.output, "it says from when on"
    later = today()
    clock.move(DAY)
    take(command, tmp_path, "\n".join([HEADER, ROOT, ALICE]))
    assert {row["user_name"] for row in then_said(command, later)} == {"", "alice"}, "and begins only once"


# -- what changed


def turns(command: Command, before: date, after: date) -> set[tuple[str, str, str, str]]:
    done = command("changes", "--from", f"{before}", "--to", f"{after}", "--format", "json")
    return {(row["user_name"], row["rule"], row["was"], row["became"]) for row in json.loads(done.output)}


def test_changes_are_the_difference_of_two_lists(command: Command, four_days: dict[str, tuple[date, States]]) -> None:
    days = list(four_days.values())
    for number, (before, then) in enumerate(days):
        for after, now in days[number + 1 :]:
            users = {name for name, _rule in now if name}
            expected = {
                (name, rule, then.get((name, rule), ""), now.get((name, rule), "" if name in users else "deleted"))
                for name, rule in then.keys() | now.keys()
                if name
            }
            assert turns(command, before, after) == {
                each for each in expected if (each[2] == "fail") != (each[3] == "fail") and "unknown" not in each
            }


# -- anything that can happen


def test_whatever_happens_each_day_can_be_listed_again() -> None:
    for seed in (1, 2):
        world = World(seed)
        days: dict[date, dict[str, dict[str, str]]] = {}
        for _ in range(25):
            before = world.now.date()
            world.happens()  # and then time passes
            days[before] = people(world.engines[0])
            world.judged()
            days[world.now.date()] = people(world.engines[0])
        engine = world.engines[0]
        with engine.connect() as connection:
            whole = history.whole_since(connection, ACCOUNT)
            for day, said in days.items():
                if whole is None or day < whole:
                    continue
                past = history.past_day(connection, ACCOUNT, day, world.now.date())
                listed = list(history.past_users(connection, past))
                assert {each.user_name: dict(each.states) for each in listed} == said, (seed, day)
                assert len(listed) == len(said), "nobody is listed twice"
        for each in world.engines:
            each.dispose()


def people(engine: Engine) -> dict[str, dict[str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(select(CompliancePerson.user_name, CompliancePerson.verdicts))
        return {name: states(verdicts) for name, verdicts in rows}
