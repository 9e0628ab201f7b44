"""Signing certificates: looked at before they are uploaded, two side by side, the older one retired."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.browser.conftest import Surfing
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, hire
from tests.support.portal import Portal
from tests.support.private_keys import private_keys
from tests.support.public_keys import (
    arrived,
    certificate,
    certificate_pem,
    follow,
    mark,
    openssh,
    stored,
    tell_tale,
)
from tests.support.sandbox import Sandbox


@pytest.fixture
def surfer(surfing: Surfing, nadia: Employee, clock: Clock, sandbox: Sandbox) -> Iterator[Surfer]:
    """Nadia's browser, with MFA."""
    yield arrived(surfing(), nadia, clock)
    sandbox.set_faults([])


def now(clock: Clock) -> datetime:
    return datetime.fromtimestamp(int(clock.time()), UTC)


def held(employee: Employee) -> dict[str, str]:
    """Certificate ids to status, oldest first, as AWS has them."""
    listed = employee.sandbox.as_administrator("iam").list_signing_certificates(UserName=employee.name)
    return {each["CertificateId"]: each["Status"] for each in listed["Certificates"]}


def uploads(sandbox: Sandbox, since: int) -> int:
    """How often AWS was asked to take one."""
    return [call["action"] for call in sandbox.calls(since)].count("iam:UploadSigningCertificate")


def look_at(surfer: Surfer, text: str) -> None:
    """Open the form, paste, send."""
    surfer.open("/certificates/new")
    surfer.type(pasted=text)
    surfer.press("Look at it")


def upload(surfer: Surfer, text: str) -> None:
    """And confirm."""
    look_at(surfer, text)
    surfer.press("Upload this certificate")


@pytest.mark.both_policies
def test_a_certificate_is_replaced(
    surfer: Surfer, nadia: Employee, sandbox: Sandbox, portal: Portal, clock: Clock
) -> None:
    surfer.navigate("/certificates")
    assert "You have no signing certificate" in surfer.text and "AWS Certificate Manager" in surfer.text
    surfer.press("Upload a certificate")
    soon = certificate_pem(now(clock) + timedelta(days=29), name="<b>nadia</b>")
    surfer.type(pasted=f"subject=CN = nadia\r\n\r\n{soon}")
    surfer.press("Look at it")
    assert surfer.heading == "Is this the one?" and held(nadia) == {}, "nothing is uploaded yet"
    assert "b\\>nadia" in surfer.text, "shown as text"
    assert "itself (self-signed)" in surfer.text and "elliptic curve, secp256r1" in surfer.text
    assert "It expires soon" in surfer.text
    surfer.press("Upload this certificate")
    (old,) = held(nadia)
    assert f"Your certificate is uploaded: {old}" in surfer.text
    assert "Upload its successor now" in surfer.text, "expires soon"

    clock.move(5)  # AWS's times have whole seconds
    surfer.press("Upload a certificate")
    lasting = certificate_pem(now(clock) + timedelta(days=300))
    surfer.type(pasted=lasting)
    surfer.press("Look at it")
    assert "You then have two" in surfer.text
    surfer.press("Upload this certificate")
    (new,) = set(held(nadia)) - {old}
    assert f"Let your tools sign with {new}, then deactivate {old}" in surfer.text
    surfer.press("Deactivate the older one")
    surfer.press("Deactivate this certificate")
    assert held(nadia) == {old: "Inactive", new: "Active"}
    assert "Next: delete the inactive certificate" in surfer.text and "Upload its successor" not in surfer.text

    before = mark(sandbox)
    look_at(surfer, soon)
    assert f"You have this certificate already: it is {old}. It is inactive" in surfer.text
    look_at(surfer, certificate_pem(now(clock) + timedelta(days=300)))
    assert "You have 2 certificates: AWS allows no more" in surfer.text
    assert surfer.value("pasted").startswith("-----BEGIN CERTIFICATE"), "kept"
    assert uploads(sandbox, before) == 0, "AWS was not asked"

    surfer.open("/certificates")
    surfer.press("Activate again")
    assert held(nadia)[old] == "Active", "undone"
    follow(surfer, f"Delete {old}")
    surfer.press("Delete this certificate")
    assert held(nadia) == {new: "Active"}
    done = [event for event, phase, _ in portal.activity(nadia.name) if phase == "done"]
    assert done[-5:] == [
        "certificate-uploaded",
        "certificate-uploaded",
        "certificate-deactivated",
        "certificate-activated",
        "certificate-deleted",
    ]
    upload(surfer, certificate_pem(now(clock) + timedelta(seconds=60)))
    clock.move(120)
    surfer.open("/certificates")
    assert "It expired on" in surfer.text


def test_one_that_expires_while_it_is_looked_at(surfer: Surfer, nadia: Employee, clock: Clock) -> None:
    look_at(surfer, certificate_pem(now(clock) + timedelta(minutes=5)))
    assert surfer.heading == "Is this the one?"
    clock.move(6 * 60)
    surfer.open("/certificates/new/check")
    assert surfer.path == "/certificates/new" and "This certificate expired on" in surfer.text
    assert held(nadia) == {}


def test_what_is_not_uploaded(
    surfing: Surfing, nadia: Employee, clock: Clock, sandbox: Sandbox, portal: Portal
) -> None:
    surfer = arrived(surfing(javascript=False), nadia, clock)
    before = mark(sandbox)
    good = certificate_pem(now(clock) + timedelta(days=300))
    secrets = [each for each in private_keys() if each[0] in ("pkcs8", "sec1", "der", "pkcs12")]
    for kind, secret in secrets:
        surfer.open("/certificates/new")
        if isinstance(secret, str):
            surfer.type(pasted=good + secret)
        else:
            surfer.choose_file("file", "c", secret)
        surfer.press("Look at it")
        assert "exposed" in surfer.text and surfer.value("pasted") == "", kind
        assert tell_tale(secret) not in surfer.page.content()
    everything = portal.log.read_bytes() + stored(portal)
    for kind, secret in secrets:
        assert tell_tale(secret).encode() not in everything, kind
    for text, says in (
        (good + certificate_pem(now(clock) + timedelta(days=3)), "There are 2 certificates here"),
        (certificate_pem(now(clock) - timedelta(days=1)), "This certificate expired on"),
        (certificate_pem(now(clock) + timedelta(days=300), days=200), "not valid before"),
        (openssh(), "This is an SSH public key"),
    ):
        look_at(surfer, text)
        assert says in surfer.text and surfer.value("pasted").strip() == text.strip(), "kept"
    assert uploads(sandbox, before) == 0

    made = certificate(now(clock) + timedelta(days=300))
    binary = made.public_bytes(Encoding.DER)
    other = surfer.tab()
    other.goto(f"{portal.url}/certificates/new")
    other.locator("[name=pasted]").fill(made.public_bytes(Encoding.PEM).decode())
    other.get_by_role("button", name="Look at it").click()
    surfer.open("/certificates/new")
    surfer.choose_file("file", "mine.cer", binary)
    surfer.press("Look at it")
    assert "binary form (DER)" in surfer.text
    surfer.press("Upload this certificate")
    assert list(held(nadia).values()) == ["Active"]
    other.get_by_role("button", name="Upload this certificate").click()
    other.get_by_text("You have this certificate already").wait_for()
    assert uploads(sandbox, before) == 1


def test_aws_says_no_or_nothing(
    surfer: Surfer, nadia: Employee, sandbox: Sandbox, portal: Portal, clock: Clock
) -> None:
    # With JavaScript: a private key is stopped, a file in DER stays a file.
    surfer.open("/certificates/new")
    locked = dict(private_keys())["pkcs12"]
    assert isinstance(locked, bytes)
    surfer.choose_file("file", "mine.p12", locked)
    surfer.page.get_by_text("openssl pkcs12 -in FILE -clcerts -nokeys").wait_for()
    made = certificate(now(clock) + timedelta(days=300))
    surfer.choose_file("file", "mine.cer", made.public_bytes(Encoding.DER))
    surfer.press("Look at it")
    assert "binary form (DER)" in surfer.text
    text = made.public_bytes(Encoding.PEM).decode()

    action = {"action": "iam:UploadSigningCertificate", "occurrences": [1]}
    sandbox.set_faults([{**action, "fault": "throttle"}])
    surfer.press("Upload this certificate")
    assert "AWS is busy" in surfer.text and surfer.value("pasted").strip() == text.strip(), "kept"
    sandbox.set_faults([{**action, "fault": "reset-before"}])
    upload(surfer, text)
    assert "AWS did not answer, and does not list the certificate so far" in surfer.text and held(nadia) == {}
    sandbox.set_faults([{**action, "fault": "reset-after"}])
    upload(surfer, text)
    (kept,) = held(nadia)
    assert f"Your certificate is uploaded: {kept}" in surfer.text, "the page asked AWS what is true"
    assert portal.activity(nadia.name)[-1] == ("certificate-uploaded", "found-done", "")
    sandbox.set_faults([{"action": "iam:DeleteSigningCertificate", "occurrences": [1], "fault": "reset-after"}])
    follow(surfer, f"Delete {kept}")
    surfer.press("Delete this certificate")
    assert held(nadia) == {} and f"{kept} is deleted" in surfer.text
    sandbox.set_faults([])

    iam, other = sandbox.as_administrator("iam"), hire(sandbox, "otto")
    theirs = certificate_pem(now(clock) + timedelta(days=300))
    iam.upload_signing_certificate(UserName=other.name, CertificateBody=theirs)
    upload(surfer, theirs)
    assert "Another user of your account has this certificate" in surfer.text
    iam.put_user_policy(
        UserName=nadia.name,
        PolicyName="no-certificates",
        PolicyDocument='{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Resource": "*", '
        '"Action": "iam:UploadSigningCertificate"}}',
    )
    upload(surfer, text)
    assert "The permission that is missing is iam:UploadSigningCertificate" in surfer.text
    assert held(nadia) == {}
