"""The role that `compliance sync` assumes: every format has the same policies, with exactly what is asked."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.aws.credential_report import READS_WITH_REPORT
from app.aws.server_certificates import LIST_CERTIFICATES
from app.policy.audit_role import DETAILS, LISTS, REPORT, permissions, trust
from app.policy.cli import policy
from app.policy.portal_actions import live_actions

ME = "arn:aws:iam::444455556666:role/latchkey"


def rendered(*options: str) -> Result:
    return CliRunner().invoke(policy, ["render", "--audit-role", *options])


def test_it_has_exactly_the_actions_that_a_sync_asks() -> None:
    assert {*LISTS, *REPORT} == READS_WITH_REPORT | {LIST_CERTIFICATES}
    asked = [action for statement in permissions()["Statement"] for action in statement["Action"]]
    assert sorted(asked) == sorted({*LISTS, *REPORT, *DETAILS})
    assert all(action.startswith(("iam:List", "iam:Get", "iam:GenerateCredentialReport")) for action in asked)
    assert not {*REPORT, *DETAILS} & live_actions(), "the portal's own list has none of them"


def test_json_has_both_policies() -> None:
    told = json.loads(rendered("--trusted", ME, "--external-id", "audit-7").output)
    assert told == {"PolicyDocument": permissions(), "AssumeRolePolicyDocument": trust(ME, "audit-7")}
    assert json.loads(rendered().output) == {"PolicyDocument": permissions()}


def test_cloudformation_takes_whom_to_trust_as_a_parameter() -> None:
    template = json.loads(rendered("--format", "cloudformation", "--trusted", ME).output)
    properties = template["Resources"]["AuditRole"]["Properties"]
    assert template["Parameters"]["Trusted"]["Default"] == ME and properties["RoleName"] == "LatchkeyAudit"
    assert properties["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"AWS": {"Ref": "Trusted"}}
    assert properties["Policies"][0]["PolicyDocument"] == permissions()
    assert "Default" not in json.loads(rendered("--format", "cloudformation").output)["Parameters"]["Trusted"]


def test_terraform_and_the_script_hold_the_same_policies(tmp_path: Path) -> None:
    told = rendered("--format", "terraform", "--trusted", ME, "--role-name", "theirs").output
    assert f'default     = "{ME}"' in told and 'name        = "theirs"' in told and '"AWS": "${var.trusted}"' in told
    assert all(f'"{action}"' in told for action in (*LISTS, *REPORT, *DETAILS))
    script = tmp_path / "role.sh"
    script.write_text(rendered("--format", "cli", "--external-id", "audit-7").output)
    fake = tmp_path / "aws"
    fake.write_text(
        '#!/bin/sh\nfor each; do case "$each" in file://*) cat "${each#file://}" >>"$SEEN";; esac; done\n'
    )
    fake.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SEEN": str(tmp_path / "seen")}
    run = ["sh", str(script), ME]
    subprocess.run(run, check=True, env=environment)
    decoder, text = json.JSONDecoder(), (tmp_path / "seen").read_text().strip()
    first, end = decoder.raw_decode(text)
    assert first == trust(ME, "audit-7") and json.loads(text[end:]) == permissions()
    without = subprocess.run(run[:2], check=False, env=environment, capture_output=True, text=True)
    assert without.returncode != 0 and "Give the ARN" in without.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--trusted", "carol"), "--trusted: 'carol' isn’t the ARN"),
        (("--trusted", "arn:aws-cn:iam::444455556666:root"), "in the partition aws."),
        (("--role-name", "a b"), "--role-name: 'a b' is no name for a role"),
        (("--external-id", "x y"), "--external-id: "),
    ],
)
def test_what_iam_would_refuse_is_refused(options: tuple[str, ...], said: str) -> None:
    told = rendered(*options)
    assert told.exit_code == 1 and said in told.output


def test_force_mfa_still_wants_an_account() -> None:
    told = CliRunner().invoke(policy, ["render"])
    assert told.exit_code == 2 and "Missing option '--account-id'" in told.output
