"""A credential that changes is told to its user, once, and only when it happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.audit.events import Event
from app.audit.history import without_outcome
from app.audit.log import Audit, audit_log
from app.credentials.labels import Labels, Type
from app.db import db
from app.errors import NoResponse, Throttled
from app.factory import create_app
from app.notices.kinds import KINDS, Group
from app.notices.models import NoticeRow
from config import from_env
from tests.notices.conftest import ACCOUNT, now
from tests.support.databases import GOOD, make_database

MAIL = {"SMTP_SERVER": "127.0.0.1:2525", "SMTP_SECURITY": "plain", "SMTP_FROM": "latchkey@example.com"}
KEY = "AKIAIOSFODNN7EXAMPLE"
PHONE, WATCH = (f"arn:aws:iam::{ACCOUNT}:mfa/paula-{name}" for name in ("phone", "watch"))


def portal_with(tmp_path: Path, **settings: str) -> Iterator[Flask]:
    make_database(tmp_path / "portal.db")
    app = create_app(from_env({**GOOD, **settings, "DATABASE_URL": f"sqlite:///{tmp_path / 'portal.db'}"}))
    with app.app_context():
        yield app
        db.engine.dispose()


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Flask]:
    yield from portal_with(tmp_path, **MAIL)


@pytest.fixture
def paula(portal: Flask) -> Audit:
    return Audit(audit_log(), ACCOUNT, "paula", "192.0.2.1", "Firefox", "0" * 16, "AIDAPAULA")


def told() -> list[tuple[str, dict[str, Any]]]:
    """Kind and data of every notice, oldest first."""
    with db.engine.connect() as connection:
        rows = connection.execute(select(NoticeRow).order_by(NoticeRow.id)).all()
    assert all(row.urgent and (row.account_id, row.user_name, row.user_id) == WHOSE for row in rows)
    return [(row.kind, row.data) for row in rows]


WHOSE = (ACCOUNT, "paula", "AIDAPAULA")


def kinds() -> list[str]:
    return [kind for kind, _ in told()]


def test_a_change_is_told_with_time_place_and_the_entry_that_can_be_disowned(paula: Audit) -> None:
    with paula.attempt(Event.ACCESS_KEY_CREATED) as attempt:
        attempt.target = KEY
    ((kind, data),) = told()
    assert kind == "access-key-created"
    assert {name: data[name] for name in ("user", "account", "target", "address", "user_agent", "seq")} == {
        "user": "paula",
        "account": ACCOUNT,
        "target": KEY,
        "address": "192.0.2.1",
        "user_agent": "Firefox",
        "seq": 2,
    }
    assert data["at"].endswith("+00:00")


def test_what_the_user_called_the_key_is_told(paula: Audit) -> None:
    Labels(db.engine, ACCOUNT, "AIDAPAULA").put(Type.ACCESS_KEY, KEY, "laptop", now())
    with paula.attempt(Event.ACCESS_KEY_DEACTIVATED, KEY):
        pass
    assert told()[0][1]["name"] == "laptop"


def test_every_kind_of_change_has_its_notice(paula: Audit) -> None:
    named = {event for event in Event if event.value in KINDS}
    for event in named:
        with paula.attempt(event, WATCH if event.value.startswith("mfa") else KEY):
            pass
    assert sorted(kinds()) == sorted(event.value for event in named)
    security = {name for name, kind in KINDS.items() if kind.group is Group.SECURITY and not name.startswith("seen-")}
    assert security - named == {"new-browser", "mfa-device-replaced"}, "these two are told of no single event"


def test_what_did_not_happen_is_not_told(paula: Audit) -> None:
    with pytest.raises(Throttled), paula.attempt(Event.PASSWORD_CHANGED):
        raise Throttled
    paula.note(Event.SIGN_IN, KEY)
    paula.note(Event.SIGN_OUT)
    with paula.attempt(Event.MFA_DEVICE_RESYNCED, PHONE):
        pass
    assert told() == []


def test_a_change_whose_outcome_was_unknown_is_told_once_it_shows(paula: Audit) -> None:
    with pytest.raises(NoResponse), paula.attempt(Event.PASSWORD_CHANGED):
        raise NoResponse
    assert told() == []
    (attempt,) = without_outcome(paula, now(), [Event.PASSWORD_CHANGED], running=True)
    for _ in range(2):
        paula.reconcile(attempt, happened=True)
    assert kinds() == ["password-changed"]


def test_a_new_mfa_device_for_the_old_one_is_a_replacement(paula: Audit) -> None:
    with paula.attempt(Event.MFA_DEVICE_ENABLED, WATCH):
        pass
    with paula.attempt(Event.MFA_DEVICE_DEACTIVATED, PHONE):
        pass
    assert kinds() == ["mfa-device-enabled", "mfa-device-replaced"]


def test_a_device_that_goes_again_replaced_nothing(paula: Audit) -> None:
    with paula.attempt(Event.MFA_DEVICE_ENABLED, WATCH):
        pass
    with paula.attempt(Event.MFA_DEVICE_DEACTIVATED, WATCH):
        pass
    assert kinds() == ["mfa-device-enabled", "mfa-device-deactivated"]


def test_a_sign_in_is_told_if_the_browser_is_new(paula: Audit) -> None:
    paula.note(Event.SIGN_IN, KEY, remark="new-browser")
    ((kind, data),) = told()
    assert kind == "new-browser" and "target" not in data


def test_what_nobody_or_a_command_did_is_not_told(paula: Audit) -> None:
    replace(paula, user_name="", user_id="").note(Event.SIGN_IN, remark="new-browser")
    assert told() == []


def test_without_a_channel_nothing_is_written(tmp_path: Path) -> None:
    for _ in portal_with(tmp_path):
        audit = Audit(audit_log(), ACCOUNT, "paula", "192.0.2.1", "Firefox", "0" * 16, "AIDAPAULA")
        with audit.attempt(Event.PASSWORD_CHANGED):
            pass
        assert told() == []
