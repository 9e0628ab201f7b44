"""How often someone may try: the counters live where RATELIMIT_STORAGE_URI says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from flask import current_app, request
from flask_limiter import Limiter
from flask_login import current_user

from app import people, waiting
from app.fields import without_blanks

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def client_address() -> str:
    """Who is counted: an IPv4 address, or an IPv6 network of /64, which is what one client has."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return "unreadable"  # a proxy's own idea of an address: all of these count as one
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
    return str(address)


limiter = Limiter(key_func=client_address)


class Addressed:
    """Some proxies write 203.0.113.8:40001 or [2001:db8::1]:40001 into X-Forwarded-For: the port is nobody's."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass it on with the bare address."""
        found = _WITH_PORT.fullmatch(environ.get("REMOTE_ADDR") or "")
        if found:
            environ["REMOTE_ADDR"] = found[1] or found[2]
        return self._application(environ, start_response)


_WITH_PORT = re.compile(r"(\d+(?:\.\d+){3}):\d+|\[([0-9a-fA-F:.]+)\](?::\d+)?")


def per_address() -> str:
    """Attempts per address, "30 per 5 minutes"."""
    return str(current_app.config["SIGN_IN_LIMIT_PER_ADDRESS"])


def per_key() -> str:
    """Attempts per access key id."""
    return str(current_app.config["SIGN_IN_LIMIT_PER_KEY"])


def typed_key_id() -> str:
    """The access key id of the posted form, as a counter's name."""
    return "key:" + without_blanks(request.form.get("access_key_id")).upper()[:128]


def whose_codes() -> str:
    """The access key whose code is asked for, as a counter's name; who came through AWS has none."""
    if pending := waiting.pending_sign_in(datetime.now(UTC)):
        return pending.access_key_id
    if current_user.is_authenticated and current_user.with_mfa:
        return this_person()  # whoever has but their key uses up none of their tries
    if current_user.is_authenticated:
        return current_user.access_key_id or str(current_user.arn)
    return client_address()


codes_per_key = limiter.shared_limit(per_key, scope="codes", key_func=whose_codes, methods=["POST"])
"""Codes are guessed no faster than keys, on whichever page: one counter for all that take a code."""


CHANGES = "120 per 5 minutes"
"""Forms sent within one session: far more than hands can do."""


def this_person() -> str:
    """Whoever is signed in, in whatever session, as a counter's name."""
    return f"person:{current_user.arn}" if current_user.is_authenticated else client_address()


def this_session() -> str:
    """The session at hand, as a counter's name."""
    return "session:" + people.label()
