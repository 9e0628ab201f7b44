"""An admin gets Force_MFA right: writes it, checks one, asks why. Under one policy: the pages hardly depend on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.policy.documents import DIFFERENCES, read, rendered, source_text
from app.policy.explain import BY_THE_SERVICE, Question, explain
from app.policy.parsed import parsed
from tests.browser.conftest import Surfing, Visiting
from tests.browser.test_activity import come_back
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, Phone
from tests.support.sandbox import Sandbox


@pytest.fixture
def admin(surfing: Surfing, visiting: Visiting, sandbox: Sandbox, clock: Clock) -> Surfer:
    """Administrator, signed in with MFA."""
    clock.move(200)  # their earlier codes are past
    user = sandbox.user("Administrator")
    phone = Phone(clock, f"otpauth://totp/Administrator?secret={user['mfa']['seed']}")
    surfer, reader = surfing(), visiting()
    come_back(reader, Employee(sandbox, "Administrator", user["access_key_id"], user["secret_access_key"]), phone)
    surfer.continue_from(reader, at="/")
    return surfer


def test_an_admin_writes_checks_and_questions_the_policy(
    admin: Surfer, sandbox: Sandbox, surfing: Surfing, nadia: Employee, tmp_path: Path
) -> None:
    calls, own_arn = sandbox.mark(), f"arn:aws:iam::{sandbox.account_id}"
    admin.navigate("/policy")
    assert admin.path == "/policy"
    assert admin.data("verdict") == ["usable"] and admin.data("finding") == []
    says = list(zip(admin.data("says"), admin.data("actions"), strict=True))
    assert ("allow", "22") in says and says[-1][0] == "deny"

    # writes
    admin.follow("/policy/write")
    shown = admin.at("#written")
    assert json.loads(shown) == rendered(read("recommended"), sandbox.account_id)
    admin.ask(format="cloudformation", document="recommended")
    admin.page.locator("[data-differences] summary").click()
    shown = admin.page.locator("[data-differences]").inner_text()
    assert all(what in shown and why in shown for what, why in DIFFERENCES)
    group = {"group": "Developers", "managed": "AmazonS3ReadOnlyAccess"}
    admin.ask(format="cloudformation", document="tutorial", test_user="yes", **group)
    with admin.page.expect_download() as downloaded:
        admin.page.locator("main a[href^='/policy/write/file']").click()
    file = tmp_path / downloaded.value.suggested_filename
    downloaded.value.save_as(file)
    assert file.name == "force-mfa-stack.json"
    stack = json.loads(file.read_text())
    assert stack == json.loads(admin.at("#written"))
    assert stack["Resources"]["Group"]["Properties"]["GroupName"] == "Developers"
    assert stack["Resources"]["TestUser"]["Properties"]["UserName"] == "MFAUser"
    admin.ask(group="not a name")
    assert admin.invalid == ["group"] and admin.value("group") == "not a name"
    assert not admin.is_there("#written")

    # checks
    admin.follow("/policy/check")
    admin.submit("/policy/check")
    assert admin.wrong == {"document": "missing"}
    nasty = "<script>alert(1)</script>"
    broken = source_text("recommended").replace("iam:EnableMFADevice", f"iam:{nasty}")
    admin.submit("/policy/check", document=broken)
    assert admin.data("verdict") == ["unusable"] and "unknown-action" in admin.data("finding")
    assert f"iam:{nasty}" in admin.at("[data-finding=unknown-action]")
    assert admin.value("document").split() == broken.split()
    upload = tmp_path / "mine.json"
    upload.write_text(source_text("tutorial"))
    admin.page.locator("[name=file]").set_input_files(upload)
    admin.submit("/policy/check")
    assert len(admin.data("finding")) == 10 and "resource-unsupported" in admin.data("finding")
    assert admin.is_there("[data-copy^=remedy-]"), "long remedies can be copied"
    assert admin.data("same-as") == ["tutorial"]
    assert admin.value("document").split() == source_text("tutorial").split()
    upload.write_text("x" * 70_000)
    admin.page.locator("[name=file]").set_input_files(upload)
    admin.submit("/policy/check")
    assert admin.wrong == {"document": "too-long"}
    upload.write_bytes(b"\xff\xfe\x00")
    admin.page.locator("[name=file]").set_input_files(upload)
    admin.submit("/policy/check")
    assert admin.wrong == {"file": "not-text"}

    # asks why, and the address can be sent
    admin.follow("/policy/try")
    assert (admin.data("decision"), admin.data("decides")) == (["denied"], ["4"])
    policy = parsed(read("recommended"), sandbox.account_id, "aws")
    steps = explain(policy, Question("alice", "ec2:DescribeInstances", "*", "key")).steps
    assert admin.texts("[data-why]") == [step.why for step in steps]
    admin.ask(**{"with": "mfa"}, action="iam:EnableMFADevice", user_name="bob", path="/engineering/")
    assert (admin.data("decision"), admin.data("decides")) == (["allowed"], ["1"])
    assert admin.at("[data-asked]") == f"{own_arn}:user/engineering/bob"
    assert BY_THE_SERVICE["iam:EnableMFADevice"] in admin.text
    address = admin.page.url.removeprefix(admin.url)
    admin.ask(action="nonsense")
    assert admin.invalid == ["action"] and admin.data("decision") == []
    admin.open(address)
    assert (admin.data("decision"), admin.data("decides")) == (["allowed"], ["1"])

    assert not [call for call in sandbox.calls(calls) if "List" not in call["action"]], "nothing changed in AWS"

    # nobody else's
    stranger = surfing(javascript=False)
    stranger.arrive(nadia)
    for path in ("/policy", "/policy/write", "/policy/check", address):
        stranger.open(path)
        assert stranger.refused_as == "for-administrators"
