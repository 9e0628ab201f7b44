"""Step 3 of the tutorial: blocked, then MFA, then EC2 works and everything else still says no."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.browser.conftest import Surfing, Visiting
from tests.support.people import Employee
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox

ALLOWED_AT_AWS = {
    "iam:ListMFADevices",
    "iam:ListAccountAliases",
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "sts:GetCallerIdentity",
    "sts:GetSessionToken",
}


def code_of(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


@pytest.mark.both_policies
@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without-javascript"])
def test_nadia_gets_from_blocked_to_working(
    surfing: Surfing,
    visiting: Visiting,
    nadia: Employee,
    sandbox: Sandbox,
    portal: Portal,
    policy: str,
    javascript: bool,
) -> None:
    before = sandbox.mark()
    with pytest.raises(ClientError) as refused:
        nadia.client("ec2").describe_instances()
    assert code_of(refused) == "UnauthorizedOperation"

    seen = javascript or policy == "recommended"
    surfer = surfing(javascript=javascript) if seen else visiting()
    surfer.sign_in(nadia)
    assert surfer.is_inside(nadia.name)
    assert surfer.has("/mfa/enroll/begin")
    assert surfer.attribute("nav [data-lock]", "data-lock") == ["set-up"]

    phone = surfer.enroll()
    assert nadia.devices() == [nadia.serial_number], surfer.text
    assert phone.label == f"Amazon%20Web%20Services:{nadia.name}%40{sandbox.account_id}"
    assert surfer.has("/mfa/activate")
    assert surfer.attribute("nav [data-lock]", "data-lock") == ["sign-in"], "no more to set up"
    assert surfer.count("nav a[href='/mfa/activate']") == 1
    surfer.open("/")
    assert surfer.attribute("nav [data-lock]", "data-lock") == ["sign-in"]
    surfer.open("/mfa/activate")

    surfer.upgrade(phone)
    assert surfer.path == "/mfa/finished"
    assert surfer.data("works-in") == ["command-line"], "nobody knows of a console password"
    assert f"--serial-number {nadia.serial_number}" in surfer.text
    assert f"https://{sandbox.account_id}.signin.aws.amazon.com/console" in surfer.text

    code = phone.next()
    answer = nadia.client("sts").get_session_token(SerialNumber=nadia.serial_number, TokenCode=code)
    ec2 = sandbox.session_client("ec2", answer["Credentials"])
    s3 = sandbox.session_client("s3", answer["Credentials"])
    assert ec2.describe_instances()["Reservations"]
    with pytest.raises(ClientError) as refused:
        s3.list_buckets()
    assert code_of(refused) == "AccessDenied"

    portal_calls = [
        call for call in sandbox.calls(before) if "latchkey" in call["user_agent"] and nadia.name in call["principal"]
    ]
    assert {call["action"] for call in portal_calls} == ALLOWED_AT_AWS
    assert all(call["decision"] != "ExplicitlyDenied" for call in portal_calls)

    assert portal.activity(nadia.name) == [
        ("sign-in", "done", "new-browser"),
        ("mfa-device-created", "intended", ""),
        ("mfa-device-created", "done", ""),
        ("mfa-device-enabled", "intended", ""),
        ("mfa-device-enabled", "done", ""),
        ("mfa-session", "intended", ""),
        ("mfa-session", "done", ""),
    ]


def test_next_time_the_code_is_asked_at_sign_in(visiting: Visiting, nadia: Employee) -> None:
    surfer = visiting()
    surfer.sign_in(nadia)
    phone = surfer.enroll()
    surfer.sign_out()

    surfer.sign_in(nadia)
    assert surfer.path == "/sign-in/code"
    surfer.submit("/sign-in/code", code=phone.next())
    assert surfer.is_inside(nadia.name)
    assert surfer.count("[data-signed-in][data-mfa=yes]") == 1
    surfer.navigate("/mfa")
    assert surfer.path == "/mfa", "open only with MFA"


def test_the_long_term_secret_is_gone_after_the_upgrade(
    visiting: Visiting, nadia: Employee, sandbox: Sandbox
) -> None:
    surfer = visiting()
    surfer.arrive_with_mfa(nadia)
    mark = sandbox.mark()

    surfer.open("/")

    signed_with = {call["access_key_id"][:4] for call in sandbox.calls(mark)}
    assert signed_with == {"ASIA"}
