"""The report: as text for people, and as JSON for machines."""

from __future__ import annotations

import json
from typing import Any

from app import __version__
from app.doctor.finding import Findings, Severity, worst
from app.text.terminal import plain, plain_json

FORMAT = 1
"""Of the JSON. Keys, codes and severities stay within a format. New ones may come."""
_LONGEST = 2_000
"""Characters of a text. Some are words of other programs."""
_STATUS = {Severity.NOTE: "ok", Severity.WARNING: "warnings", Severity.PROBLEM: "problems"}
_WORD = {Severity.NOTE: "ok", Severity.WARNING: "WARNING", Severity.PROBLEM: "PROBLEM"}


def as_object(found: Findings) -> dict[str, Any]:
    """Return what `--json` prints. docs/doctor.md describes it."""
    return {
        "format": FORMAT,
        "version": __version__,
        "checked_at": f"{found.made_at:%Y-%m-%dT%H:%M:%SZ}",
        "status": _STATUS[worst(found.findings)],
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity.name.lower(),
                "says": _cut(finding.says),
                "fix": _cut(finding.fix),
                "facts": {name: _cut(value) for name, value in finding.facts.items()},
            }
            for finding in found.findings
        ],
    }


def as_json(found: Findings) -> str:
    """Return it as JSON text, which can be printed on a terminal."""
    return plain_json(json.dumps(as_object(found), indent=2, ensure_ascii=False))


def _cut(value: Any) -> Any:
    if isinstance(value, list):
        return [_cut(each) for each in value]
    return value[:_LONGEST] + "…" if isinstance(value, str) and len(value) > _LONGEST else value


def as_text(found: Findings) -> str:
    """Return the findings, the worst first, each with its fix below it.

    Other programs' words in it can't control a terminal.
    """
    lines = []
    for finding in found.findings:
        lines.append(f"{_WORD[finding.severity]:<8} {plain(_cut(finding.says))}  [{finding.code}]")
        if finding.fix:
            lines.append(f"{'':<8} → {plain(_cut(finding.fix))}")
    number = {severity: sum(each.severity is severity for each in found.findings) for severity in Severity}
    lines += ["", f"Problems: {number[Severity.PROBLEM]}. Warnings: {number[Severity.WARNING]}."]
    return "\n".join(lines)
