"""What an auditor takes away: every format is valid by its schema, says the same, and can't be made to say more."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from bs4 import BeautifulSoup
from flask import Flask
from jsonschema import Draft202012Validator
from sqlalchemy import select

from app.audit.command_line import audit_of
from app.audit.events import Event
from app.audit.log import COMMAND_LINE
from app.audit.models import ActivityRow
from app.compliance import exceptions, export_cli
from app.compliance.evidence import pack
from app.compliance.evidence.files import FORMATS
from app.compliance.rules.table import RULES
from app.compliance.rules.verdicts import State
from app.compliance.standards.shipped import shipped
from app.compliance.thresholds import terms_for
from app.db import db
from tests.compliance.conftest import Command
from tests.compliance.test_report import WHOLE
from tests.support.details import ALLOW, IAM, group, managed, user

ACCOUNT = "123456789012"
EVE = f"arn:aws:iam::{ACCOUNT}:user/eve"
SCHEMAS = Path(__file__).parent / "schemas"
ENDINGS = ("csv", "json", "ocsf.json", "asff.json", "html")
HOSTILE = "=cmd|' /C calc'!A0 <script>alert(1)</script> {{7*7}} \"quoted\" \u202e\u0000"[:-1]
BY_STATE = {
    "ocsf": {"pass": ("Pass", "Resolved"), "fail": ("Fail", "New"), "unknown": ("Warning", "New"),
             "excepted": ("Fail", "Suppressed")},
    "asff": {"pass": ("PASSED", "RESOLVED"), "fail": ("FAILED", "NEW"), "unknown": ("WARNING", "NEW"),
             "excepted": ("FAILED", "SUPPRESSED")},
}  # fmt: skip


@pytest.fixture
def account(command: Command, portal: Flask, tmp_path: Path) -> Flask:
    """An account with a report of now, and an exception whose text is hostile."""
    take(command, tmp_path, WHOLE.replace("not_supported,TRUE,FALSE", "not_supported,FALSE,FALSE"))
    with portal.app_context():
        terms = terms_for(portal.config, ACCOUNT)
        wanted = exceptions.NewException("mfa", "alice", HOSTILE, "=owner", datetime.now(UTC) + timedelta(days=9))
        exceptions.add_exception(db.engine, audit_of(ACCOUNT), ACCOUNT, wanted, exceptions.By(EVE, "AIDAEVE"), terms)
    return portal


def test_the_command_offers_every_format() -> None:
    assert set(export_cli.FORMATS) == {*FORMATS, pack.NAME}


def take(command: Command, folder: Path, report: str, *, later: int = 0) -> None:
    """Import a report that AWS made just now. later: seconds, for one that is newer than what was read just now."""
    (folder / "report.csv").write_text(report)
    now = f"{datetime.now(UTC) + timedelta(seconds=later):%Y-%m-%dT%H:%M:%SZ}"
    assert command("import", str(folder / "report.csv"), "--made-at", now).exit_code == 0


def printed(command: Command, form: str, *options: str) -> str:
    done = command("export", "--format", form, *options)
    assert done.exit_code == 0, done.output
    return str(done.output)


def valid(name: str, found: Any) -> list[str]:
    """What the schema has against it."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(found)]


def test_every_format_has_the_same_results(command: Command, account: Flask) -> None:
    rows = json.loads(printed(command, "json"))
    assert {row["state"] for row in rows} == set(State), "pass, fail, unknown and excepted are there"
    ours = [(row["rule"], row["user_name"], row["state"]) for row in rows]
    assert [(row["rule"], row["user_name_exact"], row["state"]) for row in csv_of(command)] == ours
    ocsf, asff = json.loads(printed(command, "ocsf")), json.loads(printed(command, "asff"))
    assert [
        (each["compliance"]["control"], each["finding_info"]["uid"].split("/")[-1], each["unmapped"]["state"])
        for each in ocsf
    ] == ours
    ids = [each["Id"].split("/") for each in asff]
    states = [each["ProductFields"]["latchkey/state"] for each in asff]
    assert [(rule, user, state) for (_, _, rule, user), state in zip(ids, states, strict=True)] == ours
    for (_rule, _user, state), event, finding in zip(ours, ocsf, asff, strict=True):
        assert (event["compliance"]["status"], event["status"]) == BY_STATE["ocsf"][state]
        assert (finding["Compliance"]["Status"], finding["Workflow"]["Status"]) == BY_STATE["asff"][state]


def csv_of(command: Command, *options: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(printed(command, "csv", *options))))


def test_ocsf_is_valid(command: Command, account: Flask) -> None:
    found = json.loads(printed(command, "ocsf"))
    assert valid("ocsf-1.3.0-compliance-finding", found) == []
    assert len({each["finding_info"]["uid"] for each in found}) == len(found)
    known = {each["compliance"]["control"]: each for each in found if each["compliance"]["status_code"] == "fail"}
    assert known["root-mfa"]["severity"] == "Critical" and known["root-mfa"]["resources"][0]["uid"] == ACCOUNT
    assert "cis-5.0 1.4" in known["root-mfa"]["compliance"]["requirements"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda event: event.pop("compliance"),
        lambda event: event.update(type_uid=200302),
        lambda event: event.update(time="2026-05-03T00:00:00Z"),
        lambda event: event["metadata"].pop("version"),
        lambda event: event.update(severity_id=7),
        lambda event: event.update(resorces=[]),
    ],
)
def test_the_schema_of_ocsf_refuses_what_is_not(command: Command, account: Flask, damage: Any) -> None:
    found = json.loads(printed(command, "ocsf", "--rule", "mfa"))
    damage(found[0])
    assert valid("ocsf-1.3.0-compliance-finding", found)


def test_asff_is_valid_and_what_security_hub_takes(command: Command, account: Flask) -> None:
    found = json.loads(printed(command, "asff"))
    assert valid("asff", found) == []
    hub = botocore.session.get_session().get_service_model("securityhub")
    shape = hub.operation_model("BatchImportFindings").input_shape
    assert shape
    for start in range(0, len(found), 100):
        report = ParamValidator().validate({"Findings": found[start : start + 100]}, shape)
        assert not report.has_errors(), report.generate_report()
    excepted = next(each for each in found if each["Workflow"]["Status"] == "SUPPRESSED")
    assert excepted["Note"]["Text"] == HOSTILE and excepted["Note"]["UpdatedBy"].endswith("user/eve")
    found[0]["Titel"] = found[0].pop("Title")
    assert len(valid("asff", found)) == 2


def test_rows_say_by_what_and_when_they_were_judged(command: Command, account: Flask) -> None:
    rows = {(row["rule"], row["user_name"]): row for row in csv_of(command)}
    made = next(iter(rows.values()))
    assert abs(datetime.now(UTC) - datetime.fromisoformat(made["exported_at"])) < timedelta(minutes=2)
    assert re.fullmatch(r"\d+\.\d+\.\d+", made["product_version"]) and made["as_of"]
    assert rows["key-age", "alice"]["thresholds"] == "key-days=90; evidence-days=90"
    assert rows["root-key", ""]["severity"] == "critical" and rows["root-key", ""]["control_titles"]
    assert rows["mfa", "alice"]["exception_made_by"] == EVE and rows["mfa", "alice"]["exception_made_at"]


class Page(HTMLParser):
    """What a browser would see of the report: names of its elements, what they load, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [name for name, _value in attrs if name in ("src", "href", "action") or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_report_stands_on_its_own(command: Command, account: Flask) -> None:
    page = Page(printed(command, "html"))
    assert page.tags & {"script", "link", "img", "iframe", "form", "object", "base"} == set() and page.loads == []
    assert {"title", "h1", "main", "table", "th"} <= page.tags
    for part in (ACCOUNT, "bob", HOSTILE, "=owner", "credential report", "CIS 5.0 1.4", "key-days=90"):
        assert part in page.text, part


OFFICE = {"Sid": "Backup", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::backup/*",
          "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}  # fmt: skip


def test_what_works_without_mfa_is_in_every_file_with_policy_and_conditions(
    command: Command, account: Flask, tmp_path: Path
) -> None:
    """An auditor who has only the file can repeat the request and find the policy that allows it."""
    own = {"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": [OFFICE]}}
    alice = user("alice", Path="/eng/", Arn=f"{IAM}:user/eng/alice", UserPolicyList=[own])
    details = {
        "UserDetailList": [alice, user("bob", CreateDate="2026-01-02T10:00:00Z", GroupList=["finance"])],
        "GroupDetailList": [group("finance", "reports")],
        "RoleDetailList": [],
        "Policies": [managed("reports", ALLOW)],
        "IsTruncated": False,
    }
    (tmp_path / "details.json").write_text(json.dumps(details))
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"  # earlier tests may have moved the clock, but not that of files
    done = command("import", "--details", str(tmp_path / "details.json"), "--account", ACCOUNT, "--made-at", now)
    assert done.exit_code == 0, done.output
    columns = ("action", "resource", "with", "conditions", "statement", "policy")
    told = {
        row["user_name"]: tuple(row[f"request_{name}"] for name in columns)
        for row in csv_of(command, "--rule", "mfa-forced")
    }
    assert told["alice"] == (
        "s3:PutObject", "arn:aws:s3:::backup/x", "key", "aws:SourceIp=192.0.2.0", "Backup", "user/alice/own",
    )  # fmt: skip
    assert told["bob"][4:] == ("Reads", f"{IAM}:policy/reports")
    assert {row["request_policy"] for row in csv_of(command, "--rule", "mfa")} == {""}
    assert [row["request_policy"] for row in json.loads(printed(command, "json", "--rule", "mfa-forced"))] == [
        told["alice"][5], told["bob"][5],
    ]  # fmt: skip
    ocsf, asff = (json.loads(printed(command, form, "--rule", "mfa-forced")) for form in ("ocsf", "asff"))
    assert [tuple(each["unmapped"]["request"][name] for name in columns) for each in ocsf] == list(told.values())
    assert asff[0]["ProductFields"]["latchkey/request-conditions"] == told["alice"][3]
    assert asff[1]["ProductFields"]["latchkey/request-policy"] == told["bob"][5]
    assert valid("ocsf-1.3.0-compliance-finding", ocsf) == [] and valid("asff", asff) == []
    page = Page(printed(command, "html")).text
    assert f"Policy: {told['bob'][5]}" in page and "The request has aws:SourceIp=192.0.2.0." in page


def test_the_report_has_every_item_of_the_standards_and_which_are_not_judged(
    command: Command, account: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An auditor sees without the portal which items the results are about, and which nobody judged."""
    monkeypatch.setitem(account.config, "COMPLIANCE_STANDARDS", {"": (shipped("cis-5.0"), shipped("fsbp"))})
    page = BeautifulSoup(printed(command, "html"), "html.parser")
    text = " ".join(page.get_text().split())
    assert "16 of 21 IAM items of CIS 5.0 are judged here." in text and "9 of 9 IAM controls of AWS FSBP" in text
    assert "cis_5.0_aws.json of Prowler 5.46, checked on" in text
    items = {str(row["data-item"]): row for row in page.select("[data-item]")}
    assert [name for name in items if name.startswith("cis-5.0")] == [
        f"cis-5.0 {control.number}" for control in shipped("cis-5.0").controls
    ]
    states = {name: str(row.select_one("[data-state]")["data-state"]) for name, row in items.items()}  # type: ignore[index]
    assert (states["cis-5.0 1.3"], states["cis-5.0 1.4"]) == ("pass", "fail")
    assert (states["cis-5.0 1.1"], states["cis-5.0 1.17"]) == ("manual", "not-covered")
    assert "which this portal doesn’t read" in items["cis-5.0 1.17"].get_text()
    failed = sum(row["state"] == "fail" for row in csv_of(command, "--rule", "key-age"))
    assert failed and f"failed {failed}" in items["cis-5.0 1.13"].get_text()


def test_hostile_text_stays_text(command: Command, account: Flask) -> None:
    html = printed(command, "html")
    assert "<script" not in html and "&lt;script&gt;alert(1)&lt;/script&gt; {{7*7}} " in html
    alice = next(row for row in csv_of(command, "--rule", "mfa") if row["user_name"] == "alice")
    assert alice["exception_reason"].startswith("'=") and alice["exception_owner"] == "'=owner"
    for form in ("json", "ocsf", "asff"):
        assert HOSTILE in json.dumps(json.loads(printed(command, form)), ensure_ascii=False).replace('\\"', '"')


def test_every_export_is_in_the_audit_log(command: Command, account: Flask) -> None:
    for form in ("csv", "json", "ocsf", "asff", "html"):
        printed(command, form, *(() if form == "html" else ("--rule", "mfa")))
    with account.app_context():
        query = select(ActivityRow.target, ActivityRow.user_agent).where(
            ActivityRow.event == Event.COMPLIANCE_EXPORTED
        )
        noted = db.session.execute(query.order_by(ActivityRow.seq)).all()
    assert [target for target, _who in noted] == [f"{ACCOUNT}.{each}" for each in ENDINGS]
    assert all(COMMAND_LINE in who for _target, who in noted)


def test_a_file_can_be_chosen_and_a_filter_holds_for_every_format(
    command: Command, account: Flask, tmp_path: Path
) -> None:
    for form in ("ocsf", "asff"):
        done = command("export", "--format", form, "--state", "fail", "--output", str(tmp_path / form))
        assert done.exit_code == 0 and done.output == ""
        found = json.loads((tmp_path / form).read_text())
        assert found and all("fail" in json.dumps(each) for each in found)
    told = command("export", "--format", "xml")
    assert told.exit_code == 2 and "ocsf" in told.output


def test_every_rule_has_a_severity_that_formats_know() -> None:
    assert {rule.severity for rule in RULES} == {"low", "medium", "high", "critical"}
