"""Decides whether MFA is forced on people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain

from app.policy.documents import texts_of
from app.policy.evaluation import Policy, Request, Statement, compiled, decide
from app.policy.forced.answers import SESSIONS, Counterexample, Judgement, Named, Person, SessionKind
from app.policy.forced.getting_mfa import getting_mfa, own_resources, without_effect
from app.policy.patterns import Pattern
from app.policy.reference.action_patterns import named_by
from app.policy.reference.actions import WELL_KNOWN
from app.policy.reference.request_context import Circumstances, Session, request_context


def judge_person(identity: Sequence[Named], boundary: Named | None, person: Person) -> Judgement:
    """Decide for one person. identity: all policies of the user and their groups. boundary: the user's, if any."""
    unread = [f"policy-unread:{each.arn or each.name}" for each in (*identity, boundary) if each and not each.policy]
    if unread:
        return Judgement("unknown", None, tuple(unread))
    policies = [(each, compiled(each.policy.source)) for each in identity if each.policy]
    limits = [compiled(boundary.policy.source)] if boundary and boundary.policy else []
    for kind in SESSIONS:
        for named, policy in policies:
            for index, statement in enumerate(policy.statements):
                if not statement.denies:
                    found = _let_through(
                        [each for _, each in policies], limits, (named, index, statement), person, kind
                    )
                    if found:
                        return Judgement("fail", found, ())
    return Judgement("pass", None, ())


def _let_through(
    policies: Sequence[Policy],
    limits: Sequence[Policy],
    allow: tuple[Named, int, Statement],
    person: Person,
    kind: SessionKind,
) -> Counterexample | None:
    named, index, statement = allow
    written = named.policy.source_statements[index] if named.policy else {}
    entries = texts_of(written.get("Action", []))
    resources = [each.replace("${aws:username}", person.user_name) for each in texts_of(written.get("Resource", []))]
    resources = [each for each in resources if each != "*"]
    for action in chain(WELL_KNOWN, *(named_by(each) for each in entries)):
        if not statement.names_action(action) or action.lower() in without_effect():
            continue
        context = request_context(person.user, Session.of(SESSIONS[kind]), action, Circumstances(datetime.now(UTC)))
        for resource in (*(each.replace("/*/", "/").replace("*", "x") for each in resources), "*", person.arn):
            own = resource == "*" or any(
                Pattern(each, variables=False).matches(resource, {}) for each in own_resources(action.lower(), person)
            )
            if own and action.lower() in getting_mfa():
                continue
            request = Request(action, resource, context)
            if decide(policies, request).allowed and all(decide([each], request).allowed for each in limits):
                return Counterexample(action, resource, kind, statement.sid or str(index), named, {})
    return None


def judge_everyone(people: Iterable[tuple[Person, Sequence[Named], Named | None]]) -> Iterator[Judgement]:
    """Decide for many, in their order."""
    return (judge_person(identity, boundary, person) for person, identity, boundary in people)
