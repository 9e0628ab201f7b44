"""`flask policy ...` as people and scripts run it: no settings, one line for what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.policy.cli import policy
from app.policy.documents import VARIANTS, read, rendered, source_text

ROOT = Path(__file__).parents[2]


def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """In this process: to load the code takes a new one a second."""
    done = CliRunner().invoke(policy, arguments, input=given, prog_name="policy")
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def in_a_process(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if name not in ("SECRET_KEY", "ACCOUNTS")}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "policy", *arguments]
    return subprocess.run(command, cwd=ROOT, env=bare, input=given, capture_output=True, text=True, check=False)


def test_render_is_the_tutorial_word_for_word_but_for_the_account() -> None:
    done = in_a_process("render", "--account-id", "111122223333", "--variant", "tutorial")
    original = (ROOT / "app/policy/force_mfa_tutorial.json").read_text()
    assert done.stdout.strip() == original.replace("accountid", "111122223333").strip()


def test_render_defaults_to_the_recommended_document() -> None:
    done = run("render", "--account-id", "111122223333", "--format", "json")
    assert json.loads(done.stdout) == rendered(read("recommended"), "111122223333")


def test_render_tells_of_another_account_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "ours.json"
    file.write_text(json.dumps(rendered(read("recommended"), "444455556666")))
    done = run("render", "--account-id", "111122223333", "--variant", str(file))
    assert done.returncode == 0 and json.loads(done.stdout) == json.loads(file.read_text())
    assert done.stderr == f"Note: {file} names account 444455556666, which stays as it is.\n"
    assert run("render", "--account-id", "444455556666", "--variant", str(file)).stderr == ""


def test_what_cannot_be_rendered_is_told_in_a_line() -> None:
    for arguments in (["--account-id", "12"], ["--account-id", "111122223333", "--variant", "missing.json"]):
        done = run("render", *arguments)
        assert done.returncode != 0 and done.stdout == ""
        assert done.stderr.count("\n") == 1 and done.stderr.startswith("Error: ")


def test_what_render_writes_check_takes(tmp_path: Path) -> None:
    for form in ("json", "terraform"):
        file = tmp_path / f"policy.{form}"
        file.write_text(run("render", "--account-id", "111122223333", "--format", form).stdout)
        done = run("check", str(file), "--strict")
        assert done.returncode == 0 and "no-such-variable" not in done.stdout and "accountid" not in done.stdout


def test_what_escapes_the_deny_with_a_plain_key_is_told_as_rehearse_finds_it(tmp_path: Path) -> None:
    document = read("recommended")
    [deny] = [each for each in document["Statement"] if each["Effect"] == "Deny"]
    deny["Condition"] = {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(document))
    lines = run("check", str(file)).stdout.splitlines()
    told = [line for line in lines if line.startswith("  Manage access keys ")]
    assert told and told[0].endswith("only with MFA (but also before MFA, with an access key)")
    assert not any("(but with" in line for line in run("check", "recommended").stdout.splitlines())


def test_a_remedy_can_be_copied_as_it_stands(tmp_path: Path) -> None:
    document = read("recommended")
    any_account = json.loads(json.dumps(document).replace(":accountid:", ":*:"))
    file = tmp_path / "policy.json"
    for written, account in ((document, "accountid"), (any_account, "*")):
        written["Statement"] = [each for each in written["Statement"] if "mfa/" not in json.dumps(each["Resource"])]
        file.write_text(json.dumps(written))
        done = run("check", str(file))
        assert f"arn:aws:iam::{account}:mfa/${{aws:username}}" in done.stdout
        assert ("is read as your account’s ID" in done.stdout) == (account == "accountid")


def case(
    name: str, action: str, resource: str = "*", username: str | None = "alice", mfa_present: str | bool | None = None
) -> str:
    context = {} if mfa_present is None else {"aws:MultiFactorAuthPresent": mfa_present}
    return json.dumps(
        {
            "id": name,
            "policies": [rendered(read("tutorial"), "123456789012")],
            "principal": {"arn": "arn:aws:iam::123456789012:user/alice", "username": username},
            "action": action,
            "resource": resource,
            "context": context,
        }
    )


def test_simulate_answers_a_line_for_a_line_and_names_the_statement() -> None:
    own = "arn:aws:iam::123456789012:user/alice"
    lines = [
        case("blocked", "ec2:DescribeInstances", mfa_present="false"),
        case("own", "iam:CreateAccessKey", own),
        case("root", "iam:CreateAccessKey", own, username=None),
        case("silent", "ec2:DescribeInstances", mfa_present=True),
    ]
    done = run("simulate", given="\n".join(lines))
    assert done.returncode == 0
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {
            "id": "blocked",
            "decision": "ExplicitlyDenied",
            "statement": "BlockAnyAccessOtherThanAboveUnlessSignedInWithMFA",
        },
        {
            "id": "own",
            "decision": "Allowed",
            "statement": "AllowIndividualUserToSeeAndManageTheirOwnAccountInformation",
        },
        {"id": "root", "decision": "ImplicitlyDenied", "statement": None},
        {"id": "silent", "decision": "ImplicitlyDenied", "statement": None},
    ]


def test_simulate_reports_malformed_lines_and_answers_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    bad_policy = json.dumps({"policies": [{}], "action": "a:b", "resource": "*"})
    lines = ["{", case("good", "iam:ListUsers"), '{"policies": []}', "7", bad_policy, "[" * 100_000]
    file.write_bytes("\n".join(lines).encode() + b"\n\xff\n" + case("last", "iam:ListUsers").encode())
    done = run("simulate", str(file))
    assert done.returncode == 1
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["good", "last"]
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == [f"line {n}" for n in (1, 3, 4, 5, 6, 7)]
    assert "Traceback" not in done.stderr


def test_check_tells_people_and_programs_and_its_status_says_whether_the_portal_could_work(tmp_path: Path) -> None:
    good = run("check", "recommended")
    assert (good.returncode, good.stderr) == (0, "")
    assert "No findings." in good.stdout and "Users can sign in and set up MFA under this policy." in good.stdout

    file = tmp_path / "edited.json"
    file.write_text((ROOT / "app/policy/force_mfa.json").read_text().replace("iam:EnableMFADevice", "iam:EnableMFA"))
    bad = in_a_process("check", str(file), "--format", "json")
    assert (bad.returncode, bad.stderr) == (1, "")
    report = json.loads(bad.stdout)
    assert report["usable"] is False
    assert {(f["code"], f["statement"]) for f in report["findings"] if f["code"] == "unknown-action"} == {
        ("unknown-action", 1),
        ("unknown-action", 4),
    }

    assert run("check", "tutorial").returncode == 0, "it has an error, but the portal works under it"
    assert run("check", "tutorial", "--strict").returncode == 1
    assert run("check", "recommended", "--strict").returncode == 0
    lax = read("recommended")
    lax["Statement"][4]["NotAction"] += ["s3:*", "sts:AssumeRole"]
    assert in_a_process("check", "-", given=json.dumps(lax)).returncode == 0, "people can get MFA under it"
    assert run("check", "-", "--strict", given=json.dumps(lax)).returncode == 1, "and do not have to"

    unknown = run("explain", str(file), "--action", "nonsense", "--signed-in-with", "key")
    assert unknown.returncode == 0 and "nonsense isn’t an action" in unknown.stdout
    assert run("check", "-", given="not json").returncode == 1
    missing = run("check", "missing.json")
    assert missing.returncode == 1 and missing.stderr == "Error: missing.json: No such file or directory.\n"


@pytest.mark.parametrize(
    "command", [("check",), ("explain",), ("rehearse",), ("render", "--account-id", "1" * 12, "--variant")]
)
def test_a_name_that_no_document_has_gets_the_names_there_are(command: tuple[str, ...]) -> None:
    done = (in_a_process if command == ("rehearse",) else run)(*command, "nosuch")  # moto is for a process of its own
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert all(name in done.stderr for name in ("nosuch", *VARIANTS))


def test_the_verdict_is_the_first_line_and_the_last(tmp_path: Path) -> None:
    for given, verdict in ((source_text("recommended"), "Users can sign in"), ("{", "Users could NOT sign in")):
        lines = run("check", "-", given=given).stdout.splitlines()
        assert lines[0] == lines[-1] and verdict in lines[0]
