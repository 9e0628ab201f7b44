"""The report of `policy check` on one document, as data and as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.policy.check.findings import Finding, Severity
from app.policy.check.similarity import Likeness
from app.policy.documents import PLACEHOLDER
from app.policy.features import Availability
from app.policy.parsed import ParsedPolicy


@dataclass(frozen=True)
class Report:
    """Everything found about one document. features: empty if it can't be evaluated."""

    findings: Sequence[Finding]
    size: int
    """Characters without white space, the account's id put in."""
    features: Sequence[Availability] = ()
    likeness: Likeness | None = None
    policy: ParsedPolicy | None = field(default=None, repr=False)
    """The document, where it could be parsed and isn't too long."""

    @property
    def usable(self) -> bool:
        """Return whether the portal can do its main job: sign users in, show their devices, set up and use MFA."""
        return bool(self.features) and all(each.as_wanted for each in self.features if each.feature.main)

    def as_json(self) -> dict[str, Any]:
        """Return the report as a JSON object for programs."""
        return {
            "usable": self.usable,
            "size": self.size,
            "resembles": self.likeness.as_json() if self.likeness else None,
            "features": [
                {
                    "code": each.feature.code,
                    "title": each.feature.title,
                    "works": each.when.value,
                    "missing": sorted({one.need.action for one in each.missing}),
                }
                for each in self.features
            ],
            "findings": [finding.as_json() for finding in self.findings],
        }


def as_text(report: Report) -> Iterator[str]:
    """Return the report as text. The verdict is the first line and the last."""
    yield _verdict(report)
    yield ""
    for finding in report.findings:
        yield f"{finding.severity.value.upper()} {finding.code}, {finding.place}"
        yield f"  {finding.sentence}"
        yield f"  {finding.remedy}"
        yield ""
    if report.policy and report.policy.has_placeholder:
        yield f"“{PLACEHOLDER}” is read as your account’s ID. Replace it with the ID before you attach the policy."
        yield ""
    if report.likeness:
        yield from _likeness(report.likeness)
        yield ""
    if report.features:
        width = max(len(each.feature.title) for each in report.features)
        yield "What works for an IAM user under it:"
        for each in report.features:
            yield f"  {each.feature.title:<{width}}  {each.when.value}{_escape(each)}"
        yield ""
    counted = [
        f"{number} {severity.value}{'s' if number > 1 else ''}"
        for severity in Severity
        if (number := sum(finding.severity is severity for finding in report.findings))
    ]
    yield f"{', '.join(counted) or 'No findings'}. {report.size:,} of 6,144 characters."
    yield _verdict(report)


def _escape(found: Availability) -> str:
    return f" (but also before MFA, with {found.escapes})" if found.escapes else ""


def _verdict(report: Report) -> str:
    return (
        "Users can sign in and set up MFA under this policy."
        if report.usable
        else "Users could NOT sign in and set up MFA under this policy."
    )


def _likeness(likeness: Likeness) -> Iterator[str]:
    if likeness.same:
        yield f"It means the same as “{likeness.name}”."
        return
    yield f"It resembles “{likeness.name}” ({likeness.share:.0%} in common)."
    for sign, lines in (("+", likeness.more), ("-", likeness.less)):
        for line in lines:
            yield f"  {sign} {line}"
