"""All kinds of notices, each with its group, label and text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from app.notices.content import Brand, Content, Data
from app.notices.texts import admin, campaign, due, security
from app.text.messages import N_


class Group(StrEnum):
    """Groups of notices."""

    SECURITY = "security"
    """To the user. They can't be turned off."""
    DUE = "due"
    ADMIN = "admin"
    CAMPAIGN = "campaign"
    TEST = "test"


class Kind(NamedTuple):
    """A kind of notice."""

    group: Group
    label: str
    """For lists of notices. English: pages translate it."""
    compose: Callable[[str, Data, Brand], Content]
    """Takes the name of the kind, its data and the brand."""


KINDS: Mapping[str, Kind] = {
    **{name: Kind(Group.SECURITY, each.title, security.change) for name, each in security.CHANGES.items()},
    **{
        f"{security.SEEN}{name}": Kind(Group.SECURITY, each.title, security.change)
        for name, each in security.CHANGES.items()
        if name != "new-browser"
    },
    "key-age": Kind(Group.DUE, N_("Access key due"), due.key_age),
    "certificate-expiry": Kind(Group.DUE, N_("Signing certificate expires"), due.certificate_expiry),
    "mfa-missing": Kind(Group.DUE, N_("MFA missing"), due.mfa_missing),
    "unused-credentials": Kind(Group.DUE, N_("Unused credentials"), due.unused_credentials),
    "digest": Kind(Group.ADMIN, N_("Weekly summary"), admin.digest),
    "rule-worse": Kind(Group.ADMIN, N_("A rule got worse"), admin.rule_worse),
    "campaign-announcement": Kind(Group.CAMPAIGN, N_("Campaign: announcement"), campaign.step),
    "campaign-reminder": Kind(Group.CAMPAIGN, N_("Campaign: reminder"), campaign.step),
    "campaign-day": Kind(Group.CAMPAIGN, N_("Campaign: day of the deadline"), campaign.step),
    "campaign-manager": Kind(Group.CAMPAIGN, N_("Campaign: to the manager"), campaign.manager),
    "test": Kind(Group.TEST, N_("Test"), admin.test),
}
"""By name. The names are stored."""


def compose(kind: str, data: Mapping[str, Any], brand: Brand) -> Content:
    """Return the content of a notice. Raises KeyError for an unknown kind, or if a number is missing in its data."""
    return KINDS[kind].compose(kind, Data(data), brand)
