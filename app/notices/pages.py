"""Addresses of pages that notices link to. Workers register no pages, so `url_for` doesn't work there."""

from __future__ import annotations

from urllib.parse import quote, urlencode

PAGES = {
    "overview.index": "/",
    "mfa.devices": "/mfa",
    "mfa.enroll": "/mfa/enroll",
    "password.index": "/password",
    "access_keys.index": "/access-keys",
    "ssh_keys.index": "/ssh-keys",
    "certificates.index": "/certificates",
    "account.index": "/account",
    "activity.index": "/activity",
    "activity.not_me": "/activity/{seq}/not-me",
    "activity.sessions": "/activity/sessions",
    "compliance.index": "/compliance",
    "compliance.people": "/compliance/people",
    "compliance.one": "/compliance/people/{name}",
    "compliance_audit.rule": "/compliance/rules/{rule}",
}
"""By endpoint. A test compares them with the portal's (tests/channels/test_texts.py)."""


def page(public_url: str, endpoint: str, query: dict[str, str] | None = None, **parts: object) -> str:
    """Return the address of a page. parts: values for its path. Raises KeyError for an unknown endpoint."""
    path = PAGES[endpoint].format(**{name: quote(str(part), safe="") for name, part in parts.items()})
    return f"{public_url}{path}{f'?{urlencode(query)}' if query else ''}"
