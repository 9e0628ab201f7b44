"""How often someone may try: the counters live where RATELIMIT_STORAGE_URI says."""

from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address, ip_network

from flask import current_app, request
from flask_limiter import Limiter
from flask_login import current_user

from app import people, waiting
from app.fields import without_blanks


def client_address() -> str:
    """Who is counted: an IPv4 address, or an IPv6 network of /64, which is what one client has."""
    told = request.remote_addr or ""
    try:
        address = ip_address(told)
    except ValueError:
        return told[:64]  # a proxy's own idea of an address
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
    return str(address)


limiter = Limiter(key_func=client_address)


def per_address() -> str:
    """Attempts per address, "30 per 5 minutes"."""
    return str(current_app.config["SIGN_IN_LIMIT_PER_ADDRESS"])


def per_key() -> str:
    """Attempts per access key id."""
    return str(current_app.config["SIGN_IN_LIMIT_PER_KEY"])


def typed_key_id() -> str:
    """The access key id of the posted form, as a counter's name."""
    return "key:" + without_blanks(request.form.get("access_key_id")).upper()[:128]


def pending_key() -> str:
    """The access key whose sign-in waits for its code, as a counter's name: codes are guessed no faster than keys."""
    pending = waiting.pending_sign_in(datetime.now(UTC))
    return "code:" + (pending.access_key_id if pending else client_address())


def own_key() -> str:
    """The access key someone is signed in with, as the same counter's name; who came through AWS has none."""
    if not current_user.is_authenticated:
        return "code:" + client_address()
    return f"code:{current_user.access_key_id or current_user.arn}"


CHANGES = "120 per 5 minutes"
"""Forms sent within one session: far more than hands can do."""


def this_person() -> str:
    """Whoever is signed in, in whatever session, as a counter's name."""
    return f"person:{current_user.arn}" if current_user.is_authenticated else client_address()


def this_session() -> str:
    """The session at hand, as a counter's name."""
    return "session:" + people.label()
