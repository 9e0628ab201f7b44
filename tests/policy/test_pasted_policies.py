"""Policies as people have them: in files of any tool, in answers of commands, in templates, one statement alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from click.testing import CliRunner

from app.policy.check.all_checks import check
from app.policy.check.findings import Severity
from app.policy.cli import policy as command
from app.policy.documents import read
from app.policy.evaluation import PolicyError

Document = dict[str, Any]
SOUND: Document = read("recommended")
TEXT = json.dumps(SOUND)


def told(given: Any) -> list[tuple[str, Severity]]:
    report = check(given if isinstance(given, str) else json.dumps(given))
    return [(finding.code, finding.severity) for finding in report.findings]


VERSIONS = [
    {"VersionId": "v2", "IsDefaultVersion": True, "Document": SOUND},
    {"VersionId": "v1", "IsDefaultVersion": False, "Document": {"Version": "2012-10-17", "Statement": []}},
]
WRAPPED: dict[str, tuple[Any, str]] = {
    "get-policy-version": ({"PolicyVersion": VERSIONS[0]}, "PolicyVersion.Document"),
    "get-group-policy": ({"GroupName": "g", "PolicyName": "p", "PolicyDocument": SOUND}, "PolicyDocument"),
    "get-user-policy": ({"UserName": "u", "PolicyName": "p", "PolicyDocument": SOUND}, "PolicyDocument"),
    "the API's encoding": ({"UserName": "u", "PolicyDocument": quote(TEXT)}, "PolicyDocument"),
    "a state of Terraform": ({"type": "aws_iam_policy", "values": {"policy": TEXT}}, "values.policy"),
    "a resource of a template": (
        {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": SOUND}},
        "Properties.PolicyDocument",
    ),
    "a whole template": (
        {"Resources": {"ForceMFA": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": SOUND}}}},
        "Resources.ForceMFA.Properties.PolicyDocument",
    ),
    "an account with one policy": (
        {
            "UserDetailList": [],
            "RoleDetailList": [{"RoleName": "r", "AssumeRolePolicyDocument": SOUND}],
            "Policies": [{"PolicyName": "Force_MFA", "PolicyVersionList": VERSIONS}],
        },
        "Policies.Force_MFA.PolicyVersionList.v2.Document",
    ),
}


@pytest.mark.parametrize(("given", "within"), WRAPPED.values(), ids=WRAPPED)
def test_a_policy_within_something_else_is_judged_and_its_place_named(given: Any, within: str) -> None:
    report = check(json.dumps(given))
    [finding] = report.findings
    assert (finding.code, finding.severity) == (
        "wrapped",
        Severity.NOTE,
    ) and f"under {within}. Only" in finding.sentence
    assert report.usable and report.size == check(TEXT).size and report.policy and report.policy.source == SOUND


@pytest.mark.parametrize("text", [json.dumps(TEXT), quote(TEXT), json.dumps(json.dumps(TEXT)), "\ufeff" + TEXT])
def test_a_policy_in_quotes_or_encoded_is_the_same_policy(text: str) -> None:
    assert told(text) == []


ONE = SOUND["Statement"][-1]
NO_DOCUMENT = [
    (ONE, "This is one statement"),
    (SOUND["Statement"], "This is a list of statements"),
    ({"GroupPolicyList": [{"PolicyName": "a", "PolicyDocument": SOUND}, {"PolicyDocument": SOUND}]}, "2 policies"),
    ([SOUND, SOUND, SOUND, SOUND], "4 policies, not one: 0, 1, 2 and 1 more"),
    (
        {"PolicyDocument": {"Statement": [{**ONE, "Resource": {"Fn::Sub": "arn:${AWS::Partition}:s3:::x"}}]}},
        "Fn::Sub",
    ),
]


@pytest.mark.parametrize(("given", "words"), NO_DOCUMENT)
def test_what_is_not_one_document_is_told_in_one_finding(given: Any, words: str) -> None:
    [finding] = check(json.dumps(given)).findings
    assert (finding.code, finding.severity) == ("grammar", Severity.ERROR)
    assert words in finding.sentence and "Leave it out" not in finding.remedy


PRETTY = json.dumps(SOUND, indent=2)
AROUND = {
    "a prompt": f"$ cat policy.json\n{PRETTY}\n$ ",
    "a code fence": f"Here it is:\n```json\n{PRETTY}\n```\nRegards",
    "a command": f"aws iam create-policy --policy-name Force_MFA --policy-document '{TEXT}'",
    "a heredoc of Terraform": f'resource "aws_iam_policy" "x" {{\n  policy = <<EOF\n{PRETTY}\nEOF\n}}\n',
    "a heredoc of Terraform with its escapes": (
        f'resource "aws_iam_policy" "x" {{\n  policy = <<-EOF\n{PRETTY.replace("${", "$${")}\n  EOF\n}}\n'
    ),
    "comments before it": f"// Force MFA {{{{ team }}}}\n{PRETTY}",
    "quotes": f"'{TEXT}'",
    "escaped quotes": TEXT.replace('"', '\\"'),
    "escaped line ends": PRETTY.replace("\n", "\\n").replace('"', '\\"'),
    "a page about it": (
        '## MFA\n\nuse `--details \'{"principalArn": "x"}\'`, {as always}:\n\n'
        f"```json\n{PRETTY}\n```\n\nfor user in users:\n    print({{user}}, {{1: 2}})\n"
    ),
    "an answer after a prompt": "$ aws iam get-policy-version\n"
    + json.dumps({"PolicyVersion": VERSIONS[0]}, indent=4),
}


@pytest.mark.parametrize("text", AROUND.values(), ids=AROUND)
def test_a_policy_with_other_text_around_it_is_judged_and_that_said(text: str) -> None:
    report = check(text)
    assert (
        {finding.code for finding in report.findings} == {"wrapped"}
        and report.policy
        and report.policy.source == SOUND
    )
    assert report.findings[0].severity is Severity.NOTE


@pytest.mark.parametrize("text", [TEXT.replace(" ", "%20").replace("{", "%7B"), quote_plus(PRETTY)])
def test_a_policy_in_an_address_is_the_same_policy(text: str) -> None:
    assert told(text) == []


NO_JSON = {
    "nothing": (" \n", "nothing in it"),
    "YAML of the CLI": ("PolicyVersion:\n  Document:\n    Version: '2012-10-17'\n", "This is YAML"),
    "YAML of a template": (
        "Resources:\n  P:\n    Properties:\n      PolicyDocument:\n        Statement:\n"
        "          - {Effect: Deny, Action: !Ref A, Resource: '*'}\n",
        "This is YAML",
    ),
    "Terraform": ('resource "aws_iam_policy" "x" {\n  policy = jsonencode({ Statement = [] })\n}', "Terraform code"),
    "Terraform's data": ('data "aws_iam_policy_document" "x" {\n  statement {\n  }\n}', "Terraform code"),
    "Pulumi": ("policy: JSON.stringify({\n  Version: '2012-10-17',\n  Statement: [],\n})", "program code"),
    "troposphere": ("from awacs.aws import Deny\nStatement(Sid='x', Effect=Deny, NotAction=[])\n", "program code"),
    "--output text": ("POLICYVERSION\t2026-01-01\tTrue\tv1\nDOCUMENT\t2012-10-17\n", "as text or a table"),
    "--output table": ("-------------------------\n|   GetPolicyVersion    |\n", "as text or a table"),
    "XML": (f"<GetPolicyVersionResponse><Document>{quote(TEXT)}</Document></GetPolicyVersionResponse>", "XML"),
    "HTML": ("<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
    "typographic quotes": (TEXT.replace('"', "\u201d"), "typographic quotes"),
    "non-breaking spaces": (PRETTY.replace("  ", "\xa0 "), "non-breaking spaces"),
    "a comma too many": (f"{TEXT[:-1]},}}", "comma before a closing bracket"),
    "comments in it": (PRETTY.replace("{\n", "{\n  // Force MFA\n", 1), "has comments"),
    "a shell's backslashes": (TEXT.replace("${", "\\${"), "backslash before a $"),
    "Python": (str(SOUND), "Python’s printout"),
    "two": (f"{TEXT}\n{TEXT}", "another JSON text"),
    "cut": (PRETTY[:-40], "ends too early"),
    "cut, after a prompt": (f"$ cat policy.json\n{PRETTY[:-40]}", "not JSON"),
}


@pytest.mark.parametrize(("text", "words"), NO_JSON.values(), ids=NO_JSON)
def test_what_is_no_json_is_told_for_what_it_is(text: str, words: str, tmp_path: Path) -> None:
    [finding] = check(text).findings
    assert (finding.code, finding.severity) == ("not-json", Severity.ERROR) and words in finding.sentence
    file = tmp_path / "policy"
    file.write_text(text)
    with pytest.raises(PolicyError, match=re.escape(words)):
        read(str(file))


NO_POLICY = {
    "get-role": ({"Role": {"RoleName": "r", "AssumeRolePolicyDocument": SOUND}}, "only a trust policy"),
    "get-policy": ({"Policy": {"PolicyName": "Force_MFA", "DefaultVersionId": "v3"}}, "names of policies"),
    "list-attached": ({"AttachedPolicies": [{"PolicyName": "Force_MFA", "PolicyArn": "arn:x"}]}, "names of policies"),
    "list-user-policies": ({"PolicyNames": ["Force_MFA"]}, "names of policies"),
    "small letters": ({"version": "2012-10-17", "statement": SOUND["Statement"]}, "AWS spells it Statement"),
    "a slip": ({"Version": "2012-10-17", "Statments": SOUND["Statement"]}, "AWS spells it Statement"),
    "Terraform's JSON": ({"statement": [{"effect": "Deny", "actions": ["*"]}]}, "as Terraform writes it"),
    "a template's document": ({**SOUND, "Statement": [{**ONE, "Resource": {"Ref": "Bucket"}}]}, "functions (Ref)"),
    "something else": ({"name": "x", "scripts": {}}, "no policy in this. It has name, scripts"),
}


@pytest.mark.parametrize(("given", "words"), NO_POLICY.values(), ids=NO_POLICY)
def test_json_without_a_policy_is_told_for_what_it_is(given: Any, words: str) -> None:
    [finding] = check(json.dumps(given)).findings
    assert (finding.code, finding.severity) == ("grammar", Severity.ERROR) and words in finding.sentence
    assert "Remove it" not in finding.remedy


def test_findings_come_in_the_order_of_the_document() -> None:
    given = {**SOUND, **dict.fromkeys(("Zeta", "Alpha", "Mid", "Beta", "Q"), 1)}
    report = check(json.dumps(given))
    named = [finding.sentence.split("'")[1] for finding in report.findings]
    assert named == ["Zeta", "Alpha", "Mid", "Beta", "Q"]


ENCODINGS = {"utf-8": b"", "utf-8-sig": b"", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}


@pytest.fixture(params=ENCODINGS, ids=str)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The recommended policy as a file, as editors and shells write one."""
    found = tmp_path / "policy.json"
    found.write_bytes(
        ENCODINGS[request.param] + json.dumps(SOUND, indent=1).replace("\n", "\r\n").encode(request.param)
    )
    return found


def test_every_command_reads_a_file_with_a_byte_order_mark(file: Path) -> None:
    checked = CliRunner().invoke(command, ["check", "--strict", str(file)])
    assert checked.exit_code == 0 and "No findings" in checked.output
    explained = CliRunner().invoke(command, ["explain", str(file), "--action", "iam:ListMFADevices"])
    assert explained.exit_code == 0 and "Allowed by statement 1" in explained.output
    written = CliRunner().invoke(command, ["render", "--account-id", "123456789012", "--variant", str(file)])
    assert json.loads(written.output)["Statement"][0] == SOUND["Statement"][0]
    assert read(str(file)) == SOUND, "as the portal reads FORCE_MFA_POLICY"
    given = CliRunner().invoke(command, ["check", "--strict", "-"], input=file.read_bytes())
    assert given.exit_code == 0


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_simulate_reads_them_too(encoding: str, tmp_path: Path) -> None:
    asked = {"id": "é", "policies": [SOUND], "action": "iam:ListUsers", "resource": "*"}
    lines = f"{json.dumps(asked, ensure_ascii=False)}\r\n\r\n{json.dumps(asked)}\r\n"
    file = tmp_path / "requests"
    file.write_bytes(ENCODINGS[encoding] + lines.encode(encoding))
    done = CliRunner().invoke(command, ["simulate", str(file)])
    assert done.exit_code == 0 and [json.loads(line)["id"] for line in done.output.splitlines()] == ["é", "é"]


@pytest.mark.parametrize("given", ["é".encode("latin-1"), TEXT.encode("utf-16-le"), b"\xff\xfe\x00"])
def test_other_encodings_are_refused(given: bytes, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_bytes(given)
    done = CliRunner().invoke(command, ["check", str(file)])
    assert done.exit_code == 1 and "No findings" not in done.output
    with pytest.raises(PolicyError):
        read(str(file))


STEERING = "\x1b[2J\x1b]0;title\x07\x9b31m\u202e"


def test_no_word_of_a_document_steers_the_terminal(tmp_path: Path) -> None:
    document = json.loads(TEXT)
    for number, statement in enumerate(document["Statement"]):
        statement["Sid"] = f"{STEERING}{number}"
    document["Statement"][0]["Action"] = [f"iam:{STEERING}", "iam:ListUsers"]
    document["Statement"][0]["Resource"] = f"arn:aws:s3:::{STEERING}"
    document["Statement"][4]["Condition"]["StringEquals"] = {f"aws:{STEERING}": STEERING}
    for broken in (document, {**document, STEERING: 1}, {**document, "Version": STEERING}):
        file = tmp_path / f"policy{STEERING[:1]}.json"
        file.write_text(json.dumps(broken))
        for arguments in (
            ["check", str(file)],
            ["check", "--format", "json", str(file)],
            ["explain", str(file)],
            ["explain", str(file), "--action", f"iam:{STEERING}"],
            ["explain", str(file), "--action", "iam:ListUsers", "--resource", f"arn:aws:iam::1:user/{STEERING}"],
            ["render", "--account-id", "123456789012", "--variant", str(file)],
            ["render", "--account-id", "123456789012", "--variant", str(file), "--format", "terraform"],
            ["render", "--account-id", "123456789012", "--variant", f"{file}{STEERING}"],
        ):
            done = CliRunner().invoke(command, arguments)
            assert all(char.isprintable() or char == "\n" for char in done.output), arguments
            assert done.output.strip() and not isinstance(done.exception, UnicodeError)


def test_json_with_odd_characters_reads_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({**SOUND, "Id": f"{STEERING}\U000e0001é"}))
    done = CliRunner().invoke(command, ["render", "--account-id", "123456789012", "--variant", str(file)])
    assert json.loads(done.output)["Id"] == f"{STEERING}\U000e0001é"
