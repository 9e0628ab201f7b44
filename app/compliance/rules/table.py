"""All rules in one table, for the dashboard, the pages, the export and the stored verdicts. Pure.

The time is `Terms.now`. A verdict is pass, fail, or unknown with the reason. None: the rule isn't about this user.
A benchmark's number is shown only where the account judges by the benchmark's threshold (`cis`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from app.compliance.rules import account, people
from app.compliance.rules.rule import NO_CIS, Cis, Rule
from app.compliance.rules.subjects import Account, Seen, Subject, Terms
from app.compliance.rules.verdicts import State, Verdict
from app.text.messages import N_, _

JUDGES = 2
"""Raise this where a rule judges otherwise than before: stored verdicts are then judged again."""
RULES: tuple[Rule, ...] = (*people.RULES, *account.RULES)


def _twin(rule: Rule) -> Rule:
    """The benchmark's item beside a rule that the account judges by other numbers."""

    def judge(subject: Any, terms: Terms) -> Verdict | None:
        return None if rule.keeps_benchmark(terms) else rule.judge(subject, terms._replace(**rule.thresholds))

    return replace(
        rule,
        id=f"{rule.id}-cis",
        judge=judge,
        part_of=rule.id,
        twin_of=rule.id,
    )


TWINS: tuple[Rule, ...] = tuple(_twin(rule) for rule in RULES if rule.thresholds)
"""Items of the benchmark for accounts with numbers of their own. There the rule itself is the account's own."""
EVERY: tuple[Rule, ...] = tuple(
    each for rule in RULES for each in (rule, *(twin for twin in TWINS if twin.twin_of == rule.id))
)
"""Each rule, followed by its twin."""
BY_ID: dict[str, Rule] = {rule.id: rule for rule in EVERY}
OF_PEOPLE: tuple[Rule, ...] = tuple(rule for rule in EVERY if not rule.about_account)
OF_ACCOUNT: tuple[Rule, ...] = tuple(rule for rule in EVERY if rule.about_account)


class Group(NamedTuple):
    """Rules that people ask for together."""

    title: str
    first: str
    """Id of the rule whose fix is used for all of them."""


GROUPS: dict[str, Group] = {
    "mfa-all": Group(N_("MFA"), "mfa"),
    "keys-all": Group(N_("Access keys"), "key-age"),
    "unused-all": Group(N_("Unused credentials"), "unused"),
    "public-keys-all": Group(N_("SSH keys and certificates"), "ssh-key-age"),
}
"""By id."""


def rules_in(group: str) -> tuple[str, ...]:
    """Return the ids of the group's rules, in order."""
    return tuple(rule.id for rule in EVERY if rule.group == group)


def applying(rules: Iterable[Rule], terms: Terms) -> list[Rule]:
    """Return the rules that an account has: twins only where its own numbers differ from the benchmark's."""
    return [rule for rule in rules if not rule.twin_of or not rule.keeps_benchmark(terms)]


CIS_VERSIONS = {"1.4": 0, "1.5": 0, "2.0": 0, "3.0": 0, "4.0.1": 0, "5.0": 1, "6.0": 2, "7.0": 3}
"""Version of the benchmark to position in `Rule.cis`."""


def cis(rule: Rule, terms: Terms) -> Cis:
    """Return the rule's numbers in the benchmark, none of them where the account judges by another threshold."""
    return rule.cis if rule.twin_of or rule.keeps_benchmark(terms) else NO_CIS


def cis_by_version(rule: Rule, terms: Terms) -> dict[str, str]:
    """Return the rule's number in each version of the benchmark, "" for none. See `cis`."""
    numbers = cis(rule, terms)
    return {version: numbers[place] for version, place in CIS_VERSIONS.items()}


def fingerprint(terms: Terms) -> str:
    """Return a text that is the same for verdicts reached under the same rules and terms, at whatever time."""
    told = (JUDGES, sorted(rule.id for rule in EVERY), terms._replace(now=datetime.min))
    return hashlib.sha256(repr(told).encode()).hexdigest()


def demanded(rule: Rule, terms: Terms) -> str:
    """Return the requirement in the reader's language, with the account's numbers or the benchmark's."""
    numbers = {**terms._asdict(), **(rule.thresholds if rule.twin_of else {})}
    return _(rule.requirement).format(**numbers)


def judged(
    subject: Subject | Account,
    terms: Terms,
    exceptions: Mapping[str, datetime] | None = None,
    rules: Sequence[Rule] = OF_PEOPLE,
) -> dict[str, Verdict]:
    """Return the verdicts by rule id, without the rules that aren't about the subject.

    exceptions: by rule id, when the exception ends. A rule that passes needs none.
    """
    verdicts = {rule.id: verdict for rule in rules if (verdict := rule.judge(subject, terms))}
    for rule_id, until in (exceptions or {}).items():
        verdict = verdicts.get(rule_id)
        if verdict and verdict.state is not State.PASS and terms.now < until:
            ends = min(until, verdict.until) if verdict.until else until
            verdicts[rule_id] = verdict._replace(state=State.EXCEPTED, until=ends)
    return verdicts


def evidence(rule: Rule, subject: Subject | Account) -> Iterator[tuple[str, Seen]]:
    """Yield what the verdict is based on: the fact's name, with its source and time."""
    for name in rule.facts:
        seen = subject.seen.get(name)
        if seen:
            yield name, seen
