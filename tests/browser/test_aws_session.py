"""A session of AWS Sign-In: its credentials live 15 minutes, and are refreshed for as long as it lasts."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import AwsServerError, PasswordWasChanged, RenewalNotPermitted, RenewalRefused
from tests.browser.conftest import Surfing, refreshes
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.marks import NEXT_PASSWORD
from tests.support.people import Employee
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox

SIGNED_IN = 'data-signed-in data-mfa="yes"'


def signed_in_with_mfa(surfer: Surfer, employee: Employee) -> Surfer:
    surfer.sign_in_at_aws(employee)
    phone = surfer.enroll()
    surfer.submit("/sign-in/aws")
    surfer.give_password(employee, phone)
    surfer.press("Continue")
    return surfer


def session_cookie(surfer: Surfer, portal: Portal) -> dict[str, str]:
    """The header with this browser's session cookie."""
    name = f"latchkey-{portal.port}"
    value = next(cookie["value"] for cookie in surfer.page.context.cookies() if cookie["name"] == name)
    return {"Cookie": f"{name}={value}"}


@pytest.fixture
def signed_in(surfing: Surfing, marta: Employee) -> Surfer:
    """Marta, with MFA."""
    return signed_in_with_mfa(surfing(), marta)


def test_the_session_outlives_its_credentials(signed_in: Surfer, clock: Clock, sandbox: Sandbox) -> None:
    mark = sandbox.mark()
    for _ in range(4):
        clock.move(11 * 60)
        signed_in.open("/")
        assert signed_in.with_mfa
    assert refreshes(sandbox, mark) == [200] * 4


def test_a_logo_and_files_of_pages_keep_no_session_from_ending(
    surfing: Surfing, marta: Employee, clock: Clock, sandbox: Sandbox, scratch: Path
) -> None:
    picture = scratch / "logo.svg"
    picture.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>')
    with Portal(scratch / "with-logo", sandbox, BRAND_LOGO=str(picture)) as portal:
        surfer = signed_in_with_mfa(surfing(portal.url), marta)
        logo = surfer.page.locator("header img").get_attribute("src") or ""
        cookie, mark = session_cookie(surfer, portal), sandbox.calls()[-1]["seq"]
        for minutes in (11, 5):  # the credentials are due after 10 minutes, the session after 15
            clock.move(minutes * 60)
            for path in (logo, "/static/latchkey.js"):
                with urllib.request.urlopen(urllib.request.Request(portal.url + path, headers=cookie)) as answer:
                    assert answer.status == 200 and answer.read()
        assert refreshes(sandbox, mark) == []
        surfer.open("/mfa")
        assert (surfer.path, surfer.refused_as) == ("/sign-in", "session-ended")


def test_parallel_requests_in_two_processes_refresh_once(
    surfing: Surfing, marta: Employee, clock: Clock, sandbox: Sandbox, scratch: Path
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
        surfer = signed_in_with_mfa(surfing(patient.url), marta)
        cookie = session_cookie(surfer, patient)

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
    signed_in: Surfer, marta: Employee, sandbox: Sandbox, clock: Clock, spoil: str, told: str
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


def test_the_token_endpoint_is_slow_or_down(signed_in: Surfer, sandbox: Sandbox, clock: Clock) -> None:
    clock.move(11 * 60)
    sandbox.set_faults([{"action": "signin:CreateOAuth2Token", "fault": "throttle", "occurrences": [1]}])
    signed_in.open("/")
    assert signed_in.with_mfa and signed_in.refused_as == "", "its credentials are still valid"
    clock.move(5 * 60)
    sandbox.set_faults([{"action": "signin:CreateOAuth2Token", "fault": "error-503", "occurrences": [1]}])
    signed_in.open("/")
    assert signed_in.refused_as == AwsServerError.code
    signed_in.open("/")
    assert signed_in.with_mfa and signed_in.refused_as == "", "it lost nothing"


def test_the_answer_to_a_refresh_is_lost(signed_in: Surfer, sandbox: Sandbox, clock: Clock) -> None:
    clock.move(16 * 60 - 70)
    sandbox.set_faults([{"action": "signin:CreateOAuth2Token", "fault": "reset-after", "occurrences": [1]}])
    signed_in.open("/")
    signed_in.open("/mfa/finished")
    assert signed_in.path == "/sign-in", "the token works once, and AWS has used it"
    assert signed_in.refused_as == RenewalRefused.code, "the error is not about an old code"
    sandbox.set_faults([])


def test_signing_out_while_refreshing(signed_in: Surfer, sandbox: Sandbox, clock: Clock, portal: Portal) -> None:
    clock.move(11 * 60)
    rule = {"action": "signin:CreateOAuth2Token", "fault": "latency", "latency_ms": 3000, "occurrences": [1]}
    sandbox.set_faults([rule])
    request = urllib.request.Request(f"{portal.url}/", headers=session_cookie(signed_in, portal))
    with ThreadPoolExecutor(1) as pool:
        refreshing = pool.submit(lambda: urllib.request.urlopen(request).read().decode())
        while not sandbox.begun("signin:CreateOAuth2Token"):
            assert not refreshing.done()  # until AWS is asked for the next credentials
        signed_in.sign_out()
        assert SIGNED_IN not in refreshing.result()
    signed_in.open("/")
    assert signed_in.path == "/sign-in", "signed out is signed out"
