"""A session of AWS Sign-In: its credentials live 15 minutes, and are refreshed for as long as it lasts.

Hardly anything here depends on a screen: `test_aws_sign_in.py` opens the same pages in Chromium.
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import AwsServerError, PasswordWasChanged, RenewalNotPermitted, RenewalRefused
from tests.browser.conftest import Surfing, Visiting, refreshes
from tests.support.clock import Clock
from tests.support.marks import NEXT_PASSWORD
from tests.support.people import Employee
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox
from tests.support.visitor import Reader
from tests.support.waiting import wait_until

SIGNED_IN = 'data-signed-in data-mfa="yes"'


def signed_in_with_mfa(visitor: Reader, employee: Employee) -> Reader:
    visitor.sign_in_at_aws(employee)
    phone = visitor.enroll()
    visitor.submit("/sign-in/aws")
    visitor.give_password(employee, phone)
    visitor.press("Continue")
    return visitor


def session_cookie(visitor: Reader, portal: Portal) -> dict[str, str]:
    """The header with this browser's session cookie."""
    name = f"latchkey-{portal.port}"
    return {"Cookie": f"{name}={visitor.cookies[name]}"}


@pytest.fixture
def signed_in(visiting: Visiting, marta: Employee) -> Reader:
    """Marta, with MFA."""
    return signed_in_with_mfa(visiting(), marta)


def test_the_session_outlives_its_credentials(signed_in: Reader, clock: Clock, sandbox: Sandbox) -> None:
    mark = sandbox.mark()
    for _ in range(4):
        clock.move(11 * 60)
        signed_in.open("/")
        assert signed_in.with_mfa
    assert refreshes(sandbox, mark) == [200] * 4


def test_a_logo_and_files_of_pages_keep_no_session_from_ending(
    visiting: Visiting, marta: Employee, clock: Clock, sandbox: Sandbox, scratch: Path
) -> None:
    picture = scratch / "logo.svg"
    picture.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>')
    with Portal(scratch / "with-logo", sandbox, BRAND_LOGO=str(picture)) as portal:
        visitor = signed_in_with_mfa(visiting(portal.url), marta)
        logo = str(visitor.soup.select("header img")[0]["src"])
        cookie, mark = session_cookie(visitor, portal), sandbox.calls()[-1]["seq"]
        for minutes in (11, 5):  # the credentials are due after 10 minutes, the session after 15
            clock.move(minutes * 60)
            for path in (logo, "/static/latchkey.js"):
                with urllib.request.urlopen(urllib.request.Request(portal.url + path, headers=cookie)) as answer:
                    assert answer.status == 200 and answer.read()
        assert refreshes(sandbox, mark) == []
        visitor.open("/mfa")
        assert (visitor.path, visitor.refused_as) == ("/sign-in", "session-ended")


def test_parallel_requests_in_two_processes_refresh_once(
    visiting: Visiting, marta: Employee, clock: Clock, sandbox: Sandbox, scratch: Path
) -> None:
    with (
        Portal(scratch / "patient", sandbox, SESSION_IDLE_MINUTES="60") as patient,
        Portal(
            scratch / "twin",
            sandbox,
            SESSION_IDLE_MINUTES="60",
            PUBLIC_URL=patient.url,
            DATABASE_URL=patient.environment["DATABASE_URL"],
        ) as twin,
    ):
        visitor = signed_in_with_mfa(visiting(patient.url), marta)
        cookie = session_cookie(visitor, patient)

        def ask(number: int) -> str:
            at = f"http://127.0.0.1:{(patient, twin)[number % 2].port}/"
            with urllib.request.urlopen(urllib.request.Request(at, headers=cookie)) as answer:
                return str(answer.read().decode())

        for minutes, what in ((11, "ahead of time"), (20, "when they have expired")):
            clock.move(minutes * 60)
            mark = sandbox.mark()
            with ThreadPoolExecutor(12) as pool:
                pages = list(pool.map(ask, range(24)))
            assert all(SIGNED_IN in page for page in pages), what
            assert refreshes(sandbox, mark) == [200], what


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("password", PasswordWasChanged.code),
        ("permission", RenewalNotPermitted.code),
        ("twelve hours", RenewalRefused.code),
    ],
)
def test_refreshing_fails_and_the_person_comes_back_to_where_they_were(
    signed_in: Reader, marta: Employee, sandbox: Sandbox, clock: Clock, spoil: str, told: str
) -> None:
    admin = sandbox.as_administrator("iam")
    if spoil == "password":
        admin.update_login_profile(UserName=marta.name, Password=NEXT_PASSWORD)
        marta.password = NEXT_PASSWORD
    elif spoil == "permission":
        statement = {"Effect": "Deny", "Action": "signin:CreateOAuth2Token", "Resource": "*"}
        denied = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        admin.put_user_policy(UserName=marta.name, PolicyName="no", PolicyDocument=denied)
    else:  # a console session that began long before the portal's
        signed_in.sign_out()
        clock.move(12 * 3600 - 5 * 60)
        signed_in.begin_at_aws()
        signed_in.press("Continue")
    clock.move(11 * 60)
    signed_in.open("/mfa/finished")
    assert signed_in.path == "/sign-in"
    assert signed_in.refused_as == told
    if spoil == "permission":
        admin.delete_user_policy(UserName=marta.name, PolicyName="no")
    signed_in.submit("/sign-in/aws")
    if spoil != "twelve hours":  # after twelve hours AWS asks for the password again
        signed_in.press("Continue")
        assert signed_in.path == "/mfa/finished"


def test_the_token_endpoint_is_slow_or_down(
    signed_in: Reader, surfing: Surfing, sandbox: Sandbox, clock: Clock
) -> None:
    clock.move(11 * 60)
    sandbox.set_faults([{"action": "signin:CreateOAuth2Token", "fault": "throttle", "occurrences": [1]}])
    signed_in.open("/")
    assert signed_in.with_mfa and signed_in.refused_as == "", "its credentials are still valid"
    clock.move(5 * 60)
    sandbox.set_faults([{"action": "signin:CreateOAuth2Token", "fault": "error-503", "occurrences": [1]}])
    surfer = surfing()
    surfer.take_cookies_of(signed_in)
    surfer.open("/")
    assert surfer.refused_as == AwsServerError.code
    signed_in.open("/")
    assert signed_in.with_mfa and signed_in.refused_as == "", "it lost nothing"


def test_the_answer_to_a_refresh_is_lost(signed_in: Reader, sandbox: Sandbox, clock: Clock) -> None:
    clock.move(16 * 60 - 70)
    sandbox.set_faults([{"action": "signin:CreateOAuth2Token", "fault": "reset-after", "occurrences": [1]}])
    signed_in.open("/")
    signed_in.open("/mfa/finished")
    assert signed_in.path == "/sign-in", "the token works once, and AWS has used it"
    assert signed_in.refused_as == RenewalRefused.code, "the error is not about an old code"
    sandbox.set_faults([])


def test_signing_out_while_refreshing(signed_in: Reader, sandbox: Sandbox, clock: Clock, portal: Portal) -> None:
    clock.move(11 * 60)
    rule = {"action": "signin:CreateOAuth2Token", "fault": "latency", "latency_ms": 30_000, "occurrences": [1]}
    sandbox.set_faults([rule])
    request = urllib.request.Request(f"{portal.url}/", headers=session_cookie(signed_in, portal))
    with ThreadPoolExecutor(1) as pool:
        refreshing = pool.submit(lambda: urllib.request.urlopen(request).read().decode())
        wait_until(lambda: refreshing.done() or sandbox.begun("signin:CreateOAuth2Token"))
        assert not refreshing.done(), "AWS was asked for the next credentials, and hasn't answered"
        signed_in.sign_out()
        sandbox.set_faults([])
        assert SIGNED_IN not in refreshing.result()
    signed_in.open("/")
    assert signed_in.path == "/sign-in", "signed out is signed out"
