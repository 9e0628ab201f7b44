"""What the doctor finds: each finding has a stable code, which docs/doctor.md explains."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

Facts = Mapping[str, object]
"""Texts, numbers, lists of texts: what JSON has."""


class Severity(IntEnum):
    """How bad it is, and the exit status of a command that found nothing worse."""

    NOTE = 0
    WARNING = 1
    PROBLEM = 2


_NOTES = {
    "settings-right", "database-works", "redis-works", "redis-not-told", "redis-none", "aws-reached", "aws-replaced",
    "aws-address", "aws-address-nat", "aws-address-proxy", "aws-address-endpoint", "aws-address-here", "clock-right",
    "clock-unknown", "public-url-reached", "public-url-not-asked", "proxies-right", "proxies-unknown", "disk-enough",
    "key-in-use", "key-end-missing", "fallbacks-left", "files-private", "notices-none", "notices-work",
    "versions-locked", "versions-unknown",
}  # fmt: skip
_WARNINGS = {
    "settings-former-name", "database-unverified", "schema-ahead", "redis-evicts", "redis-unencrypted",
    "aws-unencrypted", "aws-certificate-ends", "aws-inspected", "clock-drifts", "clock-database", "clock-redis",
    "public-url-unreachable", "public-url-other", "public-url-certificate-ends", "proxies-none", "disk-low",
    "key-old", "secret-file-old", "file-writable", "notices-failed", "notices-late", "mail-unencrypted",
    "versions-differ",
}  # fmt: skip
_PROBLEMS = {
    "settings-wrong", "database-unreachable", "database-not-writable", "database-full", "schema-missing",
    "schema-behind", "schema-too-new", "schema-unknown", "redis-unreachable", "redis-old", "redis-full",
    "aws-unreachable", "aws-untrusted", "clock-wrong", "public-url-untrusted", "proxies-count", "proxies-forged",
    "proxies-scheme", "proxies-host", "disk-full", "disk-not-writable", "file-readable", "notices-no-worker",
    "package-missing", "check-failed",
}  # fmt: skip
CODES: Mapping[str, Severity] = {
    **dict.fromkeys(sorted(_PROBLEMS), Severity.PROBLEM),
    **dict.fromkeys(sorted(_WARNINGS), Severity.WARNING),
    **dict.fromkeys(sorted(_NOTES), Severity.NOTE),
}
"""Every code, with its severity. Codes and severities are part of the format (`app.doctor.report`)."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found. Raises KeyError for a code that isn't in CODES."""

    code: str
    says: str
    """A sentence or two, without the value of any setting."""
    fix: str = ""
    """What to do, "" where nothing has to be done."""
    facts: Facts = field(default_factory=dict)
    """The same for machines, as far as it is figures or names."""

    def __post_init__(self) -> None:
        CODES[self.code]  # a finding whose code has no severity is a bug

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return CODES[self.code]


Check = Callable[[Any], Iterator[Finding]]


@dataclass(frozen=True)
class Findings:
    """All that was found, the worst first."""

    findings: list[Finding]
    made_at: datetime


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, the worst first, those of the same severity as they were found."""
    return sorted(findings, key=lambda finding: -finding.severity)


def worst(findings: Iterable[Finding]) -> Severity:
    """Return the severity of the worst, NOTE where there are none."""
    return max((finding.severity for finding in findings), default=Severity.NOTE)
