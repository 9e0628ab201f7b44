"""What changes if a policy is attached to a group: on whom MFA is then forced, and which actions they lose. Pure.

`app.policy.forced` decides on whom MFA is forced, before and after. Which actions are lost is probed: well-known ones
and some of those that the users' own policies name, with one user for all who have the same policies.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from app.compliance.data.details_rows import Details
from app.compliance.data.forced import Policies, Unions, holders
from app.policy.documents import texts_of
from app.policy.evaluation import Policy, Request, decide
from app.policy.forced import Named, Person
from app.policy.forced.judge import judge_everyone
from app.policy.parsed import parsed
from app.policy.reference.action_patterns import named_by
from app.policy.reference.actions import WELL_KNOWN
from app.policy.reference.request_context import PASSWORD, PLAIN_KEY, Session, request_context
from app.policy.render import MOST_POLICIES, POLICY, NotRenderable, Setup, as_attachment

SESSIONS: tuple[Session, ...] = (PLAIN_KEY, PASSWORD)
"""Without MFA."""
EACH = 2
"""Actions probed of those that an entry of a policy names."""
MOST = 60
"""Actions probed for users with the same policies."""


class Loss(NamedTuple):
    """Users who lose the same actions before MFA."""

    users: tuple[str, ...]
    actions: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """What happens if the policy is attached."""

    group: str
    users: int
    before: Mapping[str, int]
    """How many users by state: "pass", "fail", "unknown"."""
    after: Mapping[str, int]
    losses: Sequence[Loss]
    """Those of the most users first. Users who lose nothing are left out."""
    probed: int
    """Actions tried in all."""
    attached: bool
    """The group has the policy already."""
    full: bool
    """The group has as many managed policies as IAM allows."""


def change(details: Details, group: str, document: Mapping[str, Any]) -> Change:
    """Return what attaching the document to a group changes. group: one of the details'."""
    unions = Unions(details)
    added = Named("Force_MFA", "", f"group:{group}", parsed(document, details.account_id, details.partition))
    users = [user for user in details.users.values() if group in user.groups]
    current = [unions.of(user) for user in users]
    people = [unions.person(user) for user in users]
    then = [(*theirs.identity, added) for theirs in current]
    before = judge_everyone((person, theirs.identity, theirs.boundary) for person, theirs in _pairs(people, current))
    after = judge_everyone(
        (person, identity, theirs.boundary) for person, theirs, identity in zip(people, current, then, strict=True)
    )
    lost, probed = _lost(people, current, added)
    missing = [bool(theirs.missing) for theirs in current]
    return Change(
        group,
        len(users),
        Counter(_state(each.state, unsure) for each, unsure in zip(before, missing, strict=True)),
        Counter(_state(each.state, unsure) for each, unsure in zip(after, missing, strict=True)),
        [Loss(tuple(names), actions) for actions, names in sorted(lost.items(), key=lambda each: -len(each[1]))],
        len(probed),
        _is_attached(details, unions, group, added),
        len(details.groups[group].attached) >= MOST_POLICIES,
    )


def _pairs(people: Sequence[Person], current: Sequence[Policies]) -> Iterator[tuple[Person, Policies]]:
    return zip(people, current, strict=True)


def _state(state: str, unsure: bool) -> str:
    """With a policy missing in the details, only a pass is sure (`app.compliance.data.forced`)."""
    return "unknown" if unsure and state != "pass" else state


def _is_attached(details: Details, unions: Unions, group: str, added: Named) -> bool:
    has = [unions.read(details.policies[arn].document) for arn in details.groups[group].attached
           if arn in details.policies and details.policies[arn].document]  # fmt: skip
    return any(each and added.policy and each.source == added.policy.source for each in has)


def _lost(
    people: Sequence[Person], current: Sequence[Policies], added: Named
) -> tuple[dict[tuple[str, ...], list[str]], set[str]]:
    """Return the users by the actions they lose, and what was probed."""
    known: dict[Any, tuple[str, ...]] = {}
    found: dict[tuple[str, ...], list[str]] = {}
    probed: set[str] = set()
    for person, theirs in _pairs(people, current):
        alike = (
            frozenset(id(each.policy) for each in theirs.identity),
            theirs.boundary and id(theirs.boundary.policy),
        )
        if alike not in known:
            asked = list(_requests(theirs, person))
            probed.update(action for action, _resources in asked)
            known[alike] = tuple(_losses(theirs, added, person, asked))
        if known[alike]:
            found.setdefault(known[alike], []).append(person.user_name)
    return found, probed


def _requests(theirs: Policies, person: Person) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the actions to try, each with resources."""
    named: dict[str, dict[str, None]] = {action: {} for action in WELL_KNOWN}
    for each in theirs.identity:
        for statement in each.policy.statements if each.policy else ():
            if statement.denies:
                continue
            resources = [] if statement.statement.not_resources else list(statement.resources)
            entries = [] if statement.statement.not_actions else texts_of(statement.written.get("Action", []))
            for entry in entries:
                for action in named_by(entry)[:EACH]:
                    named.setdefault(action, {})
            for action, theirs_too in named.items():
                if statement.statement.names_action(action):
                    theirs_too.update(dict.fromkeys(resources[:3]))
    for action, resources_named in islice(named.items(), MOST):
        made = (each.replace("${aws:username}", person.user_name).replace("*", "x") for each in resources_named)
        yield action, tuple(dict.fromkeys(["*", *(each for each in made if each != "x"), person.arn]))


def _losses(
    theirs: Policies, added: Named, person: Person, asked: Sequence[tuple[str, tuple[str, ...]]]
) -> Iterator[str]:
    now = [each.policy.policy for each in theirs.identity if each.policy]
    limits = [theirs.boundary.policy.policy] if theirs.boundary and theirs.boundary.policy else []
    then = [*now, *([added.policy.policy] if added.policy else [])]
    tags = {f"aws:PrincipalTag/{key}": value for key, value in person.tags.items()}
    for action, resources in asked:
        requests = [
            Request(action, resource, request_context(person.user, session, action) | tags)
            for session in SESSIONS
            for resource in resources
        ]
        works = [each for each in requests if _allowed(now, limits, each)]
        if works and not any(_allowed(then, limits, each) for each in works):
            yield action


def _allowed(policies: Sequence[Policy], limits: Sequence[Policy], request: Request) -> bool:
    return decide(policies, request).allowed and all(decide([each], request).allowed for each in limits)


def commands(details: Details, group: str, document: Mapping[str, Any]) -> str:
    """Return the AWS CLI commands that attach the document, "" for a group that no command can name."""
    try:
        return as_attachment(Setup(document, details.account_id, details.partition, group))
    except NotRenderable:
        return ""


def replaced(details: Details, document: Mapping[str, Any]) -> int | None:
    """How many users have the policy of that name that the commands change. None: they change no other."""
    arn = f"arn:{details.partition}:iam::{details.account_id}:policy/{POLICY}"
    policy = details.policies.get(arn)
    if policy is None or (policy.document and json.loads(details.documents[policy.document]) == document):
        return None
    return len({user for key, user, _via in holders(details) if key == arn})
