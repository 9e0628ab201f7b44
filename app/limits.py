"""How often someone may try: the counters live where RATELIMIT_STORAGE_URI says."""

from flask import current_app, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(key_func=get_remote_address)


def per_address() -> str:
    """Attempts per address, "30 per 5 minutes"."""
    return str(current_app.config["SIGN_IN_LIMIT_PER_ADDRESS"])


def per_key() -> str:
    """Attempts per access key id."""
    return str(current_app.config["SIGN_IN_LIMIT_PER_KEY"])


def typed_key_id() -> str:
    """The access key id of the posted form, as a counter's name."""
    return "key:" + request.form.get("access_key_id", "").strip().upper()[:128]
