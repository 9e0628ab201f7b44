"""`policy check`: everything there is to know of a document before people are under it. Pure; raises nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.policy.check.access_analyzer import validations
from app.policy.check.action_names import misspelt, unsupported
from app.policy.check.findings import DOCUMENT, Finding, Place, Severity
from app.policy.check.parse import LARGEST, read_text
from app.policy.check.placeholders import accounts_missing, invisible_characters, variables_misspelt
from app.policy.check.remedies import GETTING_MFA, remedies, remedy, unknown_keys
from app.policy.check.report import Report
from app.policy.check.risks import dangers, undemanding
from app.policy.check.similarity import likeness
from app.policy.check.statement_scope import counted, rulings
from app.policy.documents import rendered
from app.policy.evaluation import WITH_VARIABLES
from app.policy.features import FEATURES, Availability, When, availability
from app.policy.meaning import arns_of, repaired, whereabouts
from app.policy.patterns import Pattern
from app.policy.permits import Permits

SOMEBODY = "alice"


def check(text: str) -> Report:
    """Check a document's text: findings in a fixed order, the worst kinds first.

    One that is too long for IAM is not judged: that could take long, and would be about a policy nobody can have.
    """
    reading = read_text(text)
    if reading.document is None or reading.size > LARGEST:
        return Report(_sorted(reading.findings), reading.size)
    partition, account_id = whereabouts(reading.statements)
    document = rendered(reading.document, account_id, partition)
    as_written: list[Mapping[str, Any]] = document["Statement"]
    meant = repaired(document, account_id)
    statements: list[Mapping[str, Any]] = meant["Statement"]
    permits = Permits.of_user(meant, account_id, partition, SOMEBODY)
    features = [availability(feature, permits) for feature in FEATURES]
    wrong = [*misspelt(statements), *unsupported(statements)]
    variables = document["Version"] == WITH_VARIABLES
    findings = [
        *reading.findings,
        *wrong,
        *accounts_missing(as_written),
        *invisible_characters(as_written),
        *(variables_misspelt(as_written) if variables else ()),
        *_mixed(reading.statements),
        *validations(statements),
        *dangers(statements, permits),
        *_of_features(features, statements, permits, {each.subject for each in wrong}),
        *_not_evaluated(features, permits),
    ]
    return Report(_sorted(findings), reading.size, features, likeness(reading.document), reading.document)


def strictly(document: Mapping[str, Any]) -> list[Finding]:
    """The errors by which a document does not demand MFA of a plain key and of a password; empty where it does.

    document: one that `evaluation.compiled` takes, its statements in a list. `policy check --strict` fails on every
    other error, too.
    """
    partition, account_id = whereabouts(document["Statement"])
    permits = Permits.of_user(document, account_id, partition, SOMEBODY)
    statements = rendered(document, account_id, partition)["Statement"]
    denies = [each for each in rulings(statements, permits.policy, account_id, partition) if each.statement.denies]
    return [each for each in undemanding(denies, permits) if each.severity is Severity.ERROR]


def _mixed(statements: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """ARNs of another account or partition than the others': a statement pasted from elsewhere."""
    partition, account_id = whereabouts(statements)
    told = set()
    for index, its_partition, _, its_account in arns_of(statements):
        place = Place(index, statements[index].get("Sid") or None, "Resource")
        stray = its_account if re.fullmatch(r"[0-9]{12}", its_account) and its_account != account_id else ""
        if not Pattern(its_partition, variables=False).matches(partition, {}):
            stray = f"partition {its_partition[:40]}"
        if stray and (index, stray) not in told:
            told.add((index, stray))
            yield Finding(
                "elsewhere",
                Severity.ERROR,
                place,
                f"This names {stray if stray.startswith('partition') else 'account ' + stray}, the rest of the "
                f"document {account_id} in {partition}: there it matches nothing.",
                f"Leave it out, unless this account is meant: its ARNs read arn:{partition}:…:{account_id}:….",
            )


def _of_features(
    features: Sequence[Availability],
    statements: Sequence[Mapping[str, Any]],
    permits: Permits,
    told: set[str],
) -> Iterator[Finding]:
    """What the portal cannot offer, or not when it should. told: actions another finding is about already."""
    if all(each.when is When.NEVER for each in features):
        yield _nothing_works(features, statements, permits)
        return
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
            remedy(each, statements, permits),
            each.feature.code,
        )


def _nothing_works(
    features: Sequence[Availability], statements: Sequence[Mapping[str, Any]], permits: Permits
) -> Finding:
    """Instead of a finding for every feature: what to do so that users can get MFA, and where to find the rest."""
    getting = [(each, lack) for each in features for lack in each.missing if lack.need.action in GETTING_MFA]
    return Finding(
        "feature-missing",
        Severity.ERROR,
        DOCUMENT,
        "Nothing in the portal works for users under this policy, not even signing in and setting up MFA.",
        f"{remedies(getting, statements, permits)} "
        "For everything else, compare it with the policy that policy render prints.",
    )


def _not_evaluated(features: Sequence[Availability], permits: Permits) -> Iterator[Finding]:
    """What the judge does not know, and takes as it suits people."""
    if keys := list(unknown_keys(features, permits)):
        yield Finding(
            "not-evaluated",
            Severity.NOTE,
            DOCUMENT,
            f"What works depends on {counted(keys)}, which {'are' if keys[1:] else 'is'} not known here. It is told "
            "as for requests that are let through.",
            "Ask about a request of your own: policy explain --action NAME --assume KEY=VALUE.",
        )


_ORDER = list(Severity)


def _sorted(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda each: _ORDER.index(each.severity))
