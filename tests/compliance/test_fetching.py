"""`compliance refresh --report`: the lists and the credential report with one command, and with no page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from flask import Flask
from sqlalchemy import text

from app.aws.clients import AwsCredentials, Clients, NotOnTheAllowList, using_credentials
from app.aws.credential_report import GENERATE, GET, CredentialReportGateway, MadeReport
from app.compliance.fetching import PAUSES, ReportTookTooLong, fetched
from app.db import db
from app.errors import Throttled
from app.policy.portal_actions import allowed_actions
from tests.compliance.conftest import Aws, Command
from tests.compliance.test_account import verdicts
from tests.compliance.test_rules import made_from_scratch


@pytest.fixture(autouse=True)
def no_report(aws: Aws) -> None:
    """AWS has none of an earlier test."""
    aws.state.credential_report = None


def test_one_command_tells_everything(portal: Flask, command: Command, aws: Aws) -> None:
    before = aws.last_call()
    done = command("refresh", "--report")
    assert done.exit_code == 0, done.output
    assert "users in the credential report of 20" in done.output
    assert verdicts(portal) == made_from_scratch(aws, datetime.now(UTC))
    asked = Counter(call["action"] for call in aws.calls(before))
    assert asked[GET] == 1 and 2 <= asked[GENERATE] <= 4, "asked patiently"

    before = aws.last_call()
    assert command("refresh", "--report", "--quiet").output == ""
    asked = Counter(call["action"] for call in aws.calls(before))
    assert (asked[GENERATE], asked[GET]) == (1, 1), "the report of before is still good"
    with portal.app_context(), db.engine.connect() as connection:
        events = connection.execute(text("select event from activity where event = 'credential-report-taken'")).all()
    assert len(events) == 4, "each import is on the record, with its outcome"


def test_without_the_two_actions_the_lists_are_refreshed_all_the_same(
    portal: Flask, command: Command, aws: Aws
) -> None:
    deny = {"Effect": "Deny", "Action": GENERATE, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    aws.state.iam.put_user_policy("Administrator", "no-report", policy)
    try:
        told = command("refresh", "--report")
    finally:
        aws.state.iam.delete_user_policy("Administrator", "no-report")
    assert told.exit_code == 1
    assert f"AWS didn’t allow {GENERATE}" in told.output and "docs/compliance.md" in told.output
    assert len(verdicts(portal)) > 500


class Slow(CredentialReportGateway):
    """AWS, with what it answers in order: the state of the report, or that it slows us down."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    def generate(self) -> bool:
        answer = self.answers.pop(0) if self.answers else "INPROGRESS"
        if answer == "throttled":
            raise Throttled(action=GENERATE)
        self.gone = answer == "gone"
        return answer in ("COMPLETE", "gone")

    def report(self) -> MadeReport | None:
        return None if self.gone else MadeReport(b"user", datetime(2026, 1, 1, tzinfo=UTC))


def test_a_command_waits_longer_and_longer_and_not_for_ever() -> None:
    waits: list[float] = []
    made = fetched(Slow("STARTED", "throttled", "INPROGRESS", "gone", "COMPLETE"), waits.append)
    assert made.content == b"user" and waits == list(PAUSES[:4])
    with pytest.raises(ReportTookTooLong):
        fetched(Slow(), waits.append)
    assert 240 < sum(PAUSES) < 400 and sorted(PAUSES) == list(PAUSES)


def _as_administrator(aws: Aws, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    key = aws.users["Administrator"]
    with using_credentials(AwsCredentials(key["access_key_id"], key["secret_access_key"])):
        return ask()


def test_as_at_aws_a_report_takes_its_time(portal: Flask, aws: Aws) -> None:
    iam = Clients(frozenset({GENERATE, GET}), "us-east-1").client("iam")
    with pytest.raises(ClientError) as none:
        _as_administrator(aws, iam.get_credential_report)
    assert none.value.response["Error"]["Code"] == "ReportNotPresent"
    assert _as_administrator(aws, iam.generate_credential_report)["State"] == "STARTED"
    assert _as_administrator(aws, iam.generate_credential_report)["State"] == "INPROGRESS"
    with pytest.raises(ClientError) as early:
        _as_administrator(aws, iam.get_credential_report)
    assert early.value.response["Error"]["Code"] == "ReportInProgress"


def test_no_policy_lets_the_portal_itself_ask_for_a_report() -> None:
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    assert not {GENERATE, GET} & allowed_actions(everything)
    gateway = CredentialReportGateway(Clients(allowed_actions(everything), "us-east-1"))
    with pytest.raises(NotOnTheAllowList):
        gateway.generate()
    with pytest.raises(NotOnTheAllowList):
        gateway.report()
