"""Rows of the compliance tables as typed objects. Pure: other modules of this package read and write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from app.compliance.rules.sources import (
    DetailsFacts,
    ForcedFacts,
    OwnFacts,
    ReportFacts,
    RootFacts,
    UserListFacts,
    times_of,
)

Exceptions = Mapping[str, Mapping[str, datetime]]
"""By user name ("" for the account) and rule id: when the exception ends."""


@dataclass(frozen=True)
class AccountRow:
    """A row of `compliance_accounts`, without what only a refresh under way needs (`refresh_runs`)."""

    account_id: str
    user_list: UserListFacts
    """{} before the first refresh."""
    user_list_at: datetime | None
    report: RootFacts
    """{} before the first credential report."""
    report_at: datetime | None
    judged_with: str
    judged_up_to: str | None
    """The last user, by name, whose verdicts were reached with `judged_with`. None: all were."""
    stale: bool
    """The figures don't count what is stored."""
    details: DetailsFacts | None
    """None before the first authorization details."""
    details_at: datetime | None
    history_since: datetime | None = None
    """From when on the history has everything that a list of a past day needs. None: from no time yet."""
    version: int = 0
    """Another one after each transaction that can have changed something of the account."""


KEPT = "row"
"""`PersonRow.report_line` where `report_row` counts."""


@dataclass(slots=True)
class PersonRow:
    """A row of `compliance_people`: its columns, in their order."""

    account_id: str
    user_name: str
    user_id: str = ""
    arn: str = ""
    path: str = "/"
    created_at: datetime | None = None
    in_user_list: bool = False
    password_last_used: datetime | None = None
    virtual_devices: int = 0
    report: ReportFacts | None = None
    report_line: str = ""
    report_row: str = ""
    own: OwnFacts = field(default_factory=OwnFacts)
    verdicts: str = ""
    failed: int = 0
    oldest_key_at: datetime | None = None
    changes_at: datetime | None = None
    forced: ForcedFacts | None = None
    known_since: datetime | None = None
    """When the row was first stored. None: it isn't yet, or an earlier release stored it."""

    def copy(self) -> PersonRow:
        """Return a row that can be changed without changing this one. Replace its facts, don't change them."""
        return PersonRow(*values_of(self))

    def was_seen_after(self, moment: datetime) -> bool:
        """Did the user show any of their credentials by a visit after this moment?"""
        return any(at > moment for at in times_of(self.own).values())


KnownUser = tuple[str, str, str, bool, bool, int]
"""What a report asks of a user that has the same line of them, or one that only has later uses.

That is the name, the line ("" where it has to be read), the verdicts, whether the user showed something themselves,
whether the lists have them, and how many virtual devices these show.
"""
PERSON_COLUMNS = tuple(each.name for each in fields(PersonRow))
_getter = attrgetter(*PERSON_COLUMNS)


def values_of(row: PersonRow) -> tuple[Any, ...]:
    """Return the row's values in the order of PERSON_COLUMNS."""
    values: tuple[Any, ...] = _getter(row)
    return values


@dataclass(frozen=True)
class ExceptionRow:
    """A row of `compliance_exceptions`: its columns, in their order."""

    id: int
    account_id: str
    rule: str
    user_name: str
    """"" for a rule about the account."""
    reason: str
    owner: str
    until: datetime
    """The moment after its last day."""
    made_at: datetime
    made_by: str
    """ARN."""
    ended_at: datetime | None
    """When an administrator ended it early."""
    ended_by: str
    made_by_id: str = ""
    """Unique id of the administrator, "" where an earlier release stored none."""
    waits: bool = False
    """It isn't in force until another administrator approves it."""
    approved_at: datetime | None = None
    approved_by: str = ""
    """ARN, "" where none was needed."""
    batch: str = ""
    """What exceptions that were added at once for several users have in common, "" for one alone."""


@dataclass(frozen=True)
class ChangeRow:
    """A row of `compliance_changes`: its columns, in their order."""

    id: int
    account_id: str
    user_name: str
    at: datetime
    rule: str
    was: str
    became: str
    """As `was`, a State, or "" where the rule isn't about the user."""
