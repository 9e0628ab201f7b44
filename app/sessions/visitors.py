"""What is kept of a browser in which nobody is signed in: in its own cookie, encrypted and small, and nowhere else.

So a stranger who opens pages, or sends forms that lead nowhere, fills nothing of ours. The cookie holds the token of
its forms (the double-submit pattern: without reading or setting the cookie nobody can send such a form) and
what the next page has to say. It does not say who the user is or where they go after signing in, because a cookie can
be planted: with https its name begins with `__Host-`, which keeps other hosts from that, and forms are taken from our
own origin only (`app.web.security`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.fernet import InvalidToken, MultiFernet
from flask import Flask, Request, Response
from flask.json.tag import TaggedJSONSerializer

KEPT = ("csrf_token", "label", "_flashes", "error_pages", "refused")
"""What may be kept of a visitor; the last is left out first where it is too much."""
GOOD_FOR = timedelta(hours=12)
"""Longer than a sign-in page stays open; renewed when half of it is over."""
LARGEST = 2500
"""Bytes before encryption: browsers take cookies of 4,096."""


class VisitorCookies:
    """Reads and writes the cookie."""

    def __init__(self, app: Flask, cipher: MultiFernet) -> None:
        """cipher: of its own, which makes nothing else."""
        self.name = f"{app.config['SESSION_COOKIE_NAME']}-visitor"
        self._cipher = cipher
        self._serializer = TaggedJSONSerializer()

    def read(self, request: Request) -> tuple[dict[str, Any], bool]:
        """What the browser has, {} if that isn't ours or is too old; and whether it is to be written again."""
        sent = request.cookies.get(self.name, "").encode()
        if not sent:
            return {}, False
        try:
            data = self._serializer.loads(self._cipher.decrypt(sent, int(GOOD_FOR.total_seconds())).decode())
            age = datetime.now(UTC).timestamp() - self._cipher.extract_timestamp(sent)
        except InvalidToken:
            return {}, False
        return data, age > GOOD_FOR.total_seconds() / 2

    def write(self, response: Response, data: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        """Give the browser what of `data` may be kept. options: of the cookie."""
        keys = [key for key in KEPT if key in data]
        while len(text := self._serializer.dumps({key: data[key] for key in keys})) > LARGEST:
            keys.pop()
        response.set_cookie(self.name, self._cipher.encrypt(text.encode()).decode(), **options)

    def delete(self, request: Request, response: Response, options: Mapping[str, Any]) -> None:
        """Delete the cookie where the browser has one: a signed-in user has a session."""
        if self.name in request.cookies:
            response.delete_cookie(self.name, **options)
