"""What the dashboard's tables show: rules with the worst first, and users with one badge for each problem."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from app.compliance.data.daily import Count, Figures
from app.compliance.data.people_data import states
from app.compliance.data.rows import ExceptionRow, PersonRow
from app.compliance.labels import TONES
from app.compliance.rules.rule import Rule
from app.compliance.rules.subjects import Terms
from app.compliance.rules.table import BY_ID, RULES, applying
from app.compliance.rules.verdicts import State
from app.compliance.standards.standard import Standard, items_by_rule
from app.text.messages import _, ngettext

MOST_UNKNOWN = 2
"""That have a badge each."""
_IN_ORDER = (State.FAIL, State.EXCEPTED, State.UNKNOWN)


def on_dashboard(standards: Sequence[Standard], terms: Terms, figures: Figures) -> list[Rule]:
    """Return the rules, and those variants that the first standard demands. The pages of others show theirs.

    A rule that is judged only because a standard asks for it is left out while it passes.
    """
    first = items_by_rule(standards[:1], terms)
    return [rule for rule in applying(RULES, terms) if _belongs(rule, figures.of(rule.id), rule.id in first)]


def _belongs(rule: Rule, count: Count, in_first: bool) -> bool:
    if rule.on_demand:
        return in_first and count.passed < count.population
    return not rule.variant_of or in_first


def worst_first(rules: Iterable[Rule], figures: Figures) -> list[Rule]:
    """Return the rules by the share of users who fail, then by the share of unknown ones. Those about nobody last."""

    def share(rule: Rule) -> tuple[bool, float, float, float]:
        count = figures.of(rule.id)
        all_of_them = max(1, count.population)
        worst = -count.failed / all_of_them, -count.unknown / all_of_them, -count.excepted / all_of_them
        return (not count.population, *worst)

    return sorted(rules, key=share)


class Badge(NamedTuple):
    """One problem of a user. tone: of `templates/_components.html`."""

    text: str
    tone: str


class UserProblems(NamedTuple):
    """The problems of the users on a page."""

    of_user: Mapping[str, Sequence[Badge]]
    """By user name."""
    unknown_for_all: Sequence[str]
    """What is unknown for every user on the page, so that the page says it once."""
    unknown_until_visit: Sequence[str]
    """What is unknown for some of them until they sign in, because AWS shows it to nobody else. Said once as well."""
    silent: Collection[str]
    """Names of users for whom only that line mentions something unknown."""


def problems(rows: Sequence[PersonRow], asked: Collection[str]) -> UserProblems:
    """Return what is wrong with each user. A rule that fails with the same problem as another is left out.

    asked: ids of the rules that the page is about. They are never said once for all.
    """
    found = {row.user_name: _open(states(row.verdicts)) for row in rows}
    unknown = [{rule for rule, state in each.items() if state == State.UNKNOWN} for each in found.values()]
    for_all = set.intersection(*unknown) - set(asked) if len(unknown) > 1 else set()
    until_visit = {rule for rule in set().union(*unknown) if BY_ID[rule].needs_visit} - set(asked)
    once = for_all | until_visit

    def own(each: Mapping[str, str]) -> dict[str, State]:
        return {rule: State(state) for rule, state in each.items() if state != State.UNKNOWN or rule not in once}

    return UserProblems(
        {name: _badges(own(each)) for name, each in found.items()},
        [_(rule.topic) for rule in BY_ID.values() if rule.id in for_all - until_visit],
        [_(rule.topic) for rule in BY_ID.values() if rule.id in until_visit],
        {name for name, each in found.items() if len(own(each)) < len(each)},
    )


def _open(verdicts: Mapping[str, str]) -> dict[str, str]:
    """Return the verdicts that aren't passes, each problem once, fails first."""
    left = {
        rule: state
        for rule, state in verdicts.items()
        if state != State.PASS and rule in BY_ID and verdicts.get(BY_ID[rule].part_of) != state
    }
    return dict(
        sorted(left.items(), key=lambda each: [State.FAIL, State.EXCEPTED, State.UNKNOWN].index(State(each[1])))
    )


def _badges(verdicts: Mapping[str, State]) -> list[Badge]:
    """Return a badge for each problem, and one for all that is unknown where that is much."""
    unknown = [rule for rule, state in verdicts.items() if state is State.UNKNOWN]
    if len(unknown) <= MOST_UNKNOWN:
        return [_badge(BY_ID[rule], state) for rule, state in verdicts.items()]
    known = [_badge(BY_ID[rule], state) for rule, state in verdicts.items() if rule not in unknown]
    return [*known, Badge(ngettext("%(num)d unknown", "%(num)d unknown", len(unknown)), TONES[State.UNKNOWN])]


def _badge(rule: Rule, state: State) -> Badge:
    if state is State.UNKNOWN:
        return Badge(_("unknown: %(topic)s", topic=_(rule.topic)), TONES[state])
    if state is State.EXCEPTED:
        return Badge(_("%(finding)s (excepted)", finding=rule.finding), TONES[state])
    return Badge(rule.finding, TONES[state])


class GroupOfExceptions(NamedTuple):
    """Exceptions that a list shows as one row: one alone, or those that were added at once."""

    first: ExceptionRow
    number: int

    @property
    def alone(self) -> bool:
        """Is it one exception?"""
        return self.number == 1


def grouped(rows: Iterable[ExceptionRow]) -> list[GroupOfExceptions]:
    """Return the exceptions in their order, those of a batch together where its first one is."""
    by_batch: dict[str, list[ExceptionRow]] = {}
    for row in rows:
        by_batch.setdefault(row.batch or f"one {row.id}", []).append(row)
    return [GroupOfExceptions(some[0], len(some)) for some in by_batch.values()]
