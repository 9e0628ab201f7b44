"""Users of whom a newer report says only that they used the same credentials later: most lines change in this way.

No verdict about them turns, unless it asks for the last use and doesn't pass (`Rule.by_last_use`), or waits for newer
evidence. So they aren't judged. Their `changes_at` stays, and may be earlier than need be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from sqlalchemy import Connection

from app.compliance.data.credential_report import CredentialReport
from app.compliance.data.people_data import states, write_columns
from app.compliance.data.report_cells import Checked, Times, facts_of, read_row
from app.compliance.rules.table import BY_ID
from app.compliance.rules.verdicts import PASS

Steady = dict[str, int | None]
"""Users whose verdicts later uses don't turn: by name how many virtual devices they have, None where no list says."""


@lru_cache(maxsize=1024)
def can_turn(verdicts: str) -> bool:
    """Can a later use turn one of these verdicts, which are stored as in `CompliancePerson.verdicts`?"""
    return any(
        state != PASS and (rule not in BY_ID or BY_ID[rule].by_last_use) for rule, state in states(verdicts).items()
    )


def with_read(report: CredentialReport, names: Iterable[str]) -> CredentialReport:
    """Return the report with these users, of whom it says only later uses, among those whose line isn't known."""
    times = Times()
    more = [read_row(report.used[name].cells, times)[1] for name in names]
    return replace(report, people=[*report.people, *more])


def write_later_uses(connection: Connection, report: CredentialReport, steady: Steady) -> None:
    """Store what the report says of these users, and judge none of them."""
    if not steady:
        return
    checked = Checked()
    facts = []
    for name, virtual_devices in steady.items():
        told = facts_of(report.used[name].cells, checked)
        if virtual_devices is not None and told["mfa"]:
            told["other"] = not virtual_devices  # as `merge.with_other` says
        facts.append(told)
    rows = [report.lines[name] for name in steady]
    write_columns(connection, report.account_id, [*steady], {"report": facts, "report_row": rows})
