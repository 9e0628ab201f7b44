"""Addresses of the portal's own pages and files, as pages name them."""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app, has_request_context, request

_EXTENSION = "known_addresses"


def address_of(endpoint: str, **values: Any) -> str:
    """Return what `flask.url_for` does. Addresses that are the same for everyone are worked out once.

    These are pages that take no values, and files with nothing but a name, which templates give. A page has 30 links.
    """
    same = endpoint == "static" if values else not endpoint.startswith(".")
    if not same or values.keys() - {"filename"} or not has_request_context() or request.environ.get("SCRIPT_NAME"):
        return current_app.url_for(endpoint, **values)
    known: dict[tuple[str, object], str] = current_app.extensions[_EXTENSION]
    key = endpoint, values.get("filename")
    found = known.get(key)
    if found is None:
        found = known[key] = current_app.url_for(endpoint, **values)
    return found


def register(app: Flask) -> None:
    """Let templates use it."""
    app.extensions[_EXTENSION] = {}
    app.jinja_env.globals["url_for"] = address_of
