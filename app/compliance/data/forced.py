"""Work out for each user, from the authorization details, whether MFA is forced. Pure.

This collects each user's policies: their own, those of their groups, their boundary. `app.policy.forced` decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from app.compliance.data.details import has_tags
from app.compliance.data.details_rows import Details, DetailsUser, Inline
from app.compliance.data.permissions import direct_policies
from app.compliance.rules.sources import ForcedFacts
from app.policy.evaluation import PolicyError
from app.policy.forced import Judgement, Named, Person
from app.policy.parsed import ParsedPolicy, parsed

_ANYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class Policies(NamedTuple):
    """All policies of a user."""

    identity: tuple[Named, ...]
    boundary: Named | None
    missing: tuple[str, ...]
    """What the details lack, "policy-missing:ARN" or "group-missing:NAME"."""


class Unions:
    """The policies of each user of an account. Each document and each group is read once."""

    def __init__(self, details: Details) -> None:
        self.details = details
        self._anything = parsed(_ANYTHING, details.account_id, details.partition)
        self._documents: dict[str, ParsedPolicy | None] = {}
        self._groups: dict[str, Policies] = {}

    def of(self, user: DetailsUser) -> Policies:
        """Return a user's policies."""
        found = [self._attached("user", user.attached, user.inline), *(self._group(name) for name in user.groups)]
        bound = self._managed(user.boundary, "boundary") if user.boundary else None
        missing = [each for held in found for each in held.missing]
        if user.boundary and user.boundary not in self.details.policies:
            missing.append(f"policy-missing:{user.boundary}")
        return Policies(tuple(each for held in found for each in held.identity), bound, tuple(missing))

    def _group(self, name: str) -> Policies:
        if name not in self._groups:
            group = self.details.groups.get(name)
            via = f"group:{name}"
            self._groups[name] = (
                self._attached(via, group.attached, group.inline)
                if group
                else Policies((Named(name, "", via, self._anything),), None, (f"group-missing:{name}",))
            )
        return self._groups[name]

    def _attached(self, via: str, attached: Iterable[str], inline: Iterable[Inline]) -> Policies:
        attached = tuple(attached)
        named = [Named(each.name, "", via, self.read(each.document)) for each in inline]
        named += [self._managed(arn, via) for arn in attached]
        missing = tuple(f"policy-missing:{arn}" for arn in attached if not self._has(arn))
        return Policies(tuple(named), None, missing)

    def _has(self, arn: str) -> bool:
        policy = self.details.policies.get(arn)
        return bool(policy and policy.document)

    def _managed(self, arn: str, via: str) -> Named:
        """Return the policy. One that is missing may allow anything."""
        name = arn.rsplit("/", 1)[-1]
        return Named(
            name, arn, via, self.read(self.details.policies[arn].document) if self._has(arn) else self._anything
        )

    def read(self, document: str) -> ParsedPolicy | None:
        """Return a document, None where we can't read it although AWS has it."""
        if document not in self._documents:
            try:
                content = json.loads(self.details.documents[document])
                self._documents[document] = parsed(content, self.details.account_id, self.details.partition)
            except PolicyError:
                self._documents[document] = None
        return self._documents[document]

    def person(self, user: DetailsUser) -> Person:
        """Return the user as the judge takes them."""
        own = self.details
        return Person(own.account_id, own.partition, user.user_name, user.path, user.user_id, user.tags)


def judged(details: Details) -> dict[str, ForcedFacts]:
    """Return whether MFA is forced, by user name."""
    from app.policy.forced.judge import judge_everyone  # noqa: PLC0415 # which only an import of details needs

    unions = Unions(details)
    users = list(details.users.values())
    policies = [unions.of(user) for user in users]
    asked = [
        (unions.person(user), theirs.identity, theirs.boundary) for user, theirs in zip(users, policies, strict=True)
    ]
    return {
        user.user_name: _facts(user, theirs.missing, judgement)
        for user, theirs, judgement in zip(users, policies, judge_everyone(asked), strict=True)
    }


def _facts(user: DetailsUser, missing: tuple[str, ...], judgement: Judgement) -> ForcedFacts:
    """Return what is stored for a user. missing: policies that were judged as if each allowed everything.

    With one missing, only a pass is certain. Anything else becomes unknown.
    """
    state, unexplored, found = judgement.state, judgement.unexplored, judgement.counterexample
    if missing and state != "pass":
        state, unexplored, found = "unknown", missing, None
    return {
        "user_id": user.user_id,
        "created": user.created_at.isoformat() if user.created_at else None,
        "state": state,
        "unexplored": list(unexplored),
        "request": {
            "action": found.action,
            "resource": found.resource,
            "session": found.session,
            "context": dict(found.context),
            "statement": found.statement,
            "policy": found.policy.name,
            "arn": found.policy.arn,
            "via": found.policy.via,
        }
        if found and state == "fail"
        else None,
        "direct": direct_policies(user),
        "tagged": has_tags(user.tags),
    }


def holders(details: Details) -> Iterator[tuple[str, str, str]]:
    """Yield which user has which policy and how: policy key, user name, via. See `policy_key`."""
    for user in details.users.values():
        yield from ((arn, user.user_name, "user") for arn in user.attached)
        yield from ((policy_key("user", user.user_name, each.name), user.user_name, "user") for each in user.inline)
        for name in user.groups:
            group = details.groups.get(name)
            if group:
                yield from ((arn, user.user_name, f"group:{name}") for arn in group.attached)
                yield from (
                    (policy_key("group", name, each.name), user.user_name, f"group:{name}") for each in group.inline
                )
        if user.boundary:
            yield user.boundary, user.user_name, "boundary"


def policy_key(kind: str, owner: str, name: str) -> str:
    """Return the key of an inline policy. That of a managed one is its ARN. kind: "user" or "group"."""
    return f"{kind}/{owner}/{name}"


Facts = Mapping[str, ForcedFacts]
"""By user name."""
