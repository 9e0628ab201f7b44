"""The scheduled jobs that write notices about compliance (`app.notices.schedules`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from functools import partial
from itertools import islice
from typing import Any

from flask import Flask, current_app
from huey import crontab
from sqlalchemy import Connection, Engine

from app.compliance import judging
from app.compliance.campaigns.jobs import run_campaigns
from app.compliance.data import queries
from app.compliance.data.people_data import read_names
from app.compliance.data.queries import Filter
from app.compliance.data.rows import AccountRow
from app.compliance.notices import due, summary
from app.compliance.thresholds import terms_for
from app.db import db
from app.notices.addresses import address_book
from app.notices.notice import MAIL, Notice
from app.notices.outbox import outbox
from app.notices.schedules import Schedule, for_each, plan
from app.text.dates import WEEKDAYS

_BATCH = 500
"""Notices per transaction."""


def plan_reminders(app: Flask) -> None:
    """Schedule these jobs, at the times in the settings."""
    at: time = app.config["NOTICES_AT"]
    daily = {"minute": str(at.minute), "hour": str(at.hour)}
    jobs = [
        Schedule("due-notices", crontab(**daily), write_due),
        Schedule("alerts", crontab(minute="10"), write_alerts, each_hour=True),
        Schedule("campaigns", crontab(minute="20"), run_campaigns, each_hour=True),
    ]
    if app.config["NOTICES_DIGEST"]:
        weekday = str(WEEKDAYS.index(app.config["NOTICES_DIGEST"]))
        jobs.append(Schedule("digest", crontab(**daily, day_of_week=weekday), write_digests))
    plan(app, *jobs)


def write_due(moment: datetime) -> None:
    """Write reminders to users of the accounts in ACCOUNTS. moment: the scheduled time."""
    for_each(sorted(current_app.config["ACCOUNTS"]), partial(_write_due, moment))


def _write_due(moment: datetime, account_id: str) -> None:
    config = current_app.config
    terms = terms_for(config, account_id)
    stored = judging.judged_now(db.engine, account_id, terms)
    if stored is None:
        return
    with db.engine.connect() as connection:
        exceptions = queries.excepted(connection, account_id, moment)
        people = queries.everyone(connection, account_id, Filter())
        found = due.due_notices(stored, people, exceptions, terms(_others(stored)), _frequency(config))
        _write(db.engine, found)


def _frequency(config: Mapping[str, Any]) -> due.Frequency:
    return due.Frequency(
        frozenset(map(due.Due, config["NOTICES_DUE"])),
        config["NOTICES_DUE_DAYS"],
        config["NOTICES_MFA_DAYS"],
        config["NOTICES_REPEAT_DAYS"],
    )


def write_digests(moment: datetime) -> None:
    """Write the weekly summaries of all accounts."""
    for_each(_looked_after(), partial(_write_digest, moment))


def _write_digest(moment: datetime, account_id: str) -> None:
    stored = judging.judged_now(db.engine, account_id, terms_for(current_app.config, account_id))
    if stored is None:
        return
    with db.engine.connect() as connection:
        exceptions = queries.exceptions(connection, account_id, moment)
        to = current_app.config["NOTICES_ADMINS"]
        without = _without_address(connection, account_id)
        found = summary.digest(connection, account_id, _alias(stored), exceptions, to, moment, without)
        _write(db.engine, found)


def _without_address(connection: Connection, account_id: str) -> int | None:
    """Return how many users have no known mail address, None if there is no mail."""
    if MAIL not in outbox().channels:
        return None
    names = read_names(connection, account_id)
    return len(address_book(current_app).unknown(account_id, names))


def write_alerts(moment: datetime) -> None:
    """Write alerts about rules that more users fail than their limits allow."""
    if current_app.config["NOTICES_ALERTS"]:
        for_each(_looked_after(), partial(_write_alerts, moment))


def _write_alerts(moment: datetime, account_id: str) -> None:
    stored = judging.judged_now(db.engine, account_id, terms_for(current_app.config, account_id))
    if stored is None:
        return
    with db.engine.connect() as connection:
        bounds, to = current_app.config["NOTICES_ALERTS"], current_app.config["NOTICES_ADMINS"]
        _write(db.engine, summary.alerts(connection, account_id, _alias(stored), bounds, to, moment))


def _looked_after() -> Sequence[str]:
    current_app.config["LIST_FILES"].read_changed(current_app.config)
    return sorted({*current_app.config["ACCOUNTS"], *current_app.config["WATCHED_ACCOUNTS"]})


def _alias(stored: AccountRow) -> str:
    return str(stored.user_list.get("alias") or "")


def _others(stored: AccountRow) -> Any:
    return stored.user_list.get("others")


def _write(engine: Engine, notices: Iterable[Notice]) -> None:
    waiting = iter(notices)
    while batch := list(islice(waiting, _BATCH)):
        with engine.begin() as connection:
            outbox().enqueue(connection, batch)
