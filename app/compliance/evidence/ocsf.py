"""Findings as Compliance Findings (class 2003) of the Open Cybersecurity Schema Framework, version 1.3.0.

https://schema.ocsf.io/1.3.0/classes/compliance_finding with the profile `cloud`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.compliance import labels
from app.compliance.data.queries import RuleFinding
from app.compliance.evidence.about import PRODUCT, SOURCE_IDS, About, stamp
from app.compliance.evidence.items import Items
from app.compliance.export import Who, numbers_of, request_of
from app.compliance.rules.subjects import Terms
from app.compliance.rules.table import demanded
from app.compliance.rules.verdicts import State
from app.text.messages import _

VERSION = "1.3.0"
CATEGORY, CLASS, CREATE = 2, 2003, 1
AWS_ACCOUNT = 10
"""account.type_id"""
SEVERITIES = {"low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High"), "critical": (5, "Critical")}
INFORMATIONAL = (1, "Informational")
RESULTS = {
    State.PASS: (1, "Pass"), State.FAIL: (3, "Fail"), State.UNKNOWN: (2, "Warning"), State.EXCEPTED: (3, "Fail"),
}  # fmt: skip
"""compliance.status_id. Warning: there is no result, because information is missing."""
LIFE = {
    State.PASS: (4, "Resolved"), State.FAIL: (1, "New"), State.UNKNOWN: (1, "New"),
    State.EXCEPTED: (3, "Suppressed"),
}  # fmt: skip
"""status_id of the finding."""


def finding(about: About, terms: Terms, items: Items, who: Who, found: RuleFinding) -> dict[str, Any]:
    """Return a finding as an OCSF event."""
    state, rule = found.verdict.state, found.rule
    passed = state is State.PASS
    severity, word = INFORMATIONAL if passed else SEVERITIES[rule.severity]
    (result, result_word), (life, life_word) = RESULTS[state], LIFE[state]
    at = milliseconds(about.as_of)
    mine = items.get(rule.id, ())
    event: dict[str, Any] = {
        "activity_id": CREATE,
        "activity_name": "Create",
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Compliance Finding",
        "type_uid": CLASS * 100 + CREATE,
        "type_name": "Compliance Finding: Create",
        "time": at,
        "severity_id": severity,
        "severity": word,
        "status_id": life,
        "status": life_word,
        "message": found.verdict.sentence,
        "metadata": {
            "version": VERSION,
            "profiles": ["cloud"],
            "logged_time": milliseconds(about.made_at),
            "product": {"name": PRODUCT, "vendor_name": PRODUCT, "version": about.version},
        },
        "cloud": {
            "provider": "AWS",
            "account": {"uid": about.account_id, "type": "AWS Account", "type_id": AWS_ACCOUNT}
            | ({"name": about.alias} if about.alias else {}),
        },
        "finding_info": {
            "uid": uid(about, who, rule.id),
            "title": rule.name,
            "desc": demanded(rule, terms),
            "created_time": at,
            "types": ["IAM"],
            "data_sources": [_(labels.SOURCES[seen.source]) for _name, seen in found.evidence],
        },
        "compliance": {
            "control": rule.id,
            "standards": list(dict.fromkeys(standard.name for standard, _control in mine)) or [PRODUCT],
            "requirements": [f"{standard.id} {control.number}" for standard, control in mine],
            "status_id": result,
            "status": result_word,
            "status_code": state.value,
            "status_detail": found.verdict.sentence,
        },
        "resources": [_resource(about, who)],
        "unmapped": _ours(terms, found),
    }
    if found.exception:
        event["comment"] = found.exception.reason
    return event


def uid(about: About, who: Who, rule_id: str) -> str:
    """Return what identifies a finding from one file to the next."""
    return f"latchkey/{about.account_id}/{rule_id}/{who.user_name}"


def milliseconds(moment: datetime) -> int:
    """Return a time as OCSF has it: milliseconds since 1970."""
    return int(moment.timestamp()) * 1000


def _resource(about: About, who: Who) -> dict[str, Any]:
    everywhere = {"cloud_partition": about.partition}
    if not who.user_name:
        return {"type": "AwsAccount", "uid": about.account_id, "name": about.account_name} | everywhere
    identity = {"data": {"user_id": who.user_id}} if who.user_id else {}
    return {"type": "AwsIamUser", "uid": who.arn or who.user_name, "name": who.user_name} | everywhere | identity


def _ours(terms: Terms, found: RuleFinding) -> Mapping[str, Any]:
    """What the schema has no place for."""
    exception = found.exception
    fields: dict[str, Any] = {
        "state": found.verdict.state.value,
        "thresholds": {name.replace("_", "-"): number for name, number in numbers_of(found.rule, terms)},
        "evidence": [
            {"fact": name, "source": SOURCE_IDS[seen.source], "collected_at": stamp(seen.at)}
            for name, seen in found.evidence
        ],
    }
    if found.works:
        fields["request"] = {name.removeprefix("request_"): text for name, text in request_of(found.works).items()}
    if exception:
        fields["exception"] = {
            "reason": exception.reason,
            "owner": exception.owner,
            "until": stamp(exception.until),
            "made_by": exception.made_by,
            "made_at": stamp(exception.made_at),
            "rule": exception.rule,
        }
        if exception.approved_at:
            approved = {"approved_by": exception.approved_by, "approved_at": stamp(exception.approved_at)}
            fields["exception"] |= approved
    return fields
