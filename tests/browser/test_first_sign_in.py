"""A temporary password under Force_MFA: changing it may want MFA, and MFA wants a sign-in, which wants it changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.policy.documents import read
from tests.browser.conftest import Surfing
from tests.support.clock import Clock
from tests.support.marks import PASSWORD, STRONG_PASSWORD
from tests.support.people import Employee, hire
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox

NEW = STRONG_PASSWORD


def with_temporary_password(sandbox: Sandbox) -> Employee:
    """An employee with an access key, too."""
    hired = hire(sandbox, "olga")
    iam = sandbox.as_administrator("iam")
    iam.create_login_profile(UserName=hired.name, Password=PASSWORD, PasswordResetRequired=True)
    hired.password = PASSWORD
    return hired


@pytest.mark.both_policies
def test_where_the_policy_lets_it_be_changed_the_way_leads_through_aws(
    surfing: Surfing, sandbox: Sandbox, clock: Clock, policy: str
) -> None:
    olga = with_temporary_password(sandbox)
    clock.move(10)
    surfer = surfing()
    surfer.open("/sign-in")
    surfer.press("My password is a temporary one")
    assert surfer.heading == "Your first sign-in"
    if policy == "tutorial":
        assert "Sign in to the AWS console with the temporary password" in surfer.text
        return
    surfer.press("sign-in page")
    surfer.press("Continue to AWS")
    surfer.give_password(olga)
    surfer.type(old=PASSWORD, new=NEW)
    surfer.press("Change password")
    surfer.press("Continue")
    assert surfer.heading == f"Hello, {olga.name}"
    surfer.enroll()
    assert olga.devices() == [olga.serial_number]
    profile = sandbox.as_administrator("iam").get_login_profile(UserName=olga.name)["LoginProfile"]
    assert not profile.get("PasswordResetRequired")


@pytest.fixture
def strict(scratch: Path) -> Path:
    """The recommended document without ChangePassword before MFA, as AWS's own variants since 2017."""
    document = read("recommended")
    deny = document["Statement"][-1]
    deny["NotAction"] = [action for action in deny["NotAction"] if action != "iam:ChangePassword"]
    file = scratch / "strict.json"
    file.write_text(json.dumps(document))
    return file


def test_where_it_is_a_circle_the_key_leads_out_of_it(
    surfing: Surfing, scratch: Path, clock: Clock, strict: Path
) -> None:
    with Sandbox(scratch / "strict", clock, "--policy", str(strict)) as aws:
        olga = with_temporary_password(aws)
        with Portal(scratch / "strict-portal", aws, FORCE_MFA_POLICY=str(strict)) as portal:
            surfer = surfing(portal.url)
            surfer.begin_at_aws()
            surfer.give_password(olga)
            clock.move(10)
            surfer.type(old=PASSWORD, new=NEW)
            surfer.press("Change password")
            assert "You are not allowed to change your password" in surfer.text, "the dead end, at AWS"

            surfer.open("/sign-in/first")
            assert "makes this a circle" in surfer.text
            assert "--no-password-reset-required" in surfer.text, "for those who have only the password"
            surfer.sign_in(olga)
            surfer.open("/password")
            assert "Your policy wants MFA first" in surfer.text
            surfer.press("Go to the overview")
            surfer.get_mfa()
            surfer.navigate("/")
            assert "Replace your temporary console password" in surfer.text
            surfer.press("Change it")
            surfer.type(old=PASSWORD, new=NEW, again=NEW)
            surfer.press("Change it")
            assert "Your console password is changed" in surfer.text
            profile = aws.as_administrator("iam").get_login_profile(UserName=olga.name)["LoginProfile"]
            assert not profile.get("PasswordResetRequired")
