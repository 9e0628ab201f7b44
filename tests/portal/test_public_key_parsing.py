"""Pasted text is read, or refused with a plain sentence. It never causes a crash, and no private key is accepted."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, pkcs7
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.public_keys.certificate import Certificate, validity
from app.public_keys.certificates import known_certificate, read_certificate
from app.public_keys.pasted import PastedTextRefused, PrivateKeyPasted, may_be_shown_again, shortened
from app.public_keys.service import ListedCertificate, expiring
from app.public_keys.ssh import SshPublicKey, known_key, read_ssh_key
from app.public_keys.ssh_refusals import MAKE_ONE, WRONG_TYPES, WrongKeyType
from tests.support.private_keys import private_keys
from tests.support.public_keys import (
    certificate,
    certificate_pem,
    ed25519_line,
    openssh,
    pair,
    pem,
    public_numbers,
    rfc_4716,
    ssh_certificate_line,
)

PATIENT = settings(deadline=None)
"""Three processes may share two cores."""

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NEXT_YEAR = NOW + timedelta(days=365)


def read_cert(given: str | bytes) -> Certificate:
    return read_certificate(given, NOW)


READERS: list[Callable[[str | bytes], Any]] = [read_ssh_key, read_cert]
PRIVATE = dict(private_keys())


def why_not(reader: Callable[[str | bytes], Any], pasted: str | bytes) -> str:
    with pytest.raises(PastedTextRefused) as refused:
        reader(pasted)
    assert refused.value.field == "pasted" and str(refused.value)
    return refused.value.diagnosis


# -- fingerprints


def test_fingerprints_are_those_of_the_wire_format() -> None:
    key = public_numbers(3072)
    wire = base64.b64decode(openssh(key).split()[1])
    read = read_ssh_key(openssh(key))
    assert read.md5.replace(":", "") == hashlib.md5(wire).hexdigest() and read.md5.count(":") == 15
    assert read.sha256 == "SHA256:" + base64.b64encode(hashlib.sha256(wire).digest()).decode().rstrip("=")
    assert read.bits == 3072


def test_fingerprints_are_those_ssh_keygen_prints() -> None:
    read = read_ssh_key(openssh(rsa.RSAPublicNumbers(65537, (1 << 2047) | 1).public_key()))
    assert read.sha256 == "SHA256:Js2Dxmvn6q4imp7p4HPS1bOZqtUEaZ+i6v/mfPXmBbc", "ssh-keygen -lf"
    assert read.md5 == "a0:ac:80:7e:d4:f0:03:b8:f4:4c:50:14:f8:cb:f6:a1", "ssh-keygen -E md5 -lf"


# -- SSH keys that are read

blanks = st.text(" \t\r\n", max_size=8)
comments = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n\0"), max_size=40)
bits = st.sampled_from([2048, 2056, 3072, 4096, 16384])
line_ends = st.sampled_from(["\n", "\r\n", "\r"])


def harmless(comment: str) -> bool:
    """Whether the comment doesn't look like a key, or like the end of a frame."""
    return not any(sign in comment for sign in ("AAAA", "BEGIN", "<D>", "<d>", '"d"')) and "----" not in comment


@given(bits, comments.filter(harmless), blanks, blanks, line_ends, st.booleans())
@example(2048, "=?", "", "", "\n", False)  # not the padding of the key
@PATIENT
def test_a_key_is_read_whatever_surrounds_it(
    size: int, comment: str, before: str, after: str, end: str, mark: bool
) -> None:
    key = public_numbers(size)
    line = openssh(key, comment)
    expected = read_ssh_key(openssh(key))
    assert (expected.bits, expected.line) == (size, openssh(key))
    for text in (line, f"# mine{end}{line}{end}", pem(key).replace("\n", end), rfc_4716(key).replace("\n", end)):
        whole = ("\ufeff" if mark else "") + before + text + after
        assert read_ssh_key(whole) == expected
        assert read_ssh_key(whole.encode()) == expected
        if mark:
            assert read_ssh_key(whole.removeprefix("\ufeff").encode("utf-16")) == expected, "PowerShell's >"


@given(bits, st.integers(20, 200))
@PATIENT
def test_a_key_that_a_terminal_broke_into_lines_is_read(size: int, width: int) -> None:
    line = openssh(public_numbers(size))
    broken = "\n".join(line[start : start + width] for start in range(0, len(line), width))
    assert read_ssh_key(broken).line == line


def test_all_forms_of_a_key_are_one_key() -> None:
    key = pair().public_key()
    forms = [openssh(key, "nadia@laptop"), pem(key), pem(key, PublicFormat.PKCS1), rfc_4716(key, "a: b \\\nc")]
    assert len({read_ssh_key(form) for form in forms}) == 1


# -- SSH keys that are not


@pytest.mark.parametrize(
    ("pasted", "why"),
    [
        ("", "empty"),
        (" \r\n\t", "empty"),
        ("hello", "something-else"),
        ("ssh-rsa", "no-key"),
        ("ssh-rsa AAAA", "cut-short"),
        ("ssh-rsa AAAA!!!!", "cut-short"),
        (openssh()[:-40], "cut-short"),
        (openssh().removeprefix("ssh-rsa "), "no-beginning"),
        ("no-pty,command=\"x\" " + openssh(), "text-before-it"),
        (f"github.example {openssh()}", "text-before-it"),
        (f"{openssh()}\n{openssh()}", "several-keys"),
        (f"{openssh()} one\nno-pty {openssh()} two", "several-keys"),
        (pem(public_numbers(2048)) * 2, "several-keys"),
        (pem(public_numbers(2048)) + openssh(), "several-keys"),
        (pem(public_numbers(2048))[:-30], "cut-short-or-text-beside-it"),
        ("x" + pem(public_numbers(2048)), "cut-short-or-text-beside-it"),
        (openssh(public_numbers(1024)), "too-small:1024"),
        (openssh(public_numbers(2047)), "too-small:2047"),
        (openssh(public_numbers(16385)), "too-large:16385"),
        (pem(public_numbers(1024)), "too-small:1024"),
        (openssh(comment="x" * 16384), "too-long"),
        (ssh_certificate_line(), "ssh-certificate"),
        ("ssh-xyz AAAAB3NzaC1yc2E=", "unknown-type"),
        (certificate_pem(NEXT_YEAR), "certificate"),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----\nxx", "another-block"),
        (b"\xff\x00\x80", "not-text"),
    ],
)  # fmt: skip
def test_why_an_ssh_key_is_not_taken(pasted: str | bytes, why: str) -> None:
    assert why_not(read_ssh_key, pasted) == why


def test_other_kinds_are_told_with_the_command_that_makes_the_right_one() -> None:
    elliptic = ec.generate_private_key(ec.SECP256R1()).public_key()
    line = elliptic.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    in_pem = elliptic.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for pasted, kind in ((ed25519_line(), "ed25519"), (line, "ecdsa"), (in_pem, "ecdsa"), ("ssh-dss AAAA", "dsa")):
        with pytest.raises(WrongKeyType) as refused:
            read_ssh_key(pasted)
        assert refused.value.diagnosis == kind
        assert str(refused.value) == WRONG_TYPES[kind] % {"command": MAKE_ONE}
    assert MAKE_ONE.startswith("ssh-keygen -t rsa -b 4096")
    blob = ed25519_line().split()[1]
    assert why_not(read_ssh_key, f"ssh-rsa {blob}") == "ed25519", "the real type of the key, not of the line"


# -- certificates


@given(blanks, blanks, line_ends, st.booleans())
@settings(PATIENT, max_examples=25)
def test_a_certificate_is_read_whatever_surrounds_it(before: str, after: str, end: str, mark: bool) -> None:
    made = certificate(NEXT_YEAR)
    text = made.public_bytes(Encoding.PEM).decode()
    whole = ("\ufeff" if mark else "") + before + "Certificate:" + end + text.replace("\n", end) + after
    read = read_cert(whole)
    assert read == read_cert(whole.encode())
    assert (read.pem, read.not_after, read.subject) == (text, NEXT_YEAR, "CN=nadia")
    assert read.sha256.replace(":", "").lower() == made.fingerprint(SHA256()).hex()
    assert read_cert(made.public_bytes(Encoding.DER)).pem == text, "DER is turned into PEM"
    assert known_certificate(text) == read


def other_files() -> list[tuple[str | bytes, str]]:
    """Files that users may take for a certificate, each with the reason why it is refused."""
    key, made = ec.generate_private_key(ec.SECP256R1()), certificate(NEXT_YEAR)
    request = (
        x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
    )
    text = made.public_bytes(Encoding.PEM).decode()
    return [
        ("", "empty"),
        ("hello", "something-else"),
        (openssh(), "ssh-key"),
        (pem(public_numbers(2048)), "public-key"),
        (pem(public_numbers(2048), PublicFormat.PKCS1), "public-key"),
        (request, "request"),
        (text.replace("CERTIFICATE", "TRUSTED CERTIFICATE"), "trusted-certificate"),
        (text + certificate_pem(NEXT_YEAR), "several:2"),
        (text * 9, "several:9"),
        (text[:-30], "cut-short"),
        (text.replace("MII", "MIX", 1), "cut-short"),
        ("".join(text.split("\n")[1:-2]), "no-frame"),
        (pkcs7.serialize_certificates([made], Encoding.PEM), "pkcs7"),
        (pkcs7.serialize_certificates([made], Encoding.DER), "pkcs7"),
        (certificate_pem(NOW - timedelta(days=1)), "expired"),
        (certificate_pem(NEXT_YEAR, days=300), "not-valid-yet"),
        ("x" * 70_000, "too-long"),
        (certificate_pem(NEXT_YEAR, name="x" * 64).replace("\n", "\n\n") + "x" * 70_000, "too-long"),
        (b"\xff\x00\x80" * 9, "not-a-certificate"),
        (text + pem(public_numbers(2048)), "public-key"),
    ]


@pytest.mark.parametrize("pasted_and_why", other_files(), ids=lambda pair: pair[1])
def test_why_a_certificate_is_not_taken(pasted_and_why: tuple[str | bytes, str]) -> None:
    pasted, why = pasted_and_why
    assert why_not(read_cert, pasted) == why


@pytest.mark.parametrize(
    ("pasted", "day"),
    [
        (certificate_pem(NOW - timedelta(days=1)), "31 May 2026"),
        (certificate_pem(NEXT_YEAR, days=300), "5 August 2026"),
    ],
)
def test_outside_its_validity_the_day_is_named(pasted: str, day: str) -> None:
    with pytest.raises(PastedTextRefused, match=day):
        read_cert(pasted)


def test_a_certificate_of_more_characters_than_aws_takes() -> None:
    name, odd = x509.Name([]), x509.ObjectIdentifier("1.2.3")
    padding = x509.Extension(odd, False, x509.UnrecognizedExtension(odd, bytes(12_000)))
    begins = NOW - timedelta(days=1)
    built = x509.CertificateBuilder(name, name, public_numbers(16384), 1, begins, NEXT_YEAR, [padding])
    text = built.sign(pair(), SHA256()).public_bytes(Encoding.PEM)
    assert why_not(read_cert, text) == "too-long-for-aws"


def test_a_name_of_an_odd_type_is_told_and_listed_as_unreadable() -> None:
    der = certificate(NEXT_YEAR, name="odd").public_bytes(Encoding.DER)
    odd = der.replace(b"\x0c\x03odd", b"\x03\x03\x00dd")  # a bit string, which can't be a name
    assert odd != der
    with pytest.raises(PastedTextRefused):
        read_certificate(odd, NOW)
    body = f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(odd).decode()}\n-----END CERTIFICATE-----\n"
    assert known_certificate(body) is None


def test_names_in_certificates_are_only_text() -> None:
    read = read_cert(certificate_pem(NEXT_YEAR, name="<script>\u202e\n" + "x" * 50))
    assert "script" in read.subject, "escaped where it is shown"
    assert "\u202e" not in read.subject and "\n" not in read.subject
    assert shortened("y" * 500) == "y" * 159 + "…"


def test_which_certificates_to_warn_of() -> None:
    ends = {"gone": -1, "soon": 29, "later": 31}
    listed = [
        ListedCertificate(
            f"{name}-{active}", active, NOW, "", known_certificate(certificate_pem(NOW + timedelta(days)))
        )
        for name, days in ends.items()
        for active in (True, False)
    ]
    unreadable = ListedCertificate("odd", True, NOW, "", None)
    found = [(each.id, what) for each, what in expiring([*listed, unreadable], NOW)]
    assert found == [("gone-True", "expired"), ("soon-True", "expires soon")]
    young = known_certificate(certificate_pem(NEXT_YEAR, days=10))
    assert young and validity(young, NOW) == "not valid yet"


# -- private keys


@pytest.mark.parametrize("kind", PRIVATE)
@pytest.mark.parametrize("reader", READERS)
def test_private_keys_are_refused_in_every_form(reader: Callable[[str | bytes], Any], kind: str) -> None:
    secret = PRIVATE[kind]
    public = openssh().encode() + b"\n" + certificate_pem(NEXT_YEAR).encode()
    for pasted in (secret, secret.encode() if isinstance(secret, str) else secret):
        with pytest.raises(PrivateKeyPasted) as refused:
            reader(pasted)
        assert str(refused.value) == type(refused.value).message
    if isinstance(secret, str):
        assert not may_be_shown_again(secret)
        with pytest.raises(PrivateKeyPasted):
            reader(public.decode() + "\n" + secret)


frames = st.sampled_from(["RSA ", "OPENSSH ", "EC ", "DSA ", "ENCRYPTED ", "", "SSH2 ENCRYPTED "])


@given(st.text(max_size=60), frames, st.sampled_from(["BEGIN", "END"]), st.text(max_size=60), st.booleans())
@PATIENT
def test_nothing_that_is_framed_as_private_is_taken_or_shown_again(
    before: str, kind: str, word: str, after: str, mark: bool
) -> None:
    text = f"{before}-----{word} {kind}PRIVATE KEY-----{after}"
    for reader in READERS:
        with pytest.raises(PrivateKeyPasted):
            reader(text)
        with pytest.raises(PrivateKeyPasted):
            reader(text.encode("utf-16" if mark else "utf-8"))
    assert not may_be_shown_again(text)


@given(st.integers(0, 60), st.integers(0, 1600))
@PATIENT
def test_a_piece_of_a_private_key_is_not_shown_again(start: int, length: int) -> None:
    text = str(PRIVATE["pkcs8"])
    piece = text[start : start + length]
    assert not may_be_shown_again(piece) or len(max(piece.split("\n"), key=len)) < 40


def test_numbers_out_of_a_private_key_are_not_shown_again() -> None:
    piece = pair().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())[500:600]
    signed = [octet - 256 if octet > 127 else octet for octet in piece]
    octal = "".join(f"\\{octet:03o}" for octet in piece)
    for text in (str(list(piece)), str(signed), piece.hex(":"), octal, "\n".join(map(str, piece))):
        assert not may_be_shown_again(text), text[:30]
    for fingerprint in (piece[:16].hex(":"), piece[:20].hex(" ")):
        assert may_be_shown_again(fingerprint), "a fingerprint, which a user may take for the key"


def test_what_is_plainly_no_secret_stays_in_the_form() -> None:
    for text in ("hello", "", ed25519_line(), openssh()[:-40], openssh().removeprefix("ssh-rsa "), "ssh-rsa AAAA"):
        assert may_be_shown_again(text)
    assert may_be_shown_again(certificate_pem(NEXT_YEAR)[:-30])


# -- anything at all

pieces = st.sampled_from(
    [
        "ssh-rsa ", "ssh-ed25519 ", "AAAAB3NzaC1yc2E", "AAAA",
        "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "---- BEGIN SSH2 PUBLIC KEY ----", "Comment: \\",
        "---- END SSH2 PUBLIC KEY ----", "MIIB", "\r\n", "\n", " ", "=", "#", "\0", "\ufeff",
    ]
)  # fmt: skip
assembled = st.lists(pieces | st.text(max_size=12), max_size=12).map("".join)


@given(assembled | st.text() | st.binary(max_size=400) | assembled.map(str.encode))
@settings(PATIENT, max_examples=400)
def test_anything_is_read_or_refused(pasted: str | bytes) -> None:
    for reader, kind in ((read_ssh_key, SshPublicKey), (read_cert, Certificate)):
        try:
            assert isinstance(reader(pasted), kind)
        except PastedTextRefused as refusal:
            assert str(refusal)
    if isinstance(pasted, str):
        may_be_shown_again(pasted)
        known_key(pasted), known_certificate(pasted)


WIRE = base64.b64decode(openssh().split()[1])
DER = certificate(NEXT_YEAR, key=pair()).public_bytes(Encoding.DER)
changes = st.lists(st.tuples(st.integers(0, 800), st.integers(0, 255)), min_size=1, max_size=4)


@given(changes)
@example([(12, 1)])  # a version of X.509 that does not exist
@settings(PATIENT, max_examples=200)
def test_a_key_with_changed_bytes_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    wire, der = bytearray(WIRE), bytearray(DER)
    for place, value in changes:
        wire[place % len(wire)] = der[place % len(der)] = value
    with suppress(PastedTextRefused):
        read_ssh_key("ssh-rsa " + base64.b64encode(wire).decode())
    text = f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(der).decode()}\n-----END CERTIFICATE-----"
    for changed in (bytes(der), text):
        with suppress(PastedTextRefused):
            read_cert(changed)
    known_certificate(text)
