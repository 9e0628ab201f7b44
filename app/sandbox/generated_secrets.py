"""The secrets the sandbox issues: random, each with the marker the sandbox was started with, if any.

With a marker, a search of logs, databases and pages finds a secret in places where it must not be.
"""

from __future__ import annotations

import re
import secrets
import string

from app.sandbox.state import Settings

MARKER = re.compile("[A-Z2-7]{8,12}")
"""Letters that stand in every kind of secret, seeds in base32 included."""
_SEED = string.ascii_uppercase + "234567"
_SECRET = string.ascii_letters + string.digits + "+/"


def access_key_id(prefix: str) -> str:
    """Return an access key ID, which isn't a secret. prefix: "ASIA" for temporary credentials."""
    return prefix + _some(_SEED, 16)


def secret_access_key(settings: Settings) -> str:
    """Return 40 characters."""
    return _marked(settings, _some(_SECRET, 40))


def session_token(settings: Settings) -> str:
    """Return 356 characters."""
    return _marked(settings, _some(_SECRET, 356))


def seed(settings: Settings, letters: int = 64) -> str:
    """Return the seed of a device in base32, without padding.

    letters: 64 of a virtual device, 32 of a hardware token.
    """
    return _marked(settings, _some(_SEED, letters))


def refresh_token(settings: Settings) -> str:
    """Return 128 characters that are safe in a URL."""
    return _marked(settings, secrets.token_urlsafe(96))


def password(settings: Settings) -> str:
    """Return a password that meets any password policy."""
    return f"{settings.marker}{secrets.token_urlsafe(12)}-aA1!"


def _some(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _marked(settings: Settings, made: str) -> str:
    """Put the marker in the middle, so that half a secret also shows it."""
    begin = (len(made) - len(settings.marker)) // 2
    return made[:begin] + settings.marker + made[begin + len(settings.marker) :]
