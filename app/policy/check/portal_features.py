"""Which features of the portal work for a user under the document, and what to write for the others."""

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

EXAMPLE_USER = "alice"


def example_user(policy: ParsedPolicy) -> Permits:
    """A user under the document, without an IAM path."""
    return Permits.of_user(policy.source, policy.account_id, policy.partition, EXAMPLE_USER)


def features_of(policy: ParsedPolicy) -> Sequence[Availability]:
    """All features in their order, and when each works."""
    return _features(policy, datetime.now(UTC).replace(second=0, microsecond=0))


@lru_cache(maxsize=16)
def _features(policy: ParsedPolicy, now: datetime) -> Sequence[Availability]:
    permits = example_user(policy)
    return [availability(feature, permits) for feature in FEATURES]


def missing_features(policy: ParsedPolicy) -> Iterator[Finding]:
    """What the portal can't offer, or not when it should."""
    features, permits = features_of(policy), example_user(policy)
    if all(each.when is When.NEVER for each in features):
        yield _nothing_works(policy)
        return
    told = {each.subject for each in (*misspelt(policy), *unsupported(policy))}
    for each in features:
        lacks = {one.need.action: one for one in each.missing}
        if not lacks or (lacks.keys() <= told and not each.feature.main):
            continue
        late = each.when is When.WITH
        for_lack_of = ", ".join(lacks)
        yield Finding(
            "feature-late" if late else "feature-missing",
            Severity.ERROR if each.feature.main else Severity.NOTE,
            DOCUMENT,
            f"{each.feature.title}: {'works only with MFA' if late else 'does not work'}, for lack of {for_lack_of}.",
            remedy(each, policy, permits),
            each.feature.code,
        )


def _nothing_works(policy: ParsedPolicy) -> Finding:
    """Instead of a finding for every feature: what to do so that users can get MFA, and where to find the rest."""
    getting = [
        (each, lack) for each in features_of(policy) for lack in each.missing if lack.need.action in GETTING_MFA
    ]
    return Finding(
        "feature-missing",
        Severity.ERROR,
        DOCUMENT,
        "Nothing in the portal works for users under this policy, not even signing in and setting up MFA.",
        f"{remedies(getting, policy, example_user(policy))} "
        "For everything else, compare it with the policy that policy render prints.",
    )


def not_evaluated(policy: ParsedPolicy) -> Iterator[Finding]:
    """What the judge does not know, and takes as it suits people."""
    if keys := list(unknown_keys(features_of(policy), example_user(policy))):
        yield Finding(
            "not-evaluated",
            Severity.NOTE,
            DOCUMENT,
            f"What works depends on {counted(keys)}, which {'are' if keys[1:] else 'is'} not known here. It is told "
            "as for requests that are let through.",
            "Ask about a request of your own: policy explain --action NAME --assume KEY=VALUE.",
        )
