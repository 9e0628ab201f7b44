"""The Ed25519 key that signs packs of evidence: derived from a secret setting, so nothing has to be stored."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ALGORITHM = "Ed25519"


def signing_key(config: Mapping[str, Any]) -> Ed25519PrivateKey:
    """Return the key that signs packs: from EVIDENCE_KEY, or from SECRET_KEY where that isn't set."""
    secret: str = config["EVIDENCE_KEY"] or config["SECRET_KEY"]
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"latchkey evidence signing")
    return Ed25519PrivateKey.from_private_bytes(derive.derive(secret.encode()))


def as_pem(key: Ed25519PublicKey) -> str:
    """Return a public key as PEM, for auditors."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def key_id(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of the public key's 32 bytes, in hex."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def signature(key: Ed25519PrivateKey, content: bytes) -> bytes:
    """Return the signature of the content as a line of base64."""
    return base64.b64encode(key.sign(content)) + b"\n"
