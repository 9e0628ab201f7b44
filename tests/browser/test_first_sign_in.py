"""A temporary password under Force_MFA: changing it may need MFA, MFA needs a sign-in, and that needs the change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.policy.documents import read
from tests.browser.conftest import Surfing, Visiting
from tests.support.clock import Clock
from tests.support.marks import PASSWORD, STRONG_PASSWORD
from tests.support.people import Employee, hire
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox

NEW = STRONG_PASSWORD


def with_temporary_password(sandbox: Sandbox) -> Employee:
    """A user with an access key and a temporary password."""
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
    assert surfer.data("account-asked") == [""], "AWS's page asks for the account ID before anything else"
    surfer.follow("/sign-in/first")
    assert surfer.data("account-asked") == [""]
    if policy == "tutorial":
        assert "change-in-console" in surfer.states
        return
    assert "change-at-sign-in" in surfer.states
    surfer.follow("/sign-in")
    surfer.submit("/sign-in/aws")
    surfer.give_password(olga)
    surfer.type(old=PASSWORD, new=NEW)
    surfer.press("Change password")
    surfer.press("Continue")
    assert surfer.is_inside(olga.name)
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
    surfing: Surfing, visiting: Visiting, scratch: Path, clock: Clock, strict: Path
) -> None:
    with Sandbox(scratch / "strict", clock, "--policy", str(strict)) as aws:
        olga = with_temporary_password(aws)
        with Portal(scratch / "strict-portal", aws, FORCE_MFA_POLICY=str(strict)) as portal:
            surfer, reader = surfing(portal.url), visiting(portal.url)
            reader.begin_at_aws()
            reader.give_password(olga)
            clock.move(10)
            reader.type(old=PASSWORD, new=NEW)
            reader.press("Change password")
            assert "You are not allowed to change your password" in reader.text, "the dead end, at AWS"

            surfer.open("/sign-in/first")
            assert "circle" in surfer.states
            note = surfer.at("#note")
            assert "--no-password-reset-required" in note, "for those who have only the password"
            surfer.sign_in(olga)
            surfer.open("/password")
            assert "mfa-first" in surfer.states
            surfer.follow("/")
            surfer.get_mfa()
            surfer.navigate("/")
            assert "temporary-password" in surfer.to_do
            surfer.follow("/password")
            surfer.submit("/password", old=PASSWORD, new=NEW, again=NEW)
            assert (surfer.path, surfer.notices) == ("/", ["success"])
            profile = aws.as_administrator("iam").get_login_profile(UserName=olga.name)["LoginProfile"]
            assert not profile.get("PasswordResetRequired")
