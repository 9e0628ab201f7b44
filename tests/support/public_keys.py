"""Keys and certificates to paste, generated when needed (none is in use), and helpers for their stories."""

from __future__ import annotations

import base64
import struct
from datetime import datetime, timedelta
from functools import cache
from itertools import count

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from tests.support.portal import Portal

_numbers = count(1)


@cache
def pair() -> rsa.RSAPrivateKey:
    """An RSA key pair of 2048 bits, one per run, because generating it is slow."""
    return rsa.generate_private_key(65537, 2048)


def public_numbers(bits: int) -> rsa.RSAPublicKey:
    """A public key of that size without a private key, a different one at each call."""
    modulus = (1 << (bits - 1)) | (next(_numbers) << 64) | 1
    return rsa.RSAPublicNumbers(65537, modulus).public_key()


def openssh(key: rsa.RSAPublicKey | None = None, comment: str = "") -> str:
    """ "ssh-rsa AAAA… comment"; without a key, a new one."""
    line = (key or public_numbers(2048)).public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return f"{line} {comment}".strip()


def pem(key: rsa.RSAPublicKey, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    """BEGIN PUBLIC KEY, or BEGIN RSA PUBLIC KEY."""
    return key.public_bytes(Encoding.PEM, form).decode()


def rfc_4716(key: rsa.RSAPublicKey, comment: str = "") -> str:
    """BEGIN SSH2 PUBLIC KEY."""
    blob = openssh(key).split()[1]
    lines = [blob[start : start + 70] for start in range(0, len(blob), 70)]
    header = [f'Comment: "{comment}"'] if comment else []
    return "\n".join(["---- BEGIN SSH2 PUBLIC KEY ----", *header, *lines, "---- END SSH2 PUBLIC KEY ----"])


def ed25519_line() -> str:
    """An Ed25519 key, today's usual kind."""
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() + " nadia@laptop"


def ssh_certificate_line() -> str:
    """ "ssh-rsa-cert-v01@openssh.com AAAA…", cut after the part that is read."""
    name = b"ssh-rsa-cert-v01@openssh.com"
    return f"{name.decode()} {base64.b64encode(struct.pack('>I', len(name)) + name + bytes(300)).decode()}"


def certificate(
    ends: datetime,
    days: int = 365,
    name: str = "nadia",
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
) -> x509.Certificate:
    """A self-signed certificate, a different one at each call. It is valid for `days` until `ends`."""
    signer = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    serial = x509.random_serial_number()
    begins = ends - timedelta(days=days)
    built = x509.CertificateBuilder(subject, subject, signer.public_key(), serial, begins, ends)
    return built.sign(signer, hashes.SHA256())


def certificate_pem(ends: datetime, days: int = 365, name: str = "nadia") -> str:
    """A self-signed certificate as PEM text."""
    return certificate(ends, days, name).public_bytes(Encoding.PEM).decode()


def tell_tale(secret: str | bytes) -> str:
    """A part of the secret that occurs nowhere else."""
    text = secret if isinstance(secret, str) else secret.hex()
    return max(text.split("\n"), key=len)[:60]


def stored(portal: Portal) -> bytes:
    """Everything in the portal's database."""
    kept = b"".join(file.read_bytes() for file in portal.folder.glob("latchkey.db*"))
    rows = [*portal.rows("select * from activity"), *portal.rows("select * from sessions")]
    return kept + repr(rows).encode()
