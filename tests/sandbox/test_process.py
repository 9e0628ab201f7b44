"""The sandbox as a program: its file, its knobs, and one clear line for what is wrong."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config import from_env
from tests.sandbox.conftest import Refused
from tests.support import forks
from tests.support.clock import Clock
from tests.support.people import hire
from tests.support.sandbox import ROOT, Sandbox, free_port
from tests.support.waiting import wait_until


def run(*options: str, instance: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "sandbox", "--instance", str(instance), *options]
    return forks.run(command, ROOT, os.environ, "sandbox")


def test_the_file_of_facts(one: Sandbox) -> None:
    file = one.folder / "sandbox.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    facts = json.loads(file.read_text())
    assert {"endpoint_url", "signin_url", "account_id", "region", "users"} <= set(facts)
    cast = facts["users"]
    assert set(cast["MFAUser"]) == {"arn", "password", "groups"} and cast["MFAUser"]["groups"] == ["EC2MFA"]
    assert set(cast["KeyUser"]) == {"arn", "access_key_id", "secret_access_key", "groups"}
    assert {"password", "access_key_id", "secret_access_key", "mfa"} < set(cast["Administrator"])
    assert set(cast["Administrator"]["mfa"]) == {"serial_number", "seed"}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_every_start_is_a_fresh_account_and_the_file_goes_with_it(tmp_path: Path, clock: Clock, how: int) -> None:
    aws = Sandbox(tmp_path, clock)
    secrets = []
    for _ in range(2):
        aws.start()
        secrets.append(aws.user("KeyUser")["secret_access_key"])
        hire(aws, "alice")
        assert len(aws.as_administrator("iam").list_users()["Users"]) == 6
        assert aws.process is not None
        aws.process.send_signal(how)
        assert aws.process.wait(10) == 0
        assert not (tmp_path / "sandbox.json").exists()
    assert secrets[0] != secrets[1]


def test_the_file_of_a_sandbox_that_runs_is_left_alone(one: Sandbox) -> None:
    file = one.folder / "sandbox.json"
    facts = file.read_text()
    second = run("--port", str(free_port()), instance=one.folder)
    assert second.returncode != 0
    assert one.url in second.stderr and "choose another --instance" in second.stderr
    assert second.stderr.count("\n") == 1
    assert file.read_text() == facts


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--policy", "missing.json"], "nor a readable file"),
        (["--frobnicate"], "No such option"),
        (["--outcome", "weather=fine"], "is not one of"),
        (["--faults", "missing.json"], "No such file"),
        (["--users", "many"], "not a valid integer"),
    ],
)
def test_what_is_wrong_is_told_without_a_traceback(tmp_path: Path, options: list[str], words: str) -> None:
    done = run(*options, instance=tmp_path)
    assert done.returncode != 0 and words in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "sandbox.json").exists()


def test_a_bad_policy_file_and_bad_faults_are_told_in_a_line(tmp_path: Path) -> None:
    for content, words in (("{", "is not JSON"), ('{"Statement": []}', "isn’t a policy")):
        file = tmp_path / "policy.json"
        file.write_text(content)
        done = run("--policy", str(file), instance=tmp_path)
        assert done.returncode != 0 and words in done.stderr and done.stderr.count("\n") == 1
    file = tmp_path / "faults.json"
    file.write_text('[{"action": "iam:CreateUser", "fault": "explode"}]')
    done = run("--faults", str(file), instance=tmp_path)
    assert done.returncode != 0 and "fault is one of" in done.stderr and done.stderr.count("\n") == 1


def test_a_busy_port_is_told_and_leaves_the_other_sandbox_alone(one: Sandbox, tmp_path: Path) -> None:
    done = run("--port", str(one.port), instance=one.folder)
    assert done.returncode != 0 and str(one.port) in done.stderr and "--port" in done.stderr
    assert done.stderr.count("\n") == 1 and (one.folder / "sandbox.json").exists()


def test_a_folder_that_cannot_be_is_told_with_the_option_to_choose_another(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.touch()
    done = run("--port", "0", instance=taken / "below")
    assert done.returncode != 0 and str(taken) in done.stderr and "--instance" in done.stderr, done.stderr
    assert "--port" not in done.stderr and done.stderr.count("\n") == 1


def test_what_is_printed_may_be_cut_off(tmp_path: Path) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "sandbox", "--port", "0", "--instance", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, stdout=writes, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writes)
    assert done.stderr == "" and [*tmp_path.iterdir()] == []


def test_an_administrator_rehearses_a_policy_of_their_own(tmp_path: Path, clock: Clock, refused: Refused) -> None:
    file = tmp_path / "own.json"
    file.write_text(
        json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Sid": "See", "Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"},
                    {"Sid": "NoEc2", "Effect": "Deny", "Action": "ec2:*", "Resource": "*"},
                ],
            }
        )
    )
    with Sandbox(tmp_path / "own", clock, "--policy", str(file)) as aws:
        alice = hire(aws, "alice")
        assert alice.client("iam").list_users()["Users"]
        assert refused(alice.client("ec2").describe_instances)[0] == "UnauthorizedOperation"
        assert aws.calls()[-1]["statement"] == "NoEc2"


def test_a_policy_for_another_account_is_tried_as_it_is_meant_there(tmp_path: Path) -> None:
    own = "arn:aws:iam::111122223333:user/${aws:username}"
    statement = {"Sid": "Own", "Effect": "Allow", "Action": "iam:ListAccessKeys", "Resource": own}
    file = tmp_path / "own.json"
    file.write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    script = tmp_path / "as_key_user"
    script.write_text(f"""#!{sys.executable}
import boto3, json
facts = json.load(open({str(tmp_path / "sandbox.json")!r}))
user = facts["users"]["KeyUser"]
keys = {{"aws_access_key_id": user["access_key_id"], "aws_secret_access_key": user["secret_access_key"]}}
iam = boto3.client("iam", region_name=facts["region"], **keys)
print(len(iam.list_access_keys(UserName="KeyUser")["AccessKeyMetadata"]), "key")
""")
    script.chmod(0o700)
    done = run("--port", "0", "--policy", str(file), "--run", str(script), instance=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "The policy is written for account 111122223333." in done.stdout and "1 key" in done.stdout


def test_a_command_runs_against_the_sandbox_and_ends_with_it(tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = f"env | grep -E '^(AWS_|ACCOUNTS)' | sort > {told}; exit 7"
    port = free_port()
    done = run("--port", str(port), "--run", script, instance=tmp_path)
    assert done.returncode == 7
    assert told.read_text().splitlines() == [
        "ACCOUNTS=123456789012",
        f"AWS_ENDPOINT_URL_IAM=http://127.0.0.1:{port}",
        f"AWS_ENDPOINT_URL_ORGANIZATIONS=http://127.0.0.1:{port}",
        f"AWS_ENDPOINT_URL_S3=http://127.0.0.1:{port}",
        f"AWS_ENDPOINT_URL_SIGNIN=http://127.0.0.1:{port}",
        f"AWS_ENDPOINT_URL_STS=http://127.0.0.1:{port}",
        "AWS_REGION=us-east-1",
    ]


def test_a_command_is_told_its_administrator_as_admins_wants_it(tmp_path: Path) -> None:
    told, kept = tmp_path / "told", tmp_path / "kept.json"
    script = f"echo $SANDBOX_ADMINISTRATOR > {told}; cp {tmp_path}/sandbox.json {kept}"
    assert run("--port", str(free_port()), "--run", script, instance=tmp_path).returncode == 0
    facts = json.loads(kept.read_text())["users"]["Administrator"]
    named = told.read_text().strip()
    assert named == f"{facts['arn']}#{facts['user_id']}"
    given = {"ACCOUNTS": "123456789012", "SECRET_KEY": "k" * 40, "AUDIT_KEYS": "k1:" + "a" * 40, "ADMINS": named}
    assert from_env(given)["ADMINS"] == {"123456789012": {facts["user_id"]}}, "by the ID alone: nobody inherits it"


def test_interrupting_stops_the_command_too(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "sandbox", "--instance", str(tmp_path)]
    command += ["--port", str(free_port()), "--run", f"echo $$ > {mark}; exec sleep 60"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    wait_until(lambda: mark.exists() and mark.read_text().strip())
    child = int(mark.read_text())
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_latency_and_faults(scratch: Path, clock: Clock, refused: Refused, tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(
        json.dumps(
            [
                {"action": "iam:ListUsers", "occurrences": [1], "fault": "throttle"},
                {"action": "iam:ListUsers", "occurrences": [2], "fault": "error-500"},
                {"action": "iam:ListUsers", "occurrences": [3], "fault": "error-503"},
                {"action": "iam:ListUsers", "occurrences": [4], "fault": "truncated"},
                {"action": "iam:CreateUser", "occurrences": [1], "fault": "reset-before"},
                {"action": "iam:CreateUser", "occurrences": [2], "fault": "reset-after"},
                {"action": "iam:ListGroups", "fault": "stale-read", "occurrences": [2]},
                {"action": "sts:GetCallerIdentity", "fault": "latency", "latency_ms": 300},
            ]
        )
    )
    with Sandbox(scratch / "faulty", clock, "--faults", str(file), "--latency-ms", "1") as aws:
        iam = aws.as_administrator("iam")
        assert refused(iam.list_users) == ("Throttling", 400)
        assert refused(iam.list_users) == ("ServiceFailure", 500)
        assert refused(iam.list_users) == ("ServiceUnavailable", 503)
        with pytest.raises(Exception, match=r"IncompleteRead|prematurely|Unable to parse"):
            iam.list_users()

        def names() -> set[str]:
            return {user["UserName"] for user in iam.list_users()["Users"]}

        with pytest.raises(Exception, match="Connection"):
            iam.create_user(UserName="before")
        assert "before" not in names()
        with pytest.raises(Exception, match="Connection"):
            iam.create_user(UserName="after")
        assert "after" in names()

        assert len(iam.list_groups()["Groups"]) == 1
        iam.create_group(GroupName="second")
        assert len(iam.list_groups()["Groups"]) == 1, "as of before the change"
        assert len(iam.list_groups()["Groups"]) == 2
        start = time.perf_counter()
        aws.as_administrator("sts").get_caller_identity()
        assert time.perf_counter() - start > 0.3
        aws.set_faults([{"action": "iam:ListGroups", "fault": "latency", "latency_ms": 60_000}])
        with ThreadPoolExecutor(1) as pool:
            delayed = pool.submit(iam.list_groups)
            wait_until(lambda: aws.begun("iam:ListGroups"))
            assert not delayed.done()
            aws.set_faults([])
            assert len(delayed.result(30)["Groups"]) == 2, "a call goes on once its fault is gone"
