"""An account of 500 people, refreshed and reported; what the verdicts must be is read off the sandbox's state."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.compliance import labels
from app.compliance import refresh as refreshing
from app.compliance.data import daily, refresh_runs
from app.compliance.data.models import CompliancePerson
from app.compliance.rules.subjects import Source
from app.db import db
from app.errors import Throttled
from app.sandbox.operations.credential_report import report_of
from tests.compliance.conftest import PEOPLE, Aws, Command, act_as
from tests.compliance.test_rules import made_from_scratch

ACCOUNT = "123456789012"
CAST = 5


def verdicts(portal: Flask) -> dict[str, dict[str, str]]:
    with portal.app_context(), db.engine.connect() as connection:
        rows = connection.execute(select(CompliancePerson.user_name, CompliancePerson.verdicts))
        return {row.user_name: dict(word.split("=") for word in row.verdicts.split()) for row in rows}


def figures(portal: Flask) -> daily.Figures:
    with portal.app_context(), db.engine.connect() as connection:
        return daily.days(connection, ACCOUNT, datetime.now(UTC))[-1][1]


def latest(portal: Flask) -> refresh_runs.Progress:
    with portal.app_context(), db.engine.connect() as connection:
        found = refresh_runs.latest(connection, ACCOUNT, datetime.now(UTC))
        assert found
        return found


def imported(command: Command, aws: Aws, tmp_path: Path) -> Any:
    now = datetime.now(UTC)
    file = tmp_path / "report.csv"
    file.write_bytes(report_of(aws.state, now))
    return command("import", str(file), "--made-at", f"{now:%Y-%m-%dT%H:%M:%SZ}")


def test_with_user_list_and_report_every_verdict_is_as_the_account_is(
    portal: Flask, command: Command, aws: Aws, tmp_path: Path
) -> None:
    done = command("refresh")
    assert done.exit_code == 0, done.output
    done = imported(command, aws, tmp_path)
    assert done.exit_code == 0, done.output
    now = datetime.now(UTC)
    expected, found = made_from_scratch(aws, now), verdicts(portal)
    wrong = {
        name: (found.get(name), says)
        for name, says in expected.items()
        # Nobody sits on a boundary for longer than this test takes.
        if found.get(name) != says
    }
    assert not wrong, dict(list(wrong.items())[:5])
    assert len(found) == PEOPLE + CAST
    counted = figures(portal)
    for rule in ("mfa", "key-age", "unused"):
        states = Counter(says[rule] for says in expected.values() if rule in says)
        assert (counted.of(rule).passed, counted.of(rule).failed) == (states["pass"], states["fail"])
    ages = [
        now - min(key.create_date.replace(tzinfo=UTC) for key in keys)
        for user in aws.state.iam.users.values()
        if (keys := [key for key in user.access_keys if key.status == "Active"])
    ]
    assert counted.key_ages[3] == sum(age > timedelta(days=90) for age in ages)
    assert sum(counted.key_ages) == len(ages)


def test_the_user_list_alone_says_what_it_cannot_know(portal: Flask, command: Command, aws: Aws) -> None:
    before = aws.last_call()
    assert command("refresh").exit_code == 0
    asked = Counter(call["action"] for call in aws.calls(before))
    assert asked["iam:ListUsers"] == 2, "a plain key is tried first"
    assert set(asked) == {
        "sts:GetCallerIdentity", "iam:ListUsers", "iam:ListVirtualMFADevices", "iam:GetAccountSummary",
        "iam:GetAccountPasswordPolicy", "iam:ListAccountAliases", "iam:ListServerCertificates",
    }  # fmt: skip
    users = aws.state.iam.users
    found = verdicts(portal)
    for name, user in users.items():
        virtual = any(":mfa/" in serial for serial in user.mfa_devices)
        assert found[name]["mfa"] == ("pass" if virtual else "unknown"), name
        assert found[name]["key-age"] == "unknown"
    others = sum(":mfa/" not in serial for user in users.values() for serial in user.mfa_devices)
    with portal.app_context(), db.engine.connect() as connection:
        (user_list,) = connection.execute(text("select roster from compliance_accounts")).scalars()
    assert json.loads(user_list)["others"] == others > 0


def test_without_other_devices_in_the_account_nobody_has_one(portal: Flask, command: Command, aws: Aws) -> None:
    kept = {}
    for user in aws.state.iam.users.values():
        kept[user.name] = dict(user.mfa_devices)
        for serial in [serial for serial in user.mfa_devices if ":mfa/" not in serial]:
            del user.mfa_devices[serial]
    try:
        assert command("refresh").exit_code == 0
        assert {says["mfa"] for says in verdicts(portal).values()} == {"pass", "fail"}
    finally:
        for name, devices in kept.items():
            aws.state.iam.users[name].mfa_devices = devices


def test_a_profile_without_mfa_is_told_so(
    portal: Flask, command: Command, aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    act_as(monkeypatch, aws, "KeyUser")
    device = f"--serial-number arn:aws:iam::{ACCOUNT}:mfa/NAME"
    told = command("refresh")
    assert told.exit_code == 1
    assert f"aws configure mfa-login --update-profile mfa {device}" in told.output
    assert "--profile mfa." in told.output, "what to do then"
    key = aws.users["KeyUser"]
    (tmp_path / "none").write_text(
        f"[work]\naws_access_key_id = {key['access_key_id']}\naws_secret_access_key = {key['secret_access_key']}\n"
    )
    told = command("refresh", "--profile", "work")
    assert told.exit_code == 1
    assert f"aws configure mfa-login --profile work --update-profile work-mfa {device}" in told.output
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    told = command("refresh", "--profile", "nobody")
    assert told.exit_code == 1 and "nobody" in told.output
    with portal.app_context(), db.engine.connect() as connection:
        assert connection.execute(text("select count(*) from compliance_runs")).scalar() == 0


def test_throttling_slows_a_refresh_and_does_not_break_it(
    portal: Flask, command: Command, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refreshing, "PAUSES", (0,))
    assert command("refresh").exit_code == 0
    aws.faults({"action": "iam:ListVirtualMFADevices", "occurrences": [1, 2, 3], "fault": "throttle"})
    done = command("refresh")
    assert done.exit_code == 0, done.output
    assert latest(portal).slowed == 1, "three tries are botocore's own"
    aws.faults({"action": "iam:ListAccountAliases", "fault": "throttle"})
    told = command("refresh")
    assert told.exit_code == 1 and Throttled.message in told.output
    assert latest(portal).state is refresh_runs.RunState.FAILED
    assert len(verdicts(portal)) == PEOPLE + CAST, "the data of before"


def test_denied_half_way_the_data_of_before_stays(portal: Flask, command: Command, aws: Aws) -> None:
    assert command("refresh").exit_code == 0
    before = verdicts(portal)
    deny = json.dumps(
        {"Version": "2012-10-17",
         "Statement": [{"Effect": "Deny", "Action": "iam:ListVirtualMFADevices", "Resource": "*"}]}
    )  # fmt: skip
    aws.state.iam.put_user_policy("Administrator", "no-devices", deny)
    try:
        told = command("refresh")
    finally:
        aws.state.iam.delete_user_policy("Administrator", "no-devices")
    assert told.exit_code == 1 and "iam:ListVirtualMFADevices" in told.output
    assert verdicts(portal) == before
    assert "iam:ListVirtualMFADevices" in latest(portal).problem


def test_one_refresh_at_a_time_and_a_killed_one_is_seen(portal: Flask, command: Command, aws: Aws) -> None:
    now = datetime.now(UTC)
    with portal.app_context():
        refresh_runs.claim(db.engine, ACCOUNT, "arn:aws:iam::123456789012:user/other", now - timedelta(seconds=5))
    told = command("refresh")
    assert told.exit_code == 1 and refresh_runs.RefreshAlreadyRunning.message in told.output
    with portal.app_context(), db.engine.begin() as connection:
        connection.execute(text("update compliance_accounts set beat_at = '2020-01-01 00:00:00'"))
    assert latest(portal).state is refresh_runs.RunState.KILLED
    assert command("refresh").exit_code == 0
    assert latest(portal).state is refresh_runs.RunState.DONE
    with portal.app_context(), db.engine.connect() as connection:
        states = connection.execute(text("select state from compliance_runs order by started_at")).scalars().all()
    assert states == ["killed", "done"]


def test_what_was_overtaken_stores_nothing(portal: Flask, command: Command, aws: Aws) -> None:
    now = datetime.now(UTC)
    with portal.app_context():
        slow = refresh_runs.claim(db.engine, ACCOUNT, "a", now - timedelta(minutes=2))
        refresh_runs.claim(db.engine, ACCOUNT, "b", now)
        with pytest.raises(refresh_runs.RefreshReplaced):
            refresh_runs.beat(db.engine, ACCOUNT, slow, now)
        with pytest.raises(refresh_runs.RefreshReplaced), db.engine.begin() as connection:
            refresh_runs.finish(connection, ACCOUNT, slow, now)


def test_export_has_a_row_for_each_person_and_rule(portal: Flask, command: Command, aws: Aws, tmp_path: Path) -> None:
    nothing = command("export")
    assert nothing.exit_code == 1 and ACCOUNT in nothing.output, "no empty file"
    command("refresh", "--quiet")
    imported(command, aws, tmp_path)
    rows = list(csv.DictReader(io.StringIO(command("export").output)))
    found = verdicts(portal)
    of_people = {(row["user_name"], row["rule"]): row["state"] for row in rows if row["user_name"]}
    assert of_people == {(name, rule): state for name, says in found.items() for rule, state in says.items()}
    (root,) = [row for row in rows if row["rule"] == "root-mfa"]
    assert (root["state"], root["cis_1.5"], root["cis_5.0"]) == ("pass", "1.5", "1.4")
    # Both sources say if root has MFA. The later one counts, which within a second may be either.
    told = tuple(f"{labels.FACTS['root_mfa']}: {labels.SOURCES[each]}" for each in (Source.USER_LIST, Source.REPORT))
    assert root["evidence"].startswith(told) and " 20" in root["evidence"], "as pages say it"
    failing = json.loads(command("export", "--format", "json", "--rule", "mfa", "--state", "fail").output)
    assert {row["user_name"] for row in failing} == {name for name, says in found.items() if says["mfa"] == "fail"}
    (root,) = json.loads(command("export", "--format", "json", "--rule", "root-mfa").output)
    assert (root["user_name"], root["state"]) == ("", "pass"), "an account's rule is asked for like any other"
    failing = json.loads(command("export", "--format", "json", "--state", "fail").output)
    assert {"password-length", "mfa"} <= {row["rule"] for row in failing}


def test_time_alone_makes_nobody_fail(portal: Flask, command: Command, aws: Aws, tmp_path: Path, clock: Any) -> None:
    command("refresh", "--quiet")
    imported(command, aws, tmp_path)
    before, was = figures(portal), made_from_scratch(aws, datetime.now(UTC))
    clock.move(30 * 86400)
    assert command("export", "--rule", "mfa", "--state", "fail").exit_code == 0  # reading catches up
    after = figures(portal)
    expected = made_from_scratch(aws, datetime.now(UTC))
    for name, says in expected.items():
        # What fails only since the report was made may have been fixed since.
        says.update({rule: "unknown" for rule, state in says.items() if state == "fail" != was[name][rule]})
    assert verdicts(portal) == expected
    grown = sum(says.get("key-age") == "unknown" for says in expected.values())
    assert grown and after.of("key-age").unknown == grown
    assert after.of("key-age").failed == before.of("key-age").failed
    clock.move(61 * 86400)
    assert command("export").exit_code == 0
    assert {state for says in verdicts(portal).values() for state in says.values()} == {"unknown"}, "all too old now"
    with portal.app_context(), db.engine.connect() as connection:
        history = daily.days(connection, ACCOUNT, datetime.now(UTC), back=120)
        assert len(history) == 3
        assert not connection.execute(text("select count(*) from compliance_changes where became = 'fail'")).scalar()
    imported(command, aws, tmp_path)
    now = Counter(says["key-age"] for says in made_from_scratch(aws, datetime.now(UTC)).values() if "key-age" in says)
    assert figures(portal).of("key-age").failed == now["fail"], "a new report tells again"
