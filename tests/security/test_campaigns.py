"""Campaigns on their pages: created as drafts, started, paused and ended by administrators of the account only."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.audit.models import ActivityRow
from app.commands import compliance
from app.compliance.campaigns.jobs import run_campaigns
from app.compliance.campaigns.models import CampaignRow
from app.db import db
from app.notices.models import NoticeRow, ScheduleRow
from app.notices.schedules import WORKER, ensure_row
from app.notices.texts.campaign import PLACEHOLDERS
from app.sandbox.operations.credential_report import HEADER
from tests.compliance.test_due import ROOT, Someone
from tests.compliance.test_reminders import someone
from tests.security.conftest import Guest, portal_of
from tests.support.clock import Clock
from tests.support.people import Employee, hire
from tests.support.sandbox import Sandbox

PEOPLE: dict[str, Someone] = {}
"""The users of the report, the same ones in each."""
SETTINGS = {
    "SMTP_SERVER": "127.0.0.1:2525",
    "SMTP_SECURITY": "plain",
    "SMTP_FROM": "latchkey@example.com",
    "NOTICES_AT": "00:00",
    "NOTICES_ADDRESS_PATTERN": "{user}@example.com",
    "ACCESS_KEY_SESSION_MAX_MINUTES": "60",
}


@pytest.fixture(scope="module")
def auditor(sandbox: Sandbox) -> Employee:
    return hire(sandbox, "auditor")


@pytest.fixture(scope="module")
def portal(sandbox: Sandbox, auditor: Employee, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """With mail, and a report of three users without MFA."""
    folder = tmp_path_factory.mktemp("campaigns")
    many = "100000 per hour"
    app = portal_of(
        sandbox,
        folder,
        SIGN_IN_LIMIT_PER_ADDRESS=many,
        SIGN_IN_LIMIT_PER_KEY=many,
        WATCHED_ACCOUNTS="",
        **SETTINGS,
        AUDITORS=f"arn:aws:iam::{sandbox.account_id}:user/{auditor.name}",
    )
    report(app, folder, sandbox.account_id, "sam", "tia", "uma")
    yield app
    with app.app_context():
        db.engine.dispose()


def report(app: Flask, folder: Path, account_id: str, *without: str) -> None:
    """AWS's credential report: who has no MFA. Three users in all."""
    people = [PEOPLE.setdefault(name, someone(name)) for name in ("sam", "tia", "uma")]
    for each in people:
        each.virtual = 0 if each.name in without else 1
    lines = [",".join(HEADER.split(",")), ROOT, *(each.line() for each in people)]
    file = folder / "report.csv"
    file.write_text("\n".join(lines).replace("123456789012", account_id))
    made = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    words = ["import", str(file), "--account", account_id, "--made-at", made]
    done = app.test_cli_runner().invoke(compliance, args=words)
    assert done.exit_code == 0, done.output


@pytest.fixture
def chief(portal: Flask, entering_as_chief: Callable[..., Guest]) -> Guest:
    return entering_as_chief(app=portal)


def filled_in(name: str = "MFA for all", **changed: str) -> dict[str, str]:
    """The form of a campaign."""
    today = datetime.now(UTC).date()
    form = {
        "name": name,
        "rule": "mfa",
        "begins": today.isoformat(),
        "deadline": (today + timedelta(days=20)).isoformat(),
        "ahead": "15, 7, 1",
        "to_managers": "y",
        "joins": "y",
    }
    return form | changed


def sent(chief: Guest, path: str, **form: str) -> str:
    """The page after a form."""
    chief.go("POST", path, {**form, "csrf_token": chief.token()})
    return chief.html


def created(portal: Flask, chief: Guest, **form: str) -> int:
    """The number of a draft."""
    sent(chief, "/compliance/campaigns/new", **filled_in(**form))
    found = re.fullmatch(r"/compliance/campaigns/(\d+).*", chief.path)
    assert found, chief.text
    return int(found[1])


def state(portal: Flask, number: int) -> str:
    with portal.app_context(), db.engine.connect() as connection:
        return str(connection.execute(select(CampaignRow.state).where(CampaignRow.id == number)).scalar_one())


def notices(portal: Flask, number: int) -> list[tuple[str, str, str]]:
    with portal.app_context(), db.engine.connect() as connection:
        rows = connection.execute(select(NoticeRow).where(NoticeRow.campaign_id == number).order_by(NoticeRow.id))
        return [(row.user_name, row.kind, row.state) for row in rows]


def test_a_draft_shows_who_would_be_asked_and_asks_nobody(portal: Flask, chief: Guest) -> None:
    number = created(portal, chief, name="Draft only", own_text="Dear {user},\n\nplease do it by {deadline}: {link}")
    assert 'data-campaign-state="draft"' in chief.html and 'data-asked="3" data-nowhere="0"' in chief.html
    assert "Dear sam," in chief.text and "{user}" not in chief.html
    assert re.findall(r'data-step="(.+?)"', chief.html) == ["announcement", "15", "7", "1", "day", "manager"]
    with portal.app_context():
        run_campaigns(datetime.now(UTC))
    assert notices(portal, number) == []


def test_a_campaign_runs_pauses_and_ends_and_each_step_is_recorded(
    portal: Flask, chief: Guest, sandbox: Sandbox, tmp_path: Path, clock: Clock
) -> None:
    number = created(portal, chief)
    here = f"/compliance/campaigns/{number}"
    sent(chief, f"{here}/start")
    with portal.app_context():
        run_campaigns(datetime.now(UTC))
        with db.engine.begin() as connection:
            first = NoticeRow.campaign_id == number, NoticeRow.user_name == "sam"
            connection.execute(update(NoticeRow).where(*first).values(state="sent", sent_at=datetime.now(UTC)))
    assert [(user, how) for user, _, how in notices(portal, number)] == [
        ("sam", "sent"), ("tia", "waiting"), ("uma", "waiting")
    ]  # fmt: skip
    lost = NoticeRow.campaign_id == number, NoticeRow.user_name == "uma"
    with portal.app_context(), db.engine.begin() as connection:
        connection.execute(update(NoticeRow).where(*lost).values(state="dead", last_error="no-address"))
    page = " ".join(chief.open(here).text.split())
    assert "· mail: The user’s mail address isn’t known." in page, "why it wasn't sent"
    with portal.app_context(), db.engine.begin() as connection:
        connection.execute(update(NoticeRow).where(*lost).values(state="waiting", last_error=""))
    sent(chief, f"{here}/pause")
    assert {how for _, _, how in notices(portal, number)} == {"sent", "cancelled"}
    sent(chief, f"{here}/start")
    clock.move(60)
    report(portal, tmp_path, sandbox.account_id, "uma")
    chief.go("GET", here)
    assert re.findall('data-users="(.+?)" data-left="(.+?)"', chief.html) == [("3", "1")], chief.text
    file = chief.ask("GET", f"{here}/users.csv")
    named = rf'attachment; filename="campaign-{sandbox.account_id}-MFA-for-all-\d{{8}}-\d{{6}}\.csv"'
    assert re.fullmatch(named, file.headers["Content-Disposition"])
    table = csv.DictReader(io.StringIO(file.text))
    assert {row["user_name"]: row["left"] for row in table} == {"sam": "done", "tia": "done", "uma": ""}
    report(portal, tmp_path, sandbox.account_id)
    chief.go("GET", here)
    assert "aws iam attach-group-policy" in chief.html, "nobody is left: the commands are ready"
    sent(chief, f"{here}/end")
    assert state(portal, number) == "ended"
    with portal.app_context(), db.engine.connect() as connection:
        asked = select(ActivityRow.event).where(
            ActivityRow.event.like("campaign-%"), ActivityRow.target == "MFA for all"
        )
        events = connection.execute(asked.where(ActivityRow.phase == "done").order_by(ActivityRow.seq)).scalars()
        assert list(events) == [
            "campaign-created", "campaign-started", "campaign-paused", "campaign-started", "campaign-ended"
        ]  # fmt: skip
    report(portal, tmp_path, sandbox.account_id, "sam", "tia", "uma")


def test_the_page_says_what_happens_before_the_first_notices(portal: Flask, chief: Guest) -> None:
    number = created(portal, chief, name="Not begun")
    here = f"/compliance/campaigns/{number}"
    assert "data-next" not in chief.html, "a draft waits for its administrator"
    sent(chief, f"{here}/start")
    assert 'data-next="running"' in chief.html and 'data-asked="3"' in chief.html
    assert "Within an hour" in chief.text
    sent(chief, f"{here}/pause")
    assert 'data-next="paused"' in chief.html
    sent(chief, f"{here}/end")
    assert 'data-next="ended"' in chief.html
    begins = datetime.now(UTC).date() + timedelta(days=3)
    later = created(portal, chief, name="Begins later", begins=begins.isoformat())
    sent(chief, f"/compliance/campaigns/{later}/start")
    assert f"On {begins:%-d %B %Y}, users" in chief.text
    sent(chief, f"/compliance/campaigns/{later}/end")


def test_ending_asks_first_and_leaves_no_plan_and_no_to_do(
    portal: Flask, chief: Guest, sandbox: Sandbox, tmp_path: Path
) -> None:
    report(portal, tmp_path, sandbox.account_id, "sam", "tia", "uma")
    number = created(portal, chief, name="Ends early")
    here = f"/compliance/campaigns/{number}"
    assert "data-step" in chief.html
    sent(chief, f"{here}/start")
    with portal.app_context():
        run_campaigns(datetime.now(UTC))
    chief.go("GET", here)
    assert not re.search(r'<form[^>]+action="[^"]+/end"', chief.html), "no button ends it at once"
    chief.go("GET", f"{here}/end")
    assert 'data-left="3"' in chief.html and 'data-waiting="3"' in chief.html, chief.text
    assert state(portal, number) == "running" and {how for _, _, how in notices(portal, number)} == {"waiting"}
    sent(chief, f"{here}/end")
    assert state(portal, number) == "ended" and {how for _, _, how in notices(portal, number)} == {"cancelled"}
    assert "data-step" not in chief.html and "Without an address" not in chief.text
    assert 'id="announcement"' not in chief.html, "what it would write"
    assert "Not done" in chief.text
    chief.go("GET", f"{here}/end")
    assert chief.path == "/compliance/campaigns" and "already ended" in chief.text


def test_a_campaign_page_says_that_no_worker_is_running(portal: Flask, chief: Guest) -> None:
    number = created(portal, chief, name="Nobody works")
    pages = (f"/compliance/campaigns/{number}", "/compliance/campaigns", "/compliance/campaigns/new", "/notices")

    def beat(at: datetime | None) -> None:
        with portal.app_context():
            ensure_row(db.engine, WORKER)
            with db.engine.begin() as connection:
                connection.execute(update(ScheduleRow).where(ScheduleRow.name == WORKER).values(beat_at=at))

    for at, silent in ((None, True), (datetime.now(UTC), False), (datetime.now(UTC) - timedelta(minutes=2), True)):
        beat(at)
        for page in pages:
            assert ('data-state="no-worker"' in chief.go("GET", page).html) is silent, (page, at)
    beat(None)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"begins": "2020-01-01"}, "in-the-past"),
        ({"begins": "9999-12-31"}, "too-far-away"),
        ({"begins": "tomorrow"}, ""),
        ({"begins": "", "deadline": ""}, ""),
        ({"deadline": "2020-01-01"}, "ends-before-it-begins"),
        ({"ahead": "a week"}, "not-numbers"),
        ({"own_text": "Hi {name}"}, "unknown-placeholder"),
        ({"name": "x" * 81}, ""),
        ({"rule": "no-such-rule"}, ""),
    ],
)
def test_what_is_wrong_is_said_and_the_rest_is_kept(
    portal: Flask, chief: Guest, wrong: dict[str, str], code: str
) -> None:
    form = filled_in("Kept name", own_subject="Kept subject") | wrong
    page = sent(chief, "/compliance/campaigns/new", **form)
    assert "Kept subject" in page and ("Kept name" in page or "name" in wrong)
    assert f'data-field-error="{code}"' in page if code else "data-field-error" in page
    assert "Rule: choose one of the options in the list." in page or "rule" not in wrong, "the field is named"


def test_two_forms_of_one_name_make_one_campaign(portal: Flask, chief: Guest) -> None:
    form = filled_in("Sent twice", csrf_token=chief.token())
    browsers = [Guest(portal) for _ in range(6)]
    mine = chief.client.get_cookie("latchkey-8000", domain="127.0.0.1")
    assert mine
    for each in browsers:
        each.client.set_cookie("latchkey-8000", mine.value, domain="127.0.0.1")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda each: each.ask("POST", "/compliance/campaigns/new", form), browsers))
    with portal.app_context(), db.engine.connect() as connection:
        assert len(connection.execute(select(CampaignRow.id).where(CampaignRow.name == "Sent twice")).all()) == 1


def test_the_form_says_what_each_placeholder_becomes(portal: Flask, chief: Guest) -> None:
    chief.go("GET", "/compliance/campaigns/new")
    listed = [each.get_text() for each in chief.soup.select("[data-placeholders] th code")]
    assert listed == [f"{{{name}}}" for name in PLACEHOLDERS]
    text = "\n\n".join(f"{name}: {{{name}}}" for name in PLACEHOLDERS)
    created(portal, chief, name="All of them", own_text=text)
    shown = chief.at("#announcement")
    assert re.findall("^([a-z]+): [^{}\n]+$", shown, re.MULTILINE) == [*PLACEHOLDERS]
    assert "rule: Set up MFA" in shown, "the task"


def test_a_copy_has_the_same_words(portal: Flask, chief: Guest) -> None:
    number = created(portal, chief, name="Original", own_subject="Our own subject")
    chief.go("GET", f"/compliance/campaigns/new?copy={number}")
    assert "Original (copy)" in chief.html and "Our own subject" in chief.html


def test_only_administrators_of_the_account_change_campaigns(
    portal: Flask, chief: Guest, auditor: Employee, entering: Callable[..., Guest]
) -> None:
    number = created(portal, chief, name="Not yours")
    reviewer = entering(auditor, app=portal)
    assert reviewer.ask("GET", f"/compliance/campaigns/{number}").status_code == 200
    mallory = entering(app=portal)
    for guest in (reviewer, mallory):
        for action in ("start", "pause", "end"):
            answer = guest.ask("POST", f"/compliance/campaigns/{number}/{action}", {"csrf_token": guest.token()})
            assert answer.status_code in (303, 403)
        assert guest.ask("POST", "/compliance/campaigns/new", filled_in("Mine", csrf_token=guest.token())).status_code
    assert mallory.ask("GET", f"/compliance/campaigns/{number}").status_code == 403
    assert state(portal, number) == "draft"
    with portal.app_context(), db.engine.connect() as connection:
        assert connection.execute(select(CampaignRow.id).where(CampaignRow.name == "Mine")).first() is None
