"""What Prometheus reads of the outbox, and what the address book reads of users' tags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, insert, update

from app.compliance.data import user_tags
from app.compliance.data.models import ComplianceDetails
from app.compliance.data.user_tags import UserTags
from app.db import db
from app.factory import create_app
from app.notices.addresses import address_book
from app.notices.models import NoticeRow
from app.notices.outbox import outbox
from app.notices.schedules import WORKER, Schedules
from config import from_env
from tests.notices.conftest import ACCOUNT, notice, now
from tests.support.databases import GOOD, make_database

TOKEN = "a-token-of-the-tests"
SETTINGS = {
    "SMTP_SERVER": "127.0.0.1:9",
    "SMTP_SECURITY": "plain",
    "SMTP_FROM": "latchkey@example.com",
    "NOTICES_ADDRESS_TAG": "email",
    "METRICS_TOKEN": TOKEN,
}


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Flask]:
    make_database(tmp_path / "portal.db")
    app = create_app(from_env({**GOOD, **SETTINGS, "DATABASE_URL": f"sqlite:///{tmp_path / 'portal.db'}"}))
    with app.app_context():
        yield app
        db.engine.dispose()


def figures(portal: Flask) -> dict[str, float]:
    """What /metrics says of the outbox."""
    text = portal.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    found = re.findall(r"^(latchkey_(?:notices|worker)\S*) (\S+)$", text, re.MULTILINE)
    return {name: float(figure) for name, figure in found}


def test_prometheus_reads_how_many_wait_and_for_how_long(portal: Flask) -> None:
    with db.engine.begin() as connection:
        outbox().enqueue(
            connection, [notice("first"), notice("second"), notice("later", at=now() + timedelta(days=1))]
        )
        mine = NoticeRow.user_name == "first"
        connection.execute(update(NoticeRow).where(mine).values(not_before=now() - timedelta(seconds=90)))
        connection.execute(update(NoticeRow).where(NoticeRow.user_name == "second").values(state="dead"))
    found = figures(portal)
    assert found['latchkey_notices{state="waiting"}'] == 2 and found['latchkey_notices{state="dead"}'] == 1
    assert 90 <= found["latchkey_notices_late_seconds"] < 150
    assert "latchkey_worker_silent_seconds" not in found, "no worker ran yet"

    worker = Schedules(db.engine, WORKER, portal.config["NOTICES_TIME_ZONE"], [])
    worker.begin()
    worker.beat()
    assert figures(portal)["latchkey_worker_silent_seconds"] < 60


def details(email: str, at: datetime) -> dict[str, object]:
    """Authorization details with a user who has a tag."""
    user: list[object] = ["paula", "AIDAPAULA", "arn", "/", None, [], [], [], "", {"email": email, "team": "blue"}]
    return {"account_id": ACCOUNT, "collected_at": at, "content": {"users": [user]}}


def test_an_address_comes_from_the_tag_of_the_latest_details(portal: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_tags, "LOOK_AGAIN_S", 0)
    day = datetime(2026, 5, 3, tzinfo=UTC)
    book = address_book(portal)
    assert book.of_user(ACCOUNT, "paula") == ""
    for later, email in enumerate(("paula@example.com", "new@example.com", "not an address")):
        with db.engine.begin() as connection:
            connection.execute(delete(ComplianceDetails))
            connection.execute(insert(ComplianceDetails).values(details(email, day + timedelta(days=later))))
        assert book.of_user(ACCOUNT, "paula") == ("" if "@" not in email else email)
    assert UserTags(db.engine).of(ACCOUNT, "paula", "team") == "blue"
    assert UserTags(db.engine).of(ACCOUNT, "petra", "team") == ""
