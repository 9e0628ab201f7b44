"""Find in which sessions each statement applies, and what else that depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

from app.policy.analysis.satisfiability import Holds, Users, exempts_services, holds, this_hour
from app.policy.conditions import Condition
from app.policy.evaluation import Statement
from app.policy.parsed import ParsedPolicy, ParsedStatement
from app.policy.patterns import Pattern
from app.policy.places import Place
from app.policy.reference.action_patterns import is_all, named_by, open_service
from app.policy.reference.request_context import condition_key

MFA_KEYS = ("aws:multifactorauthpresent", "aws:multifactorauthage")
MFA_STATES: tuple[bool | None, ...] = (None, False, True)
"""Sessions by aws:MultiFactorAuthPresent: a plain access key has none, a password without a code says false."""
WHO = ("aws:username", "aws:userid", "aws:principal")
"""Keys that begin so tell users apart: a condition on one exempts some of them."""


@dataclass(frozen=True)
class Scope:
    """One statement, and when its conditions hold."""

    parsed: ParsedStatement
    mfa_states: frozenset[bool | None]
    """The sessions (KINDS) in which its conditions can hold, in a direct request of an IAM user."""
    sure: frozenset[bool | None]
    """Those in which they hold, whatever else is in the request."""
    keys: tuple[str, ...]
    """What else than the session they depend on, as written."""
    via_services: tuple[str, ...]
    """Keys by which it holds for what people do themselves, and not for what a service does for them."""
    dead: tuple[Condition, ...]
    """Conditions, not about MFA, that hold in no direct request."""

    @property
    def statement(self) -> Statement:
        """Return the compiled statement."""
        return self.parsed.statement

    @property
    def resources(self) -> Sequence[str]:
        """Return the entries of Resource or NotResource."""
        return self.parsed.resources

    def place(self, element: str | None = None) -> Place:
        """Return the place of the statement, or of one of its elements."""
        return self.parsed.place(element)

    @cached_property
    def entries(self) -> dict[str, str]:
        """Return the entries of Action or NotAction: in lower case, to how they are written."""
        found: dict[str, str] = {}
        for entry in self.parsed.actions:
            found.setdefault(entry.lower(), entry)
        return found

    @cached_property
    def broad(self) -> bool:
        """Return whether it covers all services, including future ones."""
        return any(map(is_all, self.entries)) != self.statement.not_actions

    @cached_property
    def about_nothing(self) -> bool:
        """Return whether its NotAction names every action, so that it covers none."""
        return self.statement.not_actions and any(map(is_all, self.entries))

    @property
    def everywhere(self) -> bool:
        """Return whether it covers every resource."""
        return not self.statement.not_resources and "*" in self.resources

    def firm(self, mfa: bool | None) -> bool:
        """Return whether it is sure to apply in this kind of session, on every resource."""
        return self.everywhere and mfa in self.sure

    @property
    def demands_mfa(self) -> bool:
        """Return whether it applies to a user without MFA, and no longer with MFA."""
        about_it = any(each.key.lower() in MFA_KEYS for each in self.statement.conditions)
        return bool(self.mfa_states) and (True not in self.mfa_states or (about_it and True not in self.sure))

    @cached_property
    def listed(self) -> frozenset[str]:
        """Return the real actions that its entries name, except for entries with a wildcard for the service. Computed
        once.
        """
        return frozenset().union(*[named_by(each) for each in self.entries.values() if each not in self._open])

    @cached_property
    def _open(self) -> dict[str, Pattern]:
        """Return the entries with a wildcard for the service."""
        wild = [each for each in self.entries.values() if open_service(each)]
        return {each: Pattern(each, variables=False, ignore_case=True) for each in wild}

    def names(self, action: str) -> bool:
        """Return whether it covers a real action, in AWS's spelling. Same answer as the evaluator's, much faster."""
        if self.broad and not self.statement.not_actions:
            return True
        if action not in self._asked:
            named = action in self.listed or any(pattern.matches(action, {}) for pattern in self._open.values())
            self._asked[action] = named != self.statement.not_actions
        return self._asked[action]

    @cached_property
    def _asked(self) -> dict[str, bool]:
        return {}

    def escaping(self, actions: frozenset[str]) -> frozenset[str]:
        """Return those of many real actions that it doesn't cover, or more than those if its entries leave the
        service open.
        """
        if not self.statement.not_actions:
            return frozenset() if self.broad else actions - self.listed
        return actions if self._open else actions & self.listed


def scopes_of(policy: ParsedPolicy) -> Sequence[Scope]:
    """Return all statements of a document, evaluated for the users of its account."""
    return _scopes_of(policy, this_hour())


@lru_cache(maxsize=16)
def _scopes_of(policy: ParsedPolicy, now: datetime) -> Sequence[Scope]:
    sessions = {mfa: Users(mfa, policy.account_id, policy.partition, now) for mfa in MFA_STATES}
    return [_scope_of(each, sessions) for each in policy.statements]


def denies_of(policy: ParsedPolicy) -> Sequence[Scope]:
    """Return the statements that deny."""
    return [each for each in scopes_of(policy) if each.statement.denies]


def _scope_of(parsed: ParsedStatement, sessions: Mapping[bool | None, Users]) -> Scope:
    statement = parsed.statement
    found = {mfa: [(each, holds(each, users)) for each in statement.conditions] for mfa, users in sessions.items()}
    mfa_states = frozenset(
        mfa for mfa, outcomes in found.items() if all(how is not Holds.NEVER for _, how in outcomes)
    )
    depends = [each for mfa in mfa_states for each, how in found[mfa] if how is Holds.SOMETIMES]
    others = [each for each in statement.conditions if each.key.lower() not in MFA_KEYS]
    never = {id(each) for each in others if all((each, Holds.NEVER) in outcomes for outcomes in found.values())}
    services = [
        each.key
        for each in others
        if exempts_services(each, sessions[False])
        and all((each, Holds.ALWAYS) in outcomes for mfa, outcomes in found.items() if mfa in mfa_states)
    ]
    return Scope(
        parsed,
        mfa_states,
        frozenset(mfa for mfa in mfa_states if all(how is Holds.ALWAYS for _, how in found[mfa])),
        tuple(dict.fromkeys(key for each in depends for key in each.keys if _open(key, each))),
        tuple(dict.fromkeys(services)),
        tuple(each for each in others if id(each) in never),
    )


def _open(key: str, condition: Condition) -> bool:
    """Return whether the condition depends on the request because of this key, and not of one with a known value."""
    if key.lower() in MFA_KEYS:
        return len(condition.keys) == 1
    return key == condition.key or condition_key(key) is None or key.lower() not in ("aws:username", "aws:userid")


def client_chooses(key: str) -> bool:
    """Return whether a client may send any value for a key."""
    known = condition_key(key)
    return known is not None and known.chosen
