"""Find which features of the portal work for a user under the document, and what to write for the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from app.policy.check.action_names import misspelt, unsupported
from app.policy.check.findings import Finding, Severity
from app.policy.check.remedies import GETTING_MFA, remedies, remedy, unknown_keys
from app.policy.features import FEATURES, Availability, When, availability
from app.policy.parsed import ParsedPolicy
from app.policy.permits import Permits
from app.policy.places import DOCUMENT, counted
from app.text.messages import _

EXAMPLE_USER = "alice"


def example_user(policy: ParsedPolicy) -> Permits:
    """Return a user under the document, without an IAM path."""
    return Permits.of_user(policy.source, policy.account_id, policy.partition, EXAMPLE_USER)


def features_of(policy: ParsedPolicy) -> Sequence[Availability]:
    """Return all features in their order, with when each works."""
    return _features(policy, datetime.now(UTC).replace(second=0, microsecond=0))


@lru_cache(maxsize=16)
def _features(policy: ParsedPolicy, now: datetime) -> Sequence[Availability]:
    permits = example_user(policy)
    return [availability(feature, permits) for feature in FEATURES]


def missing_features(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield findings for what the portal can't offer, or can't offer when it should."""
    features, permits = features_of(policy), example_user(policy)
    if all(each.when is When.NEVER for each in features):
        yield _nothing_works(policy)
        return
    reported = {each.subject for each in (*misspelt(policy), *unsupported(policy))}
    for each in features:
        lacks = {one.need.action: one for one in each.missing}
        if not lacks or (lacks.keys() <= reported and not each.feature.main):
            continue
        late = each.when is When.WITH
        named = {"feature": _(each.feature.title), "actions": ", ".join(lacks)}
        yield Finding(
            "feature-late" if late else "feature-missing",
            Severity.ERROR if each.feature.main else Severity.NOTE,
            DOCUMENT,
            _("“%(feature)s” works only with MFA, because the policy doesn’t allow %(actions)s without it.", **named)
            if late
            else _("“%(feature)s” doesn’t work, because the policy doesn’t allow %(actions)s.", **named),
            remedy(each, policy, permits),
            each.feature.code,
        )


def _nothing_works(policy: ParsedPolicy) -> Finding:
    """Return one finding in place of one for each feature: how to let users get MFA, and where to find the rest."""
    getting = [
        (each, lack) for each in features_of(policy) for lack in each.missing if lack.need.action in GETTING_MFA
    ]
    return Finding(
        "feature-missing",
        Severity.ERROR,
        DOCUMENT,
        _("Nothing in the portal works for users under this policy, not even signing in and setting up MFA."),
        _(
            "%(remedies)s For everything else, compare it with a policy that works: page Write, or policy render.",
            remedies=remedies(getting, policy, example_user(policy)),
        ),
    )


def not_evaluated(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield findings for what the evaluator doesn't know and decides in the user's favour."""
    if keys := list(unknown_keys(features_of(policy), example_user(policy))):
        yield Finding(
            "not-evaluated",
            Severity.NOTE,
            DOCUMENT,
            _(
                "What works depends on %(keys)s, which we don’t know. The report assumes that it lets requests "
                "through.",
                keys=counted(keys),
            ),
            _("Ask about one request: policy explain --action NAME --assume KEY=VALUE."),
        )
