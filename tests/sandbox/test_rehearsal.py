"""`flask policy rehearse`: what happens is what `policy check` foretold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.policy.checking import check
from app.policy.documents import source_text
from app.policy.features import When
from app.policy.findings import Report

ROOT = Path(__file__).parents[2]


def rehearse(source: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """From somewhere else, without a setting."""
    bare = {name: value for name, value in os.environ.items() if name not in ("SECRET_KEY", "ACCOUNTS")}
    command = [sys.executable, "-m", "flask", "policy", "rehearse", source, *options]
    return subprocess.run(command, cwd=folder, env=bare, capture_output=True, text=True, check=False)


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
    done = rehearse("tutorial", tmp_path, "--format", "json")
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
    assert "Sign in and see one’s MFA devices" in worked_before and "Set up MFA" not in worked_before
    assert "Set up MFA" in with_mfa and "Look after access keys" in with_mfa and "look at EC2" in with_mfa
    assert "look at S3" in never and "as it should be" in never
    assert "granted by another policy" in worked_before and "the deny lets it through" in worked_before
    wrong = ["Set up MFA", "Use EC2 and S3 without MFA, granted by another policy"]
    assert done.stdout.endswith(
        "".join(f"NOT as it should be: {each}\n" for each in wrong) + "Step 3 does not pass.\n"
    )


def test_what_is_no_policy_is_told_in_a_line(tmp_path: Path) -> None:
    done = rehearse("missing.json", tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("Error: missing.json is neither")
    assert done.stderr.count("\n") == 1
