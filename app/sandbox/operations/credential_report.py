"""The credential report: made on request, a new one at most once every four hours (IAM User Guide; observed)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from app.sandbox.api import Call, Refusal, operation
from app.sandbox.auth.users import aware
from app.sandbox.state import State

Members = Mapping[str, Any]
FRESH = timedelta(hours=4)
MAKING = timedelta(seconds=1)
"""How long a report takes. At AWS it is seconds to minutes."""
HEADER = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,"
    "access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,"
    "cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
)
NOTHING = "N/A"


def report_of(state: State, now: datetime) -> bytes:
    """Return the CSV as AWS writes it: lines end in LF, the last one without."""
    text = io.StringIO()
    text.write(HEADER + "\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_root(state))
    for user in sorted(state.iam.users.values(), key=lambda user: str(user.name)):
        writer.writerow(_row(state, user, now))
    return text.getvalue().rstrip("\n").encode()


def _time(moment: datetime | None, otherwise: str = NOTHING) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else otherwise


def _true(fact: object) -> str:
    return "true" if fact else "false"


def _root(state: State) -> list[str]:
    """Return the line of the root user: no keys, not used, password and MFA as GetAccountSummary has them."""
    has_password = _true(state.root_has_credentials)
    last_used = "no_information" if state.root_has_credentials else NOTHING
    arn = f"arn:{state.partition}:iam::{state.account_id}:root"
    no_key = ["false", *[NOTHING] * 4]
    return [
        "<root_account>",
        arn,
        "2020-01-01T00:00:00Z",
        *(has_password, last_used, "not_supported", "not_supported"),
        _true(state.root_has_credentials),
        *no_key,
        *no_key,
        *["false", NOTHING] * 2,
    ]


def _row(state: State, user: Any, now: datetime) -> list[str]:
    password = [_true(user.password), NOTHING, NOTHING, NOTHING]
    if user.password:
        changed = state.password_set_at.get(user.name)
        policy = state.iam.account_password_policy
        days = int(policy.max_password_age or 0) if policy else 0
        password[1] = _time(state.password_last_used.get(user.name), "no_information")
        password[2] = _time(changed)
        password[3] = _time(changed + timedelta(days=days) if changed and days else None)
    keys = [_key(state, key) for key in list(user.access_keys)[:2]]
    certificates = [
        [_true(certificate.status == "Active"), _time(aware(certificate.upload_date))]
        for certificate in list(user.signing_certificates.values())[:2]
    ]
    keys += [["false", *[NOTHING] * 4]] * (2 - len(keys))
    certificates += [["false", NOTHING]] * (2 - len(certificates))
    return [
        user.name,
        user.arn,
        _time(aware(user.create_date)),
        *password,
        _true(user.mfa_devices),
        *(cell for key in keys for cell in key),
        *(cell for certificate in certificates for cell in certificate),
    ]


def _key(state: State, key: Any) -> list[str]:
    used = state.key_last_used.get(key.access_key_id)
    use = [_time(used[0]), NOTHING if used[1] == "iam" else state.region, used[1]] if used else [NOTHING] * 3
    return [_true(key.status == "Active"), _time(aware(key.create_date)), *use]


@operation("iam", "GenerateCredentialReport")
def generate(state: State, call: Call) -> Members:
    """Start a report, unless the last one is younger than four hours."""
    if state.credential_report and (age := call.now - state.credential_report[0]) < FRESH:
        return {"State": "COMPLETE" if age >= MAKING else "INPROGRESS"}
    state.credential_report = (call.now, report_of(state, call.now))
    return {"State": "STARTED", "Description": "No report exists. Starting a new report generation task"}


@operation("iam", "GetCredentialReport")
def get(state: State, call: Call) -> Members:
    """Return the last report, while it is valid."""
    if state.credential_report is None:
        raise Refusal("ReportNotPresent", "No report is present. Generate one first.", 410)
    made_at, content = state.credential_report
    if call.now - made_at < MAKING:
        raise Refusal("ReportInProgress", "Report is not ready. Wait, then try again.", 404)
    if call.now - made_at >= FRESH:
        raise Refusal("ReportExpired", "The report has expired. Generate a new one.", 410)
    return {"Content": content, "ReportFormat": "text/csv", "GeneratedTime": made_at}
