"""Statements as the search for dangers sees them: with whose credentials each holds, and what narrows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.policy.analysis.satisfiability import Holds, Users, holds, spares_services, this_hour
from app.policy.check.findings import Place
from app.policy.conditions import Condition
from app.policy.evaluation import Policy, Statement
from app.policy.patterns import Pattern
from app.policy.reference.actions import covered, real_name
from app.policy.reference.request_context import condition_key

MFA_KEYS = ("aws:multifactorauthpresent", "aws:multifactorauthage")
KINDS: tuple[bool | None, ...] = (None, False, True)
"""Sessions by aws:MultiFactorAuthPresent: a plain access key has none, a password without a code says false."""
WHO = ("aws:username", "aws:userid", "aws:principal")
"""Keys that begin so tell people apart: a condition on one exempts somebody."""


@dataclass(frozen=True)
class Ruling:
    """One statement. written: as in the document, rendered. index: over the document, from 0."""

    index: int
    written: Mapping[str, Any]
    statement: Statement
    kinds: frozenset[bool | None]
    """The sessions (KINDS) in which its conditions can hold, in a direct request of an IAM user."""
    sure: frozenset[bool | None]
    """Those in which they hold, whatever else is in the request."""
    keys: tuple[str, ...]
    """What else than the session they depend on, as written."""
    via_services: tuple[str, ...]
    """Keys by which it holds for what people do themselves, and not for what a service does for them."""
    dead: tuple[Condition, ...]
    """Conditions, not about MFA, that hold in no direct request."""

    def place(self, element: str | None = None) -> Place:
        """Of one of its elements."""
        return Place(self.index, self.written.get("Sid") or None, element)

    @cached_property
    def entries(self) -> dict[str, str]:
        """Of Action or NotAction: in lower case, to how it is written."""
        found: dict[str, str] = {}
        for entry in texts(self.written["NotAction" if self.statement.not_actions else "Action"]):
            found.setdefault(entry.lower(), entry)
        return found

    @cached_property
    def broad(self) -> bool:
        """Is it about all services, also those that there will be?"""
        return any(map(is_all, self.entries)) != self.statement.not_actions

    @cached_property
    def about_nothing(self) -> bool:
        """Does its NotAction leave no action over?"""
        return self.statement.not_actions and any(map(is_all, self.entries))

    @property
    def everywhere(self) -> bool:
        """Is it about every resource?"""
        return not self.statement.not_resources and "*" in texts(self.written["Resource"])

    def firm(self, kind: bool | None) -> bool:
        """Does it surely hold in this kind of session, on every resource?"""
        return self.everywhere and kind in self.sure

    @property
    def demands_mfa(self) -> bool:
        """Does it hold for somebody without MFA, and end with MFA?"""
        about_it = any(each.key.lower() in MFA_KEYS for each in self.statement.conditions)
        return bool(self.kinds) and (True not in self.kinds or (about_it and True not in self.sure))

    @cached_property
    def listed(self) -> frozenset[str]:
        """Real actions that the entries with a service of their own name: looked up once, and cheap to ask then."""
        return frozenset().union(*[named_by(each) for each in self.entries.values() if each not in self._open])

    @cached_property
    def _open(self) -> dict[str, Pattern]:
        """The entries with a wildcard for the service."""
        wild = [each for each in self.entries.values() if open_service(each)]
        return {each: Pattern(each, variables=False, ignore_case=True) for each in wild}

    def names(self, action: str) -> bool:
        """Is a real action, in AWS's spelling, one it is about? As the judge says, in a fraction of the time."""
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
        """Those of many real actions that it is not about; more than that where its entries leave services open."""
        if not self.statement.not_actions:
            return frozenset() if self.broad else actions - self.listed
        return actions if self._open else actions & self.listed


def rulings(statements: Sequence[Mapping[str, Any]], policy: Policy, account_id: str, partition: str) -> list[Ruling]:
    """All statements of a document. policy: the same compiled. account_id, partition: whose users are under it."""
    now = this_hour()
    sessions = {kind: Users(kind, account_id, partition, now) for kind in KINDS}
    return [
        _ruling(index, written, statement, sessions)
        for index, (written, statement) in enumerate(zip(statements, policy.statements, strict=True))
    ]


def _ruling(
    index: int, written: Mapping[str, Any], statement: Statement, sessions: Mapping[bool | None, Users]
) -> Ruling:
    found = {kind: [(each, holds(each, users)) for each in statement.conditions] for kind, users in sessions.items()}
    kinds = frozenset(kind for kind, told in found.items() if all(how is not Holds.NEVER for _, how in told))
    depends = [each for kind in kinds for each, how in found[kind] if how is Holds.SOMETIMES]
    others = [each for each in statement.conditions if each.key.lower() not in MFA_KEYS]
    never = {id(each) for each in others if all((each, Holds.NEVER) in told for told in found.values())}
    services = [
        each.key
        for each in others
        if spares_services(each, sessions[False])
        and all((each, Holds.ALWAYS) in told for kind, told in found.items() if kind in kinds)
    ]
    return Ruling(
        index,
        written,
        statement,
        kinds,
        frozenset(kind for kind in kinds if all(how is Holds.ALWAYS for _, how in found[kind])),
        tuple(dict.fromkeys(key for each in depends for key in each.keys if _open(key, each))),
        tuple(dict.fromkeys(services)),
        tuple(each for each in others if id(each) in never),
    )


def _open(key: str, condition: Condition) -> bool:
    """Is it this key that makes the condition depend on the request, and not one with a value that is known?"""
    if key.lower() in MFA_KEYS:
        return len(condition.keys) == 1
    return key == condition.key or condition_key(key) is None or key.lower() not in ("aws:username", "aws:userid")


def is_all(entry: str) -> bool:
    """Does an entry of Action or NotAction name every action: "*", "*:*", "*:?*"?"""
    pattern = Pattern(entry, variables=False)
    return set(entry) <= {"*", "?", ":"} and all(pattern.matches(each, {}) for each in ("a:b", "service:Action"))


def named_by(pattern: str) -> tuple[str, ...]:
    """Real actions that "iam:List*" or "iam:ListUsers" names. Without a service of its own it names none."""
    if "*" in pattern or "?" in pattern:
        return covered(pattern)
    real = real_name(pattern)
    return (real,) if real else ()


def open_service(pattern: str) -> bool:
    """Has it a wildcard where the service stands?"""
    service = pattern.partition(":")[0]
    return "*" in service or "?" in service


def client_chooses(key: str) -> bool:
    """May somebody who sends a request put in what they like?"""
    known = condition_key(key)
    return known is not None and known.chosen


def texts(value: Any) -> list[Any]:
    """One or a list of them."""
    return value if isinstance(value, list) else [value]


def counted(names: Sequence[str], most: int = 3) -> str:
    """ "a, b, c and 4 more"; each cut short."""
    shown = [name if len(name) <= 80 else f"{name[:77]}..." for name in names[:most]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")
