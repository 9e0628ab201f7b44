"""Pages of the dashboard on PostgreSQL: 100 accounts of 5,000 people against one such account alone."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app.aws.clients import AwsCredentials
from app.compliance.data import updates
from app.compliance.data.account_data import ensure_account_row, locked
from app.compliance.data.credential_report import parse
from app.db import Base, db
from app.factory import create_app
from app.sessions import current as sessions
from app.sessions.contents import Person
from app.web.guards import public
from bench import Row
from bench._accounts import ACCOUNT, report, terms_of, users, virtual
from config import from_env
from tests.support.postgres import postgres

PEOPLE, ACCOUNTS, REPEATS = 5000, 100, 30
PAGES = {
    "landing": "/compliance",
    "people, filtered and sorted": "/compliance/people?rule=key-age&state=fail&text=1&sort=oldest-key&page=3",
}


def portal(url: str) -> tuple[Flask, FlaskClient]:
    """A portal on that database, and a browser in which its admin is signed in."""
    admin = f"arn:aws:iam::{ACCOUNT}:user/admin"
    keys = {"SECRET_KEY": "k" * 40, "AUDIT_KEYS": "k1:" + "a" * 40}
    app = create_app(from_env({"ACCOUNTS": ACCOUNT, "ADMINS": admin, "DATABASE_URL": url, **keys}))

    @app.post("/bench/enter")
    def enter() -> str:
        person = Person(ACCOUNT, "admin", "/", "aws", True, datetime.now(UTC), "AKIA", user_id="AIDAADMIN")
        sessions.sign_in(person, AwsCredentials("ASIA", "s", "t"), timedelta(hours=1))
        return ""

    public(app.view_functions["enter"])
    app.extensions["csrf"].exempt(app.view_functions["enter"])
    with app.app_context():
        Base.metadata.create_all(db.engine)
    client = app.test_client()
    client.post("/bench/enter", base_url="http://127.0.0.1:8000")
    return app, client


def fill(engine: Engine, accounts: int) -> None:
    """So many accounts of PEOPLE, all alike."""
    everyone = users(PEOPLE)
    ensure_account_row(engine, ACCOUNT)
    with locked(engine, ACCOUNT) as account:
        updates.keep_lists(account, everyone, virtual(everyone), {"others": 3}, datetime.now(UTC), terms_of)
    updates.keep_report(engine, parse(report(everyone)), datetime.now(UTC), terms_of)
    with engine.begin() as connection:
        for table in ("people", "accounts", "days"):
            names = [column.name for column in Base.metadata.tables[f"compliance_{table}"].columns]
            copied = ", ".join("lpad(n::text, 12, '0')" if name == "account_id" else name for name in names)
            connection.execute(
                text(
                    f"insert into compliance_{table} ({', '.join(names)}) select {copied} from compliance_{table}, "
                    f"generate_series(1, {accounts - 1}) n where account_id = '{ACCOUNT}'"
                )
            )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze compliance_people"))


def measure() -> list[Row]:
    """A row for each page."""
    try:
        with postgres() as server:
            return _measured(server.database)
    except LookupError as missing:
        print(f"dashboard: left out. {missing}", file=sys.stderr)
        return []


def _measured(database: Callable[[str], str]) -> list[Row]:
    made = []
    opened = []
    for name, accounts in (("one", 1), ("many", ACCOUNTS)):
        app, client = portal(database(name))
        with app.app_context():
            fill(db.engine, accounts)
        opened.append((app, client))
    for name, address in PAGES.items():
        times: list[list[float]] = [[], []]
        for turn in range(REPEATS + 2):
            for taken, (_, client) in zip(times, opened, strict=True):
                start = time.perf_counter()
                answer = client.get(address, base_url="http://127.0.0.1:8000")
                if answer.status_code != 200:
                    raise RuntimeError(f"{address}: {answer.status}")
                if turn > 1:
                    taken.append(time.perf_counter() - start)
        small, large = (statistics.median(taken) for taken in times)
        p95 = statistics.quantiles(times[1], n=20)[-1]
        told = f"{PEOPLE} rows alone; p95 at {ACCOUNTS * PEOPLE} rows {p95 * 1000:.0f} ms"
        made.append(Row(f"dashboard, {name}", told, large, small, at_most=2))
    for app, _ in opened:
        with app.app_context():
            db.engine.dispose()
    return made
