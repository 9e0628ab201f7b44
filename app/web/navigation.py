"""The places of the portal, as the sidebar lists them, and which one each page belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Flask, request, url_for
from flask_login import current_user

from app.text.messages import N_, _
from app.web.guards import accounts_to_watch
from app.web.permissions import denied, may, offered


@dataclass(frozen=True)
class Place:
    """A line of the sidebar."""

    endpoint: str
    label: str
    icon: str
    """A name of Heroicons: https://heroicons.com."""
    owns: tuple[str, ...]
    """Blueprints and endpoints whose pages belong here. An endpoint counts before its blueprint."""
    before_mfa: str = ""
    """The endpoint that works without MFA, "" where none does: then the line has a lock."""


@dataclass(frozen=True)
class Group:
    """Places under a heading, "" for none."""

    heading: str
    places: tuple[Place, ...]
    for_admins: bool = False


GROUPS = (
    Group("", (Place("overview.index", N_("Overview"), "home", ("overview",), "overview.index"),)),
    Group(
        N_("Sign-in security"),
        (
            Place("mfa.devices", N_("MFA"), "device-phone-mobile", ("mfa",), "mfa.enroll"),
            Place("password.index", N_("Password"), "lock-closed", ("password",), "password.index"),
        ),
    ),
    Group(
        N_("Keys"),
        (
            Place("access_keys.index", N_("Access keys"), "key", ("access_keys",)),
            Place("ssh_keys.index", N_("SSH keys"), "command-line", ("ssh_keys",)),
            Place("certificates.index", N_("Certificates"), "document-check", ("certificates",)),
        ),
    ),
    Group("", (Place("activity.index", N_("Activity"), "clock", ("activity",)),)),
    Group(
        N_("Administration"),
        (
            Place(
                "compliance.index",
                N_("Compliance"),
                "chart-bar",
                ("compliance", "compliance_audit", "compliance_evidence", "compliance_policies"),
            ),
            Place("compliance.people", N_("Users"), "users", ("compliance.people", "compliance.one")),
            Place("activity.everyone", N_("Activity of everyone"), "queue-list", ("activity.everyone",)),
            Place("policies.index", N_("Policy"), "document-text", ("policies",)),
        ),
        for_admins=True,
    ),
)

_PLACES = {owned: place for group in GROUPS for place in group.places for owned in place.owns}
ELSEWHERE = ("account", "signin", "aws_signin", "company_signin", "branding")
"""Blueprints of pages that no line of the sidebar leads to."""


@dataclass(frozen=True)
class Entry:
    """A line of the sidebar as the reader sees it now."""

    label: str
    icon: str
    address: str
    """ "" where it can't be opened without MFA."""
    current: bool


def place_of(endpoint: str | None) -> Place | None:
    """Return the place a page belongs to, None where it has none."""
    name = endpoint or ""
    return _PLACES.get(name) or _PLACES.get(name.partition(".")[0])


def _entry(place: Place) -> Entry | None:
    """The line for the reader; None where their policy rules the page out."""
    here = place_of(request.endpoint) is place
    if current_user.with_mfa:
        open_at = place.endpoint if may(place.endpoint) else ""
        if not open_at:
            return None
    else:
        open_at = place.before_mfa
        if open_at == "mfa.enroll" and not may("mfa.begin"):
            open_at = ""
        if open_at == "password.index" and "change-password" not in offered():
            open_at = ""
        if not open_at and denied(place.endpoint, with_mfa=True):
            return None
    return Entry(_(place.label), place.icon, url_for(open_at) if open_at else "", here)


def navigation() -> Iterator[tuple[str, list[Entry]]]:
    """Yield the groups of the sidebar: heading, and the places in it that the reader can open, or could with MFA."""
    for group in GROUPS:
        if not accounts_to_watch() if group.for_admins else not current_user.is_iam_user:
            continue
        if entries := [entry for place in group.places if (entry := _entry(place))]:
            yield _(group.heading) if group.heading else "", entries


def current_place() -> str:
    """Return the name of the place the page belongs to, for the menu button on phones; "" for none."""
    place = place_of(request.endpoint)
    return _(place.label) if place and current_user.is_authenticated else ""


def register(app: Flask) -> None:
    """Let templates ask."""
    app.jinja_env.globals.update(navigation=navigation, current_place=current_place)
