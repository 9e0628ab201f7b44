"""A document in plain words, and why a request was decided as it was. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.policy.actions import covered, description, nearest, real_name
from app.policy.documents import rendered
from app.policy.evaluation import Decision, Request, Statement, compiled
from app.policy.findings import Place
from app.policy.patterns import Absent
from app.policy.possible import Holds
from app.policy.powers import RUNNERS
from app.policy.request_context import PASSWORD, PLAIN_KEY, WITH_MFA, IamUser, request_context
from app.policy.ruling import is_all
from app.policy.weighing import Weight, unknown, weigh, weighed

MFA = "aws:MultiFactorAuthPresent"
WAYS = {"key": PLAIN_KEY, "password": PASSWORD, "mfa": WITH_MFA}
"""How somebody is signed in: with an access key alone, with a password and no code, or with MFA just now."""

_RESOURCES = {
    "user/${aws:username}": "one’s own IAM user",
    "user/*/${aws:username}": "one’s own IAM user below any path",
    "user/*": "every IAM user",
    "mfa/${aws:username}": "the virtual MFA device with one’s own name",
    "mfa/${aws:username}/*": "virtual MFA devices below one’s own name",
    "mfa/*": "every virtual MFA device of the account",
    "oauth2/public-client/localhost": "AWS Sign-In for a program on the same machine",
    "oauth2/public-client/remote": "AWS Sign-In for a program on another machine",
    "oauth2/public-client/*": "AWS Sign-In for programs",
}
_CONDITIONS = {
    (
        "boolifexists",
        MFA.lower(),
        "false",
    ): "unless there was MFA (access keys, whose requests do not say, count as without)",
    (
        "bool",
        MFA.lower(),
        "false",
    ): "if the session says that there was no MFA (access keys, which say nothing, escape)",
    ("bool", MFA.lower(), "true"): "if there was MFA",
    ("boolifexists", MFA.lower(), "true"): "if there was MFA, or nothing is said about it (as with access keys)",
}
UNTOUCHED = {
    "sts:GetSessionToken": "No policy reaches this one: whoever has an access key can ask for a session with it.",
    "sts:GetCallerIdentity": "No policy reaches this one: everyone may ask who they are.",
}
_OWN_RULE = (
    "Whatever the policy says: who has an MFA device already needs a session with MFA for this, by a rule of AWS’s "
    "own since April 2023."
)
BY_THE_SERVICE = {"iam:EnableMFADevice": _OWN_RULE, "iam:DeactivateMFADevice": _OWN_RULE}


@dataclass(frozen=True)
class Words:
    """A statement in plain words. actions: pairs of a name as written and what it means, "" for patterns."""

    place: Place
    denies: bool
    sentence: str
    actions: Sequence[tuple[str, str]]


def in_words(document: Mapping[str, Any]) -> list[Words]:
    """Every statement, in order. Raises PolicyError for what is no policy."""
    compiled(document)
    return [_words(index, statement) for index, statement in enumerate(_statements(document))]


def _statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    given = document["Statement"]
    return [given] if isinstance(given, Mapping) else given


def _texts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _words(index: int, statement: Mapping[str, Any]) -> Words:
    denies, spares = statement["Effect"] == "Deny", "NotAction" in statement
    actions = _texts(statement["NotAction" if spares else "Action"])
    everything = any(map(is_all, actions))
    verb = "Denies" if denies else "Allows"
    what = "everything" if spares or everything else "this" if len(actions) == 1 else f"these {len(actions)} actions"
    if spares and everything:
        what = "nothing: NotAction spares every action"
    elif spares:
        what += " but this" if len(actions) == 1 else f" but these {len(actions)} actions"
    where = _resource_words(statement)
    conditions = [
        _condition_words(operator, key, _texts(values))
        for operator, keys in (statement.get("Condition") or {}).items()
        for key, values in keys.items()
    ]
    sentence = f"{verb} {what}{where}{', ' if conditions else ''}{' and '.join(conditions)}."
    return Words(
        Place(index, statement.get("Sid") or None),
        denies,
        sentence,
        [] if everything else [(action, _meaning(action)) for action in actions],
    )


def _resource_words(statement: Mapping[str, Any]) -> str:
    unlike = "NotResource" in statement
    named = _texts(statement["NotResource" if unlike else "Resource"])
    if not unlike and "*" in named:
        return ""
    phrases = dict.fromkeys(_RESOURCES.get(arn.split(":", 5)[-1], arn) for arn in named)
    return f" on {'everything but ' if unlike else ''}{' and '.join(phrases)}"


def _condition_words(operator: str, key: str, values: Sequence[Any]) -> str:
    wanted = _wanted(values)
    known = _CONDITIONS.get((operator.lower(), key.lower(), wanted.lower()))
    return known or f"if {key} passes {operator} of {wanted}"


def _wanted(values: Sequence[Any]) -> str:
    written = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
    return " or ".join(written) or "nothing"


def _meaning(action: str) -> str:
    if "*" not in action and "?" not in action:
        return description(real_name(action) or "")
    matching = covered(action)
    return f"{len(matching)} actions" if matching else ""


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
    depends: Sequence[str] = ()
    """Keys the decision depends on whose values are not known; then `decision` is what there is without them."""

    @property
    def evaluated(self) -> bool:
        """Is it decided?"""
        return not self.depends

    @property
    def sentence(self) -> str:
        """The decision in words."""
        if self.depends:
            return f"Not evaluated: it depends on {', '.join(map(_cut, self.depends))}, which is not known here."
        decider = next((step for step in self.steps if step.decides), None)
        if decider is None:
            return "Not allowed: no statement allows it."
        verb = "Denied" if decider.denies else "Allowed"
        return f"{verb} by {decider.place}."


def explain(document: Mapping[str, Any], question: Question, account_id: str, partition: str = "aws") -> Explanation:
    """Decide and say why. Raises PolicyError for what is no policy, KeyError for an unknown way."""
    own = rendered(document, account_id, partition)
    policy = compiled(own)
    request = question.request(account_id, partition)
    found = weigh(policy.statements, request)
    decider = None
    if not found.depends:
        matching = [number for number, each in enumerate(found.weights) if each.matches]
        deciding = [number for number in matching if policy.statements[number].denies] or matching
        decider = next(iter(deciding), None)
    steps = [
        _step(index, statement, raw, own, request, weight, decider)
        for index, (statement, raw, weight) in enumerate(
            zip(policy.statements, _statements(own), found.weights, strict=True)
        )
    ]
    action = real_name(question.action) or question.action
    return Explanation(
        found.decision,
        steps,
        " ".join(filter(None, [UNTOUCHED.get(action, "") or BY_THE_SERVICE.get(action, ""), _dependent(action)])),
        _doubt(question.action),
        found.depends,
    )


def _dependent(action: str) -> str:
    """What else AWS asks for where a request has more in it: a role that is handed on, tags."""
    service, _, name = action.partition(":")
    hands_on = action in RUNNERS or action == "iam:AddRoleToInstanceProfile"
    tags = {"iam": f"iam:Tag{name.removeprefix('Create')}", "ec2": "ec2:CreateTags"}.get(service, "")
    tagging = tags if name.startswith(("Create", "RunInstances")) and real_name(tags) else ""
    also = [*(["iam:PassRole"] if hands_on else []), *([tagging] if tagging else [])]
    return f"AWS may also ask for {' and '.join(also)}: that is not evaluated here." if also else ""


def _step(
    index: int,
    statement: Statement,
    raw: Mapping[str, Any],
    document: Mapping[str, Any],
    request: Request,
    weight: Weight,
    decider: int | None,
) -> Step:
    if weight.matches is None:
        why = f"It may match: that depends on {', '.join(map(_cut, weight.depends))}."
    elif weight.matches:
        why = "It matches, and decides." if index == decider else "It matches, too, but another one decides."
    else:
        why = _why(statement, raw, document, request)
    return Step(Place(index, raw.get("Sid") or None), statement.denies, weight.matches, index == decider, why)


def _doubt(action: str) -> str:
    if real_name(action):
        return ""
    if ":" not in action:
        return f"{_cut(action)} is no action: one reads like iam:ListUsers."
    if "*" in action or "?" in action:
        return "A request is for one action, never for a pattern: name one, like iam:ListUsers."
    meant = nearest(action)
    rest = f"; {meant} is near." if meant else ": is it spelt right?"
    return f"AWS’s reference knows no action {_cut(action)}{rest}"


def _cut(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:77]}..."


def _why(statement: Statement, raw: Mapping[str, Any], document: Mapping[str, Any], request: Request) -> str:
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
    for operator, keys in (raw.get("Condition") or {}).items():
        for key, values in keys.items():
            if not _may_hold(document, {operator: {key: values}}, context):
                value = context.get(key.lower())
                said = f"is {value}" if value is not None else "is absent"
                return f"Its condition does not hold: {key} {said}, and {operator} wants {_wanted(_texts(values))}."
    return "Its condition needs a value that the request does not have."


def _may_hold(document: Mapping[str, Any], condition: Mapping[str, Any], context: Mapping[str, Any]) -> bool:
    alone = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    [statement] = compiled({**document, "Statement": [alone]}).statements
    return all(weighed(each, context)[0] is not Holds.NEVER for each in statement.conditions)
