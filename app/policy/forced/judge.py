"""Decide whether MFA is forced on users, one at a time or many at once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from app.policy.analysis.satisfiability import this_hour
from app.policy.forced.answers import SESSIONS, Counterexample, Judgement, Named, Person, SessionKind, State
from app.policy.forced.domains import Asker, Known
from app.policy.forced.likeness import STAND_IN, Likeness
from app.policy.forced.requests import context_of, shown
from app.policy.forced.search import Alone, Found, Search
from app.policy.forced.statements import document_of
from app.policy.forced.unheard import unheard_requests
from app.policy.forced.union import Union, left, loose_keys, resources


class _Verdict(NamedTuple):
    """A judgement that can apply to many users: with a placeholder for the name, and a digest for the policy."""

    state: State
    found: Found | None = None
    kind: SessionKind = "key"
    codes: tuple[str, ...] = ()


def judge_person(
    identity: Sequence[Named], boundary: Named | None, person: Person, now: datetime | None = None
) -> Judgement:
    """Decide for one user.

    identity: all policies of the user and their groups. boundary: the user's, if any. now: when requests begin, by
    default this hour.
    """
    return _Judge(now or this_hour()).of(identity, boundary, person)


def judge_everyone(
    people: Iterable[tuple[Person, Sequence[Named], Named | None]], now: datetime | None = None
) -> Iterator[Judgement]:
    """Yield a judgement for each (user, identity policies, boundary), in order. Users who are alike are judged once.

    now: as in `judge_person`.
    """
    judge = _Judge(now or this_hour())
    return (judge.of(identity, boundary, person) for person, identity, boundary in people)


class _Judge:
    """Decides, and caches decisions."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._likeness: dict[tuple[str, ...], Likeness] = {}
        self._verdicts: dict[tuple[Likeness, Hashable], _Verdict] = {}
        self._alone: Alone = {}

    def of(self, identity: Sequence[Named], boundary: Named | None, person: Person) -> Judgement:
        """Return the judgement for one user."""
        every = (*identity, boundary) if boundary else tuple(identity)
        unread = [f"policy-unread:{each.arn or each.name}" for each in every if each.policy is None]
        if unread:
            return Judgement("unknown", None, tuple(unread))
        documents = {document_of(each.policy): each for each in reversed(identity) if each.policy}
        limit = document_of(boundary.policy) if boundary and boundary.policy else None
        if any(each.odd for each in (*documents, *([limit] if limit else []))):
            return Judgement("unknown", None, ("characters-reserved:",))
        ordered = sorted(documents, key=lambda each: each.digest)
        digests = (*(each.digest for each in ordered), limit.digest if limit else "")
        likeness = self._likeness.get(digests)
        if likeness is None:
            likeness = self._likeness[digests] = Likeness(Union(tuple(ordered), limit))
        verdict = self._verdict(likeness, person)
        named = {document.digest: each for document, each in documents.items()}
        return _of_person(verdict, person, named)

    def _verdict(self, likeness: Likeness, person: Person) -> _Verdict:
        askers = [Asker.of(person, kind, self.now) for kind in SESSIONS]
        alike, nameless = likeness.of(person, askers)
        if (likeness, alike) not in self._verdicts:
            self._verdicts[likeness, alike] = _judged(likeness.union, askers, self._alone, nameless=nameless)
        verdict = self._verdicts[likeness, alike]
        if verdict.found and nameless and person.user_name.lower() in verdict.found.resource.lower():
            return _judged(
                likeness.union, askers, self._alone, nameless=False
            )  # the example happens to be about this very user
        return verdict


def _of_person(verdict: _Verdict, person: Person, named: Mapping[str, Named]) -> Judgement:
    if verdict.found is None:
        return Judgement(verdict.state, None, verdict.codes)
    found = _for(verdict.found, person)
    return Judgement(
        verdict.state,
        Counterexample(
            found.action,
            found.resource,
            verdict.kind,
            found.prepared.name,
            named[found.prepared.digest],
            shown(verdict.kind, found),
        ),
        verdict.codes,
    )


def _for(found: Found, person: Person) -> Found:
    """Return a request with the user's name in place of the placeholder."""

    def text(given: str) -> str:
        return given.replace(STAND_IN, person.user_name)

    values = {
        key: text(value) if isinstance(value, str) else tuple(map(text, value)) for key, value in found.values.items()
    }
    return found._replace(resource=text(found.resource), values=values)


def _judged(union: Union, askers: Sequence[Asker], alone: Alone, *, nameless: bool) -> _Verdict:
    """Search in each kind of session. nameless: with a placeholder for the user's name."""
    doubts: dict[str, None] = {}
    searched = []
    for asker in askers:
        person = asker.person
        lefts = {prepared: left(prepared, asker) for prepared in union.statements}
        stand_in = Asker.of(person._replace(user_name=STAND_IN), asker.kind, asker.now) if nameless else asker
        search = Search(union, stand_in, lefts, alone, lenient=False)
        for found in search.all():
            values = context_of(asker, _for(found, person))
            if values is not None and union.lets(found.action, _for(found, person).resource, values):
                return _Verdict("fail", found, asker.kind)
            doubts[f"not-confirmed:{found.action}"] = None
        if search.exhausted:
            return _Verdict("unknown", codes=(f"search-too-large:{search.exhausted}",))
        searched.append((stand_in, lefts, bool(search.doubts)))
    for asker, lefts, lenient in searched:
        if lenient:
            search = Search(union, asker, lefts, alone, lenient=True)
            for found in search.all():
                doubts |= dict.fromkeys(_why(found, search))
            if search.exhausted:
                doubts[f"search-too-large:{search.exhausted}"] = None
    if not doubts:
        for asker, lefts, _ in searched:
            doubts |= dict.fromkeys(unheard_requests(union, asker, lefts))
    return _Verdict("unknown" if doubts else "pass", codes=tuple(doubts))


def _why(found: Found, search: Search) -> Sequence[str]:
    """Return codes of the unknown things a request depends on."""
    denies = [prepared for prepared in search.denies if prepared.statement.names_action(found.action)]
    keys: dict[str, None] = {}
    for prepared in (found.prepared, *search.limits, *denies):
        keys |= dict.fromkeys(resources(prepared, search.asker).loose)
        for condition in search.lefts[prepared] or ():
            loose = loose_keys(condition, search.asker)
            for key in loose:
                if (
                    len(loose) > 1
                    or search.asker.domain(key, has=search.has(found.action, key)).known is not Known.OPEN
                ):
                    keys[key] = None
    return [f"key-unknown:{key}" for key in keys] or list(search.doubts)
