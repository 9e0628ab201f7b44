"""Addresses of the portal's own pages and files, as pages name them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from flask import Flask, current_app, request

_EXTENSION = "address_of"


def address_of(endpoint: str, **values: Any) -> str:
    """Return what `flask.url_for` does. Addresses that are the same for everyone are worked out once.

    These are pages that take no values, and files with nothing but a name, which templates give. A page has 30 links.
    """
    return cast("Callable[..., str]", current_app.extensions[_EXTENSION])(endpoint, **values)


def register(app: Flask) -> None:
    """Let templates use it as `url_for`."""
    known: dict[tuple[str, object], str] = {}

    def find(endpoint: str, **values: Any) -> str:
        same = values.keys() == {"filename"} if endpoint == "static" else not values and not endpoint.startswith(".")
        if not same or _below():
            return app.url_for(endpoint, **values)
        key = endpoint, values.get("filename")
        found = known.get(key)
        if found is None:
            found = known[key] = app.url_for(endpoint, **values)
        return found

    app.extensions[_EXTENSION] = find
    app.extensions["known_addresses"] = known
    app.jinja_env.globals["url_for"] = find


def _below() -> bool:
    """Is this request's portal below the root of its site? Also outside of requests, where addresses are whole."""
    try:
        return bool(request.environ.get("SCRIPT_NAME"))
    except RuntimeError:
        return True
