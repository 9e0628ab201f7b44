"""Figures of many accounts in a portal's database, as a sync stores them: reading 60 accounts takes a minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, create_engine, insert

from app.compliance.data import daily
from app.compliance.data.daily import Count, Figures
from app.compliance.data.models import ComplianceAccount, ComplianceSync
from app.compliance.rules.table import RULES
from config import engine_options

TEAMS = ("Workloads/Production", "Workloads/Test", "Platform/Shared services", "")


def account_ids(count: int) -> list[str]:
    """Return IDs of accounts."""
    return [f"2222{number:08d}" for number in range(1, count + 1)]


def fill(engine: Engine, ids: Sequence[str], now: datetime) -> None:
    """Store accounts: number N, from 0, has N of 300 users without MFA, and sources of N hours ago."""
    with engine.begin() as connection:
        for number, account_id in enumerate(ids):
            at = now - timedelta(hours=number)
            row = {"user_list": {}, "report": {}, "judged_with": "", "stale": False, "running": ""}
            times = {"user_list_at": at, "report_at": at, "details_at": at}
            connection.execute(insert(ComplianceAccount).values(account_id=account_id, **row, **times))
            counts = {rule.id: Count(200 - number, 100, number) for rule in RULES}
            counts["mfa"] = Count(300 - number, number)
            daily.keep_day(connection, account_id, now, Figures(300, counts, 0, (0,) * 4, now))
            unit = TEAMS[number % len(TEAMS)]
            known = {"name": f"team-{number:02d}-account", "unit": unit, "problem": "", "parts": "lists report"}
            connection.execute(insert(ComplianceSync).values(account_id=account_id, **known))


def fill_database(file: Path, ids: Sequence[str]) -> None:
    """Store accounts in a portal's SQLite file."""
    url = f"sqlite:///{file}"
    engine = create_engine(url, **engine_options(url))
    fill(engine, ids, datetime.now(UTC))
    engine.dispose()
