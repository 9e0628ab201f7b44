"""Merging what is stored with what a source says. Pure.

A user's row ends where a newer list or report doesn't list them, unless they showed themselves since, and where a
source shows a user who was created later under the same name. `app.compliance.rules.facts` decides which of
several sources counts for a fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, cast

from app.compliance.data.credential_report import CredentialReport, NotAReport
from app.compliance.data.report_cells import ReportPerson
from app.compliance.data.rows import KEPT, AccountRow, PersonRow
from app.compliance.rules.facts import device_bounds
from app.compliance.rules.sources import OwnFacts, ReportFacts, since
from app.text.messages import _, ngettext

MISSING_AT_MOST = 0.05
"""The share of the users the lists know that a report can lack. With more it isn't whole. One is always allowed."""
CLOCKS = timedelta(minutes=15)
"""How far in the future a report's time can be."""


class SignedInUser(Protocol):
    """A user who has signed in to the portal. path: of the user in IAM, "/" or "/engineering/"."""

    @property
    def user_name(self) -> str:
        """Without the path."""

    @property
    def user_id(self) -> str:
        """AWS's unique ID, AIDA…."""

    @property
    def arn(self) -> str:
        """With the path."""

    @property
    def path(self) -> str:
        """The path in IAM: "/", or like "/engineering/"."""


class ListedUser(SignedInUser, Protocol):
    """A user as ListUsers tells (`app.aws.user_list.UserListEntry`)."""

    @property
    def created_at(self) -> datetime:
        """UTC."""

    @property
    def password_last_used(self) -> datetime | None:
        """UTC. None: no use of a password is recorded."""


@dataclass
class Merged:
    """The rows of an account's users from now on, not judged yet."""

    people: list[PersonRow] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    """Names whose stored row is removed: of deleted users, and of former users whose name another user has now."""


def check_complete(
    report: CredentialReport, stored: AccountRow, absent: Iterable[PersonRow], listed: int, now: datetime
) -> None:
    """Raise NotAReport where the report is from the future, older than the stored one, or lacks too many users.

    absent: the stored users whom it doesn't name. listed: how many users the lists had when it was made.
    """
    if report.made_at > now + CLOCKS:
        why = _("The time the report was created is in the future. Correct it and try again. Nothing was changed.")
        raise NotAReport(why, diagnosis="future")
    if stored.report_at and report.made_at < stored.report_at:
        why = _(
            "This report is from %(time)s. A newer one, from %(newer)s, was uploaded before. Nothing was changed.",
            time=f"{report.made_at:%-d %B %Y, %H:%M} UTC",
            newer=f"{stored.report_at:%-d %B %Y, %H:%M} UTC",
        )
        raise NotAReport(why, diagnosis="older")
    missing = [
        row.user_name for row in absent if row.in_user_list and row.created_at and row.created_at < report.made_at
    ]
    if len(missing) > max(1, MISSING_AT_MOST * listed):
        why = ngettext(
            "This report lacks %(num)d user of this account, %(name)s. Download it again. If the user was deleted, "
            "refresh from AWS first. Nothing was changed.",
            "This report lacks %(num)d users of this account, for example %(name)s. Download it again. If they were "
            "deleted, refresh from AWS first. Nothing was changed.",
            len(missing),
            name=missing[0],
        )
        raise NotAReport(why, diagnosis="incomplete")


def merge_report(stored: AccountRow, known: Mapping[str, PersonRow], report: CredentialReport) -> Merged:
    """Merge a credential report into the stored rows. known: of users whose line is known, only some."""
    newer = stored.user_list_at is None or report.made_at > stored.user_list_at
    merged = Merged()
    for person in report.people:
        old = known.get(person.user_name)
        if old or newer:  # a user the lists don't name was deleted since
            row = old.copy() if old else PersonRow(report.account_id, person.user_name)
            _set_reported(merged, row, person, report.lines[person.user_name])
    read = {person.user_name for person in report.people}
    for name, old in known.items():
        if name in report.lines:
            if name not in read:
                merged.people.append(old.copy())
            continue
        if newer and not old.was_seen_after(report.made_at) and not _in_details_after(stored, old, report.made_at):
            merged.gone.append(name)
        else:
            merged.people.append(_left(old, None, in_user_list=old.in_user_list and not newer))
    return merged


def _set_reported(merged: Merged, row: PersonRow, person: ReportPerson, line: str) -> None:
    """Add the row with the report's facts about the user."""
    merged.people.append(row)
    if is_later(person.created_at, row.created_at):
        row.report, row.report_line = None, ""  # the report is about the former user
        return
    if person.created_at and is_later(row.created_at, person.created_at):
        merged.gone.append(row.user_name)
        forget_former(row, person.created_at, None)
        row.in_user_list = False
    if row.in_user_list:
        row.report = _with_other(person.facts, row.virtual_devices)
    else:
        row.arn, row.path, row.created_at = person.arn, person.path, person.created_at
        row.report = person.facts
    row.report_line, row.report_row = (KEPT, line) if line else ("", "")


def _with_other(facts: ReportFacts, virtual_devices: int) -> ReportFacts:
    """Return the facts, and for a user with MFA whether their device isn't virtual, as the lists show."""
    return {**facts, "other": not virtual_devices} if facts["mfa"] else facts


def _left(old: PersonRow, report: ReportFacts | None, *, in_user_list: bool) -> PersonRow:
    """The row of a user whom a newer source doesn't name, but another one does."""
    row = old.copy()
    row.report, row.in_user_list, row.report_line = report, in_user_list, ""
    return row


def merge_lists(
    stored: AccountRow,
    known: Mapping[str, PersonRow],
    users: Mapping[str, ListedUser],
    virtual: Mapping[str, int],
    at: datetime,
) -> Merged:
    """Merge the account's lists, read at that time, into the stored rows.

    users: by user name. virtual: how many virtual MFA devices a user has, by user name.
    """
    merged = Merged()
    for name, user in users.items():
        old = known.get(name)
        row = old.copy() if old else PersonRow(stored.account_id, name)
        if is_later(row.created_at, user.created_at) or is_another(row.user_id, user.user_id):
            merged.gone.append(name)
            forget_former(row, user.created_at, stored.report_at)
        _set_listed(row, user, virtual.get(name, 0))
        merged.people.append(row)
    report_is_newer = stored.report_at is not None and stored.report_at > at
    for name, old in known.items():
        if name in users:
            continue
        report = old.report if report_is_newer else None
        if report or old.was_seen_after(at) or _in_details_after(stored, old, at):
            merged.people.append(_left(old, report, in_user_list=False))
        else:
            merged.gone.append(name)
    return merged


def _set_listed(row: PersonRow, user: ListedUser, virtual_devices: int) -> None:
    """Set the facts that the lists have about the user."""
    if (row.in_user_list, row.created_at, bool(row.virtual_devices)) != (
        True,
        user.created_at,
        bool(virtual_devices),
    ):
        row.report_line = ""  # the same line would be read in another way
    row.user_id, row.arn, row.path, row.created_at = user.user_id, user.arn, user.path, user.created_at
    row.password_last_used = user.password_last_used
    row.in_user_list, row.virtual_devices = True, virtual_devices
    if row.report and row.report["other"] is None:
        row.report = _with_other(row.report, virtual_devices)


def merge_own(account_id: str, old: PersonRow | None, user: SignedInUser, own: OwnFacts, now: datetime) -> Merged:
    """Merge what a user's own visit showed into their stored row, except where a later read is known. now: UTC."""
    merged = Merged()
    if old and is_another(old.user_id, user.user_id):
        merged.gone.append(user.user_name)
        old = None
    row = old.copy() if old else PersonRow(account_id, user.user_name, arn=user.arn, path=user.path)
    row.own = {**row.own, **_not_overtaken(row.own, own, now)}
    row.user_id = user.user_id
    merged.people.append(row)
    return merged


def _not_overtaken(known: OwnFacts, observed: OwnFacts, now: datetime) -> OwnFacts:
    """Return the facts that aren't older than the known ones. A time after now comes from a clock that was wrong."""
    before = cast("Mapping[str, tuple[str, object]]", known)
    facts = cast("Mapping[str, tuple[str, object]]", observed)
    times = {name: datetime.fromisoformat(at) for name, (at, _) in before.items()}
    newer = {
        name: (at, value)
        for name, (at, value) in facts.items()
        if not (name in times and datetime.fromisoformat(at) < times[name] <= now)
    }
    return cast("OwnFacts", newer)


def _in_details_after(stored: AccountRow, old: PersonRow, moment: datetime) -> bool:
    """Do the account's authorization details contain the user, and are they newer than this moment?"""
    return bool(old.forced and stored.details_at and stored.details_at > moment)


def is_later(earlier: datetime | None, later: datetime | None) -> bool:
    """Was a user created later than another of the same name? Then the first was deleted between. None: not known."""
    return bool(earlier and later and later - earlier >= timedelta(seconds=1))


def is_another(known: str, other: str) -> bool:
    """Are these unique ids of two users? An id that isn't known yet ("") can be any user's."""
    return bool(known and other and known != other)


def forget_former(row: PersonRow, created_at: datetime, report_at: datetime | None) -> None:
    """Drop what was known of the user who had the name before. report_at: of the report that `row.report` is from."""
    row.user_id, row.report_line = "", ""
    row.own = since(row.own, created_at)
    if report_at is None or report_at < created_at:
        row.report = None


def compared_devices(stored: AccountRow, people: Iterable[PersonRow]) -> dict[str, Any]:
    """Compare the MFA devices users are taken to have with how many are in use, after new lists or a new report.

    stored: the account as it is from now on. Returns the columns of the account's row that change.
    """
    at_most = stored.user_list.get("others")
    if at_most is None or stored.user_list_at is None:
        return {}
    numbers = [device_bounds(row, stored.user_list_at, stored.report_at) for row in people]
    least, most = sum(low for low, _ in numbers), sum(high for _, high in numbers)
    before = stored.report.get("unexplained")
    unexplained = max(0, at_most - least)
    report = stored.report
    if report and (before is None or unexplained < before):
        report = {**report, "unexplained": unexplained}
    fewer, more = least > at_most, before is not None and at_most - most > before
    return {"user_list": {**stored.user_list, "others_fewer": fewer, "others_more": more}, "report": report}
