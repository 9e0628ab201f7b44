"""A campaign on PostgreSQL, where a worker plans while an import stores who is done."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert, text

from app.compliance.campaigns.jobs import run_one
from app.compliance.campaigns.models import CampaignUser
from app.db import db
from app.factory import create_app
from config import from_env
from tests.compliance.test_campaign_steps import campaign, left, written
from tests.compliance.test_reminders import ACCOUNT, SETTINGS, now, report, someone
from tests.support.clock import Clock
from tests.support.databases import GOOD
from tests.support.postgres import Postgres
from tests.support.waiting import wait_until


@pytest.fixture
def portal(postgresql: Postgres) -> Iterator[Flask]:
    app = create_app(from_env({**GOOD, **SETTINGS, "DATABASE_URL": postgresql.migrated("campaigns")}))
    with app.app_context():
        yield app
        db.engine.dispose()


def waiting_for_a_lock() -> bool:
    with db.engine.connect() as connection:
        return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())


def test_nobody_who_leaves_gets_a_notice_that_is_written_at_that_moment(
    portal: Flask, tmp_path: Path, clock: Clock
) -> None:
    sam = someone("sam", virtual=0)
    report(portal, tmp_path, sam)
    campaign()
    asked = {
        "campaign_id": 1,
        "user_name": "sam",
        "account_id": ACCOUNT,
        "user_id": "",
        "joined_at": now(),
        "left": "",
    }
    with db.engine.begin() as connection:
        connection.execute(insert(CampaignUser).values(asked))
    clock.move(60)
    sam.virtual = 1
    with ThreadPoolExecutor(1) as pool:
        with db.engine.begin() as worker:
            assert run_one(worker, 1, now()) == 1
            leaving = pool.submit(report, portal, tmp_path, sam)
            wait_until(lambda: leaving.done() or waiting_for_a_lock())
        leaving.result()
    assert left() == {"done": 1} and written("waiting") == []
