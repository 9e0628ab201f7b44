"""The landing page where one of 500,000 users is due to be judged again, against the page where nobody is. By CPU."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, text, update

from app.compliance.data import updates
from app.compliance.data.credential_report import parse
from app.compliance.data.models import CompliancePerson
from app.db import Base, db
from bench import Row, cpu
from bench._accounts import ACCOUNT, report, terms_of, users
from bench.dashboard import PAGES, portal

PEOPLE, COPIES, REPEATS = 5000, 100, 15


def fill(engine: Engine, copies: int) -> None:
    """One account of so many times PEOPLE, each with a name of their own."""
    updates.keep_report(engine, parse(report(users(PEOPLE))), datetime.now(UTC), terms_of)
    names = [column.name for column in Base.metadata.tables["compliance_people"].columns]
    chosen = ", ".join("user_name || '-' || n" if name == "user_name" else name for name in names)
    with engine.begin() as connection:
        connection.execute(
            text(
                f"with recursive counted(n) as (select 1 union all select n + 1 from counted where n < {copies - 1}) "
                f"insert into compliance_people ({', '.join(names)}) select {chosen} from compliance_people, counted"
            )
        )
        connection.execute(text("update compliance_accounts set stale = 1"))


def measure() -> list[Row]:
    """The page for nobody and for one who is due, on SQLite."""
    with TemporaryDirectory() as folder:
        app, client = portal(f"sqlite:///{Path(folder) / 'bench.db'}")
        with app.app_context():
            engine = db.engine
            fill(engine, COPIES)

        def page() -> None:
            answer = client.get(PAGES["landing"], base_url="http://127.0.0.1:8000")
            if answer.status_code != 200:
                raise RuntimeError(answer.status)

        def make_due(number: int) -> None:
            name = f"employee-{number:05d}-{1 + number % (COPIES - 1)}"
            person = (CompliancePerson.account_id == ACCOUNT) & (CompliancePerson.user_name == name)
            with engine.begin() as connection:
                earlier = datetime.now(UTC) - timedelta(hours=1)
                connection.execute(update(CompliancePerson).where(person).values(changes_at=earlier))

        page()
        page()
        idle, one = [], []
        for number in range(REPEATS):
            idle.append(cpu(page))
            make_due(number)
            one.append(cpu(page))
        engine.dispose()
    told = "CPU of the same page with nobody due"
    return [Row(f"landing, 1 due of {PEOPLE * COPIES}", told, statistics.median(one), statistics.median(idle), 3)]
