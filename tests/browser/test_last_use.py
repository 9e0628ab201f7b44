"""When access keys were last used: shown where the policy allows it, as AWS's example has since November 2023."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from werkzeug.routing import Map

from tests.browser.conftest import Visiting
from tests.support.asked import Notebook
from tests.support.clock import Clock
from tests.support.people import Employee, hire
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox
from tests.support.visitor import Reader

ASKED = "iam:GetAccessKeyLastUsed"
NOT_SHOWN = "last-use-not-shown"


@pytest.fixture(scope="module")
def granting(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    """A sandbox whose users have AWS's policy of 2023."""
    with Sandbox(scratch / "sandbox-2023-11", clock, "--policy", "2023-11") as running:
        yield running


@pytest.fixture(scope="module")
def its_portal(scratch: Path, granting: Sandbox) -> Iterator[Portal]:
    settings = {"FORCE_MFA_POLICY": "2023-11", "SIGN_IN_METHODS": "access-key"}
    with Portal(scratch / "portal-2023-11", granting, **settings) as running:
        yield running


@pytest.fixture
def nina(granting: Sandbox, clock: Clock) -> Employee:
    hired = hire(granting, "nina")
    clock.move(10)
    return hired


@pytest.fixture
def reader(
    its_portal: Portal, granting: Sandbox, nina: Employee, url_map: Map, request: pytest.FixtureRequest
) -> Iterator[Reader]:
    """Nina's browser. She signed in with her access key and has an MFA session."""
    notebook = Notebook(its_portal, granting, url_map)
    opened = Reader(its_portal.url)
    opened.arrive_with_mfa(nina)
    yield opened
    notebook.write(request.path)


def asked(sandbox: Sandbox, since: int = 0) -> list[int]:
    """HTTP statuses of AWS's answers about the last use of a key."""
    return [call["status"] for call in sandbox.calls(since) if call["action"] == ASKED]


def test_each_key_says_when_and_for_what_it_was_last_used(reader: Reader, nina: Employee, granting: Sandbox) -> None:
    spare = granting.as_administrator("iam").create_access_key(UserName=nina.name)["AccessKey"]["AccessKeyId"]
    nina.client("iam").list_mfa_devices(UserName=nina.name)
    before = granting.mark()
    reader.navigate("/access-keys")
    assert asked(granting, before) == [200, 200], "one call for each key"
    today = str(datetime.now(UTC).date())
    used = reader.row(nina.access_key_id)
    assert used["data-last-used"] == today
    assert "iam" in used.get_text() and "us-east-1" in used.get_text()
    assert reader.row(spare)["data-last-used"] == "never"
    assert NOT_SHOWN not in reader.states
    reader.navigate("/")
    (retire,) = reader.soup.select("[data-todo=retire-key]")
    assert (retire["data-item"], retire["data-last-used"]) == (nina.access_key_id, today)


def test_where_aws_denies_it_all_the_same_the_page_says_what_it_always_said(
    reader: Reader, nina: Employee, granting: Sandbox
) -> None:
    never = {"Effect": "Deny", "Action": ASKED, "Resource": "*"}
    granting.as_administrator("iam").put_user_policy(
        UserName=nina.name,
        PolicyName="never",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [never]}),
    )
    before = granting.mark()
    reader.navigate("/access-keys")
    assert asked(granting, before) == [403]
    assert {NOT_SHOWN, f"active:{nina.access_key_id}"} <= {*reader.states}
    assert not reader.is_there("[data-last-used]")


@pytest.mark.both_policies
def test_under_a_policy_that_does_not_grant_it_aws_is_not_asked(
    visiting: Visiting, nadia: Employee, sandbox: Sandbox
) -> None:
    surfer = visiting()
    surfer.arrive_with_mfa(nadia)
    before = sandbox.mark()
    surfer.navigate("/access-keys")
    assert {NOT_SHOWN, f"active:{nadia.access_key_id}"} <= {*surfer.states}
    assert any(call["action"] == "iam:ListAccessKeys" for call in sandbox.calls(before))
    assert asked(sandbox, before) == []
