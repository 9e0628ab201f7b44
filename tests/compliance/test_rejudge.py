"""Results made again from the kept sources: the same by the same rules, and what differs by others."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask
from sqlalchemy import delete, select

from app.audit.command_line import audit_of
from app.compliance import exceptions
from app.compliance.data.kept_sources import SourceUnreadable
from app.compliance.data.models import ComplianceException, ComplianceSource
from app.compliance.rejudge import NothingKept
from app.compliance.thresholds import terms_for
from app.db import db
from tests.compliance.conftest import Aws, Command
from tests.compliance.test_formats import ACCOUNT, take
from tests.compliance.test_report import ALICE, BOB, WHOLE
from tests.support.clock import Clock

DAY = 24 * 3600
WITHOUT_BOB = WHOLE.replace(f"\n{BOB}", "")
WITH_MFA = ALICE.replace("N/A,false,true,", "N/A,true,true,")


class Past(NamedTuple):
    first: date
    """alice has no MFA, which is excepted."""
    second: date
    """She has it, and bob was deleted."""


@pytest.fixture
def past(command: Command, portal: Flask, tmp_path: Path, clock: Clock) -> Past:
    """Two days of which everything is kept. Since then, the exception was ended."""
    portal.config["EVIDENCE_RETENTION"] = timedelta(days=400)
    days = []
    with portal.app_context():
        terms, by = terms_for(portal.config, ACCOUNT), exceptions.By("arn:eve", "AIDAEVE")
        take(command, tmp_path, WHOLE)
        soon = datetime.now(UTC) + timedelta(days=90)
        wanted = exceptions.NewException("mfa", "alice", "in a safe", "boss", soon)
        exceptions.add_exception(db.engine, audit_of(ACCOUNT), ACCOUNT, wanted, by, terms)
        days.append(datetime.now(UTC).date())
        clock.move(20 * DAY)
        take(command, tmp_path, WITHOUT_BOB.replace(ALICE, WITH_MFA))
        days.append(datetime.now(UTC).date())
        clock.move(20 * DAY)
        with db.engine.connect() as connection:
            number = connection.execute(select(ComplianceException.id)).scalar_one()
        exceptions.end_exception(db.engine, audit_of(ACCOUNT), ACCOUNT, number, "arn:eve", terms)
    return Past(*days)


def told(command: Command, day: date) -> dict[str, Any]:
    done = command("rejudge", "--at", f"{day}", "--format", "json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def states_of(found: dict[str, Any], rule: str) -> dict[str, str]:
    return {each["user_name"]: each["state"] for each in found["results"] if each["rule"] == rule}


def test_by_the_same_rules_the_results_of_each_day_are_the_same(command: Command, past: Past) -> None:
    first, second = told(command, past.first), told(command, past.second)
    assert first["differences"] == second["differences"] == [] and first["recorded"] and second["recorded"]
    assert states_of(first, "mfa") == {"alice": "excepted", "bob": "pass"}
    assert states_of(second, "mfa") == {"alice": "pass"}
    for found, day in ((first, past.first), (second, past.second)):
        assert found["judged_as_of"][:10] == f"{day}" and len(found["results"]) > 20
        (source,) = found["sources"]
        assert (source["source"], source["how"], source["stored_at"][:10]) == ("report", "imported", f"{day}")
        assert set(found["missing"]) == {"roster", "details"}
    later = told(command, past.second + timedelta(days=5))
    assert later["sources"] == second["sources"], "the latest by then"


def test_what_other_rules_say_is_told_apart(command: Command, portal: Flask, past: Past) -> None:
    before = told(command, past.first)
    portal.config["COMPLIANCE_THRESHOLDS"] = {"": {"key_days": 3650}}
    assert states_of(before, "key-age")["alice"] == "fail"
    found = [each for each in told(command, past.first)["differences"] if each["rule"] == "key-age"]
    assert found == [{"user_name": "alice", "rule": "key-age", "recorded": "fail", "now": "pass"}]
    done = command("rejudge", "--at", f"{past.first}")
    assert done.exit_code == 0 and "alice: fail -> pass" in done.output


def test_a_whole_company_from_all_sources(
    command: Command, portal: Flask, aws: Aws, tmp_path: Path, clock: Clock
) -> None:
    portal.config["EVIDENCE_RETENTION"] = timedelta(days=400)
    assert command("refresh", "--report", "--details", "--quiet").exit_code == 0
    day = datetime.now(UTC).date()
    clock.move(3 * DAY)
    assert command("refresh", "--quiet").exit_code == 0
    found = told(command, day)
    assert found["differences"] == [] and found["missing"] == []
    assert [each["source"] for each in found["sources"]] == ["roster", "report", "details"]
    assert len(states_of(found, "mfa-forced")) >= len(aws.users)


def database(portal: Flask) -> dict[str, list[str]]:
    """All rows, without the audit log."""
    with portal.app_context(), db.engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in db.metadata.sorted_tables
            if not table.name.startswith("activity")
        }


def test_it_changes_nothing(command: Command, portal: Flask, past: Past) -> None:
    before = database(portal)
    portal.config["COMPLIANCE_THRESHOLDS"] = {"": {"key_days": 3650}}
    told(command, past.first)
    assert database(portal) == before


def test_what_is_missing_is_said(command: Command, portal: Flask, past: Past) -> None:
    before = command("rejudge", "--at", f"{past.first - timedelta(days=1)}")
    assert before.exit_code == 1 and NothingKept.message in before.output
    assert command("rejudge", "--at", f"{datetime.now(UTC).date() + timedelta(days=1)}").exit_code == 2
    shown = command("rejudge", "--at", f"{past.first}").output
    assert "Not kept: authorization details" in shown and "Not kept: refresh from AWS" in shown
    with portal.app_context(), db.engine.begin() as connection:
        connection.execute(delete(ComplianceSource))
    assert command("rejudge", "--at", f"{past.second}").exit_code == 1


def test_sources_of_another_key_are_not_read(command: Command, portal: Flask, past: Past) -> None:
    old, portal.config["SECRET_KEY"] = portal.config["SECRET_KEY"], "n" * 40
    done = command("rejudge", "--at", f"{past.first}")
    assert done.exit_code == 1 and SourceUnreadable.message in done.output
    portal.config["SECRET_KEY_FALLBACKS"] = [old]
    assert told(command, past.first)["differences"] == []
    assert command("prune").exit_code == 0
    portal.config["SECRET_KEY_FALLBACKS"] = []
    assert told(command, past.first)["differences"] == []
