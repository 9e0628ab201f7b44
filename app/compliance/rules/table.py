"""The rules: one table for dashboard, pages, export and anyone who asks. Pure; time comes in `Terms.now`.

Numbers are of the CIS AWS Foundations Benchmark, versions 1.4 to 4.0.1 (which agree) and 5.0; requirements are
in our own words. A number stands only where the account judges by the benchmark's threshold (`cis`). Three answers:
pass, fail, and unknown with the reason. None: the rule is not about this person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.compliance.rules import account, people
from app.compliance.rules.subjects import Account, Seen, Subject, Terms
from app.compliance.rules.verdicts import State, Verdict


@dataclass(frozen=True)
class Rule:
    """A named rule. `judge` takes a Subject, or an Account for rules about the account, and Terms."""

    id: str
    title: str
    """As a demand: what it is like when all is well."""
    requirement: str
    judge: Callable[[Any, Terms], Verdict | None]
    facts: tuple[str, ...]
    """Names in `Subject.seen` or `Account.seen` of what it goes by."""
    cis: tuple[str, str] = ("", "")
    """Number in 1.4 to 4.0.1, and in 5.0; "" for rules of our own."""
    about_account: bool = False
    level: int = 1
    twin_of: str = ""
    """Id of the rule whose item of the benchmark this is, by the benchmark's own numbers."""


RULES: tuple[Rule, ...] = (
    Rule("mfa", "Everyone has MFA",
         "Every IAM user has an MFA device of some kind. Under Force_MFA nobody does anything else without one.",
         people.mfa, ("mfa",)),
    Rule("mfa-console", "MFA for everyone with a console password",
         "Every user who can sign in to the console with a password has MFA.",
         people.mfa_console, ("password", "password_last_used", "mfa"), ("1.10", "1.9")),
    Rule("key-age", "Access keys are replaced in time",
         "No active access key is older than {key_days} days.",
         people.key_age, ("keys",), ("1.14", "1.13")),
    Rule("one-active-key", "One active access key each",
         "Nobody has two active access keys, save while replacing one.",
         people.one_active_key, ("keys",), ("1.13", "1.12")),
    Rule("unused", "Nothing lies unused",
         "Passwords and access keys that were not used for {unused_days} days are turned off; what was never used "
         "counts from when it was made.",
         people.unused, ("password", "password_last_used", "keys", "key_use"), ("1.12", "1.11")),
    Rule("key-at-creation", "No access key made along with a user",
         "Users with a console password were not given an access key at their creation which they then never used.",
         people.key_at_creation, ("password", "keys", "key_use", "user"), ("1.11", "1.10")),
    Rule("signed-in", "Everyone with a password has signed in",
         "Console passwords are used: their owner signed in within {first_sign_in_days} days.",
         people.signed_in, ("password", "password_last_used", "user")),
    Rule("certificate-age", "Signing certificates are fresh",
         "No active signing certificate has expired or is older than {certificate_days} days.",
         people.certificate_age, ("certificates",)),
    Rule("ssh-key-age", "SSH public keys are fresh",
         "No active SSH public key is older than {ssh_days} days.",
         people.ssh_key_age, ("ssh_keys",)),
    Rule("within-reach", "The policy reaches everyone",
         "Users with an IAM path can look after their own credentials: the policy matches their ARN.",
         people.within_reach, ("user",)),
    Rule("root-key", "The root user has no access key",
         "Nobody can act as the root user with a key.",
         account.root_keys, ("root_keys",), ("1.4", "1.3"), about_account=True),
    Rule("root-mfa", "The root user has MFA",
         "Signing in as the root user takes a second factor.",
         account.root_mfa, ("root_mfa", "root_password"), ("1.5", "1.4"), about_account=True),
    Rule("root-hardware-mfa", "The root user’s MFA is hardware",
         "The second factor of the root user is a device of its own, not an app.",
         account.root_hardware, ("root_mfa", "root_virtual_mfa", "root_password"), ("1.6", "1.5"),
         about_account=True, level=2),
    Rule("root-use", "The root user is not used for daily work",
         "Nobody signed in as the root user, or used its key, in the last {root_days} days.",
         account.root_use, ("root_used_at",), ("1.7", "1.6"), about_account=True),
    Rule("password-length", "Passwords are long",
         "The account’s password policy wants {password_length} characters or more.",
         account.password_length, ("password_policy",), ("1.8", "1.7"), about_account=True),
    Rule("password-reuse", "Passwords do not come back",
         "The account’s password policy remembers {password_reuse} passwords.",
         account.password_reuse, ("password_policy",), ("1.9", "1.8"), about_account=True),
)  # fmt: skip

BENCHMARK: Mapping[str, Mapping[str, Any]] = {
    "key-age": {"key_days": 90},
    "unused": {"unused_days": 45},
    "root-use": {"root_days": 30},
    "password-length": {"password_length": 14},
    "password-reuse": {"password_reuse": 24},
}
"""The benchmark's own numbers, by rule; of `root-use`, for which it names none, how this portal reads it."""


def _twin(rule: Rule, numbers: Mapping[str, Any]) -> Rule:
    ((name, number),) = numbers.items()

    def judge(subject: Any, terms: Terms) -> Verdict | None:
        return None if getattr(terms, name) == number else rule.judge(subject, terms._replace(**numbers))

    return replace(
        rule,
        id=f"{rule.id}-cis",
        title=f"{rule.title}, with the CIS threshold",
        requirement=rule.requirement.format(**numbers),
        judge=judge,
        twin_of=rule.id,
    )


def keeps_benchmark(rule_id: str, terms: Terms) -> bool:
    """Does the account judge this rule by the benchmark's own numbers?"""
    return all(getattr(terms, name) == number for name, number in BENCHMARK.get(rule_id, {}).items())


TWINS: tuple[Rule, ...] = tuple(_twin(rule, BENCHMARK[rule.id]) for rule in RULES if rule.id in BENCHMARK)
"""Items of the benchmark, for accounts with numbers of their own: there the rule itself is the house's, not CIS's."""
JUDGES = 2
"""Counted up where a rule comes to judge otherwise: what is stored is judged again then."""
EVERY: tuple[Rule, ...] = tuple(
    each for rule in RULES for each in (rule, *(twin for twin in TWINS if twin.twin_of == rule.id))
)
"""Each rule, with its twin behind it."""
BY_ID: dict[str, Rule] = {rule.id: rule for rule in EVERY}
OF_PEOPLE: tuple[Rule, ...] = tuple(rule for rule in EVERY if not rule.about_account)
OF_ACCOUNT: tuple[Rule, ...] = tuple(rule for rule in EVERY if rule.about_account)
CIS_VERSIONS = {"1.4": 0, "1.5": 0, "2.0": 0, "3.0": 0, "4.0.1": 0, "5.0": 1}
"""Version of the benchmark to position in `Rule.cis`."""


def applying(rules: Iterable[Rule], terms: Terms) -> list[Rule]:
    """The rules that an account has: twins only where its own numbers are others."""
    return [rule for rule in rules if not rule.twin_of or not keeps_benchmark(rule.twin_of, terms)]


def cis(rule: Rule, terms: Terms) -> tuple[str, str]:
    """Its number in the benchmark, as `Rule.cis`; none where the account judges it by another threshold."""
    return rule.cis if rule.twin_of or keeps_benchmark(rule.id, terms) else ("", "")


LATER_VERSIONS = ("6.0", "7.0")
_LATER: Mapping[str, tuple[str, str]] = {
    "root-key": ("2.3", "2.4"),
    "root-mfa": ("2.4", "2.5"),
    "root-hardware-mfa": ("2.5", "2.6"),
    "root-use": ("2.6", "2.7"),
    "password-length": ("2.7", "2.8"),
    "password-reuse": ("2.8", "2.9"),
    "mfa-console": ("2.9", "2.10"),
    "key-at-creation": ("2.10", ""),
    "unused": ("2.11", "2.11"),
    "one-active-key": ("2.12", ""),
    "key-age": ("2.13", "2.12"),
}
"""Numbers in 6.0 and 7.0; "" for what 7.0 dropped."""


def cis_by_version(rule: Rule, terms: Terms) -> dict[str, str]:
    """Its number in every version of the benchmark, "" for none, under the same condition as `cis`."""
    number = cis(rule, terms)
    later = _LATER.get(rule.twin_of or rule.id, ("", "")) if any(number) else ("", "")
    return {version: number[place] for version, place in CIS_VERSIONS.items()} | dict(
        zip(LATER_VERSIONS, later, strict=True)
    )


def demanded(rule: Rule, terms: Terms) -> str:
    """The requirement with the account's numbers."""
    return rule.requirement.format(**terms._asdict())


def judged(
    subject: Subject | Account,
    terms: Terms,
    exceptions: Mapping[str, datetime] | None = None,
    rules: Sequence[Rule] = OF_PEOPLE,
) -> dict[str, Verdict]:
    """What each rule says, by its id; rules that are not about the subject are left out.

    exceptions: rule ids to when the exception ends. What passes anyway needs none.
    """
    verdicts = {rule.id: verdict for rule in rules if (verdict := rule.judge(subject, terms))}
    for rule_id, until in (exceptions or {}).items():
        verdict = verdicts.get(rule_id)
        if verdict and verdict.state is not State.PASS and terms.now < until:
            ends = min(until, verdict.until) if verdict.until else until
            verdicts[rule_id] = verdict._replace(state=State.EXCEPTED, until=ends)
    return verdicts


def evidence(rule: Rule, subject: Subject | Account) -> Iterator[tuple[str, Seen]]:
    """What the verdict goes by: name of the fact, its source and time."""
    for name in rule.facts:
        seen = subject.seen.get(name)
        if seen:
            yield name, seen
