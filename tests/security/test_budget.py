"""Nothing that is pasted, typed or uploaded keeps the portal busy: each parser, with what is made to keep it so.

Bounds are of processor time and memory, and generous: what they are there for takes minutes, or gigabytes.
"""

from __future__ import annotations

import base64
import json
import resource
import tracemalloc
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from werkzeug.datastructures import MultiDict

from app.access_keys.forms import SavedForm
from app.aws.passwords import DEFAULT_POLICY
from app.compliance.data.credential_report import LARGEST as LARGEST_REPORT
from app.compliance.data.credential_report import NotAReport, parse
from app.mfa.forms import HardwareTokenForm
from app.password.forms import ChangeForm, NewPasswordForm
from app.password.rules import broken
from app.password.service import strength
from app.policy.check.all_checks import check
from app.policy.evaluation import PolicyError
from app.policy.explain import Question, explain
from app.policy.parsed import parsed
from app.policy.plain_words import in_words
from app.policy.simulate import decided
from app.policy_pages.forms import LONGEST
from app.public_keys.certificates import known_certificate, read_certificate
from app.public_keys.forms import UploadForm
from app.public_keys.pasted import (
    LARGEST,
    PastedTextRefused,
    PrivateKeyPasted,
    may_be_shown_again,
    refuse_private_keys,
)
from app.public_keys.ssh import known_key, read_ssh_key
from app.sessions.contents import PendingAwsSignIn, Person
from app.signin.aws_service import InvalidVerificationCode, read_verification_code
from app.signin.forms import AccessKeyForm, VerificationCodeForm
from app.text.browser_names import browser_name
from app.web.forms import CodeForm, DeviceForm, Form, TwoCodesForm
from app.web.rate_limits import Addressed, client_address
from app.web.responses import local_path, page_number
from tests.support import hostile

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SECONDS = 2.0
"""Of processor time for one input, on a machine that has other things to do."""
MEGABYTES = 64
"""Of memory at once for one input."""
BODY = 256 * 1024
"""Bytes of a request without a file of an administrator's (the application's own limit)."""
NOW = datetime(2026, 6, 1, tzinfo=UTC)
OLGA = Person("123456789012", "olga", "/", "aws", False, NOW, user_id="AIDAOLGA")
PENDING = PendingAwsSignIn("client", "https://x/y", "the-state", "verifier", NOW, False)


def processor() -> float:
    """Seconds this process has worked; no clock of the tests moves it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@pytest.fixture(scope="module")
def application() -> Flask:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="x" * 40, WTF_CSRF_ENABLED=False)
    return app


Parser = Callable[[Any], object]


def quietly(*foreseen: type[Exception]) -> Callable[[Parser], Parser]:
    """The parser, where it may refuse in these ways."""

    def among(parser: Parser) -> Parser:
        def run(given: Any) -> None:
            with suppress(*foreseen):
                parser(given)

        return run

    return among


def policies(text: str) -> None:
    """What the page does with a document, and with one that is well-formed but for its texts."""
    statement = {"Effect": "Deny", "NotAction": [text[:40], text[:3000]], "Resource": text[:200]}
    condition = {
        "BoolIfExists": {"aws:MultiFactorAuthPresent": text[:200]},
        "StringLike": {text[:200]: [text[:900]] * 3},
    }
    for given in (text, json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]})):
        report = check(given)
        if report.policy:
            in_words(report.policy)
            with suppress(PolicyError):
                explain(
                    parsed(report.policy.source, "123456789012"), Question("iam:ListUsers", "olga", "*", "key", "/")
                )


def simulated(text: str) -> None:
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        decided(json.loads(text))
    statement = {"Effect": "Allow", "Action": text, "Resource": text, "Condition": {"StringLike": {text: text}}}
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        decided({"policies": [{"Statement": statement}], "action": text, "resource": text, "context": {"a": text}})


CODES = (AccessKeyForm, CodeForm, TwoCodesForm, HardwareTokenForm, SavedForm)


def filled(kind: type[Form]) -> Parser:
    """The form with the same in each of its fields, judged."""

    def judge(text: str) -> None:
        form = kind(MultiDict(dict.fromkeys(NAMES, text)))
        if isinstance(form, DeviceForm):
            form.offer(["one"])
        form.validate()

    return judge


NAMES = (
    "access_key_id",
    "secret_access_key",
    "last_characters",
    "code",
    "first_code",
    "second_code",
    "serial_number",
)
FORMS: dict[str, Parser] = {kind.__name__: filled(kind) for kind in CODES}

TEXTS: dict[str, tuple[Parser, int]] = {
    "private keys": (quietly(PastedTextRefused)(refuse_private_keys), LARGEST + 1),
    "shown again": (may_be_shown_again, 9_000),
    "SSH keys": (quietly(PastedTextRefused)(read_ssh_key), 16_500),
    "certificates": (quietly(PastedTextRefused)(lambda text: read_certificate(text, NOW)), 20_000),
    "SSH keys of AWS": (known_key, BODY),
    "certificates of AWS": (known_certificate, BODY),
    "verification codes": (
        quietly(InvalidVerificationCode)(lambda text: read_verification_code(text, PENDING)),
        BODY,
    ),
    "password rules": (lambda text: broken(DEFAULT_POLICY, text), 129),
    "password strength": (lambda text: strength(OLGA, text), BODY),
    "browsers": (browser_name, 256),
    "pages to come back to": (lambda text: local_path(text, "/"), 64 * 1024),
    "policies": (policies, LONGEST),
    "simulated": (simulated, LONGEST),
    "credential reports": (quietly(NotAReport)(lambda text: parse(text.encode("utf-8", "replace"))), BODY),
}
"""By what they read: parser, and how many characters reach it (where the guard looks at them first, fewer: it has
its own line)."""


def spent(parser: Parser, given: Any) -> float:
    began = processor()
    parser(given)
    return processor() - began


@pytest.mark.parametrize("name", TEXTS)
def test_no_text_keeps_a_parser_busy(name: str) -> None:
    parser, limit = TEXTS[name]
    for length in (0, 1, 40, 1000, limit):
        for kind, text in hostile.texts(length):
            assert (took := spent(parser, text)) < SECONDS, f"{name}, {length} x {kind!r}: {took:.1f} s"


@pytest.mark.parametrize("name", FORMS)
def test_no_field_keeps_a_form_busy(application: Flask, name: str) -> None:
    with application.test_request_context(method="POST"):
        for length in (0, 1, 9, 19_000):
            for kind, text in hostile.texts(length):
                assert (took := spent(FORMS[name], text)) < SECONDS, f"{name}, {length} x {kind!r}: {took:.1f} s"


def test_missing_fields_are_told_and_nothing_else(application: Flask) -> None:
    with application.test_request_context(method="POST"):
        for kind in (*CODES, NewPasswordForm, ChangeForm):
            form = kind(MultiDict())
            if isinstance(form, DeviceForm):
                form.offer(["one"])
            assert not form.validate() and form.errors, kind
        upload = UploadForm(MultiDict())
        assert upload.given() == ""
        upload.clean()
        with pytest.raises(InvalidVerificationCode):
            read_verification_code(VerificationCodeForm(MultiDict()).verification_code.data, PENDING)


@pytest.mark.parametrize("bits", [2048, 16_384, 64_000, 90_000])
def test_private_keys_of_any_size_are_known_without_being_loaded(bits: int) -> None:
    """A key of 72 kB used to be loaded, and its numbers tested for primes, for minutes."""
    for key in (hostile.private_rsa(bits), hostile.private_dh(bits)):
        for given in (key, base64.b64encode(key).decode(), key.hex()):
            refused = []
            began = processor()
            for reader in (read_ssh_key, lambda data: read_certificate(data, NOW)):
                try:
                    reader(given)
                except PrivateKeyPasted as refusal:
                    refused.append(refusal)
            assert len(refused) == 2 and processor() - began < SECONDS


def test_public_keys_with_large_and_odd_numbers_are_read_or_refused_at_once() -> None:
    for name, key in hostile.public_keys():
        text = hostile.in_frame("PUBLIC KEY", key)
        assert (took := spent(quietly(PastedTextRefused)(read_ssh_key), text)) < SECONDS, f"{name}: {took:.1f} s"
        assert (took := spent(known_key, text)) < SECONDS, f"{name}: {took:.1f} s"
        certificate = certificate_of(key)
        for given in (certificate, hostile.in_frame("CERTIFICATE", certificate)):
            took = spent(quietly(PastedTextRefused)(lambda data: read_certificate(data, NOW)), given)
            assert took < SECONDS, f"certificate of {name}: {took:.1f} s"


def certificate_of(key: bytes) -> bytes:
    """A certificate in DER for a public key no library would make one for; its signature is none."""
    own = ec.generate_private_key(ec.SECP256R1())
    mine = own.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    made = x509.CertificateBuilder(
        x509.Name([]), x509.Name([]), own.public_key(), 1, NOW - timedelta(days=1), NOW + timedelta(days=1)
    ).sign(own, SHA256())
    inside = made.tbs_certificate_bytes
    content = inside[2 if inside[1] < 0x80 else 2 + (inside[1] & 0x7F) :]
    return hostile.element(
        0x30, hostile.element(0x30, content.replace(mine, key)), hostile.named("2a8648ce3d040302"), b"\3\1\0"
    )


def test_no_file_keeps_a_parser_busy() -> None:
    readers: dict[str, Parser] = {
        "private keys": quietly(PastedTextRefused)(refuse_private_keys),
        "SSH keys": quietly(PastedTextRefused)(read_ssh_key),
        "certificates": quietly(PastedTextRefused)(lambda data: read_certificate(data, NOW)),
        "credential reports": quietly(NotAReport)(parse),
    }
    for length in (0, 1, 40, 16_384, LARGEST):
        for kind, data in hostile.binaries(length):
            for name, reader in list(readers.items())[: 1 if length == LARGEST else 4]:
                assert (took := spent(reader, data)) < SECONDS, f"{name}, {length} x {kind!r}: {took:.1f} s"


def test_a_large_report_of_nonsense_is_refused_in_time() -> None:
    row = b"user,arn:aws:iam::123456789012:user/user,2026-01-01T00:00:00+00:00,true" + b",N/A" * 18 + b"\n"
    for unit in (b",", b'"', b"\n", b'""', b"a", b'{"Content":', b"[", row, b"\xff"):
        data = unit * (LARGEST_REPORT // len(unit))
        assert (took := spent(quietly(NotAReport)(parse), data)) < 10 * SECONDS, f"{unit[:20]!r}: {took:.1f} s"


def test_addresses_and_pages_are_read_whatever_they_are(application: Flask) -> None:
    seen: list[str] = []

    def asked(environ: WSGIEnvironment, _: StartResponse) -> Iterable[bytes]:
        seen.append(environ["REMOTE_ADDR"])
        page = seen[-1].encode("utf-8", "replace").decode()
        with application.test_request_context(query_string={"page": page}, environ_base=environ):
            client_address(), page_number()
        return []

    def write(data: bytes) -> None:
        """What nobody calls."""

    for length in (0, 1, 40, 8_000):
        for kind, text in hostile.texts(length):
            took = spent(lambda given: Addressed(asked)({"REMOTE_ADDR": given}, lambda *_: write), text)
            assert took < SECONDS, kind
    assert max(map(len, seen)) <= 64, "an address is no longer than one"


def test_no_parser_needs_much_memory() -> None:
    heaviest = ("\ufdfa", "[", "30:", "AAAA ", "-----BEGIN CERTIFICATE-----")
    for name, (parser, limit) in TEXTS.items():
        for unit in heaviest:
            text = (unit * (limit // len(unit) + 1))[:limit]
            tracemalloc.start()
            parser(text)
            peak = tracemalloc.get_traced_memory()[1] / 2**20
            tracemalloc.stop()
            assert peak < MEGABYTES, f"{name}, {unit!r}: {peak:.0f} MB"
