"""What every file of evidence says about itself: whose it is, as of when, by which numbers, from which sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app import __version__
from app.compliance import labels
from app.compliance.data.rows import AccountRow
from app.compliance.evidence.completeness import Completeness
from app.compliance.rules.rule import UNITS
from app.compliance.rules.subjects import Source, Terms
from app.compliance.standards.standard import Standard
from app.text.messages import _

PRODUCT = "Latchkey"


@dataclass(frozen=True)
class SourceFacts:
    """A source of an account's data, as it was when a file was made."""

    source: Source
    at: datetime
    """When it was collected."""
    sha256: str
    """SHA-256 of the file, or of what AWS answered, in hex. "" where an earlier release stored it."""
    users: int | None
    """How many users it has. None: not known."""
    how: str = ""
    """`app.compliance.data.kept_sources.How`. "" where an earlier release stored it."""


@dataclass(frozen=True)
class About:
    """What a file of evidence says about itself."""

    account_id: str
    alias: str
    partition: str
    region: str
    """For formats that need one. IAM itself has none."""
    made_at: datetime
    """When the file was made."""
    as_of: datetime
    """As of when the results are."""
    version: str
    """Of the portal."""
    thresholds: Mapping[str, int]
    """The account's own numbers, by name of the setting."""
    standards: Sequence[Standard]
    sources: Sequence[SourceFacts]
    completeness: Completeness

    @property
    def account_name(self) -> str:
        """ "123456789012 (alias)"."""
        return f"{self.account_id} ({self.alias})" if self.alias else self.account_id

    def fields(self) -> dict[str, Any]:
        """Return it for the manifest. Times are ISO 8601, ages whole seconds."""
        return {
            "account_id": self.account_id,
            "account_alias": self.alias,
            "partition": self.partition,
            "product": {"name": PRODUCT, "version": self.version},
            "exported_at": stamp(self.made_at),
            "as_of": stamp(self.as_of),
            "thresholds": dict(self.thresholds),
            "standards": [{"id": each.id, "name": each.name} for each in self.standards],
            "sources": [
                {
                    "source": SOURCE_IDS[each.source],
                    "name": _(labels.SOURCES[each.source]),
                    "collected_at": stamp(each.at),
                    "age_seconds": max(0, int((self.as_of - each.at).total_seconds())),
                    "sha256": each.sha256,
                    "users": each.users,
                    "how": each.how,
                }
                for each in self.sources
            ],
            "completeness": self.completeness.fields(SOURCE_IDS),
        }


SOURCE_IDS = {
    Source.USER_LIST: "refresh", Source.REPORT: "credential-report", Source.DETAILS: "authorization-details",
    Source.SELF: "own-visit",
}  # fmt: skip
"""How files name the sources."""


def stamp(moment: datetime) -> str:
    """Return a time as files have it: UTC, to the second."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def about_account(
    stored: AccountRow,
    terms: Terms,
    standards: Sequence[Standard],
    region: str,
    made_at: datetime,
    complete: Completeness,
) -> About:
    """Return what files say about an account, whose results are as of `terms.now`."""
    return About(
        stored.account_id,
        stored.user_list.get("alias", ""),
        terms.partition,
        region,
        made_at,
        terms.now,
        __version__,
        {name.replace("_", "-"): getattr(terms, name) for name in UNITS},
        tuple(standards),
        tuple(sources_of(stored)),
        complete,
    )


def sources_of(stored: AccountRow) -> list[SourceFacts]:
    """Return the sources that an account has, users' own visits aside."""
    found = []
    if stored.user_list_at:
        listed = stored.user_list
        facts = listed.get("digest", ""), listed.get("listed"), listed.get("how", "")
        found.append(SourceFacts(Source.USER_LIST, stored.user_list_at, *facts))
    if stored.report_at:
        report = stored.report
        facts = report.get("digest", ""), report.get("number"), report.get("how", "")
        found.append(SourceFacts(Source.REPORT, stored.report_at, *facts))
    if stored.details_at and stored.details:
        details = stored.details
        facts = details["digest"], details["users"], details.get("how", "")
        found.append(SourceFacts(Source.DETAILS, stored.details_at, *facts))
    return found
