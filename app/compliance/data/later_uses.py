"""Users who, according to a newer report, only used the same credentials later. Most lines change in this way. No

verdict about these users changes, unless it asks for the last use and doesn't pass (`Rule.by_last_use`), or waits

for newer
evidence. So they aren't judged. Their `changes_at` stays, and may be earlier than need be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from operator import attrgetter

from sqlalchemy import Connection

from app.compliance.data.credential_report import CredentialReport
from app.compliance.data.people_data import states, write_columns
from app.compliance.data.report_cells import Checked, Times, facts_of, read_row
from app.compliance.data.rows import PERSON_COLUMNS, PersonRow
from app.compliance.rules.sources import ReportFacts
from app.compliance.rules.table import BY_ID
from app.compliance.rules.verdicts import EXCEPTED, PASS, UNKNOWN

Steady = dict[str, int | None]
"""Users whose verdicts later uses don't turn: by name how many virtual devices they have, None where no list says."""


@lru_cache(maxsize=1024)
def can_turn(verdicts: str) -> bool:
    """Can a later use turn one of these verdicts, which are stored as in `CompliancePerson.verdicts`?"""
    return any(
        state != PASS and (rule not in BY_ID or BY_ID[rule].by_last_use) for rule, state in states(verdicts).items()
    )


@lru_cache(maxsize=1024)
def is_open(verdicts: str, renewed: frozenset[str]) -> bool:
    """Does one of these verdicts wait for newer evidence of these facts?"""
    return any(
        state in (UNKNOWN, EXCEPTED) and (rule not in BY_ID or not renewed.isdisjoint(BY_ID[rule].facts))
        for rule, state in states(verdicts).items()
    )


_USES = ("password_last_used", "report", "report_line", "report_row")
"""Columns that change when a user uses something. The last two say only how `report` was read."""
_LASTING = attrgetter(*(name for name in PERSON_COLUMNS if name not in _USES))


def only_used(old: PersonRow, row: PersonRow) -> bool | None:
    """Return whether newer sources say that a user used something later, None where they say anything else."""
    if _LASTING(old) != _LASTING(row):
        return None
    before, after = old.password_last_used, row.password_last_used
    if before != after and not (before and after and before < after):
        return None
    if old.report == row.report:
        return before != after
    return True if old.report and row.report and _later(old.report, row.report) else None


def _later(before: ReportFacts, after: ReportFacts) -> bool:
    """Do the second facts say nothing but later uses?"""
    keys, were = after["keys"], before["keys"]
    uses = [(before["used"], after["used"])]
    uses += [(was[2], key[2]) for was, key in zip(were, keys, strict=False)]
    # Only spellings count that sort as the times do.
    if not all(was == used or (was and used and was[19:] == used[19:] == "Z" and was < used) for was, used in uses):
        return False
    same = len(keys) == len(were) and [key[:2] for key in keys] == [key[:2] for key in were]
    return same and {**before, "used": None, "keys": None} == {**after, "used": None, "keys": None}


def with_read(report: CredentialReport, names: Iterable[str]) -> CredentialReport:
    """Return the report with these users, for whom it has only later uses, among those whose line isn't known."""
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
        user_facts = facts_of(report.used[name].cells, checked)
        if virtual_devices is not None and user_facts["mfa"]:
            user_facts["other"] = not virtual_devices  # as `merge.with_other` says
        facts.append(user_facts)
    rows = [report.lines[name] for name in steady]
    write_columns(connection, report.account_id, [*steady], {"report": facts, "report_row": rows})
