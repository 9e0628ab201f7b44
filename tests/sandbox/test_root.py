"""The root user: the credential report and the account's summary say the same."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from typing import Any

import pytest

from app.sandbox.api import Call, Caller
from app.sandbox.operations.accounts import summary
from app.sandbox.operations.credential_report import report_of
from app.sandbox.outcomes import parsed
from app.sandbox.state import Settings, State

NOW = datetime(2026, 11, 28, tzinfo=UTC)
ADMIN = Caller("123456789012", "arn:aws:iam::123456789012:user/Administrator", "AIDA", "Administrator", "AKIA")


@pytest.mark.parametrize(("outcome", "cells", "number"), [("present", "true", 1), ("removed", "false", 0)])
def test_report_and_summary_agree_on_root(outcome: str, cells: str, number: int) -> None:
    state = State(Settings(outcomes=parsed((f"root-credentials={outcome}",))))
    members: Any = summary(state, Call("iam", "GetAccountSummary", {}, ADMIN, "id", NOW))
    told = members["SummaryMap"]
    root = next(csv.DictReader(report_of(state, NOW).decode().splitlines()))
    assert root["user"] == "<root_account>"
    assert (root["password_enabled"], root["mfa_active"]) == (cells, cells)
    assert (told["AccountPasswordPresent"], told["AccountMFAEnabled"]) == (number, number)
    assert (root["access_key_1_active"], told["AccountAccessKeysPresent"]) == ("false", 0)
    assert (root["cert_1_active"], told["AccountSigningCertificatesPresent"]) == ("false", 0)
