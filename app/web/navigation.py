"""The places of the portal, as the sidebar lists them, and which one each page belongs to.

Features that come in several types, like uploaded public keys, add the place of each type themselves (`add_place`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flask import Blueprint, Flask, current_app, g, request
from flask_login import current_user

from app.sessions import slots
from app.text.messages import N_, _
from app.web.addresses import address_of
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

    def all_places(self) -> tuple[Place, ...]:
        """Return its places, and after them those that features of the application have added."""
        return (*self.places, *current_app.extensions["added-places"].get(self.heading, ()))


KEYS = N_("Keys")
"""The heading of the group for access keys, and for everything like them."""

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
        KEYS,
        (Place("access_keys.index", N_("Access keys"), "key", ("access_keys",)),),
    ),
    Group("", (Place("activity.index", N_("Activity"), "clock", ("activity",)),)),
    Group(
        N_("Administration"),
        (
            Place(
                "compliance.index",
                N_("Compliance"),
                "chart-bar",
                (
                    "compliance",
                    "compliance_audit",
                    "compliance_evidence",
                    "compliance_history",
                    "compliance_policies",
                    "compliance_sessions",
                    "campaigns",
                ),
            ),
            Place("compliance.people", N_("Users"), "users", ("compliance.people", "compliance.one")),
            Place("activity.everyone", N_("Everyone’s activity"), "queue-list", ("activity.everyone", "notices")),
            Place("policies.index", N_("Policy"), "document-text", ("policies",)),
        ),
        for_admins=True,
    ),
)

ELSEWHERE = ("account", "calendar", "signin", "aws_signin", "company_signin", "branding", "security_txt")
"""Blueprints of pages that no line of the sidebar leads to."""


@dataclass(frozen=True)
class Entry:
    """A line of the sidebar as the reader sees it now."""

    label: str
    icon: str
    address: str
    """ "" where it can't be opened without MFA."""
    current: bool


def add_place(bp: Blueprint, heading: str, place: Place) -> None:
    """Add a place at the end of the group with this heading, in each application that registers the blueprint."""
    bp.record(lambda setup: setup.app.extensions["added-places"].setdefault(heading, []).append(place))


def place_of(endpoint: str | None) -> Place | None:
    """Return the place a page belongs to, None where it has none."""
    name, extensions = endpoint or "", current_app.extensions
    places: Mapping[str, Place] | None = extensions.get("places")
    if places is None:  # the first page: all features have added theirs
        places = {owned: place for group in GROUPS for place in group.all_places() for owned in place.owns}
        extensions["places"] = places
    return places.get(name) or places.get(name.partition(".")[0])


def _entry(place: Place, *, with_mfa: bool, here: bool) -> Entry | None:
    """The line for the reader; None where their policy rules the page out."""
    if with_mfa:
        open_at = place.endpoint if may(place.endpoint) else ""
        if not open_at:
            return None
    else:
        open_at = place.before_mfa
        if open_at == "mfa.enroll" and mfa_is_on():
            open_at = "mfa.activate"
        if open_at == "mfa.enroll" and not may("mfa.begin"):
            open_at = ""
        if open_at == "password.index" and "change-password" not in offered():
            open_at = ""
        if not open_at and denied(place.endpoint, with_mfa=True):
            return None
    return Entry(_(place.label), place.icon, address_of(open_at) if open_at else "", here)


def say_mfa_is_on() -> None:
    """Let the sidebar of this page know that the reader, who is signed in without MFA, has an MFA device."""
    g.mfa_is_on = True


def mfa_is_on() -> bool:
    """Does the reader have an MFA device, as far as this session or page knows?"""
    return slots.upgrade() is not None or "mfa_is_on" in g


def navigation() -> Iterator[tuple[str, list[Entry]]]:
    """Yield the groups of the sidebar: heading, and the places in it that the reader can open, or could with MFA."""
    current, me = place_of(request.endpoint), current_user._get_current_object()
    for group in GROUPS:
        if not accounts_to_watch() if group.for_admins else not me.is_iam_user:
            continue
        places = group.all_places()
        found = [_entry(place, with_mfa=me.with_mfa, here=place is current) for place in places]
        if entries := [entry for entry in found if entry]:
            yield _(group.heading) if group.heading else "", entries


def current_place() -> str:
    """Return the name of the place the page belongs to, for the menu button on phones; "" for none."""
    place = place_of(request.endpoint)
    return _(place.label) if place and current_user.is_authenticated else ""


def register(app: Flask) -> None:
    """Let templates ask for the sidebar, and features add their places to it."""
    app.extensions["added-places"] = {}
    app.jinja_env.globals.update(navigation=navigation, current_place=current_place, mfa_is_on=mfa_is_on)
