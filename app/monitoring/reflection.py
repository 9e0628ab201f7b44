"""What a request looks like when it arrives, told to `latchkey doctor`, so that it can judge the proxies in front.

It asks /healthz with a header that only someone who has SECRET_KEY can make. The answer is about that request alone,
and has a header that only someone who has SECRET_KEY can make for this question and this answer.
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
    return f"{moment}:{_mac(secret_key, moment.encode())}"


def proof(secret_key: str, asked: str, answer: bytes) -> str:
    """Return the value of the answer's header, which has the same name. asked: that of the request's."""
    return _mac(secret_key, b"answer\0" + asked.encode() + b"\0" + answer)


def is_proven(secret_key: str, asked: str, answer: bytes, shown: str) -> bool:
    """Does the answer to this question come from a portal with this key? shown: the value of the answer's header."""
    return hmac.compare_digest(shown.encode(), proof(secret_key, asked, answer).encode())


def _mac(secret_key: str, body: bytes) -> str:
    key = hashlib.sha256(b"latchkey doctor\0" + secret_key.encode()).digest()
    return hmac.new(key, body, hashlib.sha256).hexdigest()


def is_asked(environ: WSGIEnvironment, secret_key: str, now: float) -> bool:
    """Does the request have a header that was made with this key, a short time ago?"""
    moment, _, mac = str(environ.get(_VARIABLE, "")).partition(":")
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 12):
        return False
    fresh = abs(int(moment) - now) <= GOOD_FOR_S
    return fresh and hmac.compare_digest(mac.encode("latin-1"), _mac(secret_key, moment.encode()).encode())


def reflection(environ: WSGIEnvironment, secret_key: str) -> tuple[bytes, tuple[str, str]]:
    """Return an answer and its header. `is_asked` must be true.

    The answer is JSON: what the portal takes the request to be, and the header that this is from. `address`, `scheme`
    and `host` are as TRUSTED_PROXIES makes them, `forwarded` is X-Forwarded-For as it came. `port` is the one that
    the portal listens on, whatever the request says.
    """
    arrived = environ.get("werkzeug.proxy_fix.orig", environ)
    body = json.dumps(
        {
            "address": environ.get("REMOTE_ADDR", ""),
            "scheme": environ.get("wsgi.url_scheme", ""),
            "host": environ.get("HTTP_HOST", ""),
            "forwarded": [
                part.strip() for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()
            ],
            "port": str(arrived.get("SERVER_PORT", "")),
        }
    ).encode()
    return body, (HEADER, proof(secret_key, str(environ[_VARIABLE]), body))
