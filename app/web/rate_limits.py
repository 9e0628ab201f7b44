"""How often someone may try: the counters live where RATELIMIT_STORAGE_URI says.

Windows move: "10 per 5 minutes" holds for every five minutes, not only for those of the clock. Counters have hashes
as names, so what was typed is not in Redis, in memory or in a log. People who are signed in are counted as people, in
however many sessions; everybody else as an address.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from flask import current_app, request
from flask_limiter import Limiter
from flask_login import current_user

from app.sessions import slots
from app.text.typed import without_blanks

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def client_address() -> str:
    """Return the client as it is counted: an IPv4 address, or an IPv6 network of /64, which one client has."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return "unreadable"  # a proxy's own idea of an address: all of these count as one
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
    return str(address)


limiter = Limiter(
    key_func=client_address,
    strategy="moving-window",
    # A Redis that is full counts nothing more: people who are signed in are counted in this process until it does.
    in_memory_fallback_enabled=True,
)


LONGEST_ADDRESS = 64
"""Of an address, in whatever is stored; real ones are shorter."""


class Addressed:
    """Makes REMOTE_ADDR an address, or at least no longer than one.

    Some proxies write 203.0.113.8:40001 or [2001:db8::1]:40001 into X-Forwarded-For. Some pass on whatever the client
    wrote there.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass it on with the bare address."""
        given = environ.get("REMOTE_ADDR") or ""
        found = _WITH_PORT.fullmatch(given)
        environ["REMOTE_ADDR"] = (found[1] or found[2]) if found else given[:LONGEST_ADDRESS]
        return self._application(environ, start_response)


_WITH_PORT = re.compile(r"(\d+(?:\.\d+){3}):\d+|\[([0-9a-fA-F:.]+)\](?::\d+)?")


def per_address() -> str:
    """Return the limit of attempts per address, "30 per 5 minutes"."""
    return str(current_app.config["SIGN_IN_LIMIT_PER_ADDRESS"])


def per_key() -> str:
    """Return the limit of attempts per access key ID."""
    return str(current_app.config["SIGN_IN_LIMIT_PER_KEY"])


def named(prefix: str, what: str) -> str:
    """Return a counter's name that doesn't show what is counted."""
    return f"{prefix}:{hashlib.sha256(what.encode()).hexdigest()[:32]}"


def typed_key_id() -> str:
    """Return a counter's name for the access key ID in the form.

    AWS is never asked about anything that isn't a key ID, and it may be a secret in the wrong field. So each address
    has one counter for all of these.
    """
    key_id = without_blanks(request.form.get("access_key_id")).upper()
    if not re.fullmatch(r"[A-Z0-9]{16,128}", key_id):
        return named("no-key", client_address())
    return named("key", key_id)


def whose_codes() -> str:
    """Return a counter's name for the access key whose code is asked for. Users who came through AWS have none."""
    if pending := slots.pending_sign_in(datetime.now(UTC)):
        return named("key", pending.access_key_id)
    if current_user.is_authenticated and current_user.with_mfa:
        return this_person()  # a thief who has only their key uses up none of their tries
    if current_user.is_authenticated:
        return named("key", current_user.access_key_id) if current_user.access_key_id else this_person()
    return client_address()


codes_per_key = limiter.shared_limit(per_key, scope="codes", key_func=whose_codes, methods=["POST"])
"""Codes are guessed no faster than keys, on whichever page: one counter for all that take a code."""


CHANGES = "120 per 5 minutes"
"""Forms sent by one person: far more than hands can do."""


def this_person() -> str:
    """Return the counter's name for a user in all their sessions, or for a visitor's address."""
    return named("person", current_user.owner) if current_user.is_authenticated else client_address()


pasted = limiter.shared_limit(CHANGES, scope="pasted", key_func=this_person, methods=["POST"])
"""Looking for a private key in what was pasted takes up to a second: one counter for all pages that do."""
