"""The policies of an account, from its authorization details: who has each, and what is in it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.compliance.data.details_rows import Details
from app.compliance.data.forced import Unions, holders
from app.compliance.rules.verdicts import State
from app.policy.forced import Named
from app.text.messages import _

GROUP = "group:"
"""Before the name of a group, in how a user comes by a policy."""


@dataclass
class ListedPolicy:
    """A policy, and the users who have it.

    key: its ARN, or for an inline policy "user/NAME/POLICY" or "group/NAME/POLICY".
    """

    key: str
    name: str
    owner: str
    """The user or group that an inline policy belongs to, "" for a managed one."""
    by_aws: bool
    document: str
    """A key of `Details.documents`, "" where the details don't contain it."""
    users: dict[str, list[str]] = field(default_factory=dict)
    """User names, and how each comes by it: "user", "group:NAME" or "boundary"."""

    @property
    def inline(self) -> bool:
        """Is it an inline policy?"""
        return not self.key.startswith("arn:")

    def count(self, via: str) -> int:
        """How many users have it this way: "user", "group:" for any group, "boundary"."""
        return sum(any(way.startswith(via) for way in ways) for ways in self.users.values())

    def failing(self, states: Mapping[str, State]) -> int:
        """How many of its users aren't forced to use MFA. states: what `mfa-forced` says, by user name."""
        return sum(states.get(name) is State.FAIL for name in self.users)


def listed(details: Details) -> dict[str, ListedPolicy]:
    """Return all policies by key, those with the most users first."""
    found = {
        arn: ListedPolicy(arn, policy.name, "", policy.by_aws, policy.document)
        for arn, policy in details.policies.items()
    }
    for kind, name, inline in _inline(details):
        key = f"{kind}/{name}/{inline.name}"
        found[key] = ListedPolicy(key, inline.name, name, False, inline.document)
    for key, user_name, via in holders(details):
        if key not in found:  # attached, and missing in the details
            name = key.rsplit("/", 1)[-1]
            found[key] = ListedPolicy(key, name, "", by_aws=":iam::aws:" in key, document="")
        found[key].users.setdefault(user_name, []).append(via)
    return dict(sorted(found.items(), key=lambda each: (-len(each[1].users), each[1].name.lower(), each[0])))


def _inline(details: Details) -> Iterator[tuple[str, str, Any]]:
    for kind, owners in (("user", details.users), ("group", details.groups)):
        for name, owner in owners.items():
            for inline in owner.inline:
                yield kind, name, inline


def matching(policies: Mapping[str, ListedPolicy], text: str) -> list[ListedPolicy]:
    """Return the policies that have a text in their name or their owner's."""
    wanted = text.lower()
    return [each for each in policies.values() if wanted in each.name.lower() or wanted in each.owner.lower()]


class UnderIt(NamedTuple):
    """A user and a policy. ways: how they got it, none for a user who doesn't have it."""

    user_name: str
    arn: str
    ways: tuple[str, ...]
    forced: State | None
    """Is MFA forced on the user, by all of their policies? None: not judged, as for a user created since."""


def people_of(details: Details, policy: ListedPolicy, states: Mapping[str, State], *, under: bool) -> list[UnderIt]:
    """Return the users who have a policy, or who don't, in the order of their names.

    states: what `mfa-forced` says, by user name.
    """
    return [
        UnderIt(name, details.users[name].arn, tuple(policy.users.get(name, ())), states.get(name))
        for name in sorted(details.users)
        if (name in policy.users) == under
    ]


def rows_of(people: Iterable[UnderIt], account_id: str, policy: ListedPolicy) -> Iterator[dict[str, Any]]:
    """Yield a row of a file for each user. Its columns are COLUMNS."""
    for each in people:
        yield {
            "account_id": account_id,
            "policy": policy.key,
            "user_name": each.user_name,
            "arn": each.arn,
            "under": "yes" if each.ways else "no",
            "via": "; ".join(each.ways),
            "mfa_forced": each.forced.value if each.forced else "",
        }


COLUMNS = ("account_id", "policy", "user_name", "arn", "under", "via", "mfa_forced")


def describe_ways(ways: Sequence[str]) -> str:
    """Return how a user comes by a policy, for people."""
    names = []
    for way in ways:
        if way == "boundary":
            names.append(_("permissions boundary"))
        elif way.startswith(GROUP):
            names.append(_("group %(name)s", name=way.removeprefix(GROUP)))
        else:
            names.append(_("directly"))
    return ", ".join(names)


class TheirPolicy(NamedTuple):
    """A policy of a user. key: of `listed`."""

    key: str
    name: str
    via: str


def policies_of(details: Details, user_name: str) -> list[TheirPolicy]:
    """Return the policies of a user, [] where the details don't contain them."""
    if user_name not in details.users:
        return []
    found = Unions(details).of(details.users[user_name])
    every = (*found.identity, *([found.boundary] if found.boundary else []))
    return [TheirPolicy(_key(each, user_name), each.name, each.via) for each in every]


def _key(policy: Named, user_name: str) -> str:
    if policy.arn:
        return policy.arn
    group = policy.via.removeprefix(GROUP)
    return f"user/{user_name}/{policy.name}" if policy.via == "user" else f"group/{group}/{policy.name}"


def pretty(details: Details, document: str) -> str:
    """Return a document to read, "" where the details don't contain it."""
    text = details.documents.get(document)
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False) if text else ""
