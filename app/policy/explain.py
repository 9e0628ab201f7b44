"""Why a request is decided as it is, statement by statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.policy.analysis.partial_evaluation import Weighed, Weight, unknown, weigh, weighed
from app.policy.analysis.satisfiability import Holds
from app.policy.evaluation import Decision, Effect, Policy, Request, Statement
from app.policy.parsed import ParsedPolicy, ParsedStatement
from app.policy.patterns import Absent
from app.policy.places import Place, cut
from app.policy.plain_words import wanted_words
from app.policy.reference.actions import UNTOUCHED, nearest, real_name
from app.policy.reference.pass_role import RUNNERS
from app.policy.reference.request_context import MFA_AGE, PASSWORD, PLAIN_KEY, WITH_MFA, IamUser, request_context

LONGEST_SESSION = 129_600
"""Seconds that a session with MFA can last (GetSessionToken)."""
WAYS = {"key": PLAIN_KEY, "password": PASSWORD, "mfa": WITH_MFA}
"""How a user is signed in: with an access key alone, with a password and no code, or with MFA just now."""
_SIGNED_IN = {
    "key": "with an access key and no MFA",
    "password": "signed in with a password and no MFA",
    "mfa": "signed in with MFA",
}

_OWN_RULE = (
    "Whatever the policy says: who has an MFA device already needs a session with MFA for this, by a rule of AWS’s "
    "own since April 2023."
)
BY_THE_SERVICE = {"iam:EnableMFADevice": _OWN_RULE, "iam:DeactivateMFADevice": _OWN_RULE}


@dataclass(frozen=True)
class Question:
    """May this person do that? way: a key of WAYS. path: with slashes, "/" for none. resource: ARN or "*"."""

    user_name: str
    action: str
    resource: str
    way: str = "mfa"
    path: str = "/"
    assumed: Mapping[str, str] = field(default_factory=dict)
    """Condition keys whose value is given: for what is not known here, or other than it usually is."""

    @property
    def who(self) -> str:
        """For whom the answer is, with any path and assumed keys: "alice, signed in with MFA"."""
        path = f" (path {self.path})" if self.path != "/" else ""
        assumed = "".join(f", assuming {cut(key)}={cut(value)}" for key, value in self.assumed.items())
        return f"{self.user_name}{path}, {_SIGNED_IN[self.way]}{assumed}"

    def request(self, account_id: str, partition: str) -> Request:
        """As the judge is asked, with the keys whose value is known."""
        user = IamUser(
            account_id, self.user_name, f"arn:{partition}:iam::{account_id}:user{self.path}{self.user_name}"
        )
        known = request_context(user, WAYS[self.way], self.action)
        given = {key.lower() for key in self.assumed}
        context = {key: value for key, value in known.items() if key.lower() not in given and not unknown(key)}
        return Request(self.action, self.resource, context | dict(self.assumed))


@dataclass(frozen=True)
class Step:
    """What one statement had to do with it."""

    place: Place
    denies: bool
    matches: bool | None
    """None where that depends on keys that are not known."""
    decides: bool
    why: str


@dataclass(frozen=True)
class Explanation:
    """A decision, and every statement's part in it."""

    decision: Decision
    steps: Sequence[Step]
    beyond: str
    """What AWS does whatever a policy says, or ""."""
    doubt: str
    """That there is no such action, as far as AWS's reference tells, or ""."""
    no_policy_decides: bool = False
    """Is it an action that no policy reaches?"""
    depends: Sequence[str] = ()
    """Keys the decision depends on whose values are not known; then `decision` is what there is without them."""

    @property
    def evaluated(self) -> bool:
        """Is it decided?"""
        return not self.depends

    @property
    def elsewhere(self) -> str:
        """That another policy may allow it; "" where this document decides, or nothing does."""
        silent = self.evaluated and self.decision.effect is Effect.IMPLICITLY_DENIED
        return "Another policy of this user may allow it." if silent and not self.no_policy_decides else ""

    @property
    def sentence(self) -> str:
        """The decision in words."""
        if self.depends:
            return f"Not evaluated: it depends on {', '.join(map(cut, self.depends))}, which is not known here."
        decider = next((step for step in self.steps if step.decides), None)
        if decider is None:
            return "Not allowed: no statement allows it."
        verb = "Denied" if decider.denies else "Allowed"
        return f"{verb} by {decider.place}."


def explain(policy: ParsedPolicy, question: Question) -> Explanation:
    """Decide and say why. Raises KeyError for an unknown way."""
    request = question.request(policy.account_id, policy.partition)
    found = weigh(policy.policy.statements, request)
    decider = None
    if not found.depends:
        matching = [each for each, weight in zip(policy.statements, found.weights, strict=True) if weight.matches]
        deciding = [each for each in matching if each.denies] or matching
        decider = next(iter(deciding), None)
    steps = [
        _step(each, request, weight, decides=each is decider)
        for each, weight in zip(policy.statements, found.weights, strict=True)
    ]
    action = real_name(question.action) or question.action
    return Explanation(
        found.decision,
        steps,
        " ".join(filter(None, [*_beyond(action), _with_an_older_code(policy.policy, request, found)])),
        _doubt(question.action),
        action in UNTOUCHED,
        found.depends,
    )


def _beyond(action: str) -> Iterator[str]:
    yield UNTOUCHED.get(action, "") or BY_THE_SERVICE.get(action, "")
    yield _dependent(action)


def _with_an_older_code(policy: Policy, request: Request, found: Weighed) -> str:
    """That a decision for a code just given ends some time, where a condition goes by its age."""
    if MFA_AGE not in request.context:
        return ""
    old = Request(request.action, request.resource, {**request.context, MFA_AGE: str(LONGEST_SESSION)})
    if weigh(policy.statements, old).decision.effect is found.decision.effect:
        return ""
    return f"That is for a code just given: a condition goes by {MFA_AGE}, and with an older code it is otherwise."


def _dependent(action: str) -> str:
    """What else AWS asks for where a request has more in it: a role that is handed on, tags."""
    service, _, name = action.partition(":")
    hands_on = action in RUNNERS or action == "iam:AddRoleToInstanceProfile"
    tags = {"iam": f"iam:Tag{name.removeprefix('Create')}", "ec2": "ec2:CreateTags"}.get(service, "")
    tagging = tags if name.startswith(("Create", "RunInstances")) and real_name(tags) else ""
    also = [*(["iam:PassRole"] if hands_on else []), *([tagging] if tagging else [])]
    return f"AWS may also ask for {' and '.join(also)}: that is not evaluated here." if also else ""


def _step(statement: ParsedStatement, request: Request, weight: Weight, *, decides: bool) -> Step:
    if weight.matches is None:
        why = f"It may match: that depends on {', '.join(map(cut, weight.depends))}."
    elif weight.matches:
        why = "It matches, and decides." if decides else "It matches, too, but another one decides."
    else:
        why = _why(statement.statement, request)
    return Step(statement.place(), statement.denies, weight.matches, decides, why)


def _doubt(action: str) -> str:
    if real_name(action):
        return ""
    if ":" not in action:
        return f"{cut(action)} is no action: one reads like iam:ListUsers."
    if "*" in action or "?" in action:
        return "A request is for one action, never for a pattern: name one, like iam:ListUsers."
    meant = nearest(action)
    rest = f"; {meant} is near." if meant else ": is it spelt right?"
    return f"AWS’s reference knows no action {cut(action)}{rest}"


def _why(statement: Statement, request: Request) -> str:
    """Why a statement does not match."""
    context = {key.lower(): value for key, value in request.context.items()}
    if not statement.names_action(request.action):
        return f"It {'leaves alone' if statement.not_actions else 'does not name'} {request.action}."
    try:
        on_it = any(pattern.matches(request.resource, context) for pattern in statement.resources)
    except Absent as absent:
        return f"Its resource needs a value of {absent}, which the request does not have."
    if on_it == statement.not_resources:
        if request.resource == "*":
            return "It is about named resources; this was asked of no particular one."
        return f"It is not about {request.resource}."
    for condition in statement.conditions:
        if weighed(condition, context)[0] is Holds.NEVER:
            value = context.get(condition.key.lower())
            said = f"is {value}" if value is not None else "is absent"
            wanted = wanted_words(condition.wanted)
            return f"Its condition does not hold: {condition.key} {said}, and {condition.operator} wants {wanted}."
    return "Its condition needs a value that the request does not have."
