"""What to write so that a feature of the portal works, without opening anything before MFA.

Only what users need to get MFA is ever exempted from a deny. Other permissions are allowed where a deny requires MFA
for them anyway, or with a condition that does. Whether users may see data of the whole account, or do what is denied
on purpose, is up to the administrator: there the remedy says so, and suggests nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.policy.evaluation import Effect
from app.policy.features import WITHOUT_MFA, Availability, Missing, On, When, resource
from app.policy.parsed import ParsedPolicy, ParsedStatement
from app.policy.permits import Permits
from app.policy.places import DOCUMENT, Place
from app.policy.reference.action_patterns import is_all

GETTING_MFA = (
    "iam:ListMFADevices",
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:ResyncMFADevice",
    "signin:AuthorizeOAuth2Access",
    "signin:CreateOAuth2Token",
)
"""What users need before they have MFA, on themselves. Each shows or changes only their own devices."""
WITH_MFA = ' with the condition "Bool": {"aws:MultiFactorAuthPresent": "true"}.'


def remedy(found: Availability, policy: ParsedPolicy, permits: Permits) -> str:
    """The lines to add and where, one sentence for what goes to the same place; or why nothing is proposed."""
    return remedies([(found, lack) for lack in found.missing], policy, permits)


def remedies(lacks: Sequence[tuple[Availability, Missing]], policy: ParsedPolicy, permits: Permits) -> str:
    """The same for several features: what goes to the same place is one sentence."""
    places: dict[tuple[str, str], list[str]] = {}
    for found, lack in lacks:
        before, after = _sentence(lack, found, policy, permits)
        places.setdefault((before, after), []).append(f'"{lack.need.action}"')
    sentences = []
    for (before, after), named in places.items():
        # A sentence with nothing after the names has a list of its own.
        sentences.append(before + ", ".join(dict.fromkeys(named)) + after if after else before)
    return " ".join(sentences)


def _sentence(lack: Missing, found: Availability, policy: ParsedPolicy, permits: Permits) -> tuple[str, str]:
    """Return the text before and after the names of the actions. after is "" where the sentence names them itself."""
    action, getting = lack.need.action, lack.need.action in GETTING_MFA
    if lack.mfa is not True and not getting and found.when is When.WITH:
        return "Nothing has to change: ", " is there once there is MFA. Before it, an administrator can help."
    if lack.decision.effect is not Effect.EXPLICITLY_DENIED:
        if lack.need.on is On.ANYTHING:
            return "Decide yourself whether everyone may see this of the whole account. It takes ", "."
        where = f' on "{lack.need.on.pattern(permits)}"'
        safe = getting or all(permits.denies(action, resource(lack.need, permits), mfa=mfa) for mfa in WITHOUT_MFA)
        return "Allow ", where + ("." if safe else WITH_MFA)
    place, denying = place_of(policy, lack.decision.statement), _named(policy, lack.decision.statement)
    if not getting or denying is None:
        when = "also with MFA" if lack.mfa else "without MFA"
        return f"{_capital(str(place))} denies ", f" {when}. Change that only if people are meant to do it."
    if denying.statement.not_actions:
        return "Add ", f" to NotAction of {place}."
    if any(map(is_all, denying.actions)):
        # Nothing can be taken out of "*". All of it goes into one list, or the next remedy would undo this one.
        spared = ", ".join(f'"{each}"' for each in GETTING_MFA)
        return f'In {place}, write "NotAction": [{spared}] instead of Action.', ""
    return "Take ", f" out of what {place} denies."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def place_of(policy: ParsedPolicy, named: str | int | None) -> Place:
    """Where the statement is that a decision names by Sid or index; DOCUMENT for None."""
    statement = _named(policy, named)
    return statement.place() if statement else DOCUMENT


def _named(policy: ParsedPolicy, named: str | int | None) -> ParsedStatement | None:
    matching = (each for each in policy.statements if named in (each.index, each.written.get("Sid")))
    return next(matching, None) if named is not None else None


def unknown_keys(features: Sequence[Availability], permits: Permits) -> Iterator[str]:
    """Condition keys whose value nobody here knows, and on which something of the portal depends; each once."""
    told: set[str] = set()
    for each in features:
        for need in (*each.feature.needs, *each.feature.and_with_mfa):
            for mfa in (*WITHOUT_MFA, True):
                for key in permits.depends(need.action, resource(need, permits), mfa=mfa):
                    if key.lower() not in told:
                        told.add(key.lower())
                        yield key
