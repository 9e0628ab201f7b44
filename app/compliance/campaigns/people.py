"""Who is part of a campaign: users join while they fail its rule, and leave as soon as AWS shows that they don't."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from sqlalchemy import Connection, Engine, and_, insert, select, update

from app.compliance.campaigns.models import CampaignRow, CampaignState, CampaignUser, Left
from app.compliance.data import queries
from app.compliance.data.account_data import AccountData
from app.compliance.data.models import CompliancePerson
from app.compliance.data.people_data import states
from app.compliance.data.queries import Filter
from app.compliance.data.rows import PersonRow
from app.compliance.data.storing import people_changed
from app.compliance.rules.verdicts import State
from app.db import db
from app.notices.models import NoticeRow
from app.notices.outbox import Outbox


def join(connection: Connection, campaign: Any, service_users: tuple[tuple[str, str], ...], now: datetime) -> int:
    """Add the users who fail the campaign's rule and aren't part of it. Return how many there are.

    campaign: a row of `campaigns`. Service users are left out: nobody reads their mail. A user who left and fails
    again comes back.
    """
    only = "people" if service_users else ""
    chosen = Filter(campaign.rule, State.FAIL, campaign.search, kind=only, service_users=service_users)
    known = {
        row.user_name: row
        for row in connection.execute(select(CampaignUser.__table__).where(CampaignUser.campaign_id == campaign.id))
    }
    new = 0
    for row in list(queries.everyone(connection, campaign.account_id, chosen)):
        former = known.get(row.user_name)
        if former is not None and former.left_at is None:
            continue
        values = {"user_id": row.user_id, "joined_at": now, "left_at": None, "left": ""}
        if former is None:
            whose = {"campaign_id": campaign.id, "user_name": row.user_name, "account_id": campaign.account_id}
            connection.execute(insert(CampaignUser).values(**whose, **values))
        else:
            mine = CampaignUser.campaign_id == campaign.id, CampaignUser.user_name == row.user_name
            connection.execute(update(CampaignUser).where(*mine).values(**values))
        new += 1
    return new


def drop_deleted(connection: Connection, campaign: Any, now: datetime, outbox: Outbox) -> None:
    """Let users leave who were deleted since."""
    there = select(CompliancePerson.user_name).where(CompliancePerson.account_id == campaign.account_id)
    mine = (
        CampaignUser.campaign_id == campaign.id,
        CampaignUser.left_at.is_(None),
        CampaignUser.user_name.not_in(there),
    )
    names = connection.execute(select(CampaignUser.user_name).where(*mine)).scalars().all()
    for name in names:
        whose = CampaignUser.campaign_id == campaign.id, CampaignUser.user_name == name
        connection.execute(update(CampaignUser).where(*whose).values(left_at=now, left=Left.DELETED.value))
        outbox.cancel(connection, NoticeRow.campaign_id == campaign.id, NoticeRow.user_name == name)


class Leaving:
    """Lets users leave in the transaction that stores their new verdict, and cancels what they would still get."""

    def __init__(self, engine: Engine, outbox: Outbox) -> None:
        self._engine, self._outbox = engine, outbox

    def __call__(self, account: AccountData, *, before: Mapping[str, PersonRow], after: Iterable[PersonRow]) -> None:
        """See which verdicts turned."""
        if account.connection.engine is not self._engine:
            return
        running = _campaigns(account.connection, account.account_id)
        if not running:
            return
        for row in after:
            old = before.get(row.user_name)
            if old is not None and old.verdicts != row.verdicts:
                self._look(account.connection, running, old, states(row.verdicts))

    def _look(
        self, connection: Connection, running: Mapping[int, str], old: PersonRow, verdicts: Mapping[str, str]
    ) -> None:
        was = states(old.verdicts)
        for campaign_id, rule in running.items():
            if was.get(rule) == State.FAIL and verdicts.get(rule) in (None, State.PASS, State.EXCEPTED):
                how = Left.EXCEPTED if verdicts.get(rule) == State.EXCEPTED else Left.DONE
                self._leave(connection, campaign_id, old.user_name, how)

    def _leave(self, connection: Connection, campaign_id: int, user_name: str, how: Left) -> None:
        mine = and_(
            CampaignUser.campaign_id == campaign_id,
            CampaignUser.user_name == user_name,
            CampaignUser.left_at.is_(None),
        )
        left = {"left_at": datetime.now(UTC), "left": how.value}
        if connection.execute(update(CampaignUser).where(mine).values(left)).rowcount:
            self._outbox.cancel(connection, NoticeRow.campaign_id == campaign_id, NoticeRow.user_name == user_name)


def _campaigns(connection: Connection, account_id: str) -> dict[int, str]:
    """Rule by campaign, of those that aren't ended."""
    query = select(CampaignRow.id, CampaignRow.rule).where(
        CampaignRow.account_id == account_id, CampaignRow.state != CampaignState.ENDED.value
    )
    return dict(connection.execute(query).tuples().all())


def listen(app: Flask) -> None:
    """Let users leave campaigns when the portal, or a command, sees from now on that they are done."""
    with app.app_context():
        receiver = Leaving(db.engine, app.extensions["outbox"])
    app.extensions["campaigns"] = receiver
    people_changed.connect(receiver)  # a weak reference: it ends with the application
