"""What workers do for campaigns, each hour: users join and leave, and notices are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from flask import current_app
from sqlalchemy import Connection, select, update

from app.compliance import judging
from app.compliance.campaigns import people
from app.compliance.campaigns.messages import message_data, notice
from app.compliance.campaigns.models import CampaignRow, CampaignState, CampaignUser
from app.compliance.campaigns.steps import due, managers_due, steps
from app.compliance.thresholds import terms_for
from app.db import db
from app.notices.addresses import AddressBook, address_book
from app.notices.notice import Audience, Notice
from app.notices.outbox import outbox
from app.notices.schedules import for_each


def run_campaigns(moment: datetime) -> None:
    """Do it for all running campaigns. moment: of the plan.

    One that fails doesn't keep the others from it. Raises ExceptionGroup of what failed, at the end.
    """
    for_each(_accounts(), _run_account)


def _run_account(account_id: str) -> None:
    for_each(_to_run(account_id), _run_in_a_transaction)


def _run_in_a_transaction(number: int) -> None:
    with db.engine.begin() as connection:
        run_one(connection, number, datetime.now(UTC))


def _to_run(account_id: str) -> Sequence[int]:
    """Return the numbers of an account's running campaigns, none before its users are judged."""
    terms = terms_for(current_app.config, account_id)
    if judging.judged_now(db.engine, account_id, terms) is None:
        return ()
    with db.engine.connect() as connection:
        return connection.execute(_running(account_id)).scalars().all()


def _accounts() -> list[str]:
    with db.engine.connect() as connection:
        asked = select(CampaignRow.account_id).where(CampaignRow.state == CampaignState.RUNNING.value).distinct()
        return sorted(connection.execute(asked).scalars())


def _running(account_id: str) -> Any:
    mine = CampaignRow.account_id == account_id, CampaignRow.state == CampaignState.RUNNING.value
    return select(CampaignRow.id).where(*mine).order_by(CampaignRow.id)


def run_one(connection: Connection, number: int, now: datetime) -> int:
    """Add users to a campaign, and write the notices that are due. Return how many are new. Locks the campaign."""
    locked = update(CampaignRow).where(CampaignRow.id == number, CampaignRow.state == CampaignState.RUNNING.value)
    connection.execute(locked.values(state=CampaignState.RUNNING.value))
    campaign = connection.execute(select(CampaignRow.__table__).where(CampaignRow.id == number)).one_or_none()
    today = _today(now)
    if campaign is None or campaign.state != CampaignState.RUNNING or campaign.begins > today:
        return 0
    people.drop_deleted(connection, campaign, now, outbox())
    people.drop_done(connection, campaign, now, outbox())
    first = connection.execute(select(CampaignUser.user_name).where(CampaignUser.campaign_id == number).limit(1))
    if campaign.joins or first.first() is None:
        people.join(connection, campaign, current_app.config["SERVICE_USERS"], now)
    if now.astimezone(current_app.config["NOTICES_TIME_ZONE"]).time() < current_app.config["NOTICES_AT"]:
        return 0  # like reminders: no mails in the night
    return outbox().enqueue(connection, list(planned(connection, campaign, today, address_book(current_app))))


def _today(now: datetime) -> date:
    return now.astimezone(current_app.config["NOTICES_TIME_ZONE"]).date()


def planned(connection: Connection, campaign: Any, today: date, addresses: AddressBook) -> Iterator[Notice]:
    """Yield the notices of a campaign that are due on a day, including those already written."""
    zone = current_app.config["NOTICES_TIME_ZONE"]
    all_steps = steps(campaign.begins, campaign.deadline, campaign.ahead, to_managers=campaign.to_managers)
    query = select(CampaignUser.__table__).where(
        CampaignUser.campaign_id == campaign.id, CampaignUser.left_at.is_(None)
    )
    remaining = connection.execute(query.order_by(CampaignUser.user_name)).all()
    for user in remaining:
        step = due(all_steps, today, user.joined_at.astimezone(zone).date())
        if step:
            yield notice(campaign, step, user, today)
    if managers_due(all_steps, today):
        yield from _to_managers(campaign, [user.user_name for user in remaining], addresses)


def _to_managers(campaign: Any, names: list[str], addresses: AddressBook) -> Iterator[Notice]:
    """Yield a notice for each manager. For users without a manager, NOTICES_ADMINS get it."""
    by_manager: dict[str, list[str]] = {}
    for name in names:
        by_manager.setdefault(addresses.of_manager(campaign.account_id, name), []).append(name)
    for manager, theirs in by_manager.items():
        for address in (manager,) if manager else current_app.config["NOTICES_ADMINS"]:
            yield Notice(
                kind="campaign-manager",
                account_id=campaign.account_id,
                user_name=address,
                audience=Audience.ADDRESS,
                idempotency_key=f"campaign:{campaign.id}:{'manager' if manager else 'none'}:{address}"[:160],
                data={
                    **message_data(campaign),
                    "no_manager": not manager,
                    "people": [{"user": name, "account": campaign.account_id} for name in theirs],
                },
                campaign_id=campaign.id,
            )
