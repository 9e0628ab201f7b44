"""Find actions that the deny exempts from MFA although users don't need them to get MFA.

With such a document, a thief with a stolen key isn't asked for MFA. It counts even if AWS's own document exempts the
action.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from app.policy.check.findings import Finding, Severity
from app.policy.check.remedies import GETTING_MFA
from app.policy.check.statement_scope import Scope
from app.policy.documents import DEAD_ACTIONS, VARIANTS, read, texts_of
from app.policy.features import WITHOUT_MFA
from app.policy.patterns import Pattern
from app.policy.places import counted, cut
from app.policy.reference.action_patterns import named_by, open_service
from app.policy.reference.actions import UNTOUCHED
from app.text.messages import _

ALL_OF_IAM = "iam:*"
"""What the tutorial of 2017 exempts. AWS has named single actions since."""
MOST_NAMED = 8
"""Entries of NotAction that get a finding of their own; the others of a statement are counted in one."""


@cache
def known() -> frozenset[str]:
    """Return the entries, in lower case, that AWS's documents and ours exempt, and those that no policy affects."""
    spared = {
        entry
        for variant in VARIANTS
        for statement in read(variant)["Statement"]
        if statement["Effect"] == "Deny"
        for entry in texts_of(statement["NotAction"])
    }
    return frozenset(entry.lower() for entry in (*spared, *UNTOUCHED)) - {ALL_OF_IAM}


def exempted_actions(denies: Sequence[Scope]) -> Iterator[Finding]:
    """Yield one finding for each entry, whichever kind of credentials it lets through. Yields nothing if no deny
    forces MFA.
    """
    found: dict[Finding, None] = {}
    broad = [each for each in denies if each.broad and (each.demands_mfa or any(map(each.firm, WITHOUT_MFA)))]
    for mfa in WITHOUT_MFA:
        holding = [each for each in broad if mfa in each.mfa_states]
        firm = [each for each in denies if each.firm(mfa)]
        # What slips through one of them may be caught by another; the strictest is looked through.
        asked = sorted([each for each in holding if each.firm(mfa)] or holding or broad, key=_leniency)
        for deny in asked[:1]:
            found |= dict.fromkeys(_of_deny(deny, [each for each in firm if each is not deny]))
    yield from found


def _leniency(deny: Scope) -> tuple[int, int]:
    if not deny.statement.not_actions:
        return 0, 0
    return sum(map(open_service, deny.entries)), len(deny.entries.keys() - known())


def _of_deny(deny: Scope, others: Sequence[Scope]) -> Iterator[Finding]:
    """Yield the findings of one deny, entry by entry. others: the other denies, which may cover what this one
    exempts.
    """
    if not deny.statement.not_actions:
        return
    place = deny.place("NotAction")
    slipping = frozenset(action for action in deny.listed if action.lower() not in known())
    for other in others:
        slipping = other.escaping(slipping)
    whole_iam = ALL_OF_IAM in deny.entries
    if whole_iam and not slipping.isdisjoint(named_by(ALL_OF_IAM)):
        yield Finding(
            "iam-spared",
            Severity.ERROR,
            place,
            _(
                "The deny exempts all of IAM. What this or another policy grants there works without MFA, even "
                "with a stolen key."
            ),
            _("Name only the actions that users need to get MFA, one by one."),
        )
    exempted: list[tuple[str, frozenset[str]]] = []
    for entry, written in deny.entries.items():
        if entry in known() or entry in _RETIRED or (whole_iam and entry.startswith("iam:")):
            continue
        beyond = slipping.intersection(named_by(written))
        unheard = not named_by(written) and not any(other.statement.names_action(written) for other in others)
        if beyond or open_service(entry) or unheard:
            exempted.append((written, beyond))
    for written, beyond in exempted[:MOST_NAMED]:
        entry = cut(written)
        yield Finding(
            "action-spared",
            Severity.ERROR,
            place,
            _exempt(entry, written, beyond),
            _needed(deny, entry, written),
            entry,
        )
    if rest := [cut(written) for written, _beyond in exempted[MOST_NAMED:]]:
        yield Finding(
            "action-spared",
            Severity.ERROR,
            place,
            _("The same applies to %(entries)s.", entries=counted(rest)),
            _("Name only the actions that users need to get MFA."),
            rest[0],
        )


def _exempt(entry: str, written: str, beyond: frozenset[str]) -> str:
    """Describe an entry of NotAction. beyond: real actions it exempts that users don't need to get MFA."""
    works = _("If this or another policy grants that, it works without MFA, even with a stolen key.")
    if open_service(written):
        return _(
            "The deny exempts %(entry)s, which covers actions of many services. %(works)s", entry=entry, works=works
        )
    if not beyond:
        return _(
            "The deny exempts %(entry)s, which AWS’s reference doesn’t have. %(works)s", entry=entry, works=works
        )
    if beyond == {written}:
        return _("The deny exempts %(entry)s. %(works)s", entry=entry, works=works)
    actions = counted(sorted(beyond, key=_dull))
    return _(
        "The deny exempts %(entry)s, which covers %(actions)s. %(works)s", entry=entry, actions=actions, works=works
    )


def _needed(deny: Scope, entry: str, written: str) -> str:
    """Say what to write instead, if getting MFA needs a part of this entry and no other entry names it."""
    rest = [each for each in deny.entries.values() if each != written]
    named = [each for each in GETTING_MFA if _names(written, each) and not any(_names(other, each) for other in rest)]
    if named:
        return _(
            "Take %(entry)s out of NotAction, and name %(actions)s instead.", entry=entry, actions=", ".join(named)
        )
    return _("Take %(entry)s out of NotAction. Users don’t need it to get MFA.", entry=entry)


def _names(entry: str, action: str) -> bool:
    return Pattern(entry, variables=False, ignore_case=True).matches(action, {})


_RETIRED = frozenset(action.lower() for action in DEAD_ACTIONS)
_GRAVE = ("Create", "Put", "Attach", "Assume", "Delete", "Update")


def _dull(action: str) -> tuple[bool, str]:
    """Return a sort key that puts actions that change something first."""
    return not action.partition(":")[2].startswith(_GRAVE), action
