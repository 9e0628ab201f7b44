"""A sandbox of each policy, shared by the stories; people of their own for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.aws_login import AwsLogin, Browser, Page
from tests.support.clock import Clock
from tests.support.people import Employee, hire, hire_without_key
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="session", params=["recommended", "tutorial"])
def policy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def sandbox(scratch: Path, clock: Clock, policy: str) -> Iterator[Sandbox]:
    with Sandbox(scratch / f"aws-{policy}", clock, "--policy", policy) as running:
        yield running


@pytest.fixture(scope="session")
def one(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    """For what no policy changes."""
    with Sandbox(scratch / "aws", clock) as running:
        yield running


@pytest.fixture
def alice(one: Sandbox) -> Employee:
    return hire(one, "alice")


Refused = Callable[..., tuple[str, int]]


@pytest.fixture
def refused() -> Refused:
    """Calls, expects AWS's no, and answers (code, HTTP status)."""

    def call(act: Callable[..., Any], **parameters: Any) -> tuple[str, int]:
        with pytest.raises(ClientError) as no:
            act(**parameters)
        answer = no.value.response
        return str(answer["Error"]["Code"]), int(answer["ResponseMetadata"]["HTTPStatusCode"])

    return call


@pytest.fixture
def bob(one: Sandbox) -> Employee:
    """A console password, no key, as the tutorial's MFAUser."""
    return hire_without_key(one, "bob")


@pytest.fixture
def login(one: Sandbox) -> AwsLogin:
    return AwsLogin(one.facts["signin_url"])


@pytest.fixture
def browser() -> Browser:
    return Browser()


def signed_in(browser: Browser, login: AwsLogin, who: Employee) -> Page:
    """At the page that asks whether to continue."""
    browser.open(login.authorize_url())
    return browser.sign_in(who.sandbox.account_id, who.name, who.password)


def code_for(browser: Browser, login: AwsLogin, who: Employee) -> str:
    signed_in(browser, login, who)
    return browser.submit().answer["code"]


def client(sandbox: Sandbox, service: str, token: dict[str, Any]) -> Any:
    made = token["accessToken"]
    return sandbox.client(
        service,
        aws_access_key_id=made["accessKeyId"],
        aws_secret_access_key=made["secretAccessKey"],
        aws_session_token=made["sessionToken"],
    )
