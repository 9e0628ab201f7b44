"""The command line after enrolling: what the page shows is run, by the AWS CLI where it knows the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.browser.conftest import Surfing
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee
from tests.support.programs import with_aws
from tests.support.sandbox import Sandbox

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shell(tmp_path: Path, sandbox: Sandbox) -> Run:
    """Runs a line in a new terminal of a machine that has the AWS CLI and nothing set up."""
    kept = {name: os.environ[name] for name in os.environ if not name.startswith("AWS_")}
    binaries = f"{with_aws()}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    aws = {"AWS_ENDPOINT_URL": sandbox.url, "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}

    def run(line: str, typed: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        environment = {**kept, **aws, "HOME": str(tmp_path), "PATH": binaries, **more}
        return subprocess.run(
            ["/bin/sh", "-c", line], input=typed, env=environment, capture_output=True, text=True, check=False
        )

    return run


def shown(surfer: Surfer) -> dict[str, str]:
    """What can be copied, by id."""
    texts = "[...document.querySelectorAll('[data-copyable]')].map((each) => [each.id, each.textContent])"
    return dict(surfer.page.evaluate(texts))


def mfa_login(line: str, home: Path, code: str, sandbox: Sandbox) -> None:
    """What `aws configure mfa-login` does with these options, as AWS documents it: version 1 of its CLI lacks it."""
    command, options = line.split()[:3], dict(zip(line.split()[3::2], line.split()[4::2], strict=True))
    assert command == ["aws", "configure", "mfa-login"]
    file = home / ".aws" / "credentials"
    profiles = ConfigParser(interpolation=None)
    profiles.read(file)
    sts = sandbox.client("sts", **profiles[options["--profile"]])
    made = sts.get_session_token(DurationSeconds=43200, SerialNumber=options["--serial-number"], TokenCode=code)
    profiles[options["--update-profile"]] = as_settings(made["Credentials"])
    with file.open("w") as written:
        profiles.write(written)


def as_settings(credentials: Mapping[str, str]) -> dict[str, str]:
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def test_the_commands_for_an_access_key_work(
    surfer: Surfer, nadia: Employee, shell: Run, sandbox: Sandbox, tmp_path: Path
) -> None:
    phone = surfer.arrive_with_mfa(nadia, at="/mfa/command-line")
    commands = shown(surfer)
    order = list(commands)
    places = [order.index(each) for each in ("configure", "mfa-login", "get-session-token", "by-hand-sh")]
    assert places == sorted(places), "by hand comes last"
    assert surfer.data("lasts") == ["12"]
    assert surfer.page.locator("#mfa-login").is_visible() and not surfer.page.locator("#by-hand-sh").is_visible()

    key = f"{nadia.access_key_id}\n{nadia.secret_access_key}\nus-east-1\n\n"
    assert shell(commands["configure"], key).returncode == 0
    plain = shell(f"aws ec2 describe-instances --profile {nadia.name}")
    assert "UnauthorizedOperation" in plain.stderr
    mfa_login(commands["mfa-login"], tmp_path, phone.next(), sandbox)
    with_mfa = shell(commands["describe-instances"], AWS_ACCESS_KEY_ID="AKIALEFTOVER", AWS_SECRET_ACCESS_KEY="x")
    assert "Reservations" in with_mfa.stdout, with_mfa.stderr

    by_hand = shell(commands["get-session-token"].replace("CODE", phone.next()))
    values = as_settings(json.loads(by_hand.stdout)["Credentials"])
    exported = commands["by-hand-sh"]
    for name, value in values.items():
        exported = exported.replace(f"{name.upper()}=...", f"{name.upper()}='{value}'")
    assert "..." not in exported
    again = shell(f"{exported}\naws ec2 describe-instances")
    assert "Reservations" in again.stdout, again.stderr
    gone = shell(f"{exported}\n{commands['unset-sh']}\naws ec2 describe-instances")
    assert "Unable to locate credentials" in gone.stderr, "the session is forgotten"


def test_nothing_of_a_command_is_cut_off(surfer: Surfer, nadia: Employee) -> None:
    surfer.arrive_with_mfa(nadia, at="/mfa/command-line")
    surfer.page.locator("details").evaluate_all("(all) => all.forEach((each) => { each.open = true; })")
    for width in (1280, 375):
        surfer.page.set_viewport_size({"width": width, "height": 900})
        cut = surfer.page.locator("main pre").evaluate_all(
            """(all) => all
              .filter((each) => each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight)
              .map((each) => each.textContent)"""
        )
        assert cut == []


def test_somebody_without_a_key_is_led_to_aws_login(
    surfing: Surfing, marta: Employee, clock: Clock, shell: Run
) -> None:
    surfer = surfing()
    surfer.sign_in_at_aws(marta, marta.given_device(clock, marta.name))
    surfer.open("/mfa/command-line")
    commands = shown(surfer)
    assert list(commands)[-3:] == ["login-region", "aws-login", "describe-instances"]
    assert commands["aws-login"] == f"aws login --profile {marta.name}"
    assert f"Updated profile {marta.name} to use" in surfer.text, "what the AWS CLI prints"
    assert surfer.data("lasts-up-to") == ["12"]
    assert shell(commands["login-region"]).returncode == 0, "a profile that has no key: aws login takes no other"
