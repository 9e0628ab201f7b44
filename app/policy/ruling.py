"""Statements as the search for dangers sees them: with whose credentials each holds, and what narrows it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.policy.actions import covered, real_name
from app.policy.evaluation import Policy, Request, Statement, compiled
from app.policy.findings import Place
from app.policy.patterns import Context, Pattern

_VARIABLE = re.compile(r"\$\{([^},]+)")
MFA_KEYS = ("aws:multifactorauthpresent", "aws:multifactorauthage")
_SESSIONS: dict[bool | None, Context] = {
    None: {},
    False: {"aws:multifactorauthpresent": "false"},
    True: {"aws:multifactorauthpresent": "true", "aws:multifactorauthage": "60"},
}
"""What requests say of MFA: those of a plain access key nothing, of a password without a code, of an MFA session."""

CHOSEN = frozenset(
    {
        "aws:useragent",
        "aws:referer",
        "aws:requestedregion",
        "aws:securetransport",
        "aws:sourceidentity",
        "aws:tagkeys",
    }
)
"""Condition keys whose value is whatever the client sends. So is every aws:RequestTag/..."""
WHO = ("aws:username", "aws:userid", "aws:principal")
"""Keys that begin so tell people apart: a condition on one exempts somebody."""


@dataclass(frozen=True)
class Ruling:
    """One statement. written: as in the document, rendered. index: over the document, from 0."""

    index: int
    written: Mapping[str, Any]
    statement: Statement
    kinds: frozenset[bool | None]
    """The values of aws:MultiFactorAuthPresent for which its conditions about MFA hold."""
    keys: tuple[str, ...]
    """What else it has conditions on, as written."""

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
        return any(entry in ("*", "*:*") for entry in self.entries) != self.statement.not_actions

    @property
    def everywhere(self) -> bool:
        """Is it about every resource?"""
        return not self.statement.not_resources and "*" in texts(self.written["Resource"])

    @property
    def firm(self) -> bool:
        """Does nothing but MFA decide whether it holds?"""
        return self.everywhere and not self.keys

    @property
    def demands_mfa(self) -> bool:
        """Does it hold for somebody without MFA, and end with MFA?"""
        return bool(self.kinds) and True not in self.kinds

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


def rulings(statements: Sequence[Mapping[str, Any]], policy: Policy, version: str) -> list[Ruling]:
    """All statements of a document. policy: the same compiled."""
    return [
        Ruling(
            index,
            written,
            statement,
            _kinds(written, version),
            tuple(key for key in (*_keys(written), *_in_values(written)) if key.lower() not in MFA_KEYS),
        )
        for index, (written, statement) in enumerate(zip(statements, policy.statements, strict=True))
    ]


def _keys(written: Mapping[str, Any]) -> list[str]:
    conditions = (written.get("Condition") or {}).values()
    return list(dict.fromkeys(key for keys in conditions for key in keys))


def _in_values(written: Mapping[str, Any]) -> list[str]:
    """Keys that values of its conditions about MFA stand for: "${aws:UserAgent, 'true'}"."""
    values = [
        str(value)
        for keys in (written.get("Condition") or {}).values()
        for key, told in keys.items()
        if key.lower() in MFA_KEYS
        for value in texts(told)
    ]
    return [key.strip() for value in values for key in _VARIABLE.findall(value)]


def _kinds(written: Mapping[str, Any], version: str) -> frozenset[bool | None]:
    """Its conditions about MFA alone, put to the judge."""
    if not written.get("Condition"):
        return frozenset(_SESSIONS)
    about_mfa = {
        operator: {key: value for key, value in keys.items() if key.lower() in MFA_KEYS}
        for operator, keys in written["Condition"].items()
    }
    alone = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": about_mfa}
    [statement] = compiled({"Version": version, "Statement": alone}).statements
    request = Request("any:Action", "*")
    return frozenset(kind for kind, context in _SESSIONS.items() if statement.covers(request, context))


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
    """May whoever sends a request put in what they like?"""
    return key.lower() in CHOSEN or key.lower().startswith("aws:requesttag/")


def texts(value: Any) -> list[Any]:
    """One or a list of them."""
    return value if isinstance(value, list) else [value]


def counted(names: Sequence[str], most: int = 3) -> str:
    """ "a, b, c and 4 more"; each cut short."""
    shown = [name if len(name) <= 80 else f"{name[:77]}..." for name in names[:most]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")
