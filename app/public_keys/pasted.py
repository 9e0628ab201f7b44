"""What people paste or choose as a file: text out of bytes, and private keys kept out. Pure."""

from __future__ import annotations

import codecs
import re

from app.errors import Refused
from app.public_keys import private


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


LARGEST = 96 * 1024
"""Characters, or bytes of a file, that are looked at; whatever is longer is refused, and not shown again."""


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
    """Raises PrivateKeyPasted, or Pkcs12Pasted, where there is any sign of one; NotUsable for more than LARGEST."""
    known = private.found(given[:LARGEST])
    if known is not None:
        raise Pkcs12Pasted() if known is private.Found.PKCS12 else PrivateKeyPasted()
    if len(given) > LARGEST:
        raise NotUsable("This is too long to be one public key or certificate.")


def may_be_shown_again(text: str) -> bool:
    """May a refused text stand in the form again? Not where it might be a secret, even part of one."""
    try:
        refuse_private_keys(text)
    except NotUsable:
        return False
    known = re.search(r"AAAA[A-Za-z0-9+/]|BEGIN [A-Z0-9 ]{0,40}(?:PUBLIC KEY|CERTIFICATE|PKCS7|CMS|CRL)", text)
    return known is not None or not re.search(r"[A-Za-z0-9+/]{40}", text)


def shortened(text: str, longest: int = 160) -> str:
    """Text out of other people's files as it may be shown: printable, and not too long."""
    seen = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[: longest + 1])
    return seen if len(seen) <= longest else f"{seen[: longest - 1]}…"
