"""What people paste or choose as a file: text out of bytes, and private keys kept out. Pure."""

from __future__ import annotations

import base64
import codecs
import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key

from app.errors import Refused


class NotUsable(Refused):
    """What was pasted is not what is wanted here; the sentence says what it is instead."""

    field = "pasted"


class PrivateKeyPasted(NotUsable):
    """A private key, or something that holds one."""

    message = (
        "This is, or contains, a private key. It was not sent to AWS, and Latchkey has kept nothing of it. But it "
        "has left your machine: treat it as exposed, and make a new pair. Only the public half is needed here."
    )


class Pkcs12Pasted(PrivateKeyPasted):
    """A .p12 or .pfx file."""

    message = (
        "This is a PKCS#12 file, which as a rule holds the private key, too. Nothing was sent to AWS, and Latchkey "
        "has kept nothing of it. But it has left your machine: unless its password is strong, it is exposed. "
        "The certificate alone comes out with: openssl pkcs12 -in FILE -clcerts -nokeys"
    )


_MARKERS = re.compile(
    r"PRIVATE(?:\s|%20|[_+-])*KEY"  # PEM of every kind, PGP, SSH2, and names of variables
    r"|PuTTY-User-Key-File|Private-(?:Lines|MAC|Hash):"
    r'|"d\\?"\s*:\s*\\?"'  # JSON Web Key, also inside a text of JSON
    r"|AGE-SECRET-KEY-"
    r"|b3BlbnNzaC1rZXktdj",  # how the body of an OpenSSH private key begins
    re.IGNORECASE,
)
_XML = re.compile("<D>", re.IGNORECASE)
"""In .NET's form; too short a sign to be looked for among random bytes."""
_PKCS12 = re.compile(rb"\x30(?:\x80|\x82..|\x83...)\x02\x01\x03\x30", re.DOTALL)
_PRIVATE_DER = re.compile(
    # PKCS#1, PKCS#8 and SEC 1: a sequence that begins with version 0 or 1; encrypted PKCS#8: with a PBES identifier.
    rb"\x30(?:[\x00-\x7f]|\x81.|\x82..)(?:\x02\x01[\x00\x01]|\x30.\x06.\x2a\x86\x48\x86\xf7\x0d\x01(?:\x05|\x0c\x01))",
    re.DOTALL,
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}")
_HEX = re.compile(r"30(?:[0-7]?[0-9a-f]|81..|82....)0201(?:00|01)", re.IGNORECASE)
"""How a private key in DER begins, written in hexadecimal."""
_URL_SAFE = str.maketrans("-_", "+/")
_JAVA_KEY_STORE = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")


def text_of(given: str | bytes) -> str | None:
    """Text, as the byte order mark says or as UTF-8; None for bytes that are no text."""
    if isinstance(given, str):
        return given.removeprefix("\ufeff")
    utf_16 = given.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # what PowerShell's ">" writes
    try:
        return given.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        return None


def refuse_private_keys(given: str | bytes) -> None:
    """Raises PrivateKeyPasted, or Pkcs12Pasted, where there is any sign of one. Errs on the safe side."""
    data = given.encode("utf-8", "surrogatepass") if isinstance(given, str) else given
    if _PKCS12.match(data):
        raise Pkcs12Pasted()
    if _is_private_der(data) or data.startswith(_JAVA_KEY_STORE):
        raise PrivateKeyPasted()
    # Whatever the encoding: without its zeros UTF-16 reads as ASCII.
    text = data.replace(b"\0", b"").decode("utf-8", "replace")
    if _MARKERS.search(text) or _XML.search(text):
        raise PrivateKeyPasted()
    if _HEX.search(text):
        raise PrivateKeyPasted()
    for word in _BASE64.findall(text):
        # Without its frame, and perhaps cut short, in quotes, or behind a name: the first bytes tell.
        whole = word[: len(word) // 4 * 4].translate(_URL_SAFE)
        inside = base64.b64decode(whole)
        if _PKCS12.match(inside):
            raise Pkcs12Pasted()
        if _PRIVATE_DER.match(inside) or _MARKERS.search(inside.decode("latin-1")):
            raise PrivateKeyPasted()


def _is_private_der(data: bytes) -> bool:
    if _PRIVATE_DER.match(data):
        return True
    try:
        load_der_private_key(data, None)
    except TypeError:
        return True  # "password was not given"
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True


def may_be_shown_again(text: str) -> bool:
    """May a refused text stand in the form again? Not where it might be a secret, even part of one."""
    try:
        refuse_private_keys(text)
    except PrivateKeyPasted:
        return False
    known = re.search(r"AAAA[A-Za-z0-9+/]|BEGIN [A-Z0-9 ]{0,40}(?:PUBLIC KEY|CERTIFICATE|PKCS7|CMS|CRL)", text)
    return known is not None or not re.search(r"[A-Za-z0-9+/]{40}", text)


def shortened(text: str, longest: int = 160) -> str:
    """Text out of other people's files as it may be shown: printable, and not too long."""
    seen = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[: longest + 1])
    return seen if len(seen) <= longest else f"{seen[: longest - 1]}…"
