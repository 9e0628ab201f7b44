"""What users need to get MFA: the only requests they may make before they have it.

Everything else is a counterexample. No policy affects sts:GetSessionToken and sts:GetCallerIdentity, so they don't
count.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from app.policy.documents import DEAD_ACTIONS, read, texts_of
from app.policy.forced.answers import Person
from app.policy.reference.actions import UNTOUCHED, arn_patterns, real_name
from app.policy.variants import PUBLISHED

_DOCUMENTS = ("recommended", PUBLISHED[-1].name)
_ANY_NAME = "iam:createvirtualmfadevice"
"""A new device belongs to nobody else, and AWS's own policy has let it have any name since 2022."""

_ABOUT_ONESELF = ("iam:changepassword", "signin:")
"""Nobody can sign in or change the password for anyone else, whatever resource a policy names."""


@cache
def without_effect() -> frozenset[str]:
    """Return the actions that no policy affects and those that AWS retired, in lower case."""
    return frozenset(each.lower() for each in (*UNTOUCHED, *DEAD_ACTIONS))


@cache
def getting_mfa() -> frozenset[str]:
    """Return the actions, in lower case, that count as getting MFA when used on `own_resources`.

    They are the actions that the recommended document and AWS's current one exempt from their deny.
    """
    exempt = {
        entry.lower()
        for name in _DOCUMENTS
        for statement in read(name)["Statement"]
        if statement["Effect"] == "Deny"
        for entry in texts_of(statement["NotAction"])
    }
    return frozenset(exempt) - without_effect()


def own_resources(action: str, person: Person) -> Sequence[str]:
    """Return the resources on which an action of `getting_mfa` counts as that, with `*` for anything.

    action: in lower case. A request that is authorized on "*" names no other user, so it always counts.
    """
    if action.startswith(_ABOUT_ONESELF) or not arn_patterns(real_name(action) or ""):
        return ("*",)
    beginning = f"arn:{person.partition}:iam::{person.account_id}:"
    device = f"{beginning}mfa/{person.user_name}"
    devices = (f"{beginning}mfa/*",) if action == _ANY_NAME else (device, f"{device}/*", f"{beginning}sms-mfa/*")
    return (person.arn, *devices)
