"""A campaign of 300 users over weeks: who gets what, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event, func, insert, select, update

from app.audit.log import Audit, audit_log
from app.compliance import judging
from app.compliance.campaigns import messages, service
from app.compliance.campaigns.jobs import run_campaigns
from app.compliance.campaigns.models import CampaignRow, CampaignState, CampaignUser
from app.compliance.campaigns.steps import due, managers_due, steps
from app.compliance.data.models import CompliancePerson
from app.db import db
from app.factory import create_app
from app.notices.delivery import LOOK
from app.notices.messages import Message, Outcome, Sent, TryLater
from app.notices.models import NoticeRow
from app.notices.outbox import outbox
from config import from_env
from tests.compliance.test_due import Someone
from tests.compliance.test_reminders import ACCOUNT, SETTINGS, now, report, someone
from tests.notices.conftest import Office, Script
from tests.support.clock import Clock
from tests.support.databases import GOOD, make_database

DAY = 24 * 3600


@pytest.fixture
def portal(tmp_path: Path, clock: Clock) -> Iterator[Flask]:
    make_database(tmp_path / "portal.db")
    (tmp_path / "addresses.csv").write_text("user,address,manager\n" + "".join(
        f"user{number:03d},user{number:03d}@example.com,{'boss@example.com' if number % 2 else ''}\n"
        for number in range(300)
    ))  # fmt: skip
    settings = {**SETTINGS, "NOTICES_ADDRESS_FILE": str(tmp_path / "addresses.csv")}
    app = create_app(from_env({**GOOD, **settings, "DATABASE_URL": f"sqlite:///{tmp_path / 'portal.db'}"}))
    with app.app_context():
        yield app
        db.engine.dispose()


def campaign(**values: object) -> None:
    today = now().date()
    row = {
        "account_id": ACCOUNT,
        "name": "MFA for all",
        "rule": "mfa",
        "search": "",
        "begins": today,
        "deadline": today + timedelta(days=20),
        "ahead": [15, 7, 1],
        "to_managers": True,
        "joins": True,
        "own_subject": "",
        "own_text": "",
        "state": "running",
        "created_by": f"arn:aws:iam::{ACCOUNT}:user/anna",
        "created_at": now(),
    }
    with db.engine.begin() as connection:
        connection.execute(insert(CampaignRow).values(**row | values))


def written(*states: str) -> list[tuple[str, str]]:
    """User and kind of the campaign's notices."""
    with db.engine.connect() as connection:
        rows = connection.execute(select(NoticeRow).where(NoticeRow.campaign_id.is_not(None)).order_by(NoticeRow.id))
        return [(row.user_name, row.kind) for row in rows if row.state in states or not states]


def sent() -> None:
    """A worker sends what waits."""
    with db.engine.begin() as connection:
        connection.execute(update(NoticeRow).where(NoticeRow.state == "waiting").values(state="sent"))


def left() -> Counter[str]:
    with db.engine.connect() as connection:
        return Counter(connection.execute(select(CampaignUser.left)).scalars())


def test_every_message_of_a_campaign_is_counted(portal: Flask, tmp_path: Path, clock: Clock) -> None:
    people = [someone(f"user{number:03d}", virtual=0) for number in range(300)]

    def day(number: int) -> None:
        """The report of the day comes, workers run each hour, and send."""
        gone: set[str] = set()
        for index, each in enumerate(people):
            if index % 4 == 0 and number >= 1:
                each.virtual = 1  # at once
            elif index % 4 == 1 and number >= 6:
                each.virtual = 1  # after the first reminder
            elif index % 4 == 2 and index < 30 and number >= 8:
                gone.add(each.name)
        report(portal, tmp_path, *(each for each in people if each.name not in gone))
        for _ in range(3):
            run_campaigns(now())
        sent()
        clock.move(DAY)

    day(0)
    campaign()
    for number in range(24):
        day(number)
    kinds = Counter(kind for _, kind in written())
    never = 300 - 75 - 75 - 7
    assert kinds["campaign-announcement"] == 300
    assert kinds["campaign-reminder"] == (300 - 75) + 2 * never
    assert kinds["campaign-day"] == never
    managers = [(user, kind) for user, kind in written() if kind == "campaign-manager"]
    assert sorted(user for user, _ in managers) == ["anna@example.com", "boss@example.com", "otto@example.com"]
    assert left() == {"done": 150, "deleted": 7, "": never}


def test_whoever_is_done_gets_nothing_that_still_waits(portal: Flask, tmp_path: Path, clock: Clock) -> None:
    sam, tia = someone("sam", virtual=0), someone("tia", virtual=0)
    report(portal, tmp_path, sam, tia)
    campaign()
    run_campaigns(now())
    clock.move(DAY)
    sam.virtual = 1
    report(portal, tmp_path, sam, tia)
    assert written("cancelled") == [("sam", "campaign-announcement")]
    assert written("waiting") == [("tia", "campaign-announcement")]


def test_who_comes_later_is_asked_from_the_beginning(portal: Flask, tmp_path: Path, clock: Clock) -> None:
    sam: Someone = someone("sam", virtual=0)
    report(portal, tmp_path, sam)
    campaign()
    for number in range(9):
        people = [sam, someone("tia", virtual=0)] if number >= 6 else [sam]
        report(portal, tmp_path, *people)
        run_campaigns(now())
        clock.move(DAY)
    assert [kind for user, kind in written() if user == "tia"] == ["campaign-announcement"]
    assert [kind for user, kind in written() if user == "sam"] == ["campaign-announcement", "campaign-reminder"]


def test_what_was_missed_is_not_made_up_for() -> None:
    begins = now().date()
    plan = steps(begins, begins + timedelta(days=20), [15, 7, 1], to_managers=True)
    assert [step.code for step in plan] == ["announcement", "15", "7", "1", "day", "manager"]
    at = [due(plan, begins + timedelta(days=number)) for number in (0, 4, 5, 16, 20, 21)]
    assert [step.code if step else "" for step in at] == ["announcement", "announcement", "15", "7", "day", ""]
    assert [managers_due(plan, begins + timedelta(days=number)) for number in (20, 21)] == [False, True]
    short = steps(begins, begins + timedelta(days=5), [15, 7, 1], to_managers=False)
    assert [step.code for step in short] == ["announcement", "1", "day"]


def moved(to: CampaignState) -> None:
    """Anna pauses or starts the campaign."""
    anna = Audit(audit_log(), ACCOUNT, "anna", "192.0.2.1", "Firefox", "0" * 16, "AIDAANNA")
    service.move(db.engine, anna, ACCOUNT, 1, to, outbox())


def test_many_leave_in_few_statements(portal: Flask, tmp_path: Path, clock: Clock) -> None:
    people = [someone(f"user{number:04d}", virtual=0) for number in range(1200)]
    report(portal, tmp_path, *people)
    campaign()
    run_campaigns(now())
    clock.move(DAY)
    for each in people:
        each.virtual = 1
    statements: list[str] = []

    def seen(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(("UPDATE campaign_users", "UPDATE notices")):
            statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", seen)
    report(portal, tmp_path, *people)
    event.remove(db.engine, "before_cursor_execute", seen)
    assert left() == {"done": 1200} and len(written("cancelled")) == 1200
    assert len(statements) == 6, "two for each 500 users: the import holds up everyone else who writes"


def became_unknown() -> None:
    """What the portal knows of MFA devices became too old to tell."""
    with db.engine.begin() as connection:
        changed = func.replace(CompliancePerson.verdicts, "mfa=fail", "mfa=unknown")
        connection.execute(update(CompliancePerson).values(verdicts=changed))


def test_whoever_passes_after_nobody_could_tell_has_left(portal: Flask, tmp_path: Path, clock: Clock) -> None:
    sam = someone("sam", virtual=0)
    report(portal, tmp_path, sam)
    campaign()
    run_campaigns(now())
    became_unknown()
    clock.move(DAY)
    sam.virtual = 1
    report(portal, tmp_path, sam)
    assert left() == {"done": 1} and written("waiting") == []


def test_whoever_turned_unseen_leaves_at_the_next_run(portal: Flask, tmp_path: Path, clock: Clock) -> None:
    sam = someone("sam", virtual=0)
    report(portal, tmp_path, sam)
    campaign()
    run_campaigns(now())
    clock.move(DAY)
    sam.virtual = 1
    report(portal, tmp_path, sam)
    with db.engine.begin() as connection:  # as an earlier release left it
        connection.execute(update(CampaignUser).values(left_at=None, left=""))
    run_campaigns(now())
    assert left() == {"done": 1}


def test_a_namesake_is_asked_from_the_beginning(portal: Flask, tmp_path: Path, clock: Clock) -> None:
    report(portal, tmp_path, someone("sam", virtual=0))
    campaign()
    run_campaigns(now())
    sent()
    clock.move(6 * DAY)
    namesake = someone("sam", virtual=0)
    namesake.made = now() - timedelta(hours=2)
    report(portal, tmp_path, namesake)
    run_campaigns(now())
    assert written() == [("sam", "campaign-announcement"), ("sam", "campaign-announcement")]


@pytest.mark.parametrize(("was", "times"), [("AIDASAM", 1), ("", 1), ("AIDAFORMER", 2)])
def test_a_namesake_is_known_by_the_unique_id(
    portal: Flask, tmp_path: Path, clock: Clock, was: str, times: int
) -> None:
    report(portal, tmp_path, someone("sam", virtual=0))
    campaign()
    run_campaigns(now())
    clock.move(60)
    with db.engine.begin() as connection:
        connection.execute(update(CampaignUser).values(user_id=was))
        connection.execute(update(CompliancePerson).values(user_id="AIDASAM"))
    run_campaigns(now())
    assert written() == [("sam", "campaign-announcement")] * times


def test_a_campaign_that_was_paused_goes_on_where_it_was(portal: Flask, tmp_path: Path, clock: Clock) -> None:
    sam, tia = someone("sam", virtual=0), someone("tia", virtual=0)
    report(portal, tmp_path, sam, tia)
    campaign()
    run_campaigns(now())
    moved(CampaignState.PAUSED)
    assert written("waiting") == []
    clock.move(600)
    tia.virtual = 1
    report(portal, tmp_path, sam, tia)
    moved(CampaignState.RUNNING)
    run_campaigns(now())
    assert written("waiting") == [("sam", "campaign-announcement")]


def test_what_was_cancelled_by_hand_stays_cancelled_after_a_pause(
    portal: Flask, tmp_path: Path, clock: Clock
) -> None:
    report(portal, tmp_path, *(someone(name, virtual=0) for name in ("sam", "tia", "uma")))
    campaign()
    run_campaigns(now())
    with db.engine.begin() as connection:
        connection.execute(update(NoticeRow).where(NoticeRow.user_name == "sam").values(last_error="server-421"))
        assert outbox().cancel(connection, NoticeRow.user_name.in_(("sam", "tia"))) == 2
    moved(CampaignState.PAUSED)
    moved(CampaignState.RUNNING)
    run_campaigns(now())
    assert written("waiting") == [("uma", "campaign-announcement")]
    assert sorted(user for user, _ in written("cancelled")) == ["sam", "tia"]


def worker(answer: Callable[[Message], Outcome]) -> list[str]:
    """A worker sends what waits to a channel that answers so. Return to whom it sent."""
    return Office(db.engine, Script(answer)).sent()


@pytest.mark.parametrize("resumed", [True, False])
@pytest.mark.parametrize("outcome", [Sent(), TryLater(code="timed-out")])
def test_a_pause_while_a_worker_has_the_notices_loses_no_step(
    portal: Flask, tmp_path: Path, clock: Clock, outcome: Outcome, resumed: bool
) -> None:
    report(portal, tmp_path, *(someone(name, virtual=0) for name in ("sam", "tia")))
    campaign()
    run_campaigns(now())

    def paused_meanwhile(message: Message) -> Outcome:
        if message.to == "sam@example.com":
            moved(CampaignState.PAUSED)
            if resumed:
                moved(CampaignState.RUNNING)
            clock.move(LOOK.total_seconds())
        return outcome

    to_all = ["sam@example.com", "tia@example.com"]
    assert worker(paused_meanwhile) == (to_all if resumed else to_all[:1])
    if not resumed:
        assert written("waiting", "failed", "sending") == [], "nothing goes out while it is paused"
        moved(CampaignState.RUNNING)
    run_campaigns(now())
    clock.move(3600)
    worker(lambda message: Sent())
    assert written("sent") == written() == [(name, "campaign-announcement") for name in ("sam", "tia")]


def test_whoever_comes_back_on_the_same_day_is_asked_again(portal: Flask, tmp_path: Path, clock: Clock) -> None:
    sam = someone("sam", virtual=0)
    for virtual in (0, 1, 0):
        sam.virtual = virtual
        report(portal, tmp_path, sam)
        if not virtual:
            if not left():
                campaign()
            run_campaigns(now())
        clock.move(60)
    assert written("waiting") == [("sam", "campaign-announcement")]


def test_a_manager_who_is_an_administrator_gets_both_lists(portal: Flask, tmp_path: Path, clock: Clock) -> None:
    lines = "user000,user000@example.com,\nuser001,user001@example.com,anna@example.com\n"
    (tmp_path / "addresses.csv").write_text(f"user,address,manager\n{lines}")
    report(portal, tmp_path, someone("user000", virtual=0), someone("user001", virtual=0))
    campaign()
    for _ in range(22):
        run_campaigns(now())
        clock.move(DAY)
    with db.engine.connect() as connection:
        query = select(NoticeRow.user_name, NoticeRow.data).where(NoticeRow.kind == "campaign-manager")
        lists = [(row.user_name, [each["user"] for each in row.data["people"]]) for row in connection.execute(query)]
    assert sorted(lists) == [
        ("anna@example.com", ["user000"]), ("anna@example.com", ["user001"]), ("otto@example.com", ["user000"])
    ]  # fmt: skip


def test_a_campaign_that_fails_does_not_stop_the_others(
    portal: Flask, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(portal, tmp_path, someone("sam", virtual=0))
    campaign(name="Broken")
    campaign()
    campaign(name="Elsewhere", account_id="000000000001")
    whole, judged_now = messages.message_data, judging.judged_now

    def broken(row: Any) -> dict[str, Any]:
        if row.name == "Broken":
            raise KeyError("rule")
        return whole(row)

    def unreadable(engine: Engine, account_id: str, terms: Any) -> object:
        if account_id != ACCOUNT:
            raise KeyError("keys")
        return judged_now(engine, account_id, terms)

    monkeypatch.setattr(messages, "message_data", broken)
    monkeypatch.setattr(judging, "judged_now", unreadable)
    with pytest.raises(ExceptionGroup) as failed:
        run_campaigns(now())
    assert [str(error) for error in failed.value.exceptions] == ["'keys'", "'rule'"]
    assert written() == [("sam", "campaign-announcement")]


def test_progress_is_counted_by_day_up_to_the_deadline(portal: Flask, clock: Clock) -> None:
    campaign()
    began = now()
    whose = {"campaign_id": 1, "account_id": ACCOUNT, "user_id": ""}
    with db.engine.begin() as connection:
        for number in range(5):
            gone = began + timedelta(days=number) if number else None
            values = {
                "joined_at": began + timedelta(days=number // 4),
                "left_at": gone,
                "left": "done" if gone else "",
            }
            connection.execute(insert(CampaignUser).values(**whose, **values, user_name=f"user{number}"))
        row = connection.execute(select(CampaignRow.__table__)).one()
    progress = service.progress(db.engine, row, began.date() + timedelta(days=1100))
    assert [number for _, number in progress.days[:6]] == [4, 4, 3, 2, 1, 1]
    assert progress.days[-1] == (row.deadline, 1) and progress.remaining == 1
