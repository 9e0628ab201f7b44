"""Findings in the AWS Security Finding Format: the list that Security Hub's BatchImportFindings takes, 100 at a time.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html
"""

from __future__ import annotations

from typing import Any

from app.compliance.data.queries import RuleFinding
from app.compliance.evidence.about import PRODUCT, About, stamp
from app.compliance.evidence.items import Items
from app.compliance.evidence.ocsf import uid
from app.compliance.export import Who, numbers_of, request_of
from app.compliance.rules.subjects import Terms
from app.compliance.rules.table import demanded
from app.compliance.rules.verdicts import State

SCHEMA = "2018-10-08"
TYPE = "Software and Configuration Checks/Industry and Regulatory Standards"
RESULTS = {
    State.PASS: "PASSED", State.FAIL: "FAILED", State.UNKNOWN: "WARNING", State.EXCEPTED: "FAILED",
}  # fmt: skip
"""Compliance.Status. WARNING: some information is missing."""
LIFE = {
    State.PASS: "RESOLVED", State.FAIL: "NEW", State.UNKNOWN: "NEW", State.EXCEPTED: "SUPPRESSED",
}  # fmt: skip
"""Workflow.Status."""
MOST_REQUIREMENTS, MOST_TITLE, MOST_TEXT, MOST_NOTE, MOST_VALUE = 32, 256, 1024, 512, 2048
"""Limits of AWS."""


def finding(about: About, terms: Terms, items: Items, who: Who, found: RuleFinding) -> dict[str, Any]:
    """Return a finding for BatchImportFindings."""
    state, rule, exception = found.verdict.state, found.rule, found.exception
    at = stamp(about.as_of)
    described = f"{demanded(rule, terms)} {found.verdict.sentence}"
    ours = {f"latchkey/{name.replace('_', '-')}": str(number) for name, number in numbers_of(rule, terms)}
    ours |= {"latchkey/state": state.value, "latchkey/version": about.version}
    if found.works:
        ours |= {
            f"latchkey/{name.replace('_', '-')}": _cut(text, MOST_VALUE)
            for name, text in request_of(found.works).items()
            if text
        }
    fields: dict[str, Any] = {
        "SchemaVersion": SCHEMA,
        "Id": uid(about, who, rule.id),
        "ProductArn": f"arn:{about.partition}:securityhub:{about.region}:{about.account_id}:product/"
        f"{about.account_id}/default",
        "ProductName": PRODUCT,
        "CompanyName": PRODUCT,
        "GeneratorId": f"latchkey/{rule.id}",
        "AwsAccountId": about.account_id,
        "Types": [TYPE],
        "CreatedAt": at,
        "UpdatedAt": stamp(about.made_at),
        "Severity": {"Label": "INFORMATIONAL" if state is State.PASS else rule.severity.upper()},
        "Title": _cut(rule.name, MOST_TITLE),
        "Description": _cut(described, MOST_TEXT),
        "ProductFields": ours,
        "Resources": [_resource(about, who)],
        "Compliance": {"Status": RESULTS[state]},
        "Workflow": {"Status": LIFE[state]},
        "RecordState": "ACTIVE",
    }
    required = [f"{standard.name} {control.number}" for standard, control in items.get(rule.id, ())]
    if required:
        fields["Compliance"]["RelatedRequirements"] = required[:MOST_REQUIREMENTS]
    if exception:
        ours["latchkey/exception-reason"] = exception.reason
        ours["latchkey/exception-owner"] = exception.owner
        ours["latchkey/exception-until"] = stamp(exception.until)
        ours["latchkey/exception-made-by"] = exception.made_by
        ours["latchkey/exception-made-at"] = stamp(exception.made_at)
        ours["latchkey/exception-rule"] = exception.rule
        if exception.approved_at:
            ours["latchkey/exception-approved-by"] = exception.approved_by
            ours["latchkey/exception-approved-at"] = stamp(exception.approved_at)
        fields["Note"] = {
            "Text": _cut(exception.reason, MOST_NOTE),
            "UpdatedBy": _cut(exception.made_by, MOST_NOTE),
            "UpdatedAt": stamp(exception.made_at),
        }
    return fields


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _resource(about: About, who: Who) -> dict[str, Any]:
    if not who.user_name:
        return {
            "Type": "AwsAccount",
            "Id": f"AWS::::Account:{about.account_id}",
            "Partition": about.partition,
            "Region": about.region,
        }
    details = {"UserName": who.user_name} | ({"UserId": who.user_id} if who.user_id else {})
    return {
        "Type": "AwsIamUser",
        "Id": who.arn or who.user_name,
        "Partition": about.partition,
        "Region": about.region,
        "Details": {"AwsIamUser": details},
    }
