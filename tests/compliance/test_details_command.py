"""`compliance import --details`: what the AWS CLI prints of an account, and what is then true at AWS."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError
from flask import Flask
from sqlalchemy import select, text

from app.aws import authorization_details
from app.aws.authorization_details import GET_DETAILS, AuthorizationDetailsGateway
from app.aws.clients import Clients, NotOnTheAllowList
from app.compliance import fetching
from app.compliance.data.models import ComplianceAccount, CompliancePerson
from app.compliance.rules.sources import ForcedFacts
from app.db import db
from app.errors import Throttled
from app.policy.portal_actions import allowed_actions, live_actions
from tests.compliance.conftest import PEOPLE, Aws, Command
from tests.compliance.test_account import verdicts
from tests.support import forks

CAST = 5


def aws_cli(*words: str) -> bytes:
    """Run the AWS CLI as the commands do, with the caller's own profile."""
    program = [sys.executable, "-m", "awscli", "iam", "get-account-authorization-details", *words]
    found = forks.run(program, Path.cwd(), {**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}, "aws")
    assert found.returncode == 0, found.stderr
    return found.stdout.encode()


def collected(portal: Flask) -> datetime | None:
    with portal.app_context(), db.engine.connect() as connection:
        found: datetime | None = connection.execute(select(ComplianceAccount.details_at)).scalar_one_or_none()
        return found


def facts(portal: Flask, name: str) -> ForcedFacts:
    with portal.app_context(), db.engine.connect() as connection:
        query = select(CompliancePerson.forced).where(CompliancePerson.user_name == name)
        found: ForcedFacts = connection.execute(query).scalar_one()
        return found


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_what_the_cli_prints_is_taken(portal: Flask, command: Command, tmp_path: Path, form: str) -> None:
    file = tmp_path / "details"
    told = aws_cli("--output", "json")
    # Version 2 of the CLI prints YAML, which isn't on PyPI.
    file.write_bytes(told if form == "json" else yaml.safe_dump(json.loads(told), sort_keys=False).encode())
    os.utime(file, (time.time(), time.time()))  # by the clock of the tests
    done = command("import", "--details", str(file))
    assert done.exit_code == 0 and f" {PEOPLE + CAST} " in done.output, done.output
    found = verdicts(portal)
    assert found["KeyUser"]["mfa-forced"] == "pass" and found["Administrator"]["mfa-forced"] == "fail"
    at = collected(portal)
    assert at and datetime.now(UTC) - at < timedelta(minutes=5)


def test_what_is_said_to_work_without_mfa_works_at_aws(portal: Flask, command: Command, aws: Aws) -> None:
    done = command("import", "--details", "-", input=aws_cli())
    assert done.exit_code == 0, done.output
    request = facts(portal, "Administrator")["request"]
    assert request and request["session"] == "key" and request["arn"] == "arn:aws:iam::aws:policy/AdministratorAccess"
    assert _decision(aws, "Administrator", request["action"]) == "Allowed"
    assert _decision(aws, "KeyUser", request["action"]) != "Allowed"


def _decision(aws: Aws, name: str, action: str) -> str:
    """What the sandbox decides of a request without parameters, made with a plain access key."""
    me, (service, operation) = aws.users[name], action.split(":")
    key = {"aws_access_key_id": me["access_key_id"], "aws_secret_access_key": me["secret_access_key"]}
    client = boto3.client(service, endpoint_url=aws.url, region_name="us-east-1", **key)  # type: ignore[call-overload]
    ask = getattr(client, {name: method for method, name in client.meta.method_to_api_mapping.items()}[operation])
    before = aws.last_call()
    with suppress(ClientError):  # what was decided is in the log
        ask(**_least(client.meta.service_model.operation_model(operation).input_shape))
    return str(aws.calls(before)[-1]["decision"])


def _least(shape: Any) -> dict[str, str]:
    return dict.fromkeys(shape.required_members, "x" * 20) if shape else {}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--output", "text"), "as text"),
        (("--output", "table"), "as a table"),
        (("--max-items", "5"), "--max-items"),
        (("--no-paginate",), "--no-paginate"),
        (("--query", "UserDetailList"), "only a part"),
        (("--filter", "Group", "LocalManagedPolicy"), "--filter"),
    ],
)
def test_what_is_not_all_of_it_changes_nothing(
    portal: Flask, command: Command, words: tuple[str, ...], named: str
) -> None:
    refused = command("import", "--details", "-", input=aws_cli(*words))
    assert refused.exit_code == 1 and named in refused.output and "Nothing was changed." in refused.output
    assert collected(portal) is None and not verdicts(portal)


def test_details_of_another_account_change_nothing(portal: Flask, command: Command) -> None:
    refused = command("import", "--details", "-", input=aws_cli().replace(b"123456789012", b"210987654321"))
    assert refused.exit_code == 1 and "account 210987654321, not of 123456789012" in refused.output
    assert collected(portal) is None and not verdicts(portal)


def test_a_file_of_yesterday_is_of_yesterday(portal: Flask, command: Command, tmp_path: Path) -> None:
    file = tmp_path / "details.json"
    told = json.loads(aws_cli())
    for each in [*told["UserDetailList"], *told["GroupDetailList"], *told["Policies"]]:
        each["CreateDate"] = each["UpdateDate"] = "2026-01-01T00:00:00Z"
    file.write_text(json.dumps(told))
    yesterday = time.time() - 86_400
    os.utime(file, (yesterday, yesterday))
    assert command("import", "--details", str(file)).exit_code == 0
    at = collected(portal)
    assert at and abs(at.timestamp() - yesterday) < 2
    older = command("import", "--details", str(file), "--made-at", "2026-02-01T00:00:00")
    assert older.exit_code == 1 and "Newer ones" in older.output
    assert collected(portal) == at


def test_the_command_fetches_all_pages_itself(
    portal: Flask, command: Command, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorization_details, "MOST", 100)
    before = aws.last_call()
    done = command("refresh", "--details")
    assert done.exit_code == 0 and f" {PEOPLE + CAST} users in the authorization details" in done.output, done.output
    asked = [call for call in aws.calls(before) if call["action"] == GET_DETAILS]
    assert len(asked) == 6 and all("latchkey" in call["user_agent"] for call in asked)
    found = verdicts(portal)
    assert found["KeyUser"]["mfa-forced"] == "pass" and found["Administrator"]["mfa-forced"] == "fail"
    with portal.app_context(), db.engine.connect() as connection:
        events = connection.execute(text("select event from activity where event = 'details-taken'")).all()
    assert len(events) == 2, "tried and done, on the record"
    assert command("refresh", "--details", "--quiet").output == ""


def test_a_command_waits_where_aws_throttles_and_keeps_all_or_nothing(
    portal: Flask, command: Command, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorization_details, "MOST", 100)
    monkeypatch.setattr(fetching, "SLOWED", (0.01,))
    aws.faults({"action": GET_DETAILS, "occurrences": [3, 4, 5], "fault": "throttle"})
    done = command("refresh", "--details")
    assert done.exit_code == 0, done.output
    before = collected(portal), verdicts(portal)
    aws.faults({"action": GET_DETAILS, "occurrences": list(range(3, 50)), "fault": "throttle"})
    told = command("refresh", "--details")
    assert told.exit_code == 1 and Throttled.message in told.output
    assert (collected(portal), verdicts(portal)) == before, "the first two pages are no details"


def test_without_the_action_the_rest_is_refreshed_all_the_same(portal: Flask, command: Command, aws: Aws) -> None:
    deny = {"Effect": "Deny", "Action": GET_DETAILS, "Resource": "*"}
    aws.state.iam.put_user_policy(
        "Administrator", "no-details", json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    )
    try:
        told = command("refresh", "--report", "--details")
    finally:
        aws.state.iam.delete_user_policy("Administrator", "no-details")
    assert told.exit_code == 1 and f"AWS didn’t allow {GET_DETAILS}" in told.output
    assert "docs/compliance.md" in told.output and "users in the credential report" in told.output
    assert collected(portal) is None and len(verdicts(portal)) == PEOPLE + CAST


def test_no_policy_lets_the_portal_itself_ask_for_details() -> None:
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    assert GET_DETAILS not in allowed_actions(everything) | live_actions()
    with pytest.raises(NotOnTheAllowList):
        AuthorizationDetailsGateway(Clients(allowed_actions(everything), "us-east-1")).page()


def test_a_report_and_details_are_told_apart(portal: Flask, command: Command) -> None:
    details = command("import", "-", input=aws_cli())
    assert details.exit_code == 1 and "--details" in details.output, details.output
    report = command("import", "--details", "-", input=b"user,arn,user_creation_time\n")
    assert report.exit_code == 1 and "credential report" in report.output
