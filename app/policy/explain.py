"""Explain a decision statement by statement."""

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
from app.text.messages import N_, _

LONGEST_SESSION = 129_600
"""Seconds that a session with MFA can last (GetSessionToken)."""
WAYS = {"key": PLAIN_KEY, "password": PASSWORD, "mfa": WITH_MFA}
"""How a user is signed in: with an access key alone, with a password and no code, or with MFA just now."""
_SIGNED_IN = {
    "key": N_("%(user)s, with an access key and no MFA"),
    "password": N_("%(user)s, signed in with a password and no MFA"),
    "mfa": N_("%(user)s, signed in with MFA"),
}

_OWN_RULE = N_(
    "Whatever the policy says, AWS requires a session with MFA for this from users who already have an MFA device. "
    "AWS introduced this rule in April 2023."
)
BY_THE_SERVICE = {"iam:EnableMFADevice": _OWN_RULE, "iam:DeactivateMFADevice": _OWN_RULE}


@dataclass(frozen=True)
class Question:
    """Whether a user may do something. way: a key of WAYS. path: with slashes, "/" for none. resource: an ARN
    or "*".
    """

    user_name: str
    action: str
    resource: str
    way: str = "mfa"
    path: str = "/"
    assumed: Mapping[str, str] = field(default_factory=dict)
    """Condition keys whose value is given: for what is not known here, or other than it usually is."""

    @property
    def who(self) -> str:
        """Return who the answer is for, with path and assumed keys: "alice, signed in with MFA"."""
        user = self.user_name
        if self.path != "/":
            user = _("%(user)s (path %(path)s)", user=user, path=self.path)
        signed_in = _(_SIGNED_IN[self.way], user=user)
        if not self.assumed:
            return signed_in
        given = ", ".join(f"{cut(key)}={cut(value)}" for key, value in self.assumed.items())
        return _("%(user)s, assuming %(values)s", user=signed_in, values=given)

    def request(self, account_id: str, partition: str) -> Request:
        """Return the request for the evaluator, with the keys whose value is known."""
        user = IamUser(
            account_id, self.user_name, f"arn:{partition}:iam::{account_id}:user{self.path}{self.user_name}"
        )
        known = request_context(user, WAYS[self.way], self.action)
        given = {key.lower() for key in self.assumed}
        context = {key: value for key, value in known.items() if key.lower() not in given and not unknown(key)}
        return Request(self.action, self.resource, context | dict(self.assumed))


@dataclass(frozen=True)
class Step:
    """How one statement applied to a request."""

    place: Place
    denies: bool
    matches: bool | None
    """None where that depends on keys that are not known."""
    decides: bool
    why: str


@dataclass(frozen=True)
class Explanation:
    """A decision, and how every statement contributed to it."""

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
        """Return whether the request could be decided."""
        return not self.depends

    @property
    def elsewhere(self) -> str:
        """Say that another policy may allow it. "" if this document decides, or if no policy matters."""
        silent = self.evaluated and self.decision.effect is Effect.IMPLICITLY_DENIED
        return _("Another policy of this user may allow it.") if silent and not self.no_policy_decides else ""

    @property
    def sentence(self) -> str:
        """Return the decision as a sentence."""
        if self.depends:
            return _("Not evaluated: it depends on %(keys)s, which we don’t know.", keys=_listed(self.depends))
        decider = next((step for step in self.steps if step.decides), None)
        if decider is None:
            return _("Not allowed: no statement allows it.")
        if decider.denies:
            return _("Denied by %(place)s.", place=decider.place)
        return _("Allowed by %(place)s.", place=decider.place)


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(map(cut, keys))


def explain(policy: ParsedPolicy, question: Question) -> Explanation:
    """Decide a request and explain why. Raises KeyError for an unknown way."""
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
    beyond = UNTOUCHED.get(action, "") or BY_THE_SERVICE.get(action, "")
    yield _(beyond) if beyond else ""
    yield _dependent(action)


def _with_an_older_code(policy: Policy, request: Request, found: Weighed) -> str:
    """Say until when the decision holds, if a condition depends on how old the MFA code is."""
    if MFA_AGE not in request.context:
        return ""
    old = Request(request.action, request.resource, {**request.context, MFA_AGE: str(LONGEST_SESSION)})
    if weigh(policy.statements, old).decision.effect is found.decision.effect:
        return ""
    return _(
        "This is for a new code. A condition depends on %(key)s, so an older code gets another answer.", key=MFA_AGE
    )


def _dependent(action: str) -> str:
    """Say what else AWS checks if a request includes more: a role that is passed, tags."""
    service, _colon, name = action.partition(":")
    hands_on = action in RUNNERS or action == "iam:AddRoleToInstanceProfile"
    tags = {"iam": f"iam:Tag{name.removeprefix('Create')}", "ec2": "ec2:CreateTags"}.get(service, "")
    tagging = tags if name.startswith(("Create", "RunInstances")) and real_name(tags) else ""
    also = [*(["iam:PassRole"] if hands_on else []), *([tagging] if tagging else [])]
    return _("AWS may also require %(actions)s. We don’t check that here.", actions=", ".join(also)) if also else ""


def _step(statement: ParsedStatement, request: Request, weight: Weight, *, decides: bool) -> Step:
    if weight.matches is None:
        why = _("It may match. That depends on %(keys)s.", keys=_listed(weight.depends))
    elif weight.matches:
        why = _("It matches, and decides.") if decides else _("It matches, but another one decides.")
    else:
        why = _why(statement.statement, request)
    return Step(statement.place(), statement.denies, weight.matches, decides, why)


def _doubt(action: str) -> str:
    if real_name(action):
        return ""
    if ":" not in action:
        return _("%(action)s isn’t an action. Enter one like iam:ListUsers.", action=cut(action))
    if "*" in action or "?" in action:
        return _("A request is for one action, not for a pattern. Enter one like iam:ListUsers.")
    meant = nearest(action)
    if meant:
        return _("AWS’s reference has no action %(action)s. Did you mean %(near)s?", action=cut(action), near=meant)
    return _("AWS’s reference has no action %(action)s. Check its spelling.", action=cut(action))


def _why(statement: Statement, request: Request) -> str:
    """Say why a statement doesn't match."""
    context = {key.lower(): value for key, value in request.context.items()}
    if not statement.names_action(request.action):
        if statement.not_actions:
            return _("It exempts %(action)s.", action=request.action)
        return _("It doesn’t name %(action)s.", action=request.action)
    try:
        on_it = any(pattern.matches(request.resource, context) for pattern in statement.resources)
    except Absent as absent:
        return _("Its resource needs a value of %(key)s, which the request doesn’t have.", key=absent)
    if on_it == statement.not_resources:
        if request.resource == "*":
            return _("It is about named resources, and this request names none.")
        return _("It isn’t about %(resource)s.", resource=request.resource)
    for condition in statement.conditions:
        if weighed(condition, context)[0] is Holds.NEVER:
            value = context.get(condition.key.lower())
            named = {"key": condition.key, "operator": condition.operator, "wanted": wanted_words(condition.wanted)}
            if value is None:
                return _(
                    "Its condition isn’t met: %(key)s is absent, and %(operator)s requires %(wanted)s.",
                    **named,
                )
            return _(
                "Its condition isn’t met: %(key)s is %(value)s, and %(operator)s requires %(wanted)s.",
                value=value,
                **named,
            )
    return _("Its condition needs a value that the request doesn’t have.")
