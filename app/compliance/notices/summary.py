"""Notices to administrators: a weekly summary of each account, and alerts when more users fail than allowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from app.compliance.data import daily
from app.compliance.data.daily import Figures
from app.compliance.data.models import CompliancePerson
from app.compliance.data.rows import ExceptionRow
from app.compliance.rules.table import BY_ID
from app.notices.models import NoticeRow
from app.notices.notice import Audience, Notice, State

WEEK = timedelta(days=7)
SOON = timedelta(days=14)
"""The summary lists exceptions that end within this time."""
POSTED = ("webhook", "slack", "teams")
"""Channels that get each of these notices once, besides the mails."""


def to_administrators(
    kind: str, account_id: str, key: str, data: Mapping[str, Any], to: Sequence[str]
) -> Iterator[Notice]:
    """Yield a notice for each mail address, and one for the channels that have an address of their own."""
    for address in to:
        yield Notice(kind, account_id, address, f"{key}:{address}"[:160], data, audience=Audience.ADDRESS)
    yield Notice(kind, account_id, "", key[:160], data, audience=Audience.CHANNEL, channels=POSTED)


def digest(
    connection: Connection,
    account_id: str,
    title: str,
    exceptions: Sequence[ExceptionRow],
    to: Sequence[str],
    now: datetime,
    without_address: int | None = None,
) -> Iterator[Notice]:
    """Yield the weekly summary of an account, none without figures. title: its name, "" for none.

    without_address: how many users have no known mail address, None if there is no mail.
    """
    found = daily.latest(connection, account_id)
    if found is None:
        return
    day, figures = found
    before = daily.latest(connection, account_id, by=day - WEEK)
    failing = select(func.count()).where(CompliancePerson.account_id == account_id, CompliancePerson.failed > 0)
    dead = select(func.count()).where(NoticeRow.account_id == account_id, NoticeRow.state == State.DEAD.value)
    data = {
        "account": account_id,
        "account_name": title,
        "from": (day - WEEK).isoformat(),
        "to": day.isoformat(),
        "users": figures.people,
        "failing_users": connection.execute(failing).scalar_one(),
        "rules": _rules(figures, before[1] if before else None),
        "exceptions": [
            {"user": row.user_name, "title": BY_ID[row.rule].name, "until": row.until.date().isoformat()}
            for row in exceptions
            if row.until <= now + SOON and row.rule in BY_ID
        ],
        "undelivered": connection.execute(dead).scalar_one(),
    }
    if without_address is not None:
        data["without_address"] = without_address
    yield from to_administrators("digest", account_id, f"digest:{account_id}:{now.date()}", data, to)


def _rules(figures: Figures, before: Figures | None) -> list[dict[str, Any]]:
    rows = []
    for rule_id, count in figures.rules.items():
        former = before.rules.get(rule_id) if before else None
        if rule_id in BY_ID and (count.failed or (former and former.failed)):
            row = {"rule": rule_id, "title": BY_ID[rule_id].name, "failing": count.failed}
            rows.append(row | ({"before": former.failed} if former else {}))
    return sorted(rows, key=lambda row: -int(str(row["failing"])))


def alerts(
    connection: Connection, account_id: str, title: str, bounds: Mapping[str, int], to: Sequence[str], now: datetime
) -> Iterator[Notice]:
    """Yield an alert for each rule that more users fail than its bound, and more than on the day before.

    bounds: how many users may fail, by rule ID. At most one alert per rule and day.
    """
    found = daily.latest(connection, account_id)
    if found is None:
        return
    day, figures = found
    before = daily.latest(connection, account_id, by=day - timedelta(days=1))
    for rule_id, bound in bounds.items():
        failing = figures.of(rule_id).failed
        former = before[1].of(rule_id).failed if before else 0
        if failing <= bound or failing <= former:
            continue
        data = {
            "account": account_id,
            "account_name": title,
            "rule": rule_id,
            "title": BY_ID[rule_id].name,
            "failing": failing,
            "bound": bound,
            "at": now.isoformat(),
        } | ({"before": former} if before else {})
        yield from to_administrators("rule-worse", account_id, f"worse:{account_id}:{rule_id}:{_iso(day)}", data, to)


def _iso(day: date) -> str:
    return day.isoformat()
