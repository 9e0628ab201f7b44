"""What a condition key can be in a request without MFA: one value, none, any, or something unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cached_property

from app.policy.check.regions import REGIONS
from app.policy.forced.action_sets import OF_THE_ACTION
from app.policy.forced.answers import SESSIONS, Person, SessionKind
from app.policy.reference.key_types import type_of
from app.policy.reference.request_context import (
    MFA_AGE,
    MFA_PRESENT,
    Circumstances,
    Presence,
    Session,
    ValueType,
    condition_key,
    request_context,
)

_OF_THE_ORGANIZATION = ("aws:principalorgid", "aws:principalorgpaths")
_OF_THE_PERSON = ("aws:username", "aws:userid", "aws:principalarn", "aws:principalaccount")
_CHOICES = ("aws:securetransport", "aws:sourceip", "aws:requestedregion", "aws:currenttime", "aws:epochtime")
"""Every request has them, and the client chooses the value, or the time does."""
TIMES = ("aws:currenttime", "aws:epochtime")


class Known(Enum):
    """What is known about a key."""

    FIXED = "fixed"
    """Its value, or that it is absent."""
    OPEN = "open"
    """It can have any value of its type: the client, the place, the time or the resource decide."""
    DOUBTFUL = "doubtful"
    """As far as the reference goes the requests of this action don't have it."""
    MYSTERY = "mystery"
    """It has one value, or the reference doesn't know the key at all."""


@dataclass(frozen=True)
class Domain:
    """The possible values of one key. absent: whether it can be absent. several: whether it can have several values.

    values: all of them, if they are few. Of a FIXED key: its value, empty if it is absent.
    """

    known: Known
    value_type: ValueType = ValueType.STRING
    absent: bool = True
    several: bool = False
    values: tuple[str, ...] = ()


ABSENT = Domain(Known.FIXED)


@dataclass(frozen=True, eq=False)
class Asker:
    """A user in one kind of session. now: when requests begin."""

    person: Person
    kind: SessionKind
    now: datetime
    tags: Mapping[str, str] = field(default_factory=dict)
    """Of the person, their names in lower case."""

    @classmethod
    def of(cls, person: Person, kind: SessionKind, now: datetime) -> Asker:
        """Return a user with these credentials."""
        return cls(person, kind, now, {name.lower(): value for name, value in person.tags.items()})

    @cached_property
    def plain(self) -> Mapping[str, str]:
        """Return the condition keys of a plain request, in AWS's spelling."""
        session = Session.of(SESSIONS[self.kind])
        return request_context(self.person.user, session, "any:Action", Circumstances(self.now))

    @cached_property
    def fixed(self) -> Mapping[str, str]:
        """Return the keys that have only one possible value, in lower case, including the user's tags."""
        plain = {name.lower(): value for name, value in self.plain.items()}
        kept = {name: value for name, value in plain.items() if name not in (*_CHOICES, "aws:tokenissuetime")}
        if not self.person.user_id:
            kept.pop("aws:userid", None)
        return kept | {f"aws:principaltag/{name}": value for name, value in self.tags.items()}

    def domain(self, key: str, *, has: bool) -> Domain:
        """Return what a key, in lower case, can be. has: whether the reference gives it to the action's requests."""
        if key in self.fixed:
            return Domain(Known.FIXED, absent=False, values=(self.fixed[key],))
        known = condition_key(key)
        type_and_several = type_of(key)
        if type_and_several is None or key in _OF_THE_ORGANIZATION or key in _OF_THE_PERSON:
            return Domain(Known.MYSTERY, several=True)
        value_type, several = type_and_several
        if known is None:
            return Domain(Known.OPEN if has else Known.DOUBTFUL, value_type, several=several)
        if key.startswith("aws:principaltag/") or known.presence is Presence.NEVER:
            return ABSENT
        if key in (MFA_PRESENT.lower(), MFA_AGE.lower()):
            return ABSENT
        if key in ("aws:tokenissuetime", "aws:signinsessionarn") and self.kind == "key":
            return ABSENT
        if key.startswith(OF_THE_ACTION) and not has:
            if key != "aws:requestedregion":
                return Domain(Known.DOUBTFUL, value_type, several=several)
            home = self.plain["aws:RequestedRegion"]
            return Domain(Known.FIXED, value_type, absent=False, values=(home,))
        if value_type is ValueType.BOOL:
            return Domain(
                Known.OPEN, value_type, absent=known.presence is not Presence.ALWAYS, values=("true", "false")
            )
        if key == "aws:requestedregion":
            home = self.plain["aws:RequestedRegion"]
            return Domain(Known.OPEN, value_type, absent=False, values=(home, *_regions(self.person.partition, home)))
        # An endpoint in a VPC sends no aws:SourceIp.
        absent = known.presence is not Presence.ALWAYS or key == "aws:sourceip"
        return Domain(Known.OPEN, value_type, absent=absent and key != "aws:tokenissuetime", several=several)


def _regions(partition: str, home: str) -> list[str]:
    """Return other regions of a partition."""
    beginnings = {"aws-cn": ("cn-",), "aws-us-gov": ("us-gov-",), "aws-eusc": ("eusc-",)}
    elsewhere = ("cn-", "us-gov-", "eusc-", "us-iso", "eu-iso")
    own = beginnings.get(partition)
    found = [each for each in REGIONS if (each.startswith(own) if own else not each.startswith(elsewhere))]
    return sorted(each for each in found if each != home)
