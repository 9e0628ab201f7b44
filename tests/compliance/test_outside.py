"""What changed outside of the portal is told when compliance sees it. What the user did here isn't told again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.audit.events import Event, Phase
from app.audit.log import Audit, audit_log
from app.compliance.data.models import CompliancePerson
from app.db import db
from app.factory import create_app
from app.notices.addresses import UserGone, address_book
from app.notices.kinds import KINDS
from app.notices.models import NoticeRow
from app.notices.notice import Notice
from app.notices.outbox import outbox
from app.notices.queries import rows
from config import from_env
from tests.compliance.test_due import Someone
from tests.compliance.test_reminders import ACCOUNT, SETTINGS, key, now, report, someone
from tests.support.clock import Clock
from tests.support.databases import GOOD, make_database

DAY = 24 * 3600


@pytest.fixture
def portal(tmp_path: Path, clock: Clock) -> Iterator[Flask]:
    make_database(tmp_path / "portal.db")
    app = create_app(from_env({**GOOD, **SETTINGS, "DATABASE_URL": f"sqlite:///{tmp_path / 'portal.db'}"}))
    with app.app_context():
        yield app
        db.engine.dispose()


@pytest.fixture
def nadia() -> Someone:
    made = now() - timedelta(days=400)
    return Someone("nadia", made, random.Random(1), virtual=1, password=True, used=made, keys=[key(40)])


def told() -> list[str]:
    with db.engine.connect() as connection:
        rows = connection.execute(select(NoticeRow).order_by(NoticeRow.id)).all()
    assert all(row.urgent and row.user_name == "nadia" and row.kind in KINDS for row in rows)
    assert all(row.data["since"] < row.data["at"] for row in rows)
    return [row.kind for row in rows]


def test_each_credential_that_changes_elsewhere_is_told_once(
    portal: Flask, tmp_path: Path, clock: Clock, nadia: Someone
) -> None:
    report(portal, tmp_path, nadia)
    assert told() == [], "what is seen first didn't change"
    changes: list[tuple[str, dict[str, Any]]] = [
        ("seen-access-key-created", {"keys": [*nadia.keys, key(-0.9)]}),
        ("seen-access-key-deactivated", {"keys": [(False, *nadia.keys[0][1:]), key(-0.9)]}),
        ("seen-access-key-deleted", {"keys": [key(-0.9)]}),
        ("seen-mfa-device-deactivated", {"virtual": 0}),
        ("seen-mfa-device-enabled", {"virtual": 1}),
        ("seen-password-removed", {"password": False}),
        ("seen-password-set", {"password": True}),
    ]
    for number, (kind, becomes) in enumerate(changes, 1):
        clock.move(DAY)
        for name, value in becomes.items():
            setattr(nadia, name, value)
        for _ in range(2):
            report(portal, tmp_path, nadia)
            clock.move(DAY)
        assert told() == [each for each, _ in changes[:number]], kind


@pytest.mark.parametrize(
    ("event", "becomes"),
    [
        (Event.ACCESS_KEY_DELETED, {"keys": []}),
        (Event.MFA_DEVICE_DEACTIVATED, {"virtual": 0}),
        (Event.PASSWORD_REMOVED, {"password": False}),
    ],
)
def test_what_the_user_did_in_the_portal_is_not_told_again(
    portal: Flask, tmp_path: Path, clock: Clock, nadia: Someone, event: Event, becomes: dict[str, Any]
) -> None:
    report(portal, tmp_path, nadia)
    clock.move(DAY)
    with Audit(audit_log(), ACCOUNT, "nadia", "192.0.2.1", "Firefox", "0" * 16, "AIDANADIA").attempt(event, "x"):
        pass
    clock.move(DAY)
    for name, value in becomes.items():
        setattr(nadia, name, value)
    report(portal, tmp_path, nadia)
    with db.engine.connect() as connection:
        kinds = connection.execute(select(NoticeRow.kind)).scalars().all()
    assert kinds == [event.value]


def here(event: Event, user_id: str = "AIDANADIA") -> None:
    """Nadia, or another user of her name, does something in the portal."""
    with Audit(audit_log(), ACCOUNT, "nadia", "192.0.2.1", "Firefox", "0" * 16, user_id).attempt(event, "x"):
        pass


@pytest.mark.parametrize(("seconds_later", "listed_first"), [(6 * 3600, "mine"), (120, "thiefs")])
def test_a_key_that_was_created_here_hides_none_that_a_thief_created(
    portal: Flask, tmp_path: Path, clock: Clock, nadia: Someone, seconds_later: int, listed_first: str
) -> None:
    nadia.keys = []
    report(portal, tmp_path, nadia)
    clock.move(3600)
    here(Event.ACCESS_KEY_CREATED)
    mine = key(0)
    clock.move(seconds_later)
    thiefs = key(0)
    nadia.keys = [mine, thiefs] if listed_first == "mine" else [thiefs, mine]
    clock.move(6 * 3600)
    report(portal, tmp_path, nadia)
    assert told_of("seen-access-key-created") == [thiefs[1].isoformat()]


@pytest.mark.parametrize("here_at", [0, 1])
def test_one_deletion_here_hides_one_that_is_seen(
    portal: Flask, tmp_path: Path, clock: Clock, nadia: Someone, here_at: int
) -> None:
    nadia.keys = [key(40), key(50)]
    report(portal, tmp_path, nadia)
    for hour in range(2):
        clock.move(3600)
        if hour == here_at:
            here(Event.ACCESS_KEY_DELETED)
    nadia.keys = []
    report(portal, tmp_path, nadia)
    assert len(told_of("seen-access-key-deleted")) == 1


def test_a_password_that_was_changed_here_hides_no_later_change_or_removal_elsewhere(
    portal: Flask, tmp_path: Path, clock: Clock, nadia: Someone
) -> None:
    nadia.set_at = nadia.made
    report(portal, tmp_path, nadia)
    clock.move(DAY)
    here(Event.PASSWORD_CHANGED)
    nadia.set_at = now()
    report(portal, tmp_path, nadia)
    assert told_of("seen-password-changed") == []
    clock.move(300)
    here(Event.PASSWORD_CHANGED)
    clock.move(3600)
    nadia.set_at = now()
    clock.move(3600)
    report(portal, tmp_path, nadia)
    assert told_of("seen-password-changed") == [nadia.set_at.isoformat()]
    clock.move(3600)
    here(Event.PASSWORD_CHANGED)
    nadia.password = False
    clock.move(3600)
    report(portal, tmp_path, nadia)
    assert len(told_of("seen-password-removed")) == 1


def test_what_a_deleted_user_of_the_same_name_did_here_hides_nothing(
    portal: Flask, tmp_path: Path, clock: Clock, nadia: Someone
) -> None:
    here(Event.ACCESS_KEY_DELETED, "AIDAFORMER")
    clock.move(120)
    nadia.made = now()
    report(portal, tmp_path, nadia)
    clock.move(3600)
    nadia.keys = []
    report(portal, tmp_path, nadia)
    assert len(told_of("seen-access-key-deleted")) == 1


def test_what_aws_was_asked_about_later_counts_for_when_it_was_done(
    portal: Flask, tmp_path: Path, clock: Clock, nadia: Someone
) -> None:
    nadia.keys = []
    report(portal, tmp_path, nadia)
    clock.move(DAY)
    blank = dict.fromkeys(("target", "reason", "request_id", "address", "user_agent", "session"), "")
    entry = {**blank, "user_name": "nadia", "event": Event.ACCESS_KEY_CREATED, "attempt_id": "a" * 32}
    log = audit_log()
    log.append(ACCOUNT, **entry, phase=Phase.INTENDED)
    log.append(ACCOUNT, **entry, phase=Phase.UNKNOWN)
    nadia.keys = [key(0)]
    clock.move(DAY)
    log.append(ACCOUNT, **entry, phase=Phase.FOUND_DONE)
    report(portal, tmp_path, nadia)
    assert told_of("seen-access-key-created") == []


def told_of(kind: str) -> list[str]:
    """What tells the changes of a kind apart."""
    with db.engine.connect() as connection:
        keys = connection.execute(select(NoticeRow.idempotency_key).where(NoticeRow.kind == kind)).scalars()
        return [each.split(":", 3)[3] for each in keys]


def test_a_user_of_the_same_name_is_someone_else(portal: Flask, tmp_path: Path, clock: Clock, nadia: Someone) -> None:
    report(portal, tmp_path, nadia)
    clock.move(DAY)
    nadia.made, nadia.keys = now() - timedelta(hours=1), [key(0.02)]
    report(portal, tmp_path, nadia)
    assert told() == []


def waits_for(user: str, user_id: str = "") -> None:
    key = f"{user}:{user_id}:{now().isoformat()}"
    with db.engine.begin() as connection:
        outbox().enqueue(connection, [Notice("access-key-created", ACCOUNT, user, key, {}, user_id)])


def open_notices() -> list[tuple[str, str]]:
    """User and ID of what isn't cancelled."""
    with db.engine.connect() as connection:
        query = select(NoticeRow.user_name, NoticeRow.user_id).where(NoticeRow.state != "cancelled")
        return [(row.user_name, row.user_id) for row in connection.execute(query.order_by(NoticeRow.id))]


def test_what_waits_for_a_deleted_user_is_cancelled(
    portal: Flask, tmp_path: Path, clock: Clock, nadia: Someone
) -> None:
    omar = someone("omar")
    report(portal, tmp_path, nadia, omar)
    waits_for("nadia")
    waits_for("omar")
    clock.move(DAY)
    report(portal, tmp_path, nadia, omar)
    assert len(open_notices()) == 2
    clock.move(DAY)
    report(portal, tmp_path, omar)
    assert open_notices() == [("omar", "")]


def test_what_waits_for_a_deleted_user_does_not_reach_a_new_one_of_the_name(
    portal: Flask, tmp_path: Path, clock: Clock, nadia: Someone
) -> None:
    report(portal, tmp_path, nadia)
    waits_for("nadia", "AIDAOLD")
    waits_for("nadia")
    clock.move(DAY)
    nadia.made = now() - timedelta(hours=1)
    waits_for("nadia", "AIDANEW")
    report(portal, tmp_path, nadia)
    assert open_notices() == [("nadia", "AIDANEW")], "the new user's own"


def test_no_notice_goes_to_a_user_with_another_id(
    portal: Flask, tmp_path: Path, clock: Clock, nadia: Someone
) -> None:
    report(portal, tmp_path, nadia)
    waits_for("nadia", "AIDAOLD")
    portal.config["NOTICES_ADDRESS_PATTERN"] = "{user}@example.com"
    book = address_book(portal)
    with db.engine.begin() as connection:
        [row] = rows(connection, NoticeRow.user_name == "nadia", most=1)
        assert book.for_notices([row])(row) == "nadia@example.com", "no ID is known"
        connection.execute(update(CompliancePerson).values(user_id="AIDANEW"))
    with pytest.raises(UserGone):
        book.for_notices([row])(row)
