"""Signing in with the console password, on AWS's page: most people have nothing else."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.browser.conftest import Surfing
from tests.support.aws_login import AwsLogin
from tests.support.aws_login import Browser as WithoutScreen
from tests.support.browser import HOSTED, Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, Phone, hire_without_key
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox

ALLOWED_AT_AWS = {
    "signin:CreateOAuth2Token",
    "sts:GetCallerIdentity",
    "iam:ListMFADevices",
    "iam:ListAccountAliases",
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:DeactivateMFADevice",
    "iam:ListAccessKeys",
    "iam:GetLoginProfile",
    "iam:ListSSHPublicKeys",
    "iam:ListSigningCertificates",
}


@pytest.fixture
def marta(sandbox: Sandbox, clock: Clock) -> Iterator[Employee]:
    """As MFAUser of the tutorial: a console password, no access key, no MFA."""
    hired = hire_without_key(sandbox, "marta")
    clock.move(10)  # her password has spread through IAM
    yield hired
    sandbox.set_faults([])


@pytest.fixture(scope="session")
def hosted(scratch: Path, sandbox: Sandbox, policy: str) -> Iterator[Portal]:
    """A portal with TLS under a name of its own, as on a server."""
    with Portal(scratch / f"hosted-{policy}", sandbox, host=HOSTED, FORCE_MFA_POLICY=policy) as running:
        yield running


def only_recommended(policy: str) -> None:
    if policy != "recommended":
        pytest.skip("the tutorial's policy grants no signin: action; its story is told by itself")


def verification_code(surfer: Surfer, employee: Employee | None, phone: Phone | None = None) -> str:
    """Opens AWS in a new tab, signs in there unless AWS knows them already, and copies the code."""
    ours = surfer.page
    with surfer.page.context.expect_page() as opened:
        ours.get_by_role("link", name="Open AWS sign-in").click()
    surfer.page = opened.value
    surfer.page.wait_for_load_state()
    surfer.inspect()
    if employee:
        surfer.give_password(employee, phone)
    surfer.press("Continue")
    code = surfer.page.inner_text("#code") if surfer.page.locator("#code").count() else surfer.text
    surfer.page.close()
    surfer.page = ours
    return code


def paste(surfer: Surfer, code: str) -> None:
    surfer.type(verification_code=code)
    surfer.press("Sign in")


def aws_login(who: Employee, phone: Phone | None = None, service: str = "ec2") -> Any:
    """A client with the credentials of an `aws login` of theirs, in a browser of its own."""
    login, browser = AwsLogin(who.sandbox.facts["signin_url"]), WithoutScreen()
    browser.open(login.authorize_url())
    browser.sign_in(who.sandbox.account_id, who.name, who.password)
    if phone:
        browser.submit(code=phone.next())
    made = login.exchange(browser.submit().answer["code"])[1]["accessToken"]
    return who.sandbox.client(
        service,
        aws_access_key_id=made["accessKeyId"],
        aws_secret_access_key=made["secretAccessKey"],
        aws_session_token=made["sessionToken"],
    )


def refused(act: Callable[[], object]) -> str:
    """AWS's code for no."""
    with pytest.raises(ClientError) as no:
        act()
    return str(no.value.response["Error"]["Code"])


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without-javascript"])
def test_step_3_with_nothing_but_a_password(
    surfing: Surfing, marta: Employee, sandbox: Sandbox, portal: Portal, policy: str, javascript: bool
) -> None:
    only_recommended(policy)
    before = len(sandbox.calls())
    assert refused(aws_login(marta).describe_instances) == "UnauthorizedOperation"
    surfer = surfing(javascript=javascript)
    surfer.sign_in_at_aws(marta)
    assert surfer.heading == f"Hello, {marta.name}"
    assert f"Signed in as {marta.name}, who is signed in to AWS in this browser." in surfer.text
    assert "Next: set up MFA" in surfer.text

    phone = surfer.enroll()
    assert marta.devices() == [marta.serial_number]
    assert surfer.heading == "Now sign in with the code"
    surfer.press("Sign out and in at AWS")
    surfer.give_password(marta, phone)
    surfer.press("Continue")
    assert surfer.heading == "You are set up", "back where they were"
    assert "aws login" in surfer.text
    assert aws_login(marta, phone).describe_instances()["Reservations"]
    assert refused(aws_login(marta, phone, "s3").list_buckets) == "AccessDenied"

    surfer.open("/")
    assert "You are signed in with MFA" in surfer.text
    assert "AWS Sign-In and MFA" in surfer.text
    made = [call for call in sandbox.calls(before) if "latchkey" in call["user_agent"] and call["principal"]]
    mine = [call for call in made if call["principal"].endswith(f"/{marta.name}")]
    assert {call["action"] for call in mine} == ALLOWED_AT_AWS
    assert mine[-1]["mfa_present"] is True
    assert portal.activity(marta.name) == [
        ("sign-in", "done", ""),
        ("mfa-device-created", "intended", ""),
        ("mfa-device-created", "done", ""),
        ("mfa-device-enabled", "intended", ""),
        ("mfa-device-enabled", "done", ""),
        ("sign-in", "done", ""),
    ]


def test_the_same_from_another_machine(surfing: Surfing, marta: Employee, hosted: Portal, policy: str) -> None:
    only_recommended(policy)
    surfer = surfing(hosted.url)
    surfer.begin_at_aws()
    assert surfer.heading == "Sign in at AWS"
    code = verification_code(surfer, marta)
    paste(surfer, f"  {code[:20]}\n{code[20:]} ")
    assert surfer.heading == f"Hello, {marta.name}"

    phone = surfer.enroll()
    surfer.press("Sign out and in at AWS")
    assert surfer.heading == "Sign in at AWS"
    paste(surfer, verification_code(surfer, marta, phone))
    assert surfer.heading == "You are set up"
    cookie = next(c for c in surfer.page.context.cookies() if "latchkey" in c["name"])
    assert cookie["name"] == "__Host-latchkey"
    assert cookie["secure"]


def test_pasting_goes_wrong_in_every_way(
    surfing: Surfing, marta: Employee, hosted: Portal, policy: str, sandbox: Sandbox, clock: Clock
) -> None:
    only_recommended(policy)
    surfer = surfing(hosted.url)
    surfer.begin_at_aws()
    first = verification_code(surfer, marta)
    for wrong, words in (
        ("", "Paste the code"),
        ("hello", "not a whole verification code"),
        (first[:-7], "not a whole verification code"),
        (f"{first}{first}", "not a whole verification code"),
        ("A" * 5000, "much longer than a verification code"),
    ):
        paste(surfer, wrong)
        assert words in surfer.text, wrong
        assert surfer.value("verification_code") == "", "a code is not shown again"
    other = surfing(hosted.url)
    other.begin_at_aws()
    paste(other, first)
    assert "belongs to another sign-in" in other.text
    paste(surfer, first)
    assert surfer.heading == f"Hello, {marta.name}", "none of it spoiled the good one"

    late = verification_code(other, marta)
    clock.move(301)
    paste(other, late)
    assert "too old, was used before" in other.text
    assert other.path == "/sign-in"
    other.open("/")
    assert other.path == "/sign-in", "no half-made session"


def test_under_the_tutorials_policy_the_missing_permissions_are_named(
    surfing: Surfing, marta: Employee, hosted: Portal, portal: Portal, policy: str
) -> None:
    if policy != "tutorial":
        pytest.skip("the recommended policy grants the signin: actions")
    surfer = surfing()
    surfer.sign_in_at_aws(marta)
    assert surfer.heading == "Your policy does not allow this sign-in"
    for words in (
        "signin:AuthorizeOAuth2Access",
        "signin:CreateOAuth2Token",
        "oauth2/public-client/remote",
        "NotAction",
        "AWS console",
        "access key",
    ):
        assert words in surfer.text
    assert ("sign-in", "refused", "SignInNotPermitted") in portal.activity("")
    surfer.open("/")
    assert surfer.path == "/sign-in"

    remote = surfing(hosted.url)
    remote.begin_at_aws()
    assert "not authorized to perform: signin:AuthorizeOAuth2Access" in verification_code(remote, marta)
    remote.page.get_by_text("AWS shows an error instead of a code").click()
    remote.press("two permissions")
    assert remote.heading == "Your policy does not allow this sign-in"


def test_an_old_console_session_does_not_count_as_mfa(
    surfing: Surfing, marta: Employee, policy: str, sandbox: Sandbox
) -> None:
    only_recommended(policy)
    surfer, old = surfing(), surfing()
    old.begin_at_aws()
    old.give_password(marta)  # a console session from before the device
    surfer.sign_in_at_aws(marta)
    phone = surfer.enroll()

    old.begin_at_aws()
    old.press("Continue")
    assert old.heading == "AWS signed you in without your MFA code"
    assert f"signed in to AWS as {marta.name} in this browser" in old.text
    old.open("/")
    assert old.path == "/sign-in", "who has a device gets in only with it"
    old.page.go_back()
    old.press("Sign out and in at AWS")
    old.give_password(marta, phone)
    old.press("Continue")
    assert "You are signed in with MFA" in old.text


def test_someone_else_at_aws_does_not_take_over(
    surfing: Surfing, marta: Employee, policy: str, sandbox: Sandbox
) -> None:
    only_recommended(policy)
    surfer, oskar = surfing(), hire_without_key(sandbox, "oskar")
    surfer.sign_in_at_aws(marta)
    surfer.enroll()
    surfer.press("Sign out and in at AWS")
    surfer.give_password(oskar)
    surfer.press("Continue")
    assert surfer.heading == "That is someone else"
    assert f"signed in to AWS as {oskar.name} in this browser, and here as {marta.name}" in surfer.text
    surfer.open("/")
    assert surfer.heading == f"Hello, {marta.name}"


def test_iam_may_refuse_a_sign_in_without_mfa(surfing: Surfing, scratch: Path, clock: Clock, policy: str) -> None:
    only_recommended(policy)
    knob = ("--outcome", "password-only-sign-in=refused-by-iam")
    with (
        Sandbox(scratch / "strict", clock, *knob) as strict,
        Portal(scratch / "strict-portal", strict) as portal,
    ):
        marta, surfer = hire_without_key(strict, "marta"), surfing(portal.url)
        surfer.sign_in_at_aws(marta)
        assert surfer.heading == "AWS signed you in, but IAM wants MFA first"
        assert "There are two ways forward" in surfer.text
        surfer.open("/")
        assert surfer.path == "/sign-in"

        admin = strict.user("Administrator")
        boss = Employee(strict, "Administrator", "", "", password=admin["password"])
        phone = Phone(clock, f"otpauth://totp/x?secret={admin['mfa']['seed']}")
        surfer.open("/sign-in/aws/stopped/iam-refuses")
        surfer.press("Sign out and in at AWS")
        surfer.give_password(boss, phone)
        surfer.press("Continue")
        assert "You are signed in with MFA" in surfer.text


def signed_in_with_mfa(surfer: Surfer, employee: Employee) -> Surfer:
    surfer.sign_in_at_aws(employee)
    phone = surfer.enroll()
    surfer.press("Sign out and in at AWS")
    surfer.give_password(employee, phone)
    surfer.press("Continue")
    return surfer


def session_cookie(surfer: Surfer, portal: Portal) -> dict[str, str]:
    """The header that makes a request one of this browser's."""
    name = f"latchkey-{portal.port}"
    value = next(cookie["value"] for cookie in surfer.page.context.cookies() if cookie["name"] == name)
    return {"Cookie": f"{name}={value}"}


@pytest.fixture
def signed_in(surfing: Surfing, marta: Employee, policy: str) -> Surfer:
    """Marta, with MFA."""
    only_recommended(policy)
    return signed_in_with_mfa(surfing(), marta)


def refreshes(sandbox: Sandbox, mark: int) -> list[int]:
    calls = sandbox.calls(mark)
    return [call["status"] for call in calls if call["action"] == "signin:CreateOAuth2Token"]


def test_the_session_outlives_its_credentials(signed_in: Surfer, clock: Clock, sandbox: Sandbox) -> None:
    mark = sandbox.calls()[-1]["seq"]
    for _ in range(4):
        clock.move(11 * 60)
        signed_in.open("/")
        assert "You are signed in with MFA" in signed_in.text
    assert refreshes(sandbox, mark) == [200] * 4


def test_parallel_requests_in_two_processes_refresh_once(
    surfing: Surfing, marta: Employee, clock: Clock, sandbox: Sandbox, scratch: Path, policy: str
) -> None:
    only_recommended(policy)
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
            mark = sandbox.calls()[-1]["seq"]
            with ThreadPoolExecutor(12) as pool:
                pages = list(pool.map(ask, range(24)))
            assert all("You are signed in with MFA" in page for page in pages), what
            assert refreshes(sandbox, mark) == [200], what


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("password", "Your console password was changed"),
        ("permission", "no longer allow signing in through AWS Sign-In"),
        ("twelve hours", "Your sign-in at AWS is over"),
    ],
)
def test_refreshing_fails_and_the_person_comes_back_to_where_they_were(
    signed_in: Surfer, marta: Employee, sandbox: Sandbox, clock: Clock, spoil: str, words: str
) -> None:
    admin = sandbox.as_administrator("iam")
    if spoil == "password":
        admin.update_login_profile(UserName=marta.name, Password="Another-horse-8")
        marta.password = "Another-horse-8"
    elif spoil == "permission":
        statement = {"Effect": "Deny", "Action": "signin:CreateOAuth2Token", "Resource": "*"}
        denied = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        admin.put_user_policy(UserName=marta.name, PolicyName="no", PolicyDocument=denied)
    else:  # a console session that was open long before we were asked for it
        signed_in.page.get_by_role("button", name="Sign out").click()
        clock.move(12 * 3600 - 5 * 60)
        signed_in.begin_at_aws()
        signed_in.press("Continue")
    clock.move(11 * 60)
    signed_in.open("/mfa/finished")
    assert signed_in.path == "/sign-in"
    assert words in signed_in.text
    if spoil == "permission":
        admin.delete_user_policy(UserName=marta.name, PolicyName="no")
    signed_in.press("Continue to AWS")
    if spoil != "twelve hours":  # after that AWS asks for the password anew
        signed_in.press("Continue")
        assert signed_in.path == "/mfa/finished"


def test_the_token_endpoint_is_slow_or_down(signed_in: Surfer, sandbox: Sandbox, clock: Clock) -> None:
    clock.move(11 * 60)
    sandbox.set_faults([{"action": "signin:CreateOAuth2Token", "fault": "throttle", "occurrences": [1]}])
    signed_in.open("/")
    assert "You are signed in with MFA" in signed_in.text, "what it has is still good"
    clock.move(5 * 60)
    sandbox.set_faults([{"action": "signin:CreateOAuth2Token", "fault": "error-503", "occurrences": [1]}])
    signed_in.open("/")
    assert "AWS has a problem of its own" in signed_in.text
    signed_in.open("/")
    assert "You are signed in with MFA" in signed_in.text, "it lost nothing"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("throttle", "AWS is busy"),
        ("error-500", "AWS has a problem of its own"),
        ("reset-after", "could not be reached"),
        ("truncated", "could not be reached"),
    ],
)
def test_the_token_endpoint_fails_at_the_sign_in(
    surfer: Surfer, marta: Employee, sandbox: Sandbox, policy: str, fault: str, words: str
) -> None:
    only_recommended(policy)
    sandbox.set_faults([{"action": "signin:CreateOAuth2Token", "fault": fault, "occurrences": [1]}])
    surfer.sign_in_at_aws(marta)
    assert surfer.path == "/sign-in"
    assert words in surfer.text
    surfer.open("/")
    assert surfer.path == "/sign-in", "no half-made session"
    surfer.press("Continue to AWS")
    surfer.press("Continue")
    assert surfer.heading == f"Hello, {marta.name}", "one click later it works"


def test_the_answer_to_a_refresh_is_lost(signed_in: Surfer, sandbox: Sandbox, clock: Clock) -> None:
    clock.move(16 * 60 - 70)
    sandbox.set_faults([{"action": "signin:CreateOAuth2Token", "fault": "reset-after", "occurrences": [1]}])
    signed_in.open("/")
    signed_in.open("/mfa/finished")
    assert signed_in.path == "/sign-in", "the token works once, and AWS has seen it"
    assert "Your sign-in at AWS is over" in signed_in.text
    sandbox.set_faults([])


def test_signing_out_while_refreshing(signed_in: Surfer, sandbox: Sandbox, clock: Clock, portal: Portal) -> None:
    clock.move(11 * 60)
    rule = {"action": "signin:CreateOAuth2Token", "fault": "latency", "latency_ms": 3000, "occurrences": [1]}
    sandbox.set_faults([rule])
    request = urllib.request.Request(f"{portal.url}/", headers=session_cookie(signed_in, portal))
    versions = portal.rows("select version from sessions order by id_hash")
    with ThreadPoolExecutor(1) as pool:
        refreshing = pool.submit(lambda: urllib.request.urlopen(request).read().decode())
        while portal.rows("select version from sessions order by id_hash") == versions:
            assert not refreshing.done()  # until it has said that it refreshes
        signed_in.page.get_by_role("button", name="Sign out").click()
        signed_in.page.wait_for_url("**/sign-in*")
        assert "You are signed in with MFA" not in refreshing.result()
    signed_in.open("/")
    assert signed_in.path == "/sign-in", "signed out is signed out"


def test_a_foreign_callback_is_refused_and_noted(
    surfer: Surfer, marta: Employee, sandbox: Sandbox, portal: Portal, policy: str
) -> None:
    only_recommended(policy)
    surfer.open("/oauth/callback?code=abc&state=def")
    assert surfer.path == "/sign-in"
    assert "not begun in this browser" in surfer.text

    surfer.begin_at_aws()
    surfer.give_password(marta)
    mark = sandbox.calls()[-1]["seq"]
    surfer.page.goto(f"{portal.url}/oauth/callback?code=abc&state=def")
    assert "not begun in this browser" in surfer.text
    assert refreshes(sandbox, mark) == [], "AWS was not even asked"
    assert ("sign-in", "refused", "ForeignState") in portal.activity("")
    surfer.page.goto(f"{portal.url}/oauth/callback?error=access_denied&state=def")
    assert "not begun in this browser" in surfer.text
    surfer.open("/oauth/callback?code=%00&state=")
    assert surfer.path == "/sign-in"


def test_a_callback_is_taken_once(
    surfing: Surfing, marta: Employee, sandbox: Sandbox, portal: Portal, policy: str
) -> None:
    only_recommended(policy)
    surfer = surfing()
    surfer.open("/sign-in")
    surfer.press("Continue to AWS")
    asked = parse_qs(urlsplit(surfer.page.url).query)
    surfer.give_password(marta)
    visited: list[str] = []
    surfer.page.on("request", lambda request: visited.append(request.url))
    surfer.press("Continue")
    callback = next(url for url in visited if "/oauth/callback" in url)
    assert asked["state"][0] in callback
    mark = sandbox.calls()[-1]["seq"]
    surfer.page.goto(callback)
    assert surfer.heading == f"Hello, {marta.name}"
    assert refreshes(sandbox, mark) == []
    stranger = surfing()
    stranger.page.goto(callback)
    assert stranger.path == "/sign-in"


def test_the_password_never_comes_near_the_portal(
    surfer: Surfer, marta: Employee, portal: Portal, policy: str
) -> None:
    only_recommended(policy)
    sent: list[str] = []
    surfer.page.on("request", lambda asked: sent.append(f"{asked.url} {asked.post_data}"))
    surfer.sign_in_at_aws(marta)
    ours = [asked for asked in sent if asked.startswith(portal.url)]
    assert ours
    assert urllib.parse.quote(marta.password) not in " ".join(ours)
    assert any(marta.password in asked for asked in sent), "it was typed at AWS"
    stored = portal.stored()
    for secret in (marta.password, "BEGIN PRIVATE KEY", "refresh_token"):
        assert secret not in stored + portal.log.read_text()


@pytest.mark.one_policy
def test_only_the_ways_that_are_offered_exist(
    surfing: Surfing, marta: Employee, sandbox: Sandbox, scratch: Path, policy: str
) -> None:
    with Portal(scratch / f"keys-{policy}", sandbox, SIGN_IN_METHODS="access-key") as keys:
        surfer = surfing(keys.url)
        surfer.open("/sign-in")
        assert surfer.page.get_by_text("Continue to AWS").count() == 0
        surfer.page.goto(f"{keys.url}/oauth/callback?code=a&state=b")
        assert surfer.heading == "There is no such page"
    with Portal(scratch / f"aws-only-{policy}", sandbox, SIGN_IN_METHODS="aws-sign-in") as aws_only:
        surfer = surfing(aws_only.url)
        surfer.open("/sign-in")
        assert surfer.page.locator("[name=access_key_id]").count() == 0


def test_the_sandboxs_pages_are_as_accessible(
    surfing: Surfing, marta: Employee, sandbox: Sandbox, seen: set[str]
) -> None:
    login = AwsLogin.remote(sandbox.facts["signin_url"])
    sandbox.as_administrator("iam").update_login_profile(UserName=marta.name, PasswordResetRequired=True)
    surfer = surfing()
    surfer.page.goto(login.authorize_url())
    surfer.inspect()
    surfer.press("Sign in")
    assert "Enter the password." in surfer.text
    surfer.give_password(marta)
    assert surfer.heading == "A new password is due"
    surfer.type(old=marta.password, new="short")
    surfer.press("Change password")
    surfer.type(old=marta.password, new="Another-horse-8")
    surfer.press("Change password")
    assert surfer.heading == f"Continue as {marta.name}?"
    surfer.press("Continue")
    for path in ("/oauth?Action=logout", "/v1/authorize?x=y"):
        surfer.page.goto(login.url + path)
        surfer.inspect()
    sandboxes = {state for state in seen if state.startswith("sandbox ")}
    assert len(sandboxes) >= 5, sandboxes
