"""Say what to write so that a feature of the portal works, without allowing anything more before MFA.

Only what users need to get MFA is ever exempted from a deny. Other permissions are allowed where a deny requires MFA
for them anyway, or with a condition that does. Whether users may read data of the whole account, or do what is denied
on purpose, is the administrator's decision: there the remedy says so and suggests nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.policy.evaluation import Effect
from app.policy.features import WITHOUT_MFA, Availability, Missing, On, When, resource
from app.policy.parsed import ParsedPolicy, ParsedStatement
from app.policy.permits import Permits
from app.policy.places import DOCUMENT, Place
from app.policy.reference.action_patterns import is_all
from app.text.messages import N_, _

GETTING_MFA = (
    "iam:ListMFADevices",
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:ResyncMFADevice",
    "signin:AuthorizeOAuth2Access",
    "signin:CreateOAuth2Token",
)
"""What users need before they have MFA, on themselves. Each shows or changes only their own devices."""


def remedy(found: Availability, policy: ParsedPolicy, permits: Permits) -> str:
    """Return which lines to add and where, one sentence for each place, or why nothing is suggested."""
    return remedies([(found, lack) for lack in found.missing], policy, permits)


def remedies(lacks: Sequence[tuple[Availability, Missing]], policy: ParsedPolicy, permits: Permits) -> str:
    """Return the same for several features. Lines that go to the same place share a sentence."""
    places: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}
    for found, lack in lacks:
        message, values = _sentence(lack, found, policy, permits)
        places.setdefault((message, tuple(values.items())), []).append(f'"{lack.need.action}"')
    sentences = (
        _(message, **dict(values), actions=", ".join(dict.fromkeys(named)))
        for (message, values), named in places.items()
    )
    return " ".join(sentences)


def _sentence(
    lack: Missing, found: Availability, policy: ParsedPolicy, permits: Permits
) -> tuple[str, dict[str, str]]:
    """Return a message, to be translated with its values and `actions`, the names of the actions."""
    action, getting = lack.need.action, lack.need.action in GETTING_MFA
    if lack.mfa is not True and not getting and found.when is When.WITH:
        return N_(
            "Nothing has to change: users have %(actions)s once they have MFA. Until then, administrators can help."
        ), {}
    if lack.decision.effect is not Effect.EXPLICITLY_DENIED:
        if lack.need.on is On.ANYTHING:
            return N_("Decide whether all users may see this for the whole account. It requires %(actions)s."), {}
        where = {"arn": lack.need.on.pattern(permits)}
        safe = getting or all(permits.denies(action, resource(lack.need, permits), mfa=mfa) for mfa in WITHOUT_MFA)
        if safe:
            return N_('Allow %(actions)s on "%(arn)s".'), where
        return N_(
            'Allow %(actions)s on "%(arn)s" with the condition "Bool": {"aws:MultiFactorAuthPresent": "true"}.'
        ), where
    place, denying = str(place_of(policy, lack.decision.statement)), _named(policy, lack.decision.statement)
    if not getting or denying is None:
        values = {"place": _capital(place)}
        if lack.mfa:
            return N_("%(place)s denies %(actions)s even with MFA. Change that only if users need it."), values
        return N_("%(place)s denies %(actions)s without MFA. Change that only if users need it."), values
    if denying.statement.not_actions:
        return N_("Add %(actions)s to NotAction of %(place)s."), {"place": place}
    if any(map(is_all, denying.actions)):
        # Nothing can be taken out of "*". All of it goes into one list, or the next remedy would undo this one.
        exempted = ", ".join(f'"{each}"' for each in GETTING_MFA)
        message = N_('In %(place)s, write "NotAction": [%(exempted)s] instead of Action.')
        return message, {"place": place, "exempted": exempted}
    return N_("Take %(actions)s out of what %(place)s denies."), {"place": place}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def place_of(policy: ParsedPolicy, named: str | int | None) -> Place:
    """Return the place of the statement that a decision names by Sid or index. DOCUMENT for None."""
    statement = _named(policy, named)
    return statement.place() if statement else DOCUMENT


def _named(policy: ParsedPolicy, named: str | int | None) -> ParsedStatement | None:
    matching = (each for each in policy.statements if named in (each.index, each.written.get("Sid")))
    return next(matching, None) if named is not None else None


def unknown_keys(features: Sequence[Availability], permits: Permits) -> Iterator[str]:
    """Return the condition keys with unknown values that a feature of the portal depends on, each once."""
    seen: set[str] = set()
    for each in features:
        for need in (*each.feature.needs, *each.feature.and_with_mfa):
            for mfa in (*WITHOUT_MFA, True):
                for key in permits.depends(need.action, resource(need, permits), mfa=mfa):
                    if key.lower() not in seen:
                        seen.add(key.lower())
                        yield key
