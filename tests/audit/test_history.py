"""What the audit log answers: whose outcome is unknown, what came last, and what users are shown of it."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from flask import Flask
from sqlalchemy import event

from app.activity import labels, queries
from app.audit.chain import COLUMNS
from app.audit.events import Event
from app.audit.history import done_without, last_done, without_outcome
from app.audit.log import COMMAND_LINE, Audit, audit_log
from app.db import db
from app.errors import NoResponse, NotFound
from app.web.exports import as_csv
from tests.audit.conftest import ACCOUNT, somebody, write
from tests.support.clock import Clock


def test_an_unknown_outcome_is_found_and_recorded(portal: Flask, clock: Clock) -> None:
    me = somebody()
    with pytest.raises(NoResponse), me.attempt(Event.MFA_DEVICE_ENABLED, "arn:…:mfa/nadia"):
        raise NoResponse
    with pytest.raises(KeyboardInterrupt), me.attempt(Event.MFA_DEVICE_CREATED, "arn:…:mfa/nadia/device-2"):
        raise KeyboardInterrupt  # as good as a process that was killed
    every = list(Event)
    assert [attempt.event for attempt in without_outcome(me, datetime.now(UTC), every)] == ["mfa-device-enabled"]
    clock.move(61)
    left = without_outcome(me, datetime.now(UTC), every)
    assert [attempt.event for attempt in left] == ["mfa-device-enabled", "mfa-device-created"]
    assert not without_outcome(somebody("zoe"), datetime.now(UTC), every), "each user's visit records their own"
    me.reconcile(left[0], happened=True)
    me.reconcile(left[1], happened=False)
    assert not without_outcome(me, datetime.now(UTC), every)
    assert last_done(me, [Event.MFA_DEVICE_ENABLED], "arn:…:mfa/nadia") == left[0].attempt_id
    shown = queries.entries(db.engine, ACCOUNT, queries.Filter(), datetime.now(UTC)).entries
    assert [(entry.event, entry.phase) for entry in shown] == [
        ("mfa-device-created", "found-undone"),
        ("mfa-device-enabled", "found-done"),
    ]


def test_what_came_later_is_what_aws_tells_of(portal: Flask, clock: Clock) -> None:
    me, target = somebody(), "arn:…:mfa/nadia"
    with pytest.raises(NoResponse), me.attempt(Event.MFA_DEVICE_CREATED, target):
        raise NoResponse
    with me.attempt(Event.MFA_DEVICE_CREATED, target) as second:
        pass
    clock.move(61)
    assert without_outcome(me, datetime.now(UTC), list(Event)) == []
    assert last_done(me, [Event.MFA_DEVICE_CREATED], target) == second.attempt_id


def test_what_others_do_does_not_tell_of_ones_own(portal: Flask, clock: Clock) -> None:
    me, target = somebody(), "a fingerprint"
    with pytest.raises(NoResponse), me.attempt(Event.SSH_KEY_UPLOADED, target):
        raise NoResponse
    with me.attempt(Event.SSH_KEY_DELETED, "APKA1"):
        pass
    with pytest.raises(NotFound), somebody("zoe").attempt(Event.SSH_KEY_UPLOADED, target):
        raise NotFound
    for event_ in (Event.SSH_KEY_UPLOADED, Event.SSH_KEY_DELETED):
        with somebody("zoe").attempt(event_, "APKA1"):
            pass
    clock.move(61)
    assert [attempt.target for attempt in without_outcome(me, datetime.now(UTC), list(Event))] == [target]
    assert done_without(me, Event.SSH_KEY_DELETED, Event.SSH_KEY_UPLOADED) == ["APKA1"]


def test_what_was_undone_before_can_be_done_again(portal: Flask) -> None:
    me, target = somebody(), "arn:…:mfa/nadia"
    for event_ in (Event.MFA_DEVICE_DEACTIVATED, Event.MFA_DEVICE_DELETED):
        with me.attempt(event_, target):
            pass
        with somebody("zoe").attempt(event_, "arn:…:mfa/zoe"):
            pass
    assert done_without(me, Event.MFA_DEVICE_DEACTIVATED, Event.MFA_DEVICE_DELETED) == []
    with me.attempt(Event.MFA_DEVICE_DEACTIVATED, target):  # of a new device with the same serial number
        pass
    assert done_without(me, Event.MFA_DEVICE_DEACTIVATED, Event.MFA_DEVICE_DELETED) == [target]


def test_kinds_that_are_asked_for_together_stay_apart(portal: Flask, clock: Clock) -> None:
    me, target = somebody(), "arn:…:mfa/nadia"
    with pytest.raises(NoResponse), me.attempt(Event.MFA_DEVICE_CREATED, target):
        raise NoResponse
    with pytest.raises(NoResponse), me.attempt(Event.MFA_DEVICE_ENABLED, target):
        raise NoResponse
    clock.move(61)
    kinds = ([Event.MFA_DEVICE_CREATED, Event.MFA_DEVICE_DELETED], [Event.MFA_DEVICE_ENABLED])
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *about: asked.append(about[2]))
    left = without_outcome(me, datetime.now(UTC), *kinds)
    assert sum("attempt_id" in statement for statement in asked) == 1, "one question for both"
    assert [attempt.event for attempt in left] == ["mfa-device-created", "mfa-device-enabled"], (
        "neither tells of both"
    )
    with me.attempt(Event.MFA_DEVICE_DELETED, target):
        pass
    assert without_outcome(me, datetime.now(UTC), *kinds) == left[1:]


def test_pages_of_the_record_hold_every_attempt_once(portal: Flask) -> None:
    for number in range(7):
        with somebody().attempt(Event.MFA_SESSION, f"device-{number}"):
            pass
        write(1, "zoe")
    seen, before = [], None
    while True:
        page = queries.entries(db.engine, ACCOUNT, queries.Filter("nadia"), datetime.now(UTC), before, size=3)
        seen += [entry.target for entry in page.entries]
        if page.older is None:
            break
        before = page.older
    assert seen == [f"device-{number}" for number in reversed(range(7))]


def test_what_commands_did_is_told_as_that(portal: Flask) -> None:
    write(1)
    Audit(audit_log(), ACCOUNT, "", "", f"{COMMAND_LINE}root", "").note(Event.CREDENTIAL_REPORT_UPLOADED)
    Audit(audit_log(), ACCOUNT, "", "", "", "").note(Event.AUDIT_LOG_SHORTENED)
    Audit(audit_log(), ACCOUNT, "", "192.0.2.7", f"{COMMAND_LINE}root", "").note(Event.SIGN_IN)
    told = queries.entries(audit_log().engine, ACCOUNT, queries.Filter(), datetime.now(UTC)).entries
    assert [(labels.who(entry), labels.where(entry)) for entry in told][1:] == [
        ("A command", "a command on the portal’s machine"),
        ("A command", "a command on the portal’s machine, run by root"),
        ("nadia", "Unknown device, 192.0.2.7"),
    ]
    assert labels.who(told[0]) == "Someone" and "192.0.2.7" in labels.where(told[0]), "a header proves nothing"


def test_spreadsheets_run_nothing() -> None:
    row = dict.fromkeys(COLUMNS, "")
    for text_, safe in [
        ("=cmd()", "'=cmd()"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("a=b", "a=b"),
        ("x;=1", "x;'=1"),
    ]:
        line = next(csv.DictReader(as_csv(COLUMNS, [{**row, "user_name": text_}])))
        assert line["user_name"] == safe


@pytest.mark.parametrize(
    "name", ["=cmd", "+1", "-", "--", "@sum", "a=b", "plain.name_1", "a,b@c+d=e-f", "=", "é=1;-2"]
)
def test_a_name_is_exact_in_a_column_of_its_own(name: str) -> None:
    line = next(csv.DictReader(as_csv(COLUMNS, [{**dict.fromkeys(COLUMNS, ""), "user_name": name}])))
    assert unquote(line["user_name_exact"]) == name
    assert line["user_name_exact"][:1] not in ("=", "+", "-", "@") and not set(line["user_name_exact"]) & set(
        ";\t\r\n"
    )
    if name[0].isascii() and name[0].isalnum():
        assert line["user_name_exact"] == line["user_name"] == name, "nearly every name is the same in both"
