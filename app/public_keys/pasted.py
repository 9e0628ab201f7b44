"""What users paste or choose as a file: text from bytes, frames in the text, and private keys kept out. Pure."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from app.errors import Refused
from app.public_keys import private
from app.text.messages import N_, _
from app.text.typed import visible


class PastedTextRefused(Refused):
    """What was pasted isn't accepted here. The sentence says what it is instead, and `diagnosis` names it."""

    code = "pasted-text-refused"
    diagnoses = frozenset(
        {
            "empty", "too-long", "too-long-for-aws", "several-things", "several", "several-keys", "another-block",
            "cut-short", "cut-short-or-text-beside-it", "text-before-it", "no-beginning", "no-frame", "no-key",
            "not-text", "something-else", "file-name", "fingerprint", "json-web-key", "too-small", "too-large",
            "unknown-type", "certificate", "ssh-certificate", "ssh-key", "public-key", "request", "pkcs7",
            "trusted-certificate", "revocation-list", "not-a-certificate", "expired", "not-valid-yet",
        }
    )  # fmt: skip
    field = "pasted"

    def __init__(self, message: str = "", diagnosis: str = "") -> None:
        super().__init__(message, diagnosis=diagnosis)


class PrivateKeyPasted(PastedTextRefused):
    """A private key, or something that contains one."""

    code = "private-key-pasted"
    diagnoses = frozenset()
    message = N_(
        "This is a private key, or contains one. It wasn’t sent to AWS, and we didn’t keep it, but it left your "
        "computer. Treat it as exposed and create a new key pair. Upload only the public key."
    )


class Pkcs12Pasted(PrivateKeyPasted):
    """A .p12 or .pfx file."""

    code = "pkcs12-pasted"
    diagnoses = frozenset()
    message = N_(
        "This is a PKCS#12 file, which usually contains the private key. It wasn’t sent to AWS, and we didn’t keep "
        "it, but it left your computer. Unless its password is strong, treat the key as exposed. To get the "
        "certificate alone, run: openssl pkcs12 -in FILE -clcerts -nokeys"
    )


LARGEST = 96 * 1024
"""Characters, or bytes of a file, that are looked at; whatever is longer is refused, and not shown again."""


LABELS = {
    name.replace(" ", ""): name
    for name in (
        "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST",
        "X509 CRL", "PKCS7", "CMS", "PUBLIC KEY", "RSA PUBLIC KEY", "EC PUBLIC KEY", "DSA PUBLIC KEY",
        "SSH2 PUBLIC KEY", "PGP PUBLIC KEY BLOCK", "PGP MESSAGE", "PGP SIGNATURE", "SSH SIGNATURE", "EC PARAMETERS",
        "DH PARAMETERS",
    )
}  # fmt: skip
"""Names of frames, by themselves without blanks, where a line may have been broken."""
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_MARGIN = " \t\xa0"
_QUOTED = _MARGIN + ">|"
"""Indentation, and what mail programs put before lines they quote."""
_BEGIN = re.compile(r"(?<!-)-{2,}BEGIN([A-Z0-9#]{1,60}?)-{2,}")
_END = re.compile(r"-{2,}END([A-Z0-9#]{1,60}?)-{2,}")
_DASHES = re.compile("-{6,}")
_WITH_HEADERS = "SSH2PUBLICKEY"
"""RFC 4716 has lines like `Comment: "rsa-key-20260101"` in the frame."""
MOST_FRAMES = 20
"""Frames whose names are shown as they were written."""
_QUOTES = "\"'`“”‘’«»"
AROUND = _QUOTES + ",;)]}<>\\"
"""What may be right after a key or frame: ends of a text in a program."""


def text_of(given: str | bytes) -> str | None:
    """Return what was meant as text, read by its byte order mark or as UTF-8. None for bytes that aren't text.

    Invisible characters, full-width forms, escapes of JSON and programs, indentation, marks of quoted mail and empty
    lines are removed. Lines end with a line feed.
    """
    if isinstance(given, bytes):
        utf_16 = given.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # what PowerShell's ">" writes
        try:
            given = given.decode("utf-16" if utf_16 else "utf-8-sig")
        except UnicodeDecodeError:
            return None
    text = _LINE_ENDS.sub("\n", visible(private.unescaped(given)).translate(private.DASHES))
    lines = (line.lstrip(_QUOTED).rstrip(_MARGIN) for line in _DASHES.sub("-----", text).split("\n"))
    return "\n".join(line for line in lines if line).strip()


@dataclass(frozen=True)
class Frame:
    """A frame of PEM or RFC 4716 in a text."""

    body: str
    """What it holds, without blanks; "" where it has no end."""
    before: str
    """The text before it on its line."""
    after: str
    """What follows its end on the same line: one character, or ""."""


def labels(text: str) -> list[str]:
    """Return the names of the frames in a text of `text_of` ("PUBLIC KEY"), wherever their lines are broken."""
    found = _BEGIN.findall("".join(text.split()))
    return [LABELS.get(label) or _as_written(text, label) for label in found[:MOST_FRAMES]] + found[MOST_FRAMES:]


def frame(text: str, label: str) -> Frame:
    """Return the first frame of that name. Raises LookupError where there is none."""
    squeezed, name = "".join(text.split()), label.replace(" ", "")
    begin = next((begin for begin in _BEGIN.finditer(squeezed) if begin[1] == name), None)
    if begin is None:
        raise LookupError(label)
    end = _END.search(squeezed, begin.end())
    body = squeezed[begin.end() : end.start()] if end is not None and end[1] == name else ""
    if "-" in body and name != _WITH_HEADERS:
        body = ""
    return Frame(body, *_beside(text, name))


def _as_written(text: str, label: str) -> str:
    """A label with its blanks, where it is on one line."""
    names = (" ".join(name.split()) for name in re.findall(r"BEGIN ([A-Z0-9# ]{1,60}?) ?--", text))
    return next((name for name in names if name.replace(" ", "") == label), label)


def _beside(text: str, name: str) -> tuple[str, str]:
    """Return the text before a frame's beginning and after its end, on their lines; "" where these are broken."""
    label = r"\s?".join(map(re.escape, name))
    begin = re.search(rf"^(.*?)(?<!-)-{{2,}} ?BEGIN\s?{label}", text, re.MULTILINE)
    end = re.search(rf"END\s?{label} ?-{{2,}} ?(.?)", text)
    return begin[1] if begin else "", end[1] if end else ""


def is_in_the_way(before: str) -> bool:
    """Return whether text before a key is in its way. A quote right before it isn't, nor a name before that."""
    return bool(before.strip()) and before[-1] not in _QUOTES


def refuse_private_keys(given: str | bytes) -> None:
    """Refuse a text or file that shows any sign of a private key.

    Raises PrivateKeyPasted or Pkcs12Pasted for one, PastedTextRefused for more than LARGEST.
    """
    known = private.found(given[:LARGEST])
    if known is not None:
        raise Pkcs12Pasted() if known is private.Found.PKCS12 else PrivateKeyPasted()
    if len(given) > LARGEST:
        raise PastedTextRefused(_("This is too long for one public key or certificate."), "too-long")


def may_be_shown_again(text: str) -> bool:
    """May the form show a refused text again? Not if it might be a secret, even part of one."""
    try:
        refuse_private_keys(text)
    except PastedTextRefused:
        return False
    return _PUBLIC.search(text) is not None or not _MAY_BE_A_PIECE.search(text)


_MAY_BE_A_PIECE = re.compile(
    r"[A-Za-z0-9+/]{40}|(?:0[xX])?[0-9A-Fa-f]{2}(?:[\s:,;.-]{1,3}(?:0[xX])?[0-9A-Fa-f]{2}(?![0-9A-Fa-f])){20}"
    r"|[0-9]{1,3}(?:[^0-9A-Za-z]{1,6}[0-9]{1,3}(?![0-9])){20}|(?:\\{1,8}x?[0-9A-Fa-f]{1,3}){21}"
)
"""Base64, or more numbers in a row than fingerprints have that people know: 20 bytes."""
_PUBLIC = re.compile(
    r"AAAA[A-Za-z0-9+/]|BEGIN [A-Z0-9 ]{0,40}(?:PUBLIC KEY|CERTIFICATE|PKCS7|CMS|CRL)"
    # a certificate, and a public key, without their frames
    r"|MII[A-Za-z0-9+/]{3}(?:CC[A-Za-z0-9+/]{3}gAwIB|CB[A-Za-z0-9+/]{2}ADAgEC)|MII[A-Za-z0-9+/]{2}jANBgkqhkiG9w0BAQEF"
)
"""How public things begin."""


def shortened(text: str, longest: int = 160) -> str:
    """Return text from other people's files as it may be shown: printable, and at most `longest` characters."""
    seen = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[: longest + 1])
    return seen if len(seen) <= longest else f"{seen[: longest - 1]}…"
