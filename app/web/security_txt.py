"""`/.well-known/security.txt`: where to report a weakness of this site (RFC 9116)."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from flask import Blueprint, Response, abort, current_app
from flask.typing import ResponseReturnValue

from app.web.guards import public

bp = Blueprint("security_txt", __name__)

PATH = "/.well-known/security.txt"
_GOOD_FOR = timedelta(days=30)
"""How long a copy of the file counts. RFC 9116 asks for less than a year. The file itself is always made from the
settings of now, so it expires only where the portal is gone."""


def text_of(contacts: list[str], policy: str, public_url: str, now: datetime) -> str:
    """Return the file. contacts: `mailto:`, `https:` or `tel:`, the preferred one first. policy: a URL, "" for none.

    It expires at midnight UTC, so that it stays the same for a day. A web address in it must be https (RFC 9116), so
    a portal on this machine doesn't name its own.
    """
    expires = datetime.combine((now + _GOOD_FOR).date(), time(), UTC)
    lines = [f"Contact: {contact}" for contact in contacts]
    lines.append(f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}")
    lines.append("Preferred-Languages: en")
    if public_url.startswith("https:"):
        lines.append(f"Canonical: {public_url}{PATH}")
    if policy:
        lines.append(f"Policy: {policy}")
    return "".join(f"{line}\n" for line in lines)


@bp.get(PATH)
@public
def security_txt() -> ResponseReturnValue:
    """Answer with the file, 404 where SECURITY_CONTACT isn't set."""
    contacts = current_app.config["SECURITY_CONTACT"]
    if not contacts:
        abort(404)
    about = current_app.config["SECURITY_POLICY_URL"], current_app.config["PUBLIC_URL"]
    return Response(text_of(contacts, *about, datetime.now(UTC)), content_type="text/plain; charset=utf-8")
