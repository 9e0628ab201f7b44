"""`flask policy rehearse`: what happens is what `policy check` foretold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.policy.check.all_checks import check
from app.policy.check.report import Report
from app.policy.documents import source_text
from app.policy.evaluation import Request
from app.policy.features import When
from app.sandbox.auth.not_evaluated import doubts
from app.sandbox.operations.totp import take_code, take_pair
from app.sandbox.rehearsal.phone import Phone
from app.sandbox.state import Device
from tests.support import forks

REHEARSE = [sys.executable, "-m", "flask", "policy", "rehearse"]


def bare() -> dict[str, str]:
    """The environment without a setting."""
    return {name: value for name, value in os.environ.items() if name not in ("SECRET_KEY", "ACCOUNTS")}


def command(source: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`flask policy rehearse` from somewhere else, without a setting."""
    words = [*REHEARSE, source, *options]
    return subprocess.run(words, cwd=folder, env=bare(), capture_output=True, text=True, check=False)


def rehearse(source: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The same, in a process that is forked from one that has loaded moto and boto3: that's half of a rehearsal."""
    return forks.run([*REHEARSE, source, *options], folder, bare(), "sandbox")


def compare(rows: list[dict[str, Any]], foretold: Report) -> None:
    """Every feature worked when `check` says so."""
    happened = {row["code"]: row for row in rows}
    for each in foretold.features:
        row = happened[each.feature.code]
        assert row["with_mfa"]["worked"] is (each.when in (When.BEFORE, When.WITH)), each.feature.code
        assert row["before_mfa"]["worked"] is (each.when is When.BEFORE), each.feature.code
        assert set(row["with_mfa"]["denied"]) <= {one.need.action for one in each.missing} | {
            "signin:AuthorizeOAuth2Access"
        }


def test_the_tutorials_document_passes_and_does_what_check_foretells(tmp_path: Path) -> None:
    done = command("tutorial", tmp_path, "--format", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["passed"] is True
    compare(told["rows"], check(source_text("tutorial")))
    rows = {row["code"]: row for row in told["rows"]}
    assert rows["path"]["with_mfa"] == {"worked": False, "denied": ["iam:ListMFADevices"]}
    assert rows["ec2"]["before_mfa"]["denied"] == ["ec2:DescribeInstances"]
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_a_document_under_which_nobody_gets_mfa_does_not_pass_and_the_rest_is_seen_all_the_same(
    tmp_path: Path,
) -> None:
    file = tmp_path / "edited.json"
    document = json.loads(source_text("recommended"))
    document["Statement"][4]["NotAction"].remove("iam:EnableMFADevice")
    document["Statement"][4]["NotAction"].append("s3:*")
    file.write_text(json.dumps(document))
    done = rehearse(str(file), tmp_path)
    assert done.returncode == 1 and done.stderr == ""
    worked_before, _, rest = done.stdout.partition("Worked only with MFA:")
    with_mfa, _, never = rest.partition("Did not work:")
    assert "Sign in and see your MFA devices" in worked_before and "Set up MFA" not in worked_before
    assert "Set up MFA" in with_mfa and "Manage access keys" in with_mfa and "look at EC2" in with_mfa
    assert "look at S3" in never and "as it should be" in never
    assert "granted by another policy" in worked_before and "the deny lets it through" in worked_before
    wrong = ["Set up MFA", "Use EC2 and S3 without MFA, granted by another policy"]
    assert done.stdout.endswith(
        "".join(f"NOT as it should be: {each}\n" for each in wrong) + "Step 3 does not pass.\n"
    )


TO_FILL_IN = [
    # (what the document has for the account, for the user's name, for the partition; the account it is judged for)
    ("YOUR-ACCOUNT-ID", "&{aws:username}", "aws", "123456789012"),
    ("111122223333", "${!aws:username}", "aws-us-gov", "111122223333"),
]


@pytest.mark.parametrize(("account", "name", "partition", "judged_for"), TO_FILL_IN)
def test_a_document_to_be_filled_in_is_rehearsed_as_check_and_explain_judge_it(
    tmp_path: Path, account: str, name: str, partition: str, judged_for: str
) -> None:
    text = source_text("recommended").replace(":accountid:", f":{account}:").replace("${aws:username}", name)
    file = tmp_path / "to-fill-in.json"
    file.write_text(text.replace("arn:aws:", f"arn:{partition}:"))
    done = rehearse(str(file), tmp_path, "--format", "json")
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["passed"], done.stdout
    assert told["account_id"] == judged_for
    compare(told["rows"], check(file.read_text()))
    filled_in = {(each["written"], each["read_as"]) for each in told["read_as"]}
    of_the_account = {(account, judged_for)} - {(judged_for, judged_for)}
    assert filled_in == {(name, "${aws:username}")} | of_the_account


def test_what_was_filled_in_is_told_to_people_too(tmp_path: Path) -> None:
    file = tmp_path / "to-fill-in.json"
    file.write_text(source_text("recommended").replace(":accountid:", ":<ACCOUNT\\u001b[2J>:"))
    done = rehearse(str(file), tmp_path)
    assert done.returncode == 0, done.stderr
    assert ", Resource: <ACCOUNT\\x1b[2J> is read as 123456789012.\n" in done.stdout


def test_what_is_no_policy_is_told_in_a_line(tmp_path: Path) -> None:
    done = rehearse("missing.json", tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("Error: missing.json is neither")
    assert done.stderr.count("\n") == 1


def edited(folder: Path, change: Callable[[list[dict[str, Any]]], object]) -> str:
    """The recommended document, changed."""
    document = json.loads(source_text("recommended"))
    change(document["Statement"])
    file = folder / "edited.json"
    file.write_text(json.dumps(document))
    return str(file)


def test_a_deny_by_the_age_of_a_code_does_what_check_foretells(tmp_path: Path) -> None:
    def change(statements: list[dict[str, Any]]) -> None:
        statements[-1]["Condition"] = {"Null": {"aws:MultiFactorAuthAge": "true"}}

    file = edited(tmp_path, change)
    done = rehearse(file, tmp_path, "--format", "json")
    assert done.returncode == 0, done.stderr
    compare(json.loads(done.stdout)["rows"], check(Path(file).read_text()))


def test_the_rehearsals_own_codes_are_good_whatever_is_denied(tmp_path: Path) -> None:
    """No ResyncMFADevice, and nobody enables their own device: codes are given, and AWS takes none of them."""
    never = ["iam:ResyncMFADevice", "iam:EnableMFADevice", "iam:DeleteVirtualMFADevice"]
    source = edited(
        tmp_path, lambda statements: statements.append({"Effect": "Deny", "Action": never, "Resource": "*"})
    )
    done = rehearse(source, tmp_path, "--format", "json")
    rows = {row["code"]: row for row in json.loads(done.stdout)["rows"]}
    assert rows["resync"]["with_mfa"] == {"worked": False, "denied": ["iam:ResyncMFADevice"]}
    assert rows["upgrade"]["with_mfa"]["worked"] and rows["aws-sign-in"]["with_mfa"]["worked"]
    assert rows["ec2"]["as_wanted"] and not rows["enroll"]["as_wanted"] and done.returncode == 1


def test_the_phones_codes_stay_in_what_aws_takes() -> None:
    phone = Phone("JBSWY3DPEHPK3PXP" * 4)

    def deny(*_: str) -> None:
        raise PermissionError

    for _ in range(20):
        with suppress(PermissionError):
            phone.give_pair(deny)
    taken: list[str] = []
    phone.give_pair(lambda first, second: taken.extend((first, second)))
    given = [phone.code() for _ in range(2)]
    device = Device("serial", phone.seed, datetime.now(UTC))
    assert take_pair(device, taken[0], taken[1], datetime.now(UTC))
    assert [take_code(device, code, datetime.now(UTC)) for code in given] == [True, True]


def test_what_depends_on_something_only_aws_knows_is_not_decided(tmp_path: Path) -> None:
    outside = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}, "Bool": {"aws:ViaAWSService": "false"}},
    }
    tagged = {
        "Effect": "Allow",
        "Action": "iam:GetAccountPasswordPolicy",
        "Resource": "*",
        "Condition": {"StringLike": {"aws:PrincipalTag/team\x1b[2J": "*"}},
    }

    def change(statements: list[dict[str, Any]]) -> None:
        statements.extend((outside, tagged))

    source = edited(tmp_path, change)
    done = rehearse(source, tmp_path)
    assert done.returncode == 1 and "Step 3 is not evaluated." in done.stdout
    assert "NOT as it should be" not in done.stdout and "give the value users have at AWS: --assume" in done.stdout
    not_evaluated = done.stdout.partition("Not evaluated")[2]
    assert "Set up MFA" in not_evaluated and "aws:sourceip" in not_evaluated
    assert "Sign in with the console password" in not_evaluated, "what the pages of AWS Sign-In ask, too"
    assert "\x1b" not in done.stdout
    office = rehearse(source, tmp_path, "--assume", "aws:SourceIp=203.0.113.7", "--format", "json")
    told = json.loads(office.stdout)
    assert office.returncode == 0 and told["passed"], "inside the office it passes"
    elsewhere = rehearse(source, tmp_path, "--assume", "aws:SourceIp")
    assert elsewhere.returncode == 2 and "aws:SourceIp=203.0.113.7" in elsewhere.stderr


def test_a_document_cannot_steer_the_terminal(tmp_path: Path) -> None:
    def change(statements: list[dict[str, Any]]) -> None:
        statements[0] |= {"Sid": "\x1b[2J\x1b]0;owned\x07", "Effect": "Maybe"}

    done = rehearse(edited(tmp_path, change), tmp_path)
    assert done.returncode == 1 and "\\x1b[2J" in done.stderr and "\x1b" not in done.stderr


def ec2(effect: str = "Allow", resource: str = "*", /, **condition: Any) -> dict[str, Any]:
    """A statement about EC2; condition: operator to keys."""
    made = {"Effect": effect, "Action": "ec2:*", "Resource": resource}
    return made | ({"Condition": condition} if condition else {})


RUN, LOOK = "ec2:RunInstances", "ec2:DescribeInstances"
SMALL = {"StringEquals": {"ec2:InstanceType": "t3.micro"}}
OFF_NETWORK = {"Null": {"aws:SourceVpc": "true"}}
UNDECIDED: list[tuple[list[dict[str, Any]], str, list[str]]] = [
    ([ec2()], RUN, []),
    ([ec2(**SMALL)], RUN, ["ec2:instancetype"]),
    ([ec2(), ec2(**SMALL)], RUN, []),
    ([ec2(**SMALL)], LOOK, []),
    ([ec2(StringEquals={"aws:SourceVpce": "vpce-1"})], RUN, ["aws:sourcevpce"]),
    ([ec2(Null={"aws:PrincipalOrgID": "true"})], RUN, ["aws:principalorgid"]),
    ([ec2(), ec2("Deny", StringEquals={"aws:SourceVpc": "vpc-1"})], RUN, ["aws:sourcevpc"]),
    ([ec2(), ec2("Deny"), ec2(**OFF_NETWORK)], RUN, []),
    ([ec2(**OFF_NETWORK) | {"Action": "s3:*"}], RUN, []),
    ([ec2(**OFF_NETWORK, Bool={"aws:ViaAWSService": "true"})], RUN, []),
    ([ec2(StringLike={"aws:NoSuchKey": "*"})], RUN, []),
    ([ec2("Allow", "arn:aws:ec2:*:*:vpc/${aws:SourceVpc}")], RUN, ["aws:sourcevpc"]),
]
"""(statements, action, keys on which it depends)"""


@pytest.mark.parametrize(("statements", "action", "keys"), UNDECIDED)
def test_a_decision_is_open_only_where_the_unknown_matters(
    statements: list[dict[str, Any]], action: str, keys: list[str]
) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    asked = Request(action, "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-1", {"aws:ViaAWSService": "false"})
    assert doubts([document], asked, stand_in=True) == keys
