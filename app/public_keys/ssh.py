"""Reading SSH public keys as users paste them: RSA for CodeCommit, or a sentence that says why not. Pure."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from functools import cache

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_ssh_public_key,
    ssh_key_fingerprint,
)

from app.public_keys.pasted import (
    AROUND,
    PastedTextRefused,
    frame,
    is_in_the_way,
    labels,
    refuse_private_keys,
    shortened,
    text_of,
)
from app.public_keys.ssh_refusals import (
    ALGORITHMS,
    MAKE_ONE,
    OTHER_KEY_TYPES,
    WrongKeyType,
    damaged,
    refusal,
    several,
    text_before_it,
)

SMALLEST, LARGEST = 2048, 16384
"""Bits of an RSA key that AWS takes (IAM User Guide, SSH keys)."""
LONGEST_BODY = 16384
"""Characters of a key that AWS takes (IAM's model)."""

UNREADABLE = (ValueError, UnsupportedAlgorithm, InternalError)
"""What `cryptography` and base64 raise about text that isn't a key, and about odd keys."""
RSA, RSA_PSS = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("01", "0a"))
_SIZE = rb"(?:[\x00-\x7f]|\x81.|\x82..|\x83...)"
_ALGORITHM = re.compile(rb"\x30%b\x30%b\x06(.)" % (_SIZE, _SIZE), re.DOTALL)


def _broken(text: str) -> str:
    """A pattern for a text within which a line may have been broken."""
    return r"\s?".join(map(re.escape, text))


_CERTIFICATE = re.compile(r"[a-z0-9@.-]{1,40}-cert-v[0-9]{1,4}@openssh\.com")
_TYPE = re.compile(r"(?:ssh|ecdsa|sk|rsa)-[a-z0-9@.-]{2,60}")


@cache
def _key() -> re.Pattern[str]:
    """The name of a key before the key itself. Compiled when it is needed: that takes a twentieth of a start."""
    names = sorted((*OTHER_KEY_TYPES, "ssh-rsa"), key=len, reverse=True)
    return re.compile(
        # A line may be broken anywhere, so also within the name.
        r"(?<![A-Za-z0-9@.-])(?:"
        + "|".join(map(_broken, names))
        + rf"|{_CERTIFICATE.pattern}|{_TYPE.pattern})\s?(?=A\s?A\s?A\s?A)"
    )


_SSH2 = re.compile(
    rf"{_broken('SSH2PUBLICKEY')}\s?-[- ]{{0,9}}\n?(.*?)-[- \n]{{0,9}}{_broken('ENDSSH2PUBLICKEY')}", re.DOTALL
)
_BESIDE_A_HEADER = re.compile(r"[ \"](AAAA[A-Za-z0-9+/]{40}[A-Za-z0-9+/= ]*)$")
"""The key on the line of a header, where lines were joined."""
_CONTINUED = re.compile(r"[\"'] ?[\\+.]?\n ?[\"']|\\\n")
"""Where a program breaks a text over two lines."""
_RUN = re.compile(r"[A-Za-z0-9+/=\s]+")
_COMMENT = re.compile(r"^#.*\n?", re.MULTILINE)
_JWK = re.compile(r"[\"']kty[\"']\s?:")
_FINGERPRINT = re.compile(r"(?:\d+ )?(?:SHA256:|MD5:|(?:[0-9a-f]{2}:){15})")
_FILE_NAME = re.compile(r"[~/.\w:\\-]{1,200}\.pub")


@dataclass(frozen=True)
class SshPublicKey:
    """An RSA key that AWS accepts."""

    line: str
    """"ssh-rsa AAAA…", without a comment."""
    bits: int
    md5: str
    """"1a:2b:…", as AWS shows it."""
    sha256: str
    """"SHA256:…", as OpenSSH shows it."""


def read_ssh_key(given: str | bytes) -> SshPublicKey:
    """Return the one key in what was pasted: an OpenSSH line, PEM (both kinds), or RFC 4716.

    Raises PrivateKeyPasted, WrongKeyType, PastedTextRefused; also for a size that AWS doesn't accept.
    """
    refuse_private_keys(given)
    key = _parsed(given)
    if key.key_size < SMALLEST:
        raise refusal("too-small", detail=key.key_size, bits=key.key_size, least=SMALLEST, command=MAKE_ONE)
    if key.key_size > LARGEST:
        raise refusal("too-large", detail=key.key_size, bits=f"{key.key_size:,}", most=f"{LARGEST:,}")
    return described(key)


def _parsed(given: str | bytes) -> rsa.RSAPublicKey:
    text = text_of(given)
    if text is None:
        raise refusal("not-text")
    if not text:
        raise refusal("empty")
    if len(text) > LONGEST_BODY:
        raise refusal("too-long", num=f"{LONGEST_BODY:,}")
    text = _SPACES.sub(" ", text)
    found = labels(text)
    return _framed(text, found) if found else _line(text)


_SPACES = re.compile(r"[^\S\n]+")


def described(key: rsa.RSAPublicKey) -> SshPublicKey:
    """Return what is shown and sent of a key."""
    md5 = ssh_key_fingerprint(key, hashes.MD5())  # noqa: S303 # how AWS names a key
    sha256 = base64.b64encode(ssh_key_fingerprint(key, hashes.SHA256())).decode().rstrip("=")
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return SshPublicKey(line, key.key_size, md5.hex(":"), f"SHA256:{sha256}")


def known_key(body: str) -> SshPublicKey | None:
    """Return the key that AWS has, whatever its size. None where it can't be read."""
    try:
        return described(_parsed(body))
    except PastedTextRefused:
        return None


def _framed(text: str, found: list[str]) -> rsa.RSAPublicKey:
    if len(found) > 1 or _key().search(_SSH2.sub("", text)):  # a comment inside, "rsa-key-20260101", is no key
        raise several()
    label = found[0]
    if "CERTIFICATE" in label:
        raise refusal("certificate")
    if label not in ("PUBLIC KEY", "RSA PUBLIC KEY", "SSH2 PUBLIC KEY"):
        raise refusal("another-block", name=shortened(label))
    framed = frame(text, label)
    if not framed.body or is_in_the_way(framed.before) or framed.after not in ("", *AROUND):
        raise refusal("cut-short-or-text-beside-it")
    if label == "SSH2 PUBLIC KEY":
        return _blob(_whole(_body_of_rfc_4716(text))[0])
    try:
        der = base64.b64decode(framed.body, validate=True)
        # Only what is RSA is loaded: of other kinds OpenSSL checks the numbers, for seconds where they are large.
        if (begun := _ALGORITHM.match(der)) and (algorithm := der[begun.end() :][: begun[1][0]]) not in (
            RSA,
            RSA_PSS,
        ):
            raise WrongKeyType(ALGORITHMS.get(algorithm, ""))
        key = load_der_public_key(der)
    except UNREADABLE as error:
        raise damaged() from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise damaged()
    return key


def _body_of_rfc_4716(text: str) -> str:
    """Base64 without the headers ("Comment: …"), which continue after a backslash. Raises PastedTextRefused."""
    inside = _SSH2.search(text)
    if not inside:
        raise damaged()
    lines, header = [], False
    for line in inside[1].splitlines():
        if header or ":" in line:
            header = line.endswith("\\")
            if begun := _BESIDE_A_HEADER.search(line):
                lines.append(begun[1])
        else:
            lines.append(line)
    return "".join("".join(lines).split())


def _line(text: str) -> rsa.RSAPublicKey:
    text = _CONTINUED.sub("\n", _COMMENT.sub("", text))
    if not text.strip():
        raise refusal("empty")
    found = list(_key().finditer(text))
    if len(found) > 1:
        raise several()
    if not found:
        raise _no_key(text)
    begin = found[0]
    if is_in_the_way(text[: begin.start()].rpartition("\n")[2]):
        raise text_before_it()
    _check_kind("".join(begin[0].split()))
    run = _RUN.match(text, begin.end())
    written = run[0] if run else ""
    blob, rest = _whole(written)
    behind = text[begin.end() + len(written) :][:1]
    if not rest and not written[-1:].isspace() and behind not in ("", *AROUND):
        raise damaged()
    return _blob(blob)


def _no_key(text: str) -> PastedTextRefused:
    words = text.split()
    if words[0].startswith("AAAA"):
        return refusal("no-beginning")
    if _is_type(words[0]):
        _check_kind(words[0])
        return damaged() if len(words) > 1 else refusal("no-key")
    if any(_is_type(word) for word in words):
        return text_before_it()
    if _JWK.search(text):
        return refusal("json-web-key")
    if _FINGERPRINT.match(text):
        return refusal("fingerprint")
    if _FILE_NAME.fullmatch(text):
        return refusal("file-name")
    return refusal("something-else")


def _whole(written: str) -> tuple[str, str]:
    """(the key in base64, the words behind it): it says how long it is, and so where a comment begins.

    Raises WrongKeyType, PastedTextRefused.
    """
    words = written.split()
    start = "".join(words).partition("=")[0]
    wire = base64.b64decode(start[: len(start) // 4 * 4])
    length = int.from_bytes(wire[:4])
    _check_kind(wire[4 : 4 + length].decode("ascii", "replace") if 0 < length < 64 else "ssh-rsa")
    wanted, blob, used = _characters(wire), "", 0
    while len(blob) < wanted and used < len(words):
        blob += words[used].rstrip("=")
        used += 1
    if len(blob) != wanted or "=" in blob:
        raise damaged()
    return blob + "=" * (-len(blob) % 4), " ".join(words[used:])


def _characters(wire: bytes) -> int:
    """Length in base64, without padding, of a key whose first bytes these are: its kind, and two numbers."""
    at = 0
    for _ in range(3):
        if len(wire) < at + 4:
            raise damaged()
        at += 4 + int.from_bytes(wire[at : at + 4])
    return -(-at * 4 // 3)


def _is_type(word: str) -> bool:
    return word in OTHER_KEY_TYPES or word == "ssh-rsa" or bool(_CERTIFICATE.fullmatch(word) or _TYPE.fullmatch(word))


def _check_kind(name: str) -> None:
    if name in OTHER_KEY_TYPES:
        raise WrongKeyType(OTHER_KEY_TYPES[name])
    if _CERTIFICATE.fullmatch(name):
        raise refusal("ssh-certificate")
    if name != "ssh-rsa":
        raise refusal("unknown-type", command=MAKE_ONE)


def _blob(blob: str) -> rsa.RSAPublicKey:
    """The key in OpenSSH's own form, base64. Raises PastedTextRefused."""
    try:
        key = load_ssh_public_key(f"ssh-rsa {blob}".encode())
    except UNREADABLE as error:
        raise damaged() from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise damaged()
    return key
