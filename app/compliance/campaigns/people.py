"""The users of a campaign: they join if they fail its rule, and leave when AWS shows that they no longer do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from sqlalchemy import Connection, and_, bindparam, exists, insert, not_, or_, select, update

from app.compliance.campaigns.models import CampaignRow, CampaignState, CampaignUser, Outcome
from app.compliance.data import queries
from app.compliance.data.account_data import AccountData
from app.compliance.data.models import CompliancePerson
from app.compliance.data.people_data import batched, states
from app.compliance.data.queries import Filter
from app.compliance.data.rows import PersonRow
from app.compliance.data.storing import people_changed
from app.compliance.receivers import listen_to
from app.compliance.rules.verdicts import State
from app.notices.models import NoticeRow
from app.notices.notice import Audience
from app.notices.outbox import Outbox


def join(connection: Connection, campaign: Any, service_users: tuple[tuple[str, str], ...], now: datetime) -> int:
    """Add users who fail the campaign's rule and aren't in it yet. Return how many.

    campaign: a row of `campaigns`. Service users are left out, because nobody reads their mail. A user who left
    and fails again is added again.
    """
    only = "people" if service_users else ""
    chosen = Filter(campaign.rule, State.FAIL, campaign.search, kind=only, service_users=service_users)
    known = {
        row.user_name: row
        for row in connection.execute(select(CampaignUser.__table__).where(CampaignUser.campaign_id == campaign.id))
    }
    values = {"joined_at": now, "left_at": None, "left": ""}
    new: list[dict[str, Any]] = []
    back: list[dict[str, Any]] = []
    for row in list(queries.everyone(connection, campaign.account_id, chosen)):
        former = known.get(row.user_name)
        if former is None:
            whose = {"campaign_id": campaign.id, "user_name": row.user_name, "account_id": campaign.account_id}
            new.append({**whose, **values, "user_id": row.user_id})
        elif former.left_at is not None:
            back.append({**values, "campaign": campaign.id, "name": row.user_name, "user_id": row.user_id})
    if new:
        connection.execute(insert(CampaignUser.__table__), new)  # type: ignore[arg-type] # see _BACK
    if back:
        connection.execute(_BACK, back)
    return len(new) + len(back)


_BACK = (
    update(CampaignUser.__table__)  # type: ignore[arg-type] # a Table, though its type says FromClause
    .where(CampaignUser.campaign_id == bindparam("campaign"), CampaignUser.user_name == bindparam("name"))
    .values({each: bindparam(each) for each in ("user_id", "joined_at", "left_at", "left")})
)


def drop_deleted(connection: Connection, campaign: Any, now: datetime, outbox: Outbox) -> None:
    """Remove users from a campaign who were deleted since, also those whose name another user has by now."""
    known = and_(CampaignUser.user_id != "", CompliancePerson.user_id != "")
    same = or_(
        and_(known, CampaignUser.user_id == CompliancePerson.user_id),
        and_(
            not_(known),
            or_(CompliancePerson.created_at.is_(None), CompliancePerson.created_at <= CampaignUser.joined_at),
        ),
    )
    there = exists().where(
        CompliancePerson.account_id == campaign.account_id,
        CompliancePerson.user_name == CampaignUser.user_name,
        same,
    )
    mine = CampaignUser.campaign_id == campaign.id, CampaignUser.left_at.is_(None)
    names = connection.execute(select(CampaignUser.user_name).where(*mine, not_(there))).scalars().all()
    leave(connection, campaign.id, names, Outcome.DELETED, now, outbox)


def drop_done(connection: Connection, campaign: Any, now: datetime, outbox: Outbox) -> None:
    """Remove users from a campaign whose stored verdict is neither fail nor unknown, for whatever reason."""
    query = (
        select(CampaignUser.user_name, CompliancePerson.verdicts)
        .join(
            CompliancePerson,
            and_(
                CompliancePerson.account_id == campaign.account_id,
                CompliancePerson.user_name == CampaignUser.user_name,
            ),
        )
        .where(CampaignUser.campaign_id == campaign.id, CampaignUser.left_at.is_(None))
    )
    gone: dict[Outcome, list[str]] = {}
    for name, verdicts in connection.execute(query).all():
        if outcome := _outcome(states(verdicts).get(campaign.rule)):
            gone.setdefault(outcome, []).append(name)
    for outcome, names in gone.items():
        leave(connection, campaign.id, names, outcome, now, outbox)


def _outcome(verdict: str | None) -> Outcome | None:
    """Return how a user with this verdict leaves, None while they are asked. verdict: None if it doesn't apply."""
    if verdict in (State.FAIL, State.UNKNOWN):
        return None
    return Outcome.EXCEPTED if verdict == State.EXCEPTED else Outcome.DONE


def leave(
    connection: Connection, campaign_id: int, names: Iterable[str], outcome: Outcome, now: datetime, outbox: Outbox
) -> None:
    """Remove these users from the campaign, if they aren't done, and cancel what they would still get.

    The caller has locked the campaign.
    """
    for some in batched(names):
        mine = and_(
            CampaignUser.campaign_id == campaign_id,
            CampaignUser.user_name.in_(some),
            CampaignUser.left_at.is_(None),
        )
        change = update(CampaignUser).where(mine).values(left_at=now, left=outcome.value)
        if gone := connection.execute(change.returning(CampaignUser.user_name)).scalars().all():
            theirs = NoticeRow.audience == Audience.USER.value, NoticeRow.user_name.in_(gone)
            outbox.cancel(connection, NoticeRow.campaign_id == campaign_id, *theirs)


def _remove_done(
    account: AccountData, outbox: Outbox, *, before: Mapping[str, PersonRow], after: Iterable[PersonRow]
) -> None:
    """Remove users whose verdict shows that they are done, and cancel their notices."""
    running = _campaigns(account.connection, account.account_id)
    if not running:
        return
    gone: dict[int, dict[Outcome, list[str]]] = {}
    for row in after:
        old = before.get(row.user_name)
        if old is None or old.verdicts == row.verdicts:
            continue
        was, verdicts = states(old.verdicts), states(row.verdicts)
        for campaign_id, rule in running.items():
            outcome = _outcome(verdicts.get(rule))
            if outcome and _outcome(was.get(rule)) is None:
                gone.setdefault(campaign_id, {}).setdefault(outcome, []).append(row.user_name)
    if not gone:
        return
    # Else a worker that plans at this moment could write a notice for a user who leaves.
    lock = select(CampaignRow.id).where(CampaignRow.id.in_(gone)).order_by(CampaignRow.id).with_for_update()
    account.connection.execute(lock)
    now = datetime.now(UTC)
    for campaign_id, by_outcome in gone.items():
        for outcome, names in by_outcome.items():
            leave(account.connection, campaign_id, names, outcome, now, outbox)


def _campaigns(connection: Connection, account_id: str) -> dict[int, str]:
    """Return the rule of each campaign that hasn't ended."""
    query = select(CampaignRow.id, CampaignRow.rule).where(
        CampaignRow.account_id == account_id, CampaignRow.state != CampaignState.ENDED.value
    )
    return dict(connection.execute(query).tuples().all())


def listen(app: Flask) -> None:
    """Start removing users from campaigns when the portal or a command sees that they are done."""
    listen_to(people_changed, app, _remove_done)
