"""Signing certificates: looked at before they are uploaded, two side by side, the older one retired."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from app.errors import DuplicateCertificate, NotAllowed, Throttled
from app.public_keys.pasted import PastedTextRefused, Pkcs12Pasted, PrivateKeyPasted
from app.public_keys.service import KeyAlreadyUploaded, TooManyPublicKeys, UploadOutcomeUnknown
from tests.browser.conftest import Surfing, Visiting
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, hire
from tests.support.portal import Portal
from tests.support.private_keys import private_keys
from tests.support.public_keys import (
    certificate,
    certificate_pem,
    openssh,
    stored,
    tell_tale,
)
from tests.support.sandbox import Sandbox
from tests.support.visitor import Reader


@pytest.fixture
def reader(visiting: Visiting, nadia: Employee, sandbox: Sandbox) -> Iterator[Reader]:
    """Nadia's browser, with MFA, where nothing depends on what it looks like."""
    opened = visiting()
    opened.arrive_with_mfa(nadia, at="/certificates")
    yield opened
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


def look_at(surfer: Surfer | Reader, text: str) -> None:
    """Open the form, paste, send."""
    surfer.open("/certificates/new")
    surfer.submit("/certificates/new", pasted=text)


def upload(surfer: Surfer | Reader, text: str) -> None:
    """And confirm."""
    look_at(surfer, text)
    surfer.submit("/certificates/new/upload")


def uploaded(surfer: Surfer | Reader, certificate_id: str) -> bool:
    """Does the list say that it is there now?"""
    listed = {f"active:{certificate_id}", f"expires-soon:{certificate_id}"} & {*surfer.states}
    return (surfer.path, surfer.notices) == ("/certificates", ["success"]) and bool(listed)


def delete(surfer: Surfer | Reader, certificate_id: str) -> None:
    """From the list of certificates."""
    surfer.follow(f"/certificates/delete?id={certificate_id}")
    surfer.submit("/certificates/delete")


def why_not(diagnosis: str) -> str:
    """What a page says of a text that is no certificate to upload."""
    return f"{PastedTextRefused.code}:{diagnosis}"


@pytest.mark.both_policies
def test_a_certificate_is_replaced(
    browser_of_policy: Surfer | Reader, nadia: Employee, sandbox: Sandbox, portal: Portal, clock: Clock
) -> None:
    surfer = browser_of_policy
    surfer.arrive_with_mfa(nadia, at="/ssh-keys")
    surfer.navigate("/certificates")
    assert surfer.states == ["rarely-needed", "room"], "and no certificate"
    surfer.follow("/certificates/new")
    soon = certificate_pem(now(clock) + timedelta(days=29), name="<b>nadia</b>")
    surfer.submit("/certificates/new", pasted=f"subject=CN = nadia\r\n\r\n{soon}")
    assert surfer.path == "/certificates/new/check" and held(nadia) == {}, "nothing is uploaded yet"
    assert "b\\>nadia" in surfer.text, "shown as text"
    assert "secp256r1" in surfer.text
    assert surfer.states == ["expires-soon", "self-signed"]
    surfer.submit("/certificates/new/upload")
    (old,) = held(nadia)
    assert uploaded(surfer, old)
    assert {f"expires-soon:{old}", "upload-successor"} <= {*surfer.states}

    clock.move(5)  # AWS's times have whole seconds
    surfer.follow("/certificates/new")
    surfer.submit("/certificates/new", pasted=certificate_pem(now(clock) + timedelta(days=300)))
    assert "second" in surfer.states
    surfer.submit("/certificates/new/upload")
    (new,) = set(held(nadia)) - {old}
    assert f"retire-older:{old}" in surfer.states
    assert new in surfer.at("[data-state=retire-older]"), "what tools are to sign with"
    surfer.open(f"/certificates/deactivate?id={old}")
    surfer.submit("/certificates/deactivate")
    surfer.click("[data-notice] button")
    assert held(nadia) == {old: "Active", new: "Active"}, "undone"
    surfer.submit(f"/certificates/deactivate?id={old}")
    assert held(nadia) == {old: "Inactive", new: "Active"}
    assert "delete-inactive" in surfer.states and "upload-successor" not in surfer.states

    before = sandbox.mark()
    look_at(surfer, soon)
    assert surfer.refused_as == f"{KeyAlreadyUploaded.code}:inactive" and old in surfer.text
    look_at(surfer, certificate_pem(now(clock) + timedelta(days=300)))
    assert surfer.refused_as == TooManyPublicKeys.code
    assert surfer.value("pasted").startswith("-----BEGIN CERTIFICATE"), "kept"
    assert uploads(sandbox, before) == 0, "AWS was not asked"

    surfer.open("/certificates")
    surfer.submit(f"/certificates/activate?id={old}")
    assert held(nadia)[old] == "Active", "undone"
    delete(surfer, old)
    assert held(nadia) == {new: "Active"}
    done = [event for event, phase, _ in portal.activity(nadia.name) if phase == "done"]
    assert done[-7:] == [
        "certificate-uploaded",
        "certificate-uploaded",
        *["certificate-deactivated", "certificate-activated"] * 2,
        "certificate-deleted",
    ]
    upload(surfer, certificate_pem(now(clock) + timedelta(seconds=60)))
    (short,) = set(held(nadia)) - {new}
    clock.move(120)
    surfer.open("/certificates")
    assert f"expired:{short}" in surfer.states


def test_the_one_that_is_valid_longer_is_kept_though_it_is_older(
    reader: Reader, nadia: Employee, clock: Clock
) -> None:
    upload(reader, certificate_pem(now(clock) + timedelta(days=365)))
    (year,) = held(nadia)
    clock.move(5)  # AWS's times have whole seconds
    look_at(reader, certificate_pem(now(clock) + timedelta(days=10)))
    assert {"expires-soon", "expires-first"} <= {*reader.states}, "it is said before the upload"
    reader.submit("/certificates/new/upload")
    (ten,) = set(held(nadia)) - {year}
    assert f"retire-older:{ten}" in reader.states
    reader.open("/")
    assert reader.to_do == [f"certificate-expires-soon:{ten}"]
    assert year in reader.at("[data-todo]"), "what takes its place"


def test_one_that_expires_while_it_is_looked_at(reader: Reader, nadia: Employee, clock: Clock) -> None:
    look_at(reader, certificate_pem(now(clock) + timedelta(minutes=5)))
    assert reader.path == "/certificates/new/check"
    clock.move(6 * 60)
    reader.open("/certificates/new/check")
    assert (reader.path, reader.refused_as) == ("/certificates/new", why_not("expired"))
    assert held(nadia) == {}


def test_what_is_not_uploaded(
    visiting: Visiting, reader: Reader, nadia: Employee, clock: Clock, sandbox: Sandbox, portal: Portal
) -> None:
    before = sandbox.mark()
    good = certificate_pem(now(clock) + timedelta(days=300))
    secrets = [each for each in private_keys() if each[0] in ("pkcs8", "sec1", "der", "pkcs12")]
    for kind, secret in secrets:
        reader.open("/certificates/new")
        if isinstance(secret, str):
            reader.submit("/certificates/new", pasted=good + secret)
        else:
            reader.choose_file("file", "c", secret)
            reader.submit("/certificates/new")
        assert reader.refused_as in (PrivateKeyPasted.code, Pkcs12Pasted.code), kind
        assert reader.value("pasted") == "", kind
        assert tell_tale(secret) not in reader.html
    everything = portal.log.read_bytes() + stored(portal)
    for kind, secret in secrets:
        assert tell_tale(secret).encode() not in everything, kind
    for text, diagnosis in (
        (good + certificate_pem(now(clock) + timedelta(days=3)), "several:2"),
        (certificate_pem(now(clock) - timedelta(days=1)), "expired"),
        (certificate_pem(now(clock) + timedelta(days=300), days=200), "not-valid-yet"),
        (openssh(), "ssh-key"),
    ):
        look_at(reader, text)
        assert reader.refused_as == why_not(diagnosis)
        assert reader.value("pasted").strip() == text.strip(), "kept"
    assert uploads(sandbox, before) == 0

    made = certificate(now(clock) + timedelta(days=300))
    binary = made.public_bytes(Encoding.DER)
    other_tab = visiting()
    other_tab.cookies.update(reader.cookies)
    look_at(other_tab, made.public_bytes(Encoding.PEM).decode())
    reader.open("/certificates/new")
    reader.choose_file("file", "mine.cer", binary)
    reader.submit("/certificates/new")
    assert "was-binary" in reader.states
    reader.submit("/certificates/new/upload")
    assert list(held(nadia).values()) == ["Active"]
    other_tab.submit("/certificates/new/upload")
    assert other_tab.refused_as == KeyAlreadyUploaded.code
    assert uploads(sandbox, before) == 1


def test_aws_says_no_or_nothing(
    surfing: Surfing, reader: Reader, nadia: Employee, sandbox: Sandbox, portal: Portal, clock: Clock
) -> None:
    # With JavaScript: a private key is stopped, a file in DER stays a file.
    surfer = surfing()
    surfer.continue_from(reader, at="/certificates/new")
    locked = dict(private_keys())["pkcs12"]
    assert isinstance(locked, bytes)
    surfer.choose_file("file", "mine.p12", locked)
    stopped = surfer.page.locator("[data-field-error='private-key:pkcs12']")
    stopped.wait_for()
    assert "openssl pkcs12 -in FILE -clcerts -nokeys" in stopped.inner_text(), "a way on"
    made = certificate(now(clock) + timedelta(days=300))
    surfer.choose_file("file", "mine.cer", made.public_bytes(Encoding.DER))
    surfer.submit("/certificates/new")
    assert "was-binary" in surfer.states
    text = made.public_bytes(Encoding.PEM).decode()
    reader.open("/certificates/new/check")

    action = {"action": "iam:UploadSigningCertificate", "occurrences": [1]}
    sandbox.set_faults([{**action, "fault": "throttle"}])
    reader.submit("/certificates/new/upload")
    assert reader.refused_as == Throttled.code and reader.value("pasted").strip() == text.strip(), "kept"
    sandbox.set_faults([{**action, "fault": "reset-before"}])
    upload(reader, text)
    assert reader.refused_as == UploadOutcomeUnknown.code and held(nadia) == {}
    sandbox.set_faults([{**action, "fault": "reset-after"}])
    upload(reader, text)
    (kept,) = held(nadia)
    assert uploaded(reader, kept), "the page asked AWS what is true"
    assert portal.activity(nadia.name)[-1] == ("certificate-uploaded", "found-done", "")
    sandbox.set_faults([{"action": "iam:DeleteSigningCertificate", "occurrences": [1], "fault": "reset-after"}])
    delete(reader, kept)
    assert held(nadia) == {} and reader.notices == ["success"] and kept in reader.text
    sandbox.set_faults([])

    iam, other = sandbox.as_administrator("iam"), hire(sandbox, "otto")
    theirs = certificate_pem(now(clock) + timedelta(days=300))
    iam.upload_signing_certificate(UserName=other.name, CertificateBody=theirs)
    upload(reader, theirs)
    assert reader.refused_as == DuplicateCertificate.code
    iam.put_user_policy(
        UserName=nadia.name,
        PolicyName="no-certificates",
        PolicyDocument='{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Resource": "*", '
        '"Action": "iam:UploadSigningCertificate"}}',
    )
    upload(reader, text)
    assert reader.refused_as == NotAllowed.code and "iam:UploadSigningCertificate" in reader.text, "what is missing"
    assert held(nadia) == {}
