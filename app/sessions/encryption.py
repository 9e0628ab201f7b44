"""How the contents of sessions are encrypted, in the store and in visitors' cookies."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def cipher(secret_key: str, fallbacks: list[str], purpose: str = "sessions") -> MultiFernet:
    """Return a cipher that encrypts with a key derived from `secret_key`, and also reads what `fallbacks` encrypted.

    purpose: what was encrypted for one purpose can't be read for another.
    """
    return MultiFernet([Fernet(_derived(key, purpose)) for key in (secret_key, *fallbacks)])


def _derived(secret: str, purpose: str) -> bytes:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"latchkey {purpose}".encode()).derive(secret.encode())
    return base64.urlsafe_b64encode(key)
