"""Inputs that an attacker sends to keep a parser busy. None of them is a real key."""

from __future__ import annotations

import base64
import random
import struct
from collections.abc import Iterator

_chance = random.Random(7)  # the same at every run

UNITS = (
    "a", "i", " ", "\n", "\r\n", "\t", "\\", "\\n", "\\\\u0030", "%30", "&#48;", '"', "'", "[", "{", '{"a":',
    "(", "*", "?", "*a", ",", ":", "=", "-", "–", "1", "0x30,", "30", "30:", "M", "MA", "MII", "A", "AAAA",
    "AAAA ", "ssh-rsa ", "ssh-rsa AAAA", "s s h", "-----BEGIN ", "-----BEGIN CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\n", "---- BEGIN SSH2 PUBLIC KEY ----\n", "Comment: \\\n", "--BEGIN",
    "PRIVATE KEY ", "BEGINPRIVATE", '"kty":', '"d":"', "<D>", "Mozilla/5.0 (", "Linux; ", "\u200b", "\u0301",
    "１", "٣", "é", "😀", "\u3000", "\ufdfa", "\udcff", "/", "//", "../", "%2e", "iam:*", "${", "${*}",
    "arn:aws:iam::", "4@8({[<3691!|7$5+%20", "1.1.1.1:", "[::", ";", "2026-01-01T00:00:00+00:00,",
    "48, ", "-1 ", "\\060", "0x3 ", "0x", '"1":', "(byte", "1 " * 15 + "x",
)  # fmt: skip
"""Pieces that are repeated up to the length wanted."""
REPEATED = (
    " ",
    "\t",
    "\n",
    "-",
    "\\",
    "=",
    "A",
    "0",
    "'",
    "\u200b",
    " -",
    "- ",
    "\n>",
    "-----BEGIN PUBLIC KEY----- ",
)
"""Pieces that are repeated between a beginning and an end."""
OCTETS = (
    b"\0", b"\xff", b"0", b"0\x80", b"0\x82\xff\xff", b"0\x84\xff\xff\xff\xff", b"0\x88", b"\x02\x81\x81\x02",
    b"\x02\x82\x02\x00", bytes.fromhex("3005020100300106"), bytes.fromhex("3082ffff0201003082ffff06"),
    bytes.fromhex("30003000"), b"\xfe\xff", b"\xff\xfe", b"\0\0\0\x07ssh-rsa", b"$\x80",
)  # fmt: skip


def texts(length: int) -> Iterator[tuple[str, str]]:
    """(name, text of that many characters): each unit over and over, and what has no pattern."""
    for unit in UNITS:
        yield unit[:12], (unit * (length // len(unit) + 1))[:length]
    ends = (("x", "x"), ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY"), ("ssh-rsa AAAA", "x"))
    for turn, unit in enumerate(REPEATED):
        inside = (unit * length)[: max(0, length - 60)]
        for before, after in ends if length < 20_000 else ends[turn % 3 :][:1]:
            yield f"{before[:9]} {unit} {after[:9]}", before + inside + after
    noise = _chance.randbytes(length)
    yield "noise", noise.decode("latin-1")
    yield "base64 of noise", base64.b64encode(noise).decode()[:length]
    yield "base64 of base64", base64.b64encode(base64.b64encode(noise)).decode()[:length]
    for octets in OCTETS:
        whole = octets * (length // len(octets) + 1)
        yield f"base64 of {octets[:8].hex()}", base64.b64encode(whole[:length]).decode()[:length]


def binaries(length: int) -> Iterator[tuple[str, bytes]]:
    """(name, that many bytes)."""
    for octets in OCTETS:
        yield octets[:8].hex(), (octets * (length // len(octets) + 1))[:length]
    yield "noise", _chance.randbytes(length)
    yield (
        "nested",
        b"".join(b"0\x82" + struct.pack(">H", min(left, 0xFFFF)) for left in range(length, 0, -4))[:length],
    )


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([0x80 | len(octets)]) + octets


def element(tag: int, *parts: bytes) -> bytes:
    """An element of ASN.1 in DER."""
    content = b"".join(parts)
    return bytes([tag]) + _length(len(content)) + content


def number(value: int) -> bytes:
    """An INTEGER."""
    return element(2, value.to_bytes(value.bit_length() // 8 + 1))


def odd(bits: int) -> int:
    """An odd number of that size."""
    return (1 << (bits - 1)) | _chance.getrandbits(bits - 1) | 1


def named(algorithm: str, *parameters: bytes) -> bytes:
    """An AlgorithmIdentifier; algorithm: its identifier's octets, in hexadecimal."""
    return element(0x30, element(6, bytes.fromhex(algorithm)), *parameters)


RSA, DSA, DH, X942, EC = (
    "2a864886f70d010101",
    "2a8648ce380401",
    "2a864886f70d010301",
    "2a8648ce3e0201",
    "2a8648ce3d0201",
)


def private_rsa(bits: int) -> bytes:
    """A private key in PKCS#1 of numbers of that size, none of them prime: testing these takes minutes."""
    half = bits // 2
    sizes = (bits, 17, bits - 1, half, half, half, half, half)
    return element(0x30, number(0), *(number(odd(size)) for size in sizes))


def private_dh(bits: int) -> bytes:
    """A Diffie-Hellman key in PKCS#8."""
    alone = number(odd(bits - 1))
    return element(0x30, number(0), named(DH, element(0x30, number(odd(bits)), number(2))), element(4, alone))


def public_keys() -> Iterator[tuple[str, bytes]]:
    """(name, SubjectPublicKeyInfo) with numbers as large as they can be sent, and odd ones."""
    for bits in (16_384, 32_768, 90_000):
        n, y = odd(bits), odd(bits - 8)
        keys = {
            "rsa": (named(RSA, element(5)), element(0x30, number(n), number(65537))),
            "rsa, large exponent": (named(RSA, element(5)), element(0x30, number(n), number(y))),
            "dsa": (named(DSA, element(0x30, number(n), number(odd(256)), number(y))), number(y)),
            "dh": (named(DH, element(0x30, number(n), number(2))), number(y)),
            "x9.42": (named(X942, element(0x30, number(n), number(2), number(y))), number(y)),
        }
        for name, (algorithm, key) in keys.items():
            yield f"{name}, {bits}", element(0x30, algorithm, element(3, b"\0", key))
    field = element(0x30, element(6, bytes.fromhex("2a8648ce3d0101")), number(odd(16_384)))
    curve = element(0x30, element(4, b"\1" * 32), element(4, b"\2" * 32))
    explicit = element(0x30, number(1), field, curve, element(4, b"\3" + b"\7" * 32), number(odd(256)), number(1))
    yield "a curve spelled out", element(0x30, named(EC, explicit), element(3, b"\0\2" + b"\5" * 32))
    for value in (0, 1, 2):
        key = element(0x30, number(value), number(value))
        yield f"rsa of {value}", element(0x30, named(RSA, element(5)), element(3, b"\0", key))


def in_frame(label: str, der: bytes) -> str:
    """As PEM, on one line: where lines end costs characters."""
    return f"-----BEGIN {label}-----\n{base64.b64encode(der).decode()}\n-----END {label}-----\n"
