"""The policy evaluator: decides a request against identity policies, as AWS documents it. Pure.

An explicit deny overrides an allow, and without an allow the request is denied. Source: IAM User Guide, policy
evaluation logic and policy elements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from app.policy.conditions import Condition, UnknownOperator, compiled_condition
from app.policy.patterns import Absent, Context, Pattern, ResourcePattern
from app.text.messages import _

VERSIONS = ("2012-10-17", "2008-10-17")
WITH_VARIABLES = "2012-10-17"
"""Only this version has policy variables; in the other `${...}` is plain text."""
MOST_ACTIONS = 1024
"""Of a statement, whose answers are kept."""


class PolicyError(ValueError):
    """The document isn't a policy. `str()` says why and where. iam: IAM's own message if IAM refuses it.

    problem: a sentence that says what is wrong. where: the statement it is wrong in, "" for the document as a whole.
    """

    def __init__(self, problem: str, iam: str = "Syntax errors in policy.", where: str = "") -> None:
        super().__init__(_("%(statement)s: %(problem)s", statement=where, problem=problem) if where else problem)
        self.problem = problem
        self.iam = iam


class Effect(StrEnum):
    """The outcome of an evaluation."""

    ALLOWED = "Allowed"
    EXPLICITLY_DENIED = "ExplicitlyDenied"
    IMPLICITLY_DENIED = "ImplicitlyDenied"


@dataclass(frozen=True)
class Request:
    """A request to AWS.

    action: "iam:ListUsers". resource: an ARN, or "*" if the action supports none. context: condition keys in any
    letter case to a value or several. Absent keys aren't in it.
    """

    action: str
    resource: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """The effect, and the statement that decided: its Sid, else its index over all statements, None if no statement
    did.
    """

    effect: Effect
    statement: str | int | None

    @property
    def allowed(self) -> bool:
        """Return whether the effect is ALLOWED."""
        return self.effect is Effect.ALLOWED


@dataclass(frozen=True)
class Statement:
    """One compiled statement."""

    sid: str | None
    denies: bool
    actions: tuple[Pattern, ...]
    not_actions: bool
    resources: tuple[Pattern, ...]
    not_resources: bool
    conditions: tuple[Condition, ...]
    _named: dict[str, bool] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What `names_action` found. It depends on nothing else, and thousands of requests are for few actions."""

    def names_action(self, action: str) -> bool:
        """Return whether Action or NotAction covers an action ("iam:ListUsers")."""
        found = self._named.get(action)
        if found is None:
            found = any(pattern.matches(action, {}) for pattern in self.actions) != self.not_actions
            if len(self._named) >= MOST_ACTIONS:
                self._named.clear()
            self._named[action] = found
        return found

    def _names_resource(self, resource: str, context: Context) -> bool:
        for pattern in self.resources:
            if pattern.matches(resource, context):
                return not self.not_resources
        return self.not_resources

    def covers(self, request: Request, context: Context) -> bool:
        """Return whether action, resource and every condition match. context: keys in lower case."""
        try:
            return (
                self.names_action(request.action)
                and self._names_resource(request.resource, context)
                and all(condition.holds(context) for condition in self.conditions)
            )
        except Absent:
            return False  # a variable without a value: also for NotResource and the negated operators


@dataclass(frozen=True)
class Policy:
    """A compiled document. Compile it once and use it often."""

    statements: tuple[Statement, ...]


def compiled(document: Mapping[str, Any]) -> Policy:
    """Compile an identity policy. Raises PolicyError, which names the statement and what is wrong with it."""
    if not isinstance(document, Mapping):
        raise PolicyError(_("A policy is a JSON object."))
    version = document.get("Version", VERSIONS[1])
    if version not in VERSIONS:
        raise PolicyError(
            _("Version is %(version)s, but must be 2012-10-17.", version=repr(version)),
            "Policy document must be version 2012-10-17 or greater.",
        )
    statements = document.get("Statement")
    if isinstance(statements, Mapping):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise PolicyError(_("The policy has no Statement."))
    return Policy(
        tuple(
            _statement(statement, index, variables=version == WITH_VARIABLES)
            for index, statement in enumerate(statements)
        )
    )


_ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


def _statement(statement: Any, index: int, variables: bool) -> Statement:
    where = _("Statement %(number)s", number=index)
    if not isinstance(statement, Mapping):
        raise PolicyError(_("A statement must be a JSON object."), where=where)
    sid = statement.get("Sid")
    if sid is not None and not isinstance(sid, str):
        raise PolicyError(_("Sid must be text."), where=where)
    where = _("Statement %(number)s (%(sid)s)", number=index, sid=sid) if sid else where
    unknown = set(statement) - _ELEMENTS
    if unknown:
        principals = unknown <= {"Principal", "NotPrincipal"}
        raise PolicyError(
            _("An identity policy can’t have %(elements)s.", elements=", ".join(sorted(map(str, unknown)))),
            "Policy document should not specify a principal." if principals else "Syntax errors in policy.",
            where,
        )
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError(_("Effect must be Allow or Deny."), where=where)
    actions, not_actions = _either(statement, "Action", where)
    resources, not_resources = _either(statement, "Resource", where)
    for action in actions:
        if action != "*" and ":" not in action:
            raise PolicyError(
                _("%(action)s isn’t an action. Actions look like iam:ListUsers.", action=repr(action)),
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
                where,
            )
    return Statement(
        sid=sid or None,
        denies=statement["Effect"] == "Deny",
        actions=tuple(Pattern(action, variables=False, ignore_case=True) for action in actions),
        not_actions=not_actions,
        resources=tuple(_resource(resource, variables, where) for resource in resources),
        not_resources=not_resources,
        conditions=_conditions(statement.get("Condition", {}), variables, where),
    )


def _either(statement: Mapping[str, Any], element: str, where: str) -> tuple[list[str], bool]:
    """Return the texts of Action or NotAction (Resource or NotResource), and whether it is the Not form."""
    given = [name for name in (element, f"Not{element}") if name in statement]
    none = f"Policy statement must contain {element.lower()}s."
    if len(given) != 1:
        iam = "Syntax errors in policy." if given else none
        raise PolicyError(_("A statement needs either %(element)s or Not%(element)s.", element=element), iam, where)
    found = statement[given[0]]
    texts = [found] if isinstance(found, str) else found
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        iam = none if texts == [] else "Syntax errors in policy."
        raise PolicyError(_("%(element)s must be text or a list of texts.", element=given[0]), iam, where)
    return texts, given[0].startswith("Not")


def _resource(text: str, variables: bool, where: str) -> Pattern:
    if text != "*":
        parts = text.split(":", 5)
        if len(parts) < 3 or parts[0] != "arn" or not parts[2]:
            raise PolicyError(
                _(
                    "%(text)s isn’t an ARN. Resources look like arn:aws:iam::123456789012:user/alice.",
                    text=repr(text),
                ),
                f'Resource {text} must be in ARN format or "*".'
                if parts[0] != "arn" or len(parts) < 2
                else "Resource vendor must be fully qualified and cannot contain regexes.",
                where,
            )
        if "*" in parts[2] or "?" in parts[2]:
            raise PolicyError(
                _("%(text)s has a wildcard in the service part of the ARN.", text=repr(text)),
                "Resource vendor must be fully qualified and cannot contain regexes.",
                where,
            )
        if variables and any("${" in part for part in parts[:5]):
            raise PolicyError(
                _("%(text)s has a variable before the fifth colon, where it isn’t replaced.", text=repr(text)),
                "The policy failed legacy parsing",
                where,
            )
    return ResourcePattern(text, variables=variables)


def _conditions(condition: Any, variables: bool, where: str) -> tuple[Condition, ...]:
    if not isinstance(condition, Mapping):
        raise PolicyError(_("Condition must be a JSON object."), where=where)
    tests = []
    for operator, keys in condition.items():
        if not isinstance(keys, Mapping):
            raise PolicyError(_("%(operator)s needs an object of keys and values.", operator=operator), where=where)
        for key, values in keys.items():
            wanted = [_text(value, where, key) for value in (values if isinstance(values, list) else [values])]
            try:
                tests.append(compiled_condition(operator, key, wanted, variables))
            except UnknownOperator:
                raise PolicyError(
                    _("There is no condition operator %(operator)s.", operator=repr(operator)),
                    f"Invalid Condition type : {operator}.",
                    where,
                ) from None
    return tuple(tests)


def _text(value: Any, where: str, key: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise PolicyError(_("The value of %(key)s must be text, a number, true or false.", key=key), where=where)


def decide(policies: Sequence[Policy], request: Request) -> Decision:
    """Decide a request: by the first matching Deny, else the first matching Allow, else as an implicit denial."""
    context = {key.lower(): value for key, value in request.context.items()}
    allowed: str | int | None = None
    found = False
    index = 0
    for policy in policies:
        for statement in policy.statements:
            if (statement.denies or not found) and statement.covers(request, context):
                name = index if statement.sid is None else statement.sid
                if statement.denies:
                    return Decision(Effect.EXPLICITLY_DENIED, name)
                allowed, found = name, True
            index += 1
    return Decision(Effect.ALLOWED if found else Effect.IMPLICITLY_DENIED, allowed)
