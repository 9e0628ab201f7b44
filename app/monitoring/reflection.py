"""What a request looks like when it arrives, told to `latchkey doctor`, so that it can judge the proxies in front.

It asks /healthz with a header that only someone who has SECRET_KEY can make. The answer is about that request alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

HEADER = "Latchkey-Doctor"
_VARIABLE = "HTTP_LATCHKEY_DOCTOR"
GOOD_FOR_S = 300
"""Seconds for which a header counts, before and after it was made."""


def question(secret_key: str, now: float) -> str:
    """Return the value of the header. now: seconds since 1970."""
    moment = str(int(now))
    return f"{moment}:{_mac(secret_key, moment)}"


def _mac(secret_key: str, moment: str) -> str:
    key = hashlib.sha256(b"latchkey doctor\0" + secret_key.encode()).digest()
    return hmac.new(key, moment.encode(), hashlib.sha256).hexdigest()


def is_asked(environ: WSGIEnvironment, secret_key: str, now: float) -> bool:
    """Does the request have a header that was made with this key, a short time ago?"""
    moment, _, mac = str(environ.get(_VARIABLE, "")).partition(":")
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 12):
        return False
    fresh = abs(int(moment) - now) <= GOOD_FOR_S
    return fresh and hmac.compare_digest(mac.encode("latin-1"), _mac(secret_key, moment).encode())


def reflection(environ: WSGIEnvironment) -> bytes:
    """Return the address, scheme and host that the portal takes the request to have, and the headers they are from.

    JSON. `address`, `scheme` and `host` are as TRUSTED_PROXIES makes them, `forwarded` is X-Forwarded-For as it came.
    """
    return json.dumps(
        {
            "address": environ.get("REMOTE_ADDR", ""),
            "scheme": environ.get("wsgi.url_scheme", ""),
            "host": environ.get("HTTP_HOST", ""),
            "forwarded": [
                part.strip() for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()
            ],
        }
    ).encode()
