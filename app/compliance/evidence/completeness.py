"""Is everyone there? How many users each source has, and who is in one source but not in another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, not_, or_, select

from app.compliance.data.models import CompliancePerson
from app.compliance.data.rows import AccountRow
from app.compliance.rules.subjects import Source

_IN: Mapping[Source, ColumnElement[bool]] = {
    Source.USER_LIST: CompliancePerson.in_user_list.is_(True),
    Source.REPORT: CompliancePerson.report.is_not(None),
    Source.DETAILS: CompliancePerson.forced.is_not(None),
}
"""The condition that a source names a user."""


@dataclass(frozen=True)
class Completeness:
    """How many users are known from where."""

    summary: int | None
    """Of the account's summary, which counts them itself. None: AWS didn't tell."""
    people: int
    """Users with results here."""
    missing: Mapping[Source, tuple[str, ...]]
    """By source: the names of users who are in another source of the account but not in this one, in order."""
    numbers: tuple[int, ...] = ()
    """How many users each source has, as far as that is known. One who was deleted is in an earlier source only."""

    @property
    def is_complete(self) -> bool:
        """Does every source have the same users, and the summary the same number?"""
        return not any(self.missing.values()) and {*self.numbers} <= {self.people}

    def fields(self, ids: Mapping[Source, str]) -> dict[str, Any]:
        """Return it for the manifest. ids: how files name the sources."""
        return {
            "users_in_account_summary": self.summary,
            "users_with_results": self.people,
            "complete": self.is_complete,
            "users_not_in": {ids[source]: list(names) for source, names in self.missing.items()},
        }


def completeness(connection: Connection, stored: AccountRow) -> Completeness:
    """Compare the sources that an account has."""
    at = {Source.USER_LIST: stored.user_list_at, Source.REPORT: stored.report_at, Source.DETAILS: stored.details_at}
    present = [source for source, moment in at.items() if moment]
    mine = CompliancePerson.account_id == stored.account_id
    people = connection.execute(select(func.count()).select_from(CompliancePerson).where(mine)).scalar_one()
    missing = {}
    for source in present:
        others = or_(*(_IN[other] for other in present if other is not source)) if len(present) > 1 else None
        if others is None:
            continue
        query = select(CompliancePerson.user_name).where(and_(mine, not_(_IN[source]), others))
        missing[source] = tuple(connection.execute(query.order_by(CompliancePerson.user_name)).scalars())
    summary = stored.user_list.get("users")
    numbers = (
        summary,
        stored.user_list.get("listed"),
        stored.report.get("number"),
        stored.details["users"] if stored.details else None,
    )
    return Completeness(summary, people, missing, tuple(number for number in numbers if number is not None))
