"""Private keys in the forms people have them, pieces of them, and what only speaks of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)

from tests.support.public_keys import (
    certificate,
    certificate_pem,
    ed25519_line,
    openssh,
    pair,
    pem,
    rfc_4716,
    ssh_certificate_line,
)

LOCKED = BestAvailableEncryption(b"a passphrase")


def private_keys() -> Iterator[tuple[str, str | bytes]]:
    """(kind, text or bytes) of private keys as they lie in people's folders."""
    key, locked = pair(), LOCKED
    yield "openssh", key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    yield "pkcs8", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    yield "pkcs8, locked", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked).decode()
    yield "pkcs1", key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    elliptic = ec.generate_private_key(ec.SECP256R1())
    yield "sec1", elliptic.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    body = base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()
    yield (
        "putty",
        f"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nPrivate-Lines: 14\n{body}\nPrivate-MAC: 00\n",
    )
    yield "without a frame", "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    yield "begun", key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()[36:400]
    whole = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    yield (
        "without a frame, locked",
        base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, locked)).decode(),
    )
    yield "in quotes", f'tls_key = "{body}"'
    yield "as a variable", f"PRIVATE_KEY={body}"
    yield "a file in base64", base64.b64encode(whole.encode()).decode()
    yield "base64 for addresses", body.replace("+", "-").replace("/", "_")
    yield "hexadecimal", key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()).hex()
    yield "for an address", quote(whole)
    yield "a key of the web in a text of JSON", json.dumps(json.dumps({"kty": "RSA", "n": "AQAB", "d": "AQAB"}))
    yield "utf-16", whole.encode("utf-16")
    yield "utf-16 without a mark", whole.encode("utf-16-le")
    yield "der", key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    yield "der, pkcs1", key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    yield "der, locked", key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, locked)
    yield "pkcs12", pkcs12.serialize_key_and_certificates(b"mine", key, None, None, locked)


def as_numbers(kind: str, data: bytes) -> Iterator[tuple[str, str]]:
    """(kind, text): the bytes as programs and tools print them."""
    signed = [octet - 256 if octet > 127 else octet for octet in data]
    octal = [f"{octet:03o}" for octet in data]
    yield f"{kind}numbers", f"{list(data)}"
    yield f"{kind}numbers of Java", f"byte[] key = {{{', '.join(map(str, signed))}}};"
    yield f"{kind}numbers of Java, cast", ", ".join(f"(byte) 0x{octet:02X}" for octet in data)
    yield f"{kind}numbers of Rust", ", ".join(f"{octet}u8" for octet in data)
    yield f"{kind}numbers with their places", json.dumps({str(place): octet for place, octet in enumerate(data)})
    yield f"{kind}numbers, the beginning", " ".join(map(str, data[:24]))
    yield f"{kind}numbers on lines", "\n".join(f"{octet:>4}" for octet in data)
    yield f"{kind}octal escapes", "".join(f"\\{octet}" for octet in octal)
    yield (
        f"{kind}octal escapes beside letters",
        "".join(chr(octet) if chr(octet) in "0*+HM@" else f"\\{octet:03o}" for octet in data),
    )
    lines = [" ".join(octal[start : start + 16]) for start in range(0, len(octal), 16)]
    yield f"{kind}octal numbers", "\n".join(f"{place * 16:07o} {line}" for place, line in enumerate(lines))


def numbers_of_rsa(*octets: int) -> bytes:
    """Numbers of so many octets in DER, behind the rest of one, as a key without its beginning has them."""
    told = bytes(range(1, 24))
    for count in octets:
        length = (
            bytes([count]) if count < 0x80 else bytes([0x81, count]) if count < 0x100 else b"\x82" + count.to_bytes(2)
        )
        told += b"\x02" + length + bytes([0x5A]) * count
    return told


def pieces_of_private_keys() -> Iterator[tuple[str, str | bytes]]:
    """(kind, text or bytes) of private keys that are cut, wrapped, escaped, or of forms few people know."""
    key = pair()
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    pkcs1 = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    old = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    body = base64.b64encode(der).decode()
    yield "escaped", json.dumps({"key": text})
    yield "escaped twice", json.dumps(json.dumps({"key": text}))
    yield "as HTML", text.replace("\n", "&#10;")
    yield "for a form", text.replace(" ", "+").replace("\n", "%0A")
    yield "lines of ten characters", "\n".join(body[start : start + 10] for start in range(0, 200, 10))
    yield "quoted lines", "> " + "\n> ".join(body[start : start + 20] for start in range(0, 200, 20))
    yield "lines of a program", '"' + '" +\n"'.join(body[start : start + 16] for start in range(0, 160, 16)) + '"'
    yield "with unseen characters", "\u200b".join(text[start : start + 5] for start in range(0, len(text), 5))
    yield "in full width", "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)
    yield "with long dashes", text.replace("-----", "\u2014\u2014-")
    yield "the first line of its body", body[:64]
    yield "behind a word", f"mykey{body[:200]}"
    yield "only the frame's beginning", "-----BEGIN RSA PRIVATE KEY-----"
    yield "only the frame's end", f"{body[700:760]}\n-----END PRIVATE KEY-----"
    yield "half of the frame's beginning", f"ATE KEY-----\n{body}"
    yield "without its beginning", base64.b64encode(pkcs1[40:]).decode()
    for octets in (64, 128, 192, 256, 512):  # one exponent of 256 is shorter than its prime
        cut = numbers_of_rsa(octets + 1, octets + 1, octets - 1, octets, octets + 1)
        yield f"without its beginning, a short exponent, {octets} octets", base64.b64encode(cut).decode()
    yield (
        "encrypted the old way, without a frame",
        "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B2C3D4E5F6071\n\nq83v",
    )
    yield "beside a certificate", certificate_pem(datetime(2027, 1, 1)) + old
    yield "before a public key", f"{text}{openssh()}"
    yield "hexadecimal with colons", pkcs1.hex(":")
    yield "hexadecimal of a program", ", ".join(f"0x{octet:02x}" for octet in pkcs1[:64])
    yield "octets of a program", "".join(f"\\x{octet:02x}" for octet in pkcs1)
    yield from as_numbers("", der)
    yield from as_numbers("pkcs1, ", pkcs1)
    yield "bytes of Python", repr(der)
    yield from as_numbers("locked, ", key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, LOCKED))
    yield (
        "as OpenSSL shows it",
        f"Private-Key: (2048 bit)\nprivateExponent:\n    {pkcs1[300:315].hex(':')}",
    )
    yield "of an elliptic curve, as OpenSSL shows it", f"Private-Key: (256 bit)\npriv:\n    {pkcs1[300:315].hex(':')}"
    yield "base64 of base64", base64.b64encode(base64.b64encode(text.encode())).decode()
    elliptic = ec.generate_private_key(ec.SECP256R1())
    for name, other in (("ec", elliptic), ("ed25519", ed25519.Ed25519PrivateKey.generate())):
        made = other.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        yield f"{name}, der", made
        yield f"{name}, without a frame", base64.b64encode(made).decode()
    yield "sec1, der", elliptic.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    for size in (3, 4, 6, 8):
        inside = der[4:]
        yield f"ber, length of {size} octets", bytes([0x30, 0x80 | size]) + len(inside).to_bytes(size) + inside
    yield "ber, of indefinite length", b"\x30\x80" + der[4:] + b"\0\0"
    yield "ber, a version of two octets", b"\x30\x82\x04\xc0\x02\x82\x00\x01\x00" + der[7:]
    yield "pkcs8, version 2", der[:6] + b"\x01" + der[7:]
    yield "a Java key store", b"\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1" + bytes(40)
    yield "a Java key store in base64", base64.b64encode(b"\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1" + bytes(40)).decode()
    yield "OpenPGP", b"\x95\x03\x98\x04\x66\x00\x00\x00\x01" + bytes(40)
    yield ".NET", f"<RSAKeyValue><Modulus>AQAB</Modulus><D>{body[:90]}</D></RSAKeyValue>"
    locked = base64.b64encode(bytes(range(100, 190))).decode()  # encrypted: no structure is left in it
    yield "encrypted, half of its frame", f"RSA PRIVATE KEY-----\n{locked}"
    yield "encrypted, its frame cut off", f"--BEGIN RSA PRIVATE KEY\n{locked}"
    yield "encrypted, its frame cut in", f"BEGIN RSA PRIVATE KEY--\n{locked}"
    yield "PuTTY, encrypted, without its head", f"Private-Lines: 14\n{locked}"
    yield ".NET, encrypted numbers", f"<P>{locked}</P><D>{locked}</D>"
    yield "SSH 1", b"SSH PRIVATE KEY FILE FORMAT 1.1\n\0\3" + bytes(range(100, 190))
    yield "ssh.com", b"\x3f\x6f\xf9\xeb" + bytes(range(100, 190))
    yield "Microsoft", b"\x07\x02\x00\x00\x00\xa4\x00\x00RSA2" + bytes(range(100, 190))
    yield "the inside of OpenSSH", b"\x9a\xbc\xde\xf0" * 2 + b"\0\0\0\x0bssh-ed25519" + bytes(range(100, 190))
    yield "a number as a variable, in small letters", f"private_key: {bytes(range(32)).hex()}"
    yield "age", "AGE-SECRET-KEY-1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3"
    yield "WireGuard", f"[Interface]\nPrivateKey = {base64.b64encode(bytes(range(200, 232))).decode()}"
    yield "a number as a variable", f'PRIVATE_KEY="0x{bytes(range(32)).hex()}"'
    yield "a key of the web, cut short", f'"d": "{body[100:160].replace("+", "-").replace("/", "_")}"'


def about_private_keys() -> Iterator[tuple[str, str | bytes]]:
    """(kind, text or bytes) that hold no private key, though they speak of one or begin alike."""
    line = openssh()
    for words in (
        "my-private-key-for-codecommit", "private key", "PRIVATE KEY", "BEGIN PRIVATE KEY", "private-key:2026",
        "id_rsa.private.key", "PuTTY-User-Key-File", "AGE-SECRET-KEY-", 'd":"x', "private_key = ~/.ssh/id_rsa",
        "-- private key --", "<D>avid",
        "the private key: stays on this very laptop in the cellar of the house and nowhere else",
    ):  # fmt: skip
        yield f"a comment: {words[:20]}", f"{line} {words}"
        yield f"a line before it: {words[:20]}", f"# {words}\n{line}"
    ends = datetime(2027, 1, 1)
    pem_text = certificate_pem(ends)
    yield (
        "a usage period",
        f"        X509v3 Private Key Usage Period: \n            Not Before: Jan  1 2026\n{pem_text}",
    )
    yield (
        "attributes",
        f"Bag Attributes\n    friendlyName: my private key\nKey Attributes: <No Attributes>\n{pem_text}",
    )
    yield "a heading", f"PRIVATE KEY\n{pem_text}"
    for name in ("private key", "Private Key Ltd", "BEGIN PRIVATE KEY", "PRIVATE KEY OF THE HOUSE, FOR SIGNING ONLY"):
        made = certificate(ends, name=name)
        yield f"a certificate of {name}", made.public_bytes(Encoding.PEM).decode()
        yield f"a certificate of {name}, der", made.public_bytes(Encoding.DER)
    yield "a public key", line
    yield "a public key in PEM", pem(pair().public_key())
    yield "a public key in PEM of PKCS#1", pem(pair().public_key(), PublicFormat.PKCS1)
    yield "a public key of RFC 4716", rfc_4716(pair().public_key(), "my private key")
    yield "a public key, escaped", json.dumps({"SSHPublicKeyBody": line})
    yield (
        "a public key in hexadecimal",
        pair().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex(":"),
    )
    yield from as_numbers(
        "a public key, ", pair().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    yield from as_numbers("a certificate, ", certificate(ends).public_bytes(Encoding.DER))
    yield "another kind", ed25519_line()
    yield "a certificate of SSH", ssh_certificate_line()
    first = certificate(ends).tbs_certificate_bytes
    name_and_rest = first[first.index(b"\x30", 30) :]
    algorithm = b"\x30\x05\x06\x03\x2b\x65\x70"
    yield "a certificate of version 1", b"\x30\x81\x90\x30\x81\x80\x02\x01\x01" + algorithm + name_and_rest
    curve = (
        bytes.fromhex("3059301306072a8648ce3d0201")
        + bytes.fromhex("308201020201013007")
        + b"\x06\x05\x2a\x86\x48\x86\x01\x30\x20"
    )
    yield "a curve spelled out", curve + bytes(60)
    yield "a signature", bytes.fromhex("3045022100") + b"\x8f" * 32 + b"\x02\x20" + b"\x55" * 32
    yield "nothing", ""
    yield "words", "where do I find the private key that belongs to this one?"


PRIVATE = {**dict(private_keys()), **dict(pieces_of_private_keys())}
"""All of them, by kind."""
HARMLESS = dict(about_private_keys())
"""What is none of them, by kind."""
