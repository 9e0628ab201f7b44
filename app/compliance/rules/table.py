"""All rules in one table, for the dashboard, the pages, the export and the stored verdicts. Pure.

The time is `Terms.now`. A verdict is pass, fail, or unknown with the reason. None: the rule isn't about this user.
A standard's item belongs to the rule only where the account judges by the standard's own numbers. Where it doesn't,
a variant of the rule does (`variants`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from app.compliance.rules import account, password_policy, people, permissions, policies, tls
from app.compliance.rules.rule import Rule
from app.compliance.rules.subjects import Account, Seen, Subject, Terms
from app.compliance.rules.variants import CIS, CIS_NUMBERS, RulesById, variant
from app.compliance.rules.verdicts import State, Verdict
from app.text.messages import N_, _

JUDGES = 4
"""Raise this where a rule judges otherwise than before: stored verdicts are then judged again."""
WHOLE_HISTORY = "1:"
"""How the fingerprints of releases begin that add all turns of verdicts to the history. Those of 0.2.0 have no such
beginning."""
RULES: tuple[Rule, ...] = (
    *people.RULES,
    *policies.RULES,
    *permissions.PEOPLE,
    *account.RULES,
    *permissions.ACCOUNT,
    *password_policy.RULES,
    *tls.RULES,
)


BY_ID = RulesById(RULES)
"""Variants included, though only the rules themselves are listed."""
OF_PEOPLE: tuple[Rule, ...] = tuple(rule for rule in RULES if not rule.about_account)
OF_ACCOUNT: tuple[Rule, ...] = tuple(rule for rule in RULES if rule.about_account)


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
    """Return the ids of the group's rules, in order, each followed by its variant for the CIS benchmark."""
    return tuple(
        each for rule in RULES if rule.group == group for each in (rule.id, f"{rule.id}-{CIS}") if each in BY_ID
    )


CIS_VARIANTS = tuple(f"{rule.id}-{CIS}" for rule in RULES if rule.threshold in CIS_NUMBERS)
"""Ids of variants that accounts have had since earlier releases."""


def applying(rules: Iterable[Rule], terms: Terms) -> list[Rule]:
    """Return the rules that the account has, each followed by the variants that its standards demand."""
    found: list[Rule] = []
    for rule in rules:
        if not rule.on_demand or rule.id in terms.asked:
            found.append(rule)
        found += _variants_of(rule, terms)
    return found


def _variants_of(rule: Rule, terms: Terms) -> Iterator[Rule]:
    for rule_id, numbers in terms.variants:
        if rule_id == rule.id:
            yield variant(rule, numbers)


def applies(rule_id: str, terms: Terms) -> bool:
    """Return whether the account has a rule or a variant of this id."""
    return rule_id in {rule.id for rule in applying(RULES, terms)}


def fingerprint(terms: Terms) -> str:
    """Return a text that is the same for verdicts reached under the same rules and terms, at whatever time."""
    judged_by = (JUDGES, sorted(rule.id for rule in RULES), terms._replace(now=datetime.min))
    return WHOLE_HISTORY + hashlib.sha256(repr(judged_by).encode()).hexdigest()[:62]


def demanded(rule: Rule, terms: Terms) -> str:
    """Return the requirement in the reader's language, with the account's numbers or the variant's."""
    return _(rule.requirement).format(**{**terms._asdict(), **rule.numbers})


def judged(
    subject: Subject | Account,
    terms: Terms,
    exceptions: Mapping[str, datetime] | None = None,
    rules: Iterable[Rule] = OF_PEOPLE,
) -> dict[str, Verdict]:
    """Return the verdicts by rule id, without the rules that aren't about the subject.

    exceptions: by rule id, when the exception ends. A rule that passes needs none.
    """
    verdicts = {rule.id: verdict for rule in rules if (verdict := rule.judge(subject, terms))}
    counting = covering(exceptions, lambda until: until) if exceptions else {}
    for rule_id, until in counting.items():
        verdict = verdicts.get(rule_id)
        if verdict and verdict.state is not State.PASS and terms.now < until:
            last = until - timedelta(microseconds=1)  # at `until` it no longer counts
            ends = min(last, verdict.until) if verdict.until else last
            verdicts[rule_id] = verdict._replace(state=State.EXCEPTED, until=ends)
    return verdicts


Ending = TypeVar("Ending")


def covering(exceptions: Mapping[str, Ending], ends: Callable[[Ending], datetime]) -> dict[str, Ending]:
    """Return exceptions by the id of each rule they count for: their own, and the narrower ones that it covers.

    exceptions: by the id of their rule. ends: says when one ends. Of two for the same rule, the one that ends last
    counts, of two at once its own.
    """
    found = dict(exceptions)
    for rule_id, exception in exceptions.items():
        for covered in BY_ID[rule_id].covers if rule_id in BY_ID else ():
            if covered not in found or ends(exception) > ends(found[covered]):
                found[covered] = exception
    return found


def evidence(rule: Rule, subject: Subject | Account) -> Iterator[tuple[str, Seen]]:
    """Yield what the verdict is based on: the fact's name, with its source and time."""
    for name in rule.facts:
        seen = subject.seen.get(name)
        if seen:
            yield name, seen
