"""The rule about what users' policies let them do without MFA, and the table of it. Pure.

`app.policy.forced` decides, when authorization details are imported. The rule says what it decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.compliance.rules.rule import Rule
from app.compliance.rules.service_users import exempt
from app.compliance.rules.sources import ForcedFacts, RequestFacts
from app.compliance.rules.subjects import Subject, Terms
from app.compliance.rules.verdicts import EXCEPTED, FAIL, PASS, UNKNOWN, State, Verdict, fresh
from app.text.messages import N_

_FORCED = Verdict(PASS, N_("Without MFA, this user can only set up MFA."))
_NO_DETAILS = Verdict(UNKNOWN, N_("Only the account’s authorization details show this user’s policies."))
_BY_SESSION = {
    "key": N_("{} on {} is allowed with an access key and no MFA, by statement {} of policy {}."),
    "password": N_("{} on {} is allowed with a password and no MFA, by statement {} of policy {}."),
}
_IN_THE_SESSION = "aws:MultiFactorAuthPresent"
"""A password's session has it, which the sentence says in words."""
_CONDITIONS = N_("The request has {}.")
_OF_GROUP = N_("This policy comes from the group {}.")
UNEXPLORED = {
    "policy-missing": N_("The details don’t contain the policy {}. Collect them without --filter."),
    "group-missing": N_("The details don’t contain the group {}. Collect them without --filter."),
    "policy-unread": N_("We can’t read the policy {}."),
    "characters-reserved": N_("A policy contains characters that no policy at AWS has."),
    "key-unknown": N_("It depends on {}, and nothing here shows which value requests have."),
    "condition-open": N_("It depends on a condition about {} that we can’t decide."),
    "not-confirmed": N_("{} may work without MFA. We couldn’t make a request that proves it."),
    "search-too-large": N_("The statement {} has too many patterns to try them all."),
    "action-unheard": N_("{} would work without MFA. AWS’s reference has no action with this name."),
}
"""By code: why it isn't known whether MFA is forced."""
_OTHER = N_("We couldn’t check everything these policies say: {}.")


def mfa_forced(someone: Subject, terms: Terms) -> Verdict | None:
    """Is everything but setting up MFA denied to this user without MFA?"""
    if (apart := exempt(someone, terms)) is not False:
        return fresh(apart, terms, someone.seen.get("password"))
    details = details_of(someone)
    return details if isinstance(details, Verdict) else fresh(_of(details), terms, someone.seen["policies"])


def details_of(someone: Subject) -> ForcedFacts | Verdict:
    """Return what the details say of a user's policies, or the verdict where they say nothing."""
    seen = someone.seen.get("policies")
    if seen is None:
        return _NO_DETAILS
    if someone.forced is None:
        why = N_("The authorization details from {} don’t contain this user. Collect new ones.")
        return Verdict(UNKNOWN, why, (seen.at,))
    return someone.forced


def _of(facts: ForcedFacts) -> Verdict:
    if facts["state"] == State.PASS:
        return _FORCED
    found = facts["request"]
    if found is None:
        code, _colon, name = next(iter(facts["unexplored"]), "").partition(":")
        return Verdict(UNKNOWN, UNEXPLORED.get(code, _OTHER), (name or code,))
    lines = [_BY_SESSION[found["session"]]]
    about = [found["action"], found["resource"], found["statement"], found["policy"]]
    context = {key: value for key, value in found["context"].items() if key != _IN_THE_SESSION}
    if context:
        lines.append(_CONDITIONS)
        about.append(conditions_of(context))
    if found["via"].startswith("group:"):
        lines.append(_OF_GROUP)
        about.append(found["via"].removeprefix("group:"))
    return Verdict(FAIL, "\n".join(lines), tuple(about))


def conditions_of(context: Mapping[str, str | Sequence[str]]) -> str:
    """Return condition keys with their values: "aws:SourceIp=192.0.2.0; aws:TagKeys=a, b; no aws:SourceVpce"."""
    return "; ".join(
        f"{key}={value}" if isinstance(value, str) else f"{key}={', '.join(value)}" if value else f"no {key}"
        for key, value in context.items()
    )


class WorksWithoutMfa(NamedTuple):
    """A request that a user's policies allow without MFA.

    policy: what identifies the policy that allows it: its ARN, or for an inline policy "user/NAME/POLICY" or
    "group/NAME/POLICY".
    """

    request: RequestFacts
    policy: str


def works_without_mfa(someone: Subject, verdict: Verdict) -> WorksWithoutMfa | None:
    """Return the request that `mfa-forced` names where it doesn't pass. verdict: the rule's, of this user."""
    request = someone.forced["request"] if someone.forced and verdict.state in (FAIL, EXCEPTED) else None
    if request is None:
        return None
    kind, _colon, group = request["via"].partition(":")
    return WorksWithoutMfa(request, request["arn"] or f"{kind}/{group or someone.user_name}/{request['policy']}")


FORCED = "mfa-forced"
RULES: tuple[Rule, ...] = (
    Rule(FORCED, N_("Every user is forced to use MFA"),
         N_("Without MFA, no user can do anything but set up MFA: their policies deny everything else."),
         mfa_forced, ("policies",),
         short=N_("MFA not forced"), topic=N_("whether MFA is forced"),
         message=N_("You can use AWS without MFA. Your administrator will fix this."),
         who=N_("Decided from each user’s policies, those of their groups, and their permissions boundary."),
         severity="high"),
)  # fmt: skip
