"""Recognizing private keys by their form: the frames they come in, and how their bytes are built. Pure.

Nothing is loaded as a key: what a library does with one (testing numbers for primes, deriving keys from passwords)
can take minutes. Here every pattern is matched in time that grows with the text.
"""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cache

from app.text.typed import visible


class Found(StrEnum):
    """What type of private key or secret it is."""

    KEY = "key"
    PKCS12 = "pkcs12"


_LENGTH = "(?:[\\x00-\\x80]|" + "|".join(f"\\x{0x80 + size:02x}.{{{size}}}" for size in range(1, 9)) + ")"
"""Length of an element in BER: short, indefinite, or long; leading zeros are allowed."""
_LONG = r"(?:[\x10-\x7f]|\x81.|\x82..|\x83...)"
"""Length of a number or text of 16 bytes and more."""
_VERSION = r"\x02(?:\x01|\x81\x01|\x82\x00\x01)[\x00\x01]"
_SEQUENCE = rf"\x30{_LENGTH}"


def _length_of(octets: int) -> str:
    """The length of a number of 2^15 octets at most, as DER writes it."""
    if octets < 0x80:
        return rf"\x{octets:02x}"
    return rf"\x81\x{octets:02x}" if octets < 0x100 else rf"\x82\x{octets >> 8:02x}\x{octets & 0xFF:02x}"


def _three_numbers(octets: int) -> str:
    """Three numbers of about this size without the tag of the first, and of the last only the beginning.

    A number with its highest bit set has one octet more, for its sign. One in 256 has an octet less, one in 65,536
    two less. Even shorter ones are not looked for.
    """
    sizes = range(octets - 2, octets + 2)
    whole = "|".join(f"{_length_of(size)}.{{{size}}}" for size in sizes)
    begun = "|".join(_length_of(size) for size in sizes)
    return rf"(?:{whole})\x02(?:{whole})\x02(?:{begun})"


_THREE_NUMBERS = rf"\x02(?:{'|'.join(_three_numbers(octets) for octets in (64, 128, 192, 256, 512))})"
"""Primes and exponents of an RSA key of 1,024 to 8,192 bits, the beginning cut off."""

SIGNS: dict[str, list[str]] = {
    # In text; blanks as they are. A name and what it means. DER and SSH's own formats are recognized by their bytes.
    "text": [
        r"P(?:RIVATE|rivate)[ _-]?K(?:EY|ey)[\"']? {0,3}[:=] {0,3}[\"']?(?:0x)?(?!AAAA|M[A-P])[A-Za-z0-9+/]{40}",
        r"private[ _-]?[Kk]ey[\"']? {0,3}[:=] {0,3}[\"']?(?:0x)?(?!AAAA|M[A-P])[A-Za-z0-9+/]{40}",
        r"PRIVATE KEY(?: BLOCK)? ?-{4}(?!-* ?BEGIN)",  # a frame whose beginning is cut off
    ],
    # In text without any blanks, so wherever lines are broken.
    "squeezed": [
        r"--(?:BEGIN|END)[A-Z0-9+_]{0,60}?PRIVATE[+_-]*KEY",  # PEM of every kind, OpenSSH, PGP, SSH2
        r"(?:BEGIN|END)[A-Z0-9+_]{0,60}?PRIVATE[+_-]*KEY(?:\+?BLOCK)?--",
        r"Proc-Type:4,ENCRYPTED|DEK-Info:[A-Za-z0-9-]{3,30},[0-9A-Fa-f]{8}",
        r"PuTTY-User-Key-File-[0-9]|Private-Lines:[0-9]|Private-(?:MAC|Hash):[0-9A-Fa-f]{2}",
        r"SSHPRIVATEKEYFILEFORMAT[0-9]",
        r"[\"']d[\"']:[\"'][A-Za-z0-9_-]{20}",  # JSON Web Key
        r"^(?=[^]*[\"']kty[\"']:)(?=[^]*[\"']d[\"']:[\"'][A-Za-z0-9_-])".replace("[^]", r"[\s\S]"),
        r"<[Dd]>[A-Za-z0-9+/]{16}",  # .NET's form
        r"AGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]{8}",
        r"(?:privateExponent|prime[12]|exponent[12]|coefficient|priv):(?:[0-9a-f]{2}:){4}",  # OpenSSL's -text
    ],
    # At the beginning of a file: OpenPGP.
    "file": [
        r"^(?:[\x94\x9c].|[\x95\x9d]..|[\xc5\xc7](?:[\x00-\xbf]|[\xc0-\xdf].|\xff....))[\x03-\x06]....[\x01-\x1c]",
    ],
    # At the beginning of a file, or of decoded base64: Java key stores, ssh.com, Microsoft.
    "first": [
        r"^(?:\xfe\xed\xfe\xed|\xce\xce\xce\xce)",
        r"^\x3f\x6f\xf9\xeb|^\x1e\xf1\xb5\xb0|^\x07\x02\x00\x00....RSA2",
    ],
    # Anywhere within bytes.
    "bytes": [
        r"openssh-key-v1\x00",
        r"(....)\1\x00\x00\x00[\x07-\x30](?:ssh-|ecdsa-|sk-)",  # the inside of an OpenSSH key
        rf"{_SEQUENCE}{_VERSION}\x02{_LONG}",  # PKCS#1, and DSA as OpenSSL writes it
        rf"{_SEQUENCE}{_VERSION}\x04{_LONG}",  # SEC 1
        _THREE_NUMBERS,
    ],
    # Anywhere within bytes, if what the inner sequence ends before is an octet string: PKCS#8, and encrypted PKCS#8.
    # A certificate of X.509 v1, and a curve that is spelled out, begin alike, and continue otherwise.
    "enclosing": [
        rf"(?=({_SEQUENCE}{_VERSION}\x30({_LENGTH}))\x06)",
        rf"(?=({_SEQUENCE}\x30({_LENGTH}))\x06{_LENGTH}\x2a\x86\x48\x86\xf7\x0d\x01(?:\x05|\x0c\x01))",
    ],
    "pkcs12": [rf"{_SEQUENCE}\x02\x01\x03{_SEQUENCE}\x06{_LENGTH}\x2a\x86\x48\x86\xf7\x0d\x01\x07"],
}
"""Regular expressions that Python and JavaScript read alike, by where they match. Bytes are characters 0 to 255."""

_OID = "\x2a\x86\x48\x86\xf7\x0d\x01"
"""How the object identifiers of PKCS begin."""
_PARTS = {
    SIGNS["bytes"][1]: ("ssh-", "ecdsa-", "sk-"),
    SIGNS["enclosing"][0]: ("\x01\x00\x30", "\x01\x01\x30"),
    SIGNS["enclosing"][1]: (_OID,),
    SIGNS["pkcs12"][0]: (_OID,),
}
"""What a match of these signs contains at least one of. Python finds a plain text far sooner than such a pattern."""

_ESCAPED = re.compile(
    r"\\{1,8}(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([nrt])|([\"'/]))|%([0-9A-Fa-f]{2})|&#([0-9]{1,3});"
    r"|&#x([0-9A-Fa-f]{1,2});|&(lt|gt|quot);"
)
_NAMED = {"n": "\n", "r": "\r", "t": "\t", "lt": "<", "gt": ">", "quot": '"'}
DASHES = dict.fromkeys(map(ord, "‐‑‒–―−"), "-") | {ord("—"): "--"}
"""Dashes that word processors make of hyphens."""
_BLANKS = re.compile("[\\s\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f]+", re.ASCII)
_RUN = re.compile("[A-Za-z0-9+/]{24,}")
_NO_BYTES = re.compile("[^\0-\xff]+")
_NO_BASE64 = re.compile("[^A-Za-z0-9+/]+")
_URL_SAFE = str.maketrans("-_", "+/")
_MAYBE_HEX = re.compile("[0-9A-Fa-fx :,;.-]+")
_HEX = re.compile(r"(?:(?:0x)?[0-9A-Fa-f]{2}[ :,;.-]{0,3}){16,}")
_HEX_MARKS = re.compile("0x|[^0-9A-Fa-f]")
_BESIDE_NUMBERS = re.compile(
    r"\( ?(?:[su]?byte|char|unsigned char|u?int8(?:_t)?) ?\)|(?<=[0-9A-Fa-f])(?:u8|i8|UL?|L|y)\b|</?[a-z]{1,12}>"
    r"|[\"'][0-9]{1,5}[\"'] ?:",
    re.ASCII | re.IGNORECASE,
)
"""What programs, XML and JSON write beside each number of a list: types, tags, places."""
_MAYBE_NUMBERS = re.compile(r"[0-9A-Fa-fxX -,./:-@[-`{-~-]+")
_NUMBERS = re.compile(
    r"(?:-?(?:0[xX][0-9A-Fa-f]{1,2}(?![0-9A-Fa-f])|[0-9]{1,3}(?![0-9xX]))[ -,./:-@[-`{-~]{1,6}){15,}"
    r"-?(?:0[xX][0-9A-Fa-f]{1,2}(?![0-9A-Fa-f])|[0-9]{1,3}(?![0-9xX]))"
)
"""Bytes as numbers, signed ones (Java's) too. Each number, and what follows it, matches in one way only."""
_NUMBER = re.compile("-?0[xX][0-9A-Fa-f]+|-?[0-9]+")
_OCTAL = re.compile(r"\\{1,8}([0-3][0-7]{2}|[0-7]{1,2})")
_READABLE = re.compile(r"[\t\n\r -~]{24,}")


@cache
def _compiled(where: str) -> list[re.Pattern[str]]:
    """The signs, compiled when a key is first pasted: that takes longer than loading this module."""
    return [re.compile(sign, re.ASCII | re.DOTALL) for sign in SIGNS[where]]


def _possible(where: str, data: str) -> Iterator[re.Pattern[str]]:
    """The signs of which these bytes have a part."""
    for sign in _compiled(where):
        parts = _PARTS.get(sign.pattern)
        if parts is None or any(part in data for part in parts):
            yield sign


def unescaped(text: str) -> str:
    """The text with what JSON, programs, addresses and HTML write for line ends and signs put back."""
    return _ESCAPED.sub(_character, text) if any(mark in text for mark in "\\%&") else text


def _character(match: re.Match[str]) -> str:
    four, two, short, itself, percent, decimal, sixteen, named = match.groups()
    if short or named:
        return _NAMED[short or named]
    if itself:
        return str(itself)
    return chr(int(decimal)) if decimal else chr(int(four or two or percent or sixteen, 16))


def found(given: str | bytes) -> Found | None:
    """Return what private key or secret this is or contains, None without one.

    Bytes that are cut short count as private if they may be.
    """
    if isinstance(given, bytes):
        data = given.decode("latin-1")
        if any(sign.match(data) for sign in _compiled("file")):
            return Found.KEY
        if known := _in_bytes(data, beginning=True):
            return known
    return _in_text(_text(given), 2)


def _text(given: str | bytes) -> str:
    """As it would be read: by its byte order mark, else as UTF-8; without its zeros UTF-16 is ASCII."""
    if isinstance(given, bytes):
        utf_16 = given.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        given = given.decode("utf-16", "replace") if utf_16 else given.replace(b"\0", b"").decode("utf-8", "replace")
    return given.replace("\0", "")


def _in_bytes(data: str, *, beginning: bool) -> Found | None:
    """data: characters 0 to 255 for bytes. beginning: of a file, or of decoded base64."""
    if any(sign.search(data) for sign in _possible("pkcs12", data)):
        return Found.PKCS12
    if any(sign.search(data) for sign in _possible("bytes", data)):
        return Found.KEY
    if beginning and any(sign.match(data) for sign in _compiled("first")):
        return Found.KEY
    for sign in _possible("enclosing", data):
        if any(_goes_on_with_octets(data, match) for match in sign.finditer(data)):
            return Found.KEY
    return None


def _goes_on_with_octets(data: str, match: re.Match[str]) -> bool:
    header, length = match.groups()
    if length == "\x80":
        return True  # its end is not said: certificates are never written like this
    octets = length[1:] if length > "\x80" else length
    after = match.start() + len(header) + int.from_bytes(octets.encode("latin-1"), "big")
    return after >= len(data) or data[after] in "\x04\x24"


def _in_text(text: str, depth: int) -> Found | None:
    """depth: how often base64 is undone."""
    written = unescaped(text)
    plain = _BLANKS.sub(" ", visible(written).translate(DASHES))
    squeezed = plain.replace(" ", "")
    if any(sign.search(plain) for sign in _compiled("text")):
        return Found.KEY
    if any(sign.search(squeezed) for sign in _compiled("squeezed")):
        return Found.KEY
    starts = (_decoded(word[:32]) for word in _RUN.findall(plain.translate(_URL_SAFE)))
    if any(sign.match(start) for start in starts for sign in _compiled("first")):
        return Found.KEY
    for data, beginning in _inside(text, written, plain, squeezed):
        if known := _in_bytes(data, beginning=beginning):
            return known
        pieces = _READABLE.findall(data.replace("\0", "")) if depth else []
        if pieces and (known := _in_text("\n".join(pieces), depth - 1)):
            return known
    return None


def _inside(text: str, written: str, plain: str, squeezed: str) -> Iterator[tuple[str, bool]]:
    """(bytes that it may stand for, whether from their beginning): as they are, base64, hexadecimal, numbers."""
    yield _NO_BYTES.sub("", plain), False  # escaped one by one
    octets = _OCTAL.sub(lambda match: chr(int(match[1], 8)), written) if "\\" in written else written
    if octets != text:  # bytes that aren't text: blanks among them count
        yield _NO_BYTES.sub("", octets), False
    stream = _NO_BASE64.sub("", squeezed.translate(_URL_SAFE))
    yield _decoded(stream), True
    for offset in (1, 2, 3):
        yield _decoded(stream[offset:]), False
    for run in _runs(_HEX, _MAYBE_HEX, 32, plain):
        digits = _HEX_MARKS.sub("", run)
        yield _from_hex(digits), True
        yield _from_hex(digits[1:]), False
    if sum(map(plain.count, "0123456789")) < 16:  # so many numbers make a run
        return
    for run in _runs(_NUMBERS, _MAYBE_NUMBERS, 31, _BESIDE_NUMBERS.sub(" ", plain)):
        numbers = _NUMBER.findall(run)
        yield "".join(chr(int(number, 16 if "x" in number.lower() else 10) & 0xFF) for number in numbers), True
        if not re.search("[89xX]", run):
            yield "".join(chr(int(number, 8) & 0xFF) for number in numbers), True


def _runs(pattern: re.Pattern[str], maybe: re.Pattern[str], shortest: int, text: str) -> Iterator[str]:
    """What matches the pattern, looked for only where enough characters are of those it is made of."""
    for some in maybe.findall(text):
        if len(some) >= shortest:
            yield from pattern.findall(some)


def _decoded(word: str) -> str:
    return base64.b64decode(word[: len(word) // 4 * 4]).decode("latin-1")


def _from_hex(digits: str) -> str:
    return bytes.fromhex(digits[: len(digits) // 2 * 2]).decode("latin-1")
