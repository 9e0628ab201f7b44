"""Notices about another account are neither shown nor changed, and a number that names none breaks nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import delete, update

from app.db import db
from app.errors import NotFound
from app.notices.models import NoticeRow
from app.notices.notice import Notice
from app.notices.outbox import Outbox
from tests.security.conftest import ELSEWHERE, Entering, Guest
from tests.security.test_auditors import colleague
from tests.support.sandbox import Sandbox

Chief = Callable[[], Guest]


@pytest.fixture
def elsewhere(portal: Flask) -> int:
    """The number of a notice about an account that Administrator doesn't administer."""
    with portal.app_context(), db.engine.begin() as connection:
        Outbox(["mail"]).enqueue(connection, [Notice("test", ELSEWHERE, "stranger", "elsewhere")])
        mine = NoticeRow.idempotency_key == "elsewhere"
        return int(
            connection.execute(
                update(NoticeRow).where(mine).values(state="dead", last_error="refused").returning(NoticeRow.id)
            ).scalar_one()
        )


def state(portal: Flask) -> str:
    with portal.app_context(), db.engine.connect() as connection:
        query = "select state from notices where idempotency_key = 'elsewhere'"
        return str(connection.exec_driver_sql(query).scalar_one())


def test_an_administrator_of_one_account_cannot_reach_notices_about_another(
    portal: Flask, entering_as_chief: Chief, elsewhere: int
) -> None:
    chief = entering_as_chief()
    assert "stranger" not in chief.open("/notices").text
    for form in ("/notices/again", "/notices/cancel"):
        for number in (str(elsewhere), "", "0", "-1", "9" * 30, "x", "1; drop table notices"):
            chief.go("POST", form, {"number": number, "csrf_token": chief.token()})
            assert chief.refused_as == NotFound.code, (form, number)
    chief.go("POST", "/notices/all-again", {"csrf_token": chief.token()})
    assert state(portal) == "dead"


def test_the_page_opens_on_what_there_is_and_auditors_see_no_mail_address_of_a_user(
    portal: Flask, sandbox: Sandbox, entering: Entering, entering_as_chief: Chief
) -> None:
    chief, auditor = entering_as_chief(), colleague(sandbox, entering, "reviewer")
    with portal.app_context(), db.engine.begin() as connection:
        connection.execute(delete(NoticeRow).where(NoticeRow.account_id == sandbox.account_id))
        Outbox(["mail"]).enqueue(connection, [Notice("test", sandbox.account_id, "paula", "opens-on")])
        mine = update(NoticeRow).where(NoticeRow.idempotency_key == "opens-on")
        connection.execute(mine.values(state="sent", sent_at=datetime.now(UTC), sent_to="paula@example.com"))
    assert "paula@example.com" in chief.open("/notices").text
    assert chief.soup.select("main [aria-current=page][href$='show=sent']"), "the other lists are empty"
    assert "paula" in auditor.open("/notices").text and "paula@example.com" not in auditor.html
    with portal.app_context(), db.engine.begin() as connection:
        connection.execute(mine.values(state="failed", last_error="server-421"))
    assert chief.open("/notices").soup.select("main [aria-current=page][href$='show=failed']")


@pytest.mark.parametrize(
    "query", ["?show=nonsense", "?before=nonsense", f"?before={'9' * 30}", "?show=sent&before=1"]
)
def test_addresses_that_mean_nothing_show_the_page(entering_as_chief: Chief, query: str) -> None:
    assert entering_as_chief().open(f"/notices{query}").heading == "Notices"
