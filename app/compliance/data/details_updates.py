"""Storing authorization details: whether MFA is forced on each user, and who the account's users are."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.compliance.data import details_data
from app.compliance.data.account_data import AccountData, ensure_account_row, locked
from app.compliance.data.details import moment
from app.compliance.data.details_formats import NotDetails
from app.compliance.data.details_rows import Details, DetailsUser
from app.compliance.data.forced import Facts, judged
from app.compliance.data.judgements import TermsOf
from app.compliance.data.kept_sources import UNKNOWN_ARRIVAL, Arrival
from app.compliance.data.merge import (
    CLOCKS,
    MISSING_AT_MOST,
    Merged,
    forget_former,
    is_another,
    is_later,
)
from app.compliance.data.merging import DETAILED, Merging
from app.compliance.data.outdated import ENGINE
from app.compliance.data.people_data import read_people
from app.compliance.data.permissions import permissions_of
from app.compliance.data.rows import AccountRow, PersonRow
from app.compliance.data.storing import judge_and_write_all
from app.compliance.rules.service_users import named_tags, tag_keys
from app.compliance.rules.sources import DetailsFacts
from app.compliance.rules.subjects import Source
from app.text.messages import _, ngettext

log = logging.getLogger(__name__)


def keep_details(
    engine: Engine, details: Details, now: datetime, terms_of: TermsOf, arrival: Arrival = UNKNOWN_ARRIVAL
) -> int:
    """Store details and return how many users they contain. Raises NotDetails: nothing was changed."""
    forced = judged(details)  # before the account is locked: it can take seconds
    ensure_account_row(engine, details.account_id)
    with locked(engine, details.account_id) as account:
        write_details(account, details, forced, now, terms_of, arrival)
    return len(details.users)


def write_details(
    account: AccountData,
    details: Details,
    forced: Facts,
    now: datetime,
    terms_of: TermsOf,
    arrival: Arrival = UNKNOWN_ARRIVAL,
) -> None:
    """Store details within the account's transaction. forced: what `judged` says of them. Raises NotDetails."""
    merging = Merging(account, terms_of)
    merge_into(merging, details, forced, now, arrival)
    merging.finish()


def merge_into(merging: Merging, details: Details, forced: Facts, now: datetime, arrival: Arrival) -> None:
    """Like `write_details`, for an account whose sources are being merged. Raises NotDetails."""
    account = merging.account
    check_complete(details, account.row, merging.rows.values(), now)
    created = {user.user_name: user.created_at for user in details.users.values()}
    account.end_exceptions_of_former(created, now)
    keys = tag_keys(merging.terms_of(account.row.user_list.get("others")).service_users)
    merging.accept(merge_details(account.row, merging.rows, details, with_tags(forced, details, keys)), DETAILED)
    account.change(details=_summary(details, keys, arrival.how), details_at=details.collected_at)
    arrival.keep(account.connection, account.account_id, Source.DETAILS, details.collected_at, now)
    details_data.store(account.connection, details)


def with_tags(forced: Facts, details: Details, keys: Collection[str]) -> Facts:
    """Return the facts with those of each user's tags whose keys are among these."""
    if not keys:
        return forced
    return {name: {**facts, "tags": named_tags(details.users[name].tags, keys)} for name, facts in forced.items()}


def judge_stored(engine: Engine, account_id: str, terms_of: TermsOf) -> None:
    """Judge the stored details again, where an earlier release's judge did, or the settings name other tags now."""
    with engine.connect() as connection:
        details = details_data.read(connection, account_id)
    if details is None:
        return
    forced = judged(details)
    with locked(engine, account_id) as account:
        if account.row.details_at != details.collected_at:
            return  # newer ones were stored meanwhile
        known = read_people(account.connection, account_id)
        terms = terms_of(account.row.user_list.get("others"))
        keys = tag_keys(terms.service_users)
        merged = merge_details(account.row, known, details, with_tags(forced, details, keys))
        before = account.row.details
        account.change(details=_summary(details, keys, before.get("how", "") if before else ""))
        judge_and_write_all(account, known, merged, terms)


_working: set[tuple[Engine, str]] = set()
_changing = threading.Lock()


def judge_stored_in_background(engine: Engine, account_id: str, terms_of: TermsOf) -> None:
    """Like `judge_stored`, in a thread that ends with the process. A second one for the account isn't started."""
    with _changing:
        if (engine, account_id) in _working:
            return
        _working.add((engine, account_id))

    def work() -> None:
        try:
            judge_stored(engine, account_id, terms_of)
        except SQLAlchemyError:
            log.exception("the details of account %s could not be judged again", account_id)
        finally:
            with _changing:
                _working.discard((engine, account_id))

    threading.Thread(target=work, name=f"forced-{account_id}", daemon=True).start()


def _summary(details: Details, keys: list[str], how: str) -> DetailsFacts:
    summary: DetailsFacts = {
        "digest": details.digest,
        "users": len(details.users),
        "groups": len(details.groups),
        "policies": len(details.policies),
        "permissions": permissions_of(details),
        "judged_by": ENGINE,
        "how": how,
    }
    if keys:
        summary["tag_keys"] = keys
    return summary


def check_complete(details: Details, stored: AccountRow, known: Iterable[PersonRow], now: datetime) -> None:
    """Raise NotDetails where they are from the future, older than the stored ones, or lack too many users."""
    if details.collected_at > now + CLOCKS:
        why = _("The time the details were collected is in the future. Correct it. Nothing was changed.")
        raise NotDetails(why, diagnosis="future")
    if stored.details_at and details.collected_at < stored.details_at:
        why = _(
            "These details are from %(time)s. Newer ones, from %(newer)s, were stored before. Nothing was changed.",
            time=moment(details.collected_at),
            newer=moment(stored.details_at),
        )
        raise NotDetails(why, diagnosis="older")
    expected = [
        row.user_name for row in known if row.arn and row.created_at and row.created_at < details.collected_at
    ]
    missing = [name for name in expected if name not in details.users]
    if len(missing) > max(1, MISSING_AT_MOST * len(expected)):
        why = ngettext(
            "These details lack %(num)d user of this account, %(name)s. Collect them again. If the user was deleted, "
            "refresh from AWS first. Nothing was changed.",
            "These details lack %(num)d users of this account, for example %(name)s. Collect them again. If they "
            "were deleted, refresh from AWS first. Nothing was changed.",
            len(missing),
            name=missing[0],
        )
        raise NotDetails(why, diagnosis="incomplete")


def merge_details(stored: AccountRow, known: Mapping[str, PersonRow], details: Details, forced: Facts) -> Merged:
    """Merge details into the stored rows. stored: the account as it is before."""
    at = details.collected_at
    newest = all(other is None or other < at for other in (stored.user_list_at, stored.report_at))
    merged = Merged()
    for name, user in details.users.items():
        old = known.get(name)
        if old or newest:  # a user whom newer sources don't name was deleted since
            row = old.copy() if old else PersonRow(details.account_id, name)
            if old and _is_former(stored, old, user, at):
                row.forced = None
            else:
                if old and (is_later(old.created_at, user.created_at) or is_another(old.user_id, user.user_id)):
                    merged.gone.append(name)
                    forget_former(row, user.created_at or at, stored.report_at)
                    row.in_user_list = False
                _set_detailed(row, user)
                row.forced = forced[name]
            merged.people.append(row)
    for name, old in known.items():
        if name in details.users:
            continue
        if newest and not old.was_seen_after(at):
            merged.gone.append(name)
        else:
            row = old.copy()
            row.forced = None
            merged.people.append(row)
    return merged


def _is_former(stored: AccountRow, old: PersonRow, user: DetailsUser, at: datetime) -> bool:
    """Are the details about a user who had the name before the one we know?"""
    if is_later(user.created_at, old.created_at):
        return True
    if not is_another(old.user_id, user.user_id):
        return False
    listed_since = old.in_user_list and stored.user_list_at is not None and stored.user_list_at > at
    return listed_since or old.was_seen_after(at)


def _set_detailed(row: PersonRow, user: DetailsUser) -> None:
    """Set who the user is, where the lists don't say it."""
    row.user_id = user.user_id
    if not row.in_user_list:
        row.arn, row.path, row.created_at, row.report_line = user.arn, user.path, user.created_at, ""
