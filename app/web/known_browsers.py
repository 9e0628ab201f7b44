"""Which users have signed in with a browser, so that a notice can say when one of them uses another browser.

The browser keeps it in a cookie of its own, encrypted: nothing is stored here about browsers in which nobody is
signed in. If the cookie is lost or can't be read, the browser counts as new, and the user gets one more notice.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import cast

from cryptography.fernet import InvalidToken, MultiFernet
from flask import Flask, Response, after_this_request, current_app, request

from app.audit.events import NEW_BROWSER, Event
from app.audit.log import Audit
from app.sessions.encryption import cipher

_EXTENSION = "browser_cipher"
KEPT_FOR = timedelta(days=400)
"""Browsers keep no cookie longer. Each sign-in renews it."""
MOST = 20
"""Users of one browser. The one whose sign-in is longest ago is forgotten first."""


def register(app: Flask) -> None:
    """Prepare the cookie's cipher. It reads what SECRET_KEY_FALLBACKS encrypted."""
    app.extensions[_EXTENSION] = cipher(app.config["SECRET_KEY"], app.config["SECRET_KEY_FALLBACKS"], "browsers")


def note_sign_in(audit: Audit, target: str) -> None:
    """Record a user's sign-in, and whether it is the first one with this browser. Raises NotRecorded."""
    user = sha256(f"{audit.account_id}/{audit.user_id}".encode()).hexdigest()[:16]
    known = _known()
    audit.note(Event.SIGN_IN, target, remark="" if user in known else NEW_BROWSER)
    _remember([*(each for each in known if each != user), user][-MOST:])


def cookie_name(app: Flask) -> str:
    """Return the name of the cookie."""
    return f"{app.config['SESSION_COOKIE_NAME']}-browser"


def _cipher() -> MultiFernet:
    return cast("MultiFernet", current_app.extensions[_EXTENSION])


def _known() -> list[str]:
    sent = request.cookies.get(cookie_name(current_app), "")
    try:
        return _cipher().decrypt(sent.encode(), int(KEPT_FOR.total_seconds())).decode().split()
    except (InvalidToken, UnicodeError):
        return []


def _remember(users: list[str]) -> None:
    value = _cipher().encrypt(" ".join(users).encode()).decode()

    @after_this_request
    def add(response: Response) -> Response:
        interface = current_app.session_interface
        response.set_cookie(
            cookie_name(current_app),
            value,
            max_age=KEPT_FOR,
            secure=interface.get_cookie_secure(current_app),
            httponly=True,
            samesite=interface.get_cookie_samesite(current_app),
        )
        return response
