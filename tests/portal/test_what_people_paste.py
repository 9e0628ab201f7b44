"""Keys, certificates and codes as they come out of mails, terminals, chats and JSON: always the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography.hazmat.primitives.serialization import PublicFormat
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from app.access_keys.forms import SavedForm
from app.public_keys.certificates import read_certificate
from app.public_keys.pasted import PastedTextRefused, may_be_shown_again
from app.public_keys.ssh import SshPublicKey, read_ssh_key
from app.sandbox.signin.forms import CodeForm as SandboxCodeForm
from app.signin.forms import AccessKeyForm
from app.text.typed import code, visible
from app.web.forms import CodeForm, TwoCodesForm
from tests.support.public_keys import certificate_pem, ed25519_line, openssh, pem, public_numbers, rfc_4716

PATIENT = settings(deadline=None, max_examples=40)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
KEY = public_numbers(3072)
LINE = openssh(KEY, "alice@laptop")
CERTIFICATE = certificate_pem(NOW + timedelta(365))
FORMS = {
    "a line": LINE,
    "a line without its comment": openssh(KEY),
    "PEM": pem(KEY),
    "PKCS#1": pem(KEY, PublicFormat.PKCS1),
    "RFC 4716": rfc_4716(KEY),
    "RFC 4716 with a comment": rfc_4716(KEY, "alice"),
}
UNSEEN = (
    "\u200b\u200c\u200d\u2060\u00ad\ufeff\u200e\u200f\u202a\u202c\u2066\u2069\u061c\u180e\ufe0f\U000e0001\U000e0041"
)
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\u2028", "\n\n", "\r\n\r\n", "\n    ", "\n\t", "\n> ", "\r\n>> ", " \n"])


@cache
def expected() -> SshPublicKey:
    return read_ssh_key(openssh(KEY))


def full_width(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


def ways(text: str) -> Iterator[tuple[str, str]]:
    """(way it came here, what is pasted then)."""
    yield "Windows", text.replace("\n", "\r\n")
    yield "an old Mac", text.replace("\n", "\r")
    yield "indented", "    " + text.replace("\n", "\n    ")
    yield "quoted in a mail", "> " + text.replace("\n", "\n> ")
    yield "with empty lines", text.replace("\n", "\n\n")
    yield "a prompt before it", f"$ cat ~/.ssh/id_rsa.pub\n{text}"
    yield "a prompt of Windows", f"PS C:\\Users\\nadia> type .\\id_rsa.pub\r\n{text}\r\nPS C:\\Users\\nadia>"
    yield "words before it", f"Hi, this is the public half of my private key:\n\n{text}"
    yield "JSON", json.dumps({"UserName": "alice", "SSHPublicKeyBody": text})
    yield "JSON of AWS", json.dumps({"SSHPublicKey": {"SSHPublicKeyBody": text, "Status": "Active"}}, indent=4)
    yield "a text of JSON", json.dumps(text)
    yield "JSON in JSON", json.dumps(json.dumps({"key": text}))
    yield "JSON of PHP", json.dumps(text).replace("/", "\\/")
    yield "escaped, without quotes", text.replace("\n", "\\n")
    yield "escaped line ends of Windows", text.replace("\n", "\\r\\n")
    yield "a name and quotes", f'public_key = "{text.strip()}"'
    yield "typographic quotes", f"“{text.strip()}”"
    yield "full width", full_width(text)
    yield "a byte order mark", f"\ufeff{text}"
    yield "non-breaking blanks", text.replace(" ", "\xa0")
    yield "long dashes", text.replace("-----", "\u2014\u2014-")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("way", [way for way, _ in ways("")])
def test_a_key_is_the_same_key_however_it_was_copied(form: str, way: str) -> None:
    pasted = dict(ways(FORMS[form]))[way]
    assert read_ssh_key(pasted) == expected()
    assert read_ssh_key(pasted.encode()) == read_ssh_key(pasted.encode("utf-16")) == expected()


@pytest.mark.parametrize("way", [way for way, _ in ways("")])
def test_a_certificate_is_the_same_however_it_was_copied(way: str) -> None:
    read = read_certificate(CERTIFICATE, NOW)
    pasted = dict(ways(CERTIFICATE))[way]
    assert read_certificate(pasted, NOW) == read
    assert read_certificate(pasted.encode("utf-16"), NOW) == read


@pytest.mark.parametrize("between", ['"\n    "', '" \\\n"', "\\\n", "' +\n'", '" .\n  "'])
def test_a_key_may_be_broken_as_programs_break_a_text(between: str) -> None:
    quote = between[0] if between[0] in "\"'" else ""
    assert read_ssh_key(f"{quote}{LINE[:60]}{between}{LINE[60:].strip()}{quote}") == expected()


COMMENTS = [
    "rsa-key-20260101",
    "imported-openssh-key",
    "3072-bit RSA, converted by alice@laptop from OpenSSH",
    "a--b",
]


@pytest.mark.parametrize("comment", COMMENTS)
@pytest.mark.parametrize(
    "header", ['Comment: "{}"', "Comment: {}", 'Subject: alice\nComment: "{}"', 'Comment: "{} \\\nx"']
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_key_in_rfc_4716_has_the_comments_that_puttygen_and_openssh_write(
    comment: str, header: str, end: str
) -> None:
    begin, *lines = rfc_4716(KEY).split("\n")
    headed = header.format(comment)
    assert read_ssh_key(end.join([begin, headed.replace("\n", end), *lines])) == expected()
    if "\n" not in headed:
        assert read_ssh_key(" ".join([begin, headed, *lines])) == expected(), "in one line"


@given(st.sampled_from(sorted(FORMS)), st.integers(12, 90), ENDS, st.booleans())
@PATIENT
def test_a_key_may_be_broken_anywhere(form: str, width: int, end: str, at_blanks: bool) -> None:
    text = FORMS[form]
    if "RFC" in form:  # whose lines tell what is a header
        broken = text.replace("\n", end)
    elif at_blanks:
        broken = end.join(text.split())
    else:
        broken = end.join(text[start : start + width] for start in range(0, len(text), width))
    assert read_ssh_key(broken) == expected()


@given(st.integers(3, 90), ENDS)
@PATIENT
def test_a_certificate_may_be_broken_anywhere(width: int, end: str) -> None:
    broken = end.join(CERTIFICATE[start : start + width] for start in range(0, len(CERTIFICATE), width))
    assert read_certificate(broken, NOW) == read_certificate(CERTIFICATE, NOW)
    assert read_certificate(end.join(CERTIFICATE.split()), NOW).pem == CERTIFICATE


@given(st.sampled_from(sorted(FORMS)), st.lists(st.tuples(st.integers(0, 2000), st.sampled_from(UNSEEN)), min_size=1))
@PATIENT
def test_what_nobody_sees_is_dropped(form: str, unseen: list[tuple[int, str]]) -> None:
    key, certificate = FORMS[form], CERTIFICATE
    for place, char in unseen:
        at, other = place % (len(key) + 1), place % (len(certificate) + 1)
        key, certificate = key[:at] + char + key[at:], certificate[:other] + char + certificate[other:]
    assert read_ssh_key(key) == expected()
    assert read_certificate(certificate, NOW).pem == CERTIFICATE


def test_letters_that_only_look_alike_are_not_taken() -> None:
    for swapped in (LINE.replace("AAAAB3", "АААAB3"), LINE.replace("ssh", "ѕѕh"), LINE.replace("B", "Β")):
        with pytest.raises(PastedTextRefused):
            read_ssh_key(swapped)
    assert code("12345б") == "12345б" and code("1234l6") == "1234l6" and code("12³456") == "12³456"


@pytest.mark.parametrize(
    ("pasted", "why"),
    [
        (f"key: {LINE}", "text-before-it"),
        (f"$ echo {LINE}", "text-before-it"),
        (f"SSHPublicKeyBody: {LINE}", "text-before-it"),
        (f'restrict,command="x" {LINE}', "text-before-it"),
        (f"{LINE}\n{openssh()}", "several-keys"),
        (json.dumps({"keys": [LINE, openssh()]}), "several-keys"),
        (LINE[:300], "cut-short"),
        (f"{LINE[:300]}\nalice", "cut-short"),
        (LINE[:200] + LINE[260:], "cut-short"),
        (LINE.replace(" alice", "alice"), "cut-short"),
        (json.dumps({"kty": "RSA", "n": "AQAB" * 80, "e": "AQAB"}), "json-web-key"),
        ("3072 SHA256:Js2Dxmvn6q4imp7p4HPS1bOZqtUEaZ alice (RSA)", "fingerprint"),
        ("~/.ssh/id_rsa.pub", "file-name"),
        (ed25519_line().replace(" ", "\n"), "ed25519"),
        (json.dumps({"SSHPublicKeyBody": ed25519_line()}), "ed25519"),
        (CERTIFICATE.replace("\n", "\\n"), "certificate"),
    ],
)  # fmt: skip
def test_what_is_not_taken_is_named(pasted: str, why: str) -> None:
    with pytest.raises(PastedTextRefused) as refused:
        read_ssh_key(pasted)
    assert refused.value.diagnosis == why
    assert may_be_shown_again(pasted) or "kty" in pasted, "and stays in the form"


def test_text_around_a_certificate_is_no_part_of_it() -> None:
    about = (
        "Certificate:\n    Data:\n        Version: 3 (0x2)\n        Issuer: CN = alice\n"
        "        X509v3 extensions:\n            X509v3 Private Key Usage Period: \n"
        "                Not Before: Jan  1\n    Signature Value:\n        30:45:02:21:00:8f:55\n"
    )
    bag = "Bag Attributes\n    friendlyName: private key\n    localKeyID: 01 \nsubject=/CN=alice\nissuer=/CN=alice\n"
    answer = {"Certificate": {"UserName": "alice", "CertificateBody": CERTIFICATE, "Status": "Active"}}
    for pasted in (about + CERTIFICATE, bag + CERTIFICATE, CERTIFICATE + about, json.dumps(answer)):
        assert read_certificate(pasted, NOW).pem == CERTIFICATE
        assert read_certificate(pasted.encode(), NOW).pem == CERTIFICATE
    unframed = "".join(CERTIFICATE.split("\n")[1:-2])
    assert may_be_shown_again(unframed), "it is told what is missing, and stays"


# -- codes, and access keys

DIGITS = {
    "full-width": "０１２３４５６７８９",
    "Arabic": "٠١٢٣٤٥٦٧٨٩",
    "Persian": "۰۱۲۳۴۵۶۷۸۹",
    "Devanagari": "०१२३४५६७८९",
    "Bengali": "০১২৩৪৫৬৭৮৯",
    "Thai": "๐๑๒๓๔๕๖๗๘๙",
    "mathematical": "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
}
BETWEEN = st.text(" \t\u00a0\u2009\u202f\u3000-‐‑‒–—―−－.․·。．" + UNSEEN, max_size=3)


@pytest.fixture(scope="module")
def bare() -> Iterator[None]:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="x" * 40, WTF_CSRF_ENABLED=False)
    with app.test_request_context(method="POST"):
        yield


def one(text: str) -> str | None:
    form = CodeForm(MultiDict({"code": text, "serial_number": "one"}))
    form.offer(["one"])
    return form.code.data if form.validate() else None


def two(text: str) -> str | None:
    form = TwoCodesForm(MultiDict({"first_code": text, "second_code": text}))
    return form.second_code.data if form.validate() and form.first_code.data == form.second_code.data else None


def of_a_new_key(text: str) -> str | None:
    form = SavedForm(MultiDict({"code": text, "last_characters": "abcdef"}))
    form.offer([])
    return form.code.data if form.validate() else None


def of_the_sandbox(text: str) -> str | None:
    form = SandboxCodeForm(MultiDict({"code": text, "serial_number": "one"}))
    form.serial_number.choices = [("one", "one")]
    return form.code.data if form.validate() else None


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("form", [one, two, of_a_new_key, of_the_sandbox])
@given(
    st.from_regex(r"[0-9]{6}", fullmatch=True),
    st.sampled_from(sorted(DIGITS)),
    st.lists(BETWEEN, min_size=7, max_size=7),
)
@PATIENT
def test_a_code_is_six_digits_in_any_script(
    form: Callable[[str], str | None], digits: str, script: str, between: list[str]
) -> None:
    written = [DIGITS[script][int(digit)] for digit in digits]
    assert form("".join(gap + digit for gap, digit in zip(between, [*written, ""], strict=True))) == digits


@pytest.mark.usefixtures("bare")
def test_an_access_key_is_read_in_full_width_and_with_what_nobody_sees() -> None:
    key_id, secret = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    for change in (full_width, UNSEEN.join, lambda text: f"\u202a{text}\u202c\n"):
        form = AccessKeyForm(MultiDict({"access_key_id": change(key_id), "secret_access_key": change(secret)}))
        assert form.validate(), form.errors
        assert (form.access_key_id.data, form.secret_access_key.data) == (key_id, secret)
        saved = SavedForm(MultiDict({"last_characters": change(secret)}))
        saved.offer([])
        assert saved.validate() and saved.last_characters.data == secret[-6:]
    alike = AccessKeyForm(MultiDict({"access_key_id": key_id.replace("A", "А"), "secret_access_key": secret}))
    assert not alike.validate(), "letters that only look alike"


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("typed", "is_name"),
    [
        *[
            (name, True)
            for name in ("nadia", "Nadia.Smith", "nadia@example.com", "ops-bot_2", "N4dia7@x.org", "123456789012")
        ],
        *[
            (piece, False)
            for piece in ("wJalrXUtnFEMI/K7", "wJalr7XUtnFEMIK7MDENGbPx", "AKIA123", "akiaiosfodnn7example")
        ],
    ],
)
def test_a_user_name_is_told_from_a_piece_of_a_key(typed: str, is_name: bool) -> None:
    for by_password in (True, False):
        form = AccessKeyForm(MultiDict({"access_key_id": typed, "secret_access_key": "x" * 40}))
        form.by_password = by_password
        assert not form.validate()
        (told,) = form.access_key_id.errors
        leads = "Continue to AWS" if by_password else "You can’t sign in with a user name here"
        assert (leads in told) is is_name, told


def test_visible_keeps_what_is_seen() -> None:
    for text in ("Ünïcödé", "日本語", "٣", "e\u0301", "a b\tc\n", "ß", "😀"):
        assert visible(text) == text
