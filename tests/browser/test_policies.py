"""An admin gets Force_MFA right: writes it, checks one, asks why. Under one policy: the pages hardly depend on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.policy.documents import read, rendered, source_text
from tests.browser.conftest import Surfing
from tests.browser.test_activity import come_back
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, Phone
from tests.support.sandbox import Sandbox


@pytest.fixture
def admin(surfing: Surfing, sandbox: Sandbox, clock: Clock) -> Surfer:
    """Administrator, signed in with MFA."""
    clock.move(200)  # their earlier codes are past
    user = sandbox.user("Administrator")
    phone = Phone(clock, f"otpauth://totp/Administrator?secret={user['mfa']['seed']}")
    surfer = surfing()
    come_back(surfer, Employee(sandbox, "Administrator", user["access_key_id"], user["secret_access_key"]), phone)
    return surfer


def test_an_admin_writes_checks_and_questions_the_policy(
    admin: Surfer, sandbox: Sandbox, surfing: Surfing, nadia: Employee, tmp_path: Path
) -> None:
    calls = len(sandbox.calls())
    admin.navigate("/policies")
    assert admin.heading == "The policy"
    assert "Nothing is wrong with it." in admin.text and "Allows these 22 actions on one’s own IAM user" in admin.text

    # writes
    admin.press("Write")
    shown = admin.page.locator("#written").inner_text()
    assert json.loads(shown) == rendered(read("recommended"), sandbox.account_id)
    admin.page.get_by_label("As", exact=True).select_option("CloudFormation")
    admin.page.get_by_label("Document").select_option("recommended")
    admin.press("Write it")
    admin.page.get_by_text("does otherwise than AWS’s tutorial").click()
    assert "retired them in 2019" in admin.text
    admin.page.get_by_label("As", exact=True).select_option("CloudFormation")
    admin.page.get_by_label("Document").select_option("tutorial")
    admin.page.get_by_label("test user").check()
    admin.type(group="Developers", managed="AmazonS3ReadOnlyAccess")
    admin.press("Write it")
    with admin.page.expect_download() as downloaded:
        admin.page.get_by_role("link", name="Download").click()
    file = tmp_path / downloaded.value.suggested_filename
    downloaded.value.save_as(file)
    assert file.name == "force-mfa-stack.json"
    stack = json.loads(file.read_text())
    assert stack == json.loads(admin.page.locator("#written").inner_text())
    assert stack["Resources"]["Group"]["Properties"]["GroupName"] == "Developers"
    assert stack["Resources"]["TestUser"]["Properties"]["UserName"] == "MFAUser"
    admin.type(group="not a name")
    admin.press("Write it")
    assert "is no name for a group" in admin.text and admin.value("group") == "not a name"
    assert admin.page.locator("#written").count() == 0

    # checks
    admin.press("Check")
    admin.press("Check it")
    assert "Paste a policy, or choose a file." in admin.text
    nasty = "<script>alert(1)</script>"
    broken = source_text("recommended").replace("iam:EnableMFADevice", f"iam:{nasty}")
    admin.type(document=broken)
    admin.press("Check it")
    assert "People could not get MFA under it" in admin.text and f"has no action iam:{nasty}" in admin.text
    assert admin.value("document").split() == broken.split()
    upload = tmp_path / "mine.json"
    upload.write_text(source_text("tutorial"))
    admin.page.locator("[name=file]").set_input_files(upload)
    admin.press("Check it")
    assert "10 findings" in admin.text and "resource-unsupported" in admin.text
    assert "It says what the document “tutorial” says." in admin.text
    assert admin.value("document").split() == source_text("tutorial").split()
    upload.write_text("x" * 70_000)
    admin.page.locator("[name=file]").set_input_files(upload)
    admin.press("Check it")
    assert "That is too long" in admin.text
    upload.write_bytes(b"\xff\xfe\x00")
    admin.page.locator("[name=file]").set_input_files(upload)
    admin.press("Check it")
    assert "not UTF-8 text" in admin.text

    # asks why, and the address can be sent
    admin.press("Try it")
    assert "Denied by statement 4" in admin.text and "It does not name ec2:DescribeInstances." in admin.text
    admin.page.get_by_label("Signed in with").select_option("MFA")
    admin.type(action="iam:EnableMFADevice", user_name="bob", path="/engineering/")
    admin.press("Ask")
    assert "Allowed by statement 1" in admin.text
    assert f"arn:aws:iam::{sandbox.account_id}:user/engineering/bob" in admin.text and "April 2023" in admin.text
    address = admin.page.url.removeprefix(admin.url)
    admin.type(action="nonsense")
    admin.press("Ask")
    assert "An action reads like iam:ListUsers." in admin.text
    admin.open(address)
    assert "Allowed by statement 1" in admin.text

    assert not [call for call in sandbox.calls(calls) if "List" not in call["action"]], "nothing changed in AWS"

    # nobody else's
    stranger = surfing(javascript=False)
    stranger.sign_in(nadia)
    for path in ("/policy", "/policy/write", "/policy/check", address):
        stranger.open(path)
        assert stranger.heading == "Not allowed"
