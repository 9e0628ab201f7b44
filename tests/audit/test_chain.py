"""The audit log keeps what happened: an entry that is changed, removed or moved is found."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Connection, event, text

from app.activity import queries
from app.audit.events import Event
from app.audit.history import without_outcome
from app.audit.log import Audit, audit_log
from app.commands import activity
from app.db import db
from app.errors import NoResponse, NotRecorded, Throttled
from tests.audit.conftest import ACCOUNT, flaws, somebody, write
from tests.support.clock import Clock
from tests.support.inside import portal_at


def change(statement: str, **values: object) -> None:
    """What someone with the database's password, but without AUDIT_KEYS, may do."""
    with db.engine.begin() as connection:
        assert connection.execute(text(statement), values).rowcount


def run(portal: Flask, *command: str) -> tuple[int, str]:
    with portal.app_context():
        done = portal.test_cli_runner().invoke(activity, args=command)
    return done.exit_code, done.output


def verify(portal: Flask, *options: str) -> tuple[int, str]:
    return run(portal, "verify", *options)


def head(output: str) -> str:
    found = re.search(r"head (\d+:\w+)", output)
    assert found
    return found[1]


def test_intent_and_outcome_are_rows_of_their_own(portal: Flask) -> None:
    with somebody().attempt(Event.MFA_DEVICE_CREATED, "arn:…:mfa/nadia"):
        during = list(queries.rows(db.engine, ACCOUNT, queries.Filter()))
        assert [row["phase"] for row in during] == ["intended"], "the intent is stored before AWS is asked"
    with pytest.raises(Throttled), somebody().attempt(Event.MFA_DEVICE_DELETED, "arn:…:mfa/nadia"):
        raise Throttled(request_id="r-1")
    with pytest.raises(NoResponse), somebody().attempt(Event.MFA_DEVICE_ENABLED, "arn:…:mfa/nadia"):
        raise NoResponse
    rows = list(queries.rows(db.engine, ACCOUNT, queries.Filter()))
    assert [(row["phase"], row["reason"], row["request_id"]) for row in rows] == [
        ("intended", "", ""),
        ("done", "", ""),
        ("intended", "", ""),
        ("refused", "throttled", "r-1"),
        ("intended", "", ""),
        ("unknown", "no-response", ""),
    ]
    assert verify(portal) == (0, f"account {ACCOUNT}: 6 rows, sound, head 6:{rows[-1]['mac']}\n")


def test_no_intent_no_attempt(portal: Flask) -> None:
    write(1)
    with db.engine.begin() as connection:
        connection.execute(text("alter table activity rename to gone"))
    with pytest.raises(NotRecorded), somebody().attempt(Event.MFA_DEVICE_CREATED):
        pytest.fail("it was attempted")


@pytest.mark.parametrize(
    "assignment",
    [
        "outcome = 'x'",
        "user_name = 'mallory'",
        "at = '2020-01-01 00:00:00'",
        "address = '192.0.2.8'",
        "phase = 'done'",
    ],
)
def test_a_changed_row_is_named(portal: Flask, assignment: str) -> None:
    write(3)
    with pytest.raises(Throttled), somebody().attempt(Event.MFA_SESSION, "arn:…:mfa/nadia"):
        raise Throttled
    write(3)
    change(f"update activity set {assignment.replace('outcome', 'reason')} where seq = 5")
    status, output = verify(portal)
    assert status == 1
    assert f"account {ACCOUNT}: row 5 " in output
    assert flaws(output) == [(5, "not-written")], "the others are sound"
    assert "AUDIT_KEYS" not in output


def test_where_everything_is_wrong_the_first_rows_are_named_and_the_others_counted(portal: Flask) -> None:
    write(70)
    change("update activity set user_name = 'eve'")
    status, output = verify(portal)
    assert status == 1
    assert flaws(output) == [(seq, "not-written") for seq in range(1, 51)]
    assert f"account {ACCOUNT}: and 20 more\n" in output
    assert "none of the rows fits AUDIT_KEYS" in output
    assert "70 rows, NOT sound" in output


def test_a_missing_row_is_named(portal: Flask) -> None:
    write(6)
    change("delete from activity where seq in (3, 4)")
    status, output = verify(portal)
    assert status == 1
    assert (3, "missing") in flaws(output) and "rows 3 to 4 " in output


def test_a_hole_closed_by_renumbering_is_found(portal: Flask) -> None:
    write(6)
    change("delete from activity where seq = 3")
    for seq in (4, 5, 6):
        change("update activity set seq = seq - 1 where seq = :seq", seq=seq)
    status, output = verify(portal)
    assert status == 1
    assert (3, "not-written") in flaws(output)
    assert (4, "moved") in flaws(output) and "row 4 was written as 5:" in output


def test_swapped_rows_are_named(portal: Flask) -> None:
    write(6)
    change("update activity set seq = 100 where seq = 2")
    change("update activity set seq = 2 where seq = 5")
    change("update activity set seq = 5 where seq = 100")
    status, output = verify(portal)
    assert status == 1
    assert {(2, "moved"), (5, "moved")} <= set(flaws(output))
    assert "row 2 was written as 5:" in output and "row 5 was written as 2:" in output


def test_an_invented_row_is_found(portal: Flask) -> None:
    write(2)
    change(
        "insert into activity select account_id, 3, at, attempt_id, user_name, event, target, phase, reason,"
        " request_id, address, user_agent, session, key_id, mac, user_id from activity where seq = 2"
    )
    assert (3, "not-written") in flaws(verify(portal)[1])


def test_a_cut_tail_shows_against_a_head_kept_elsewhere(portal: Flask) -> None:
    write(6)
    kept = head(verify(portal)[1])
    assert verify(portal, "--expect-head", kept)[0] == 0
    write(1)
    assert verify(portal, "--expect-head", kept)[0] == 0, "the chain continued"
    change("delete from activity where seq > 4")
    output = verify(portal)[1]
    assert flaws(output) == [(5, "cut")] and "rows 5 to 7 " in output
    # A thorough intruder also resets the table of heads.
    change("update activity_heads set seq = 4, mac = (select mac from activity where seq = 4)")
    assert verify(portal)[0] == 0, "nothing in the database shows it"
    status, output = verify(portal, "--expect-head", kept)
    assert status == 1
    assert flaws(output) == [(5, "cut")] and "rows 5 to 6 " in output
    write(3)
    assert (6, "other-head") in flaws(verify(portal, "--expect-head", kept)[1])


def test_a_row_before_the_first_is_found(portal: Flask) -> None:
    write(2)
    change(
        "insert into activity select account_id, 0, at, attempt_id, user_name, event, target, phase, reason,"
        " request_id, address, user_agent, session, key_id, '', user_id from activity where seq = 1"
    )
    assert (0, "before-first") in flaws(verify(portal)[1])


def test_a_chain_without_its_head_is_found(portal: Flask) -> None:
    write(3)
    kept = head(verify(portal)[1])
    change("delete from activity_heads")
    change("update activity set user_name = 'mallory' where seq = 2")
    status, output = verify(portal)
    assert status == 1 and {(2, "not-written"), (3, "no-head")} <= set(flaws(output))
    change("delete from activity")
    status, output = verify(portal, "--expect-head", kept)
    assert status == 1 and (1, "cut") in flaws(output)


def test_retention_vouches_for_nothing_unsound(portal: Flask, file: Path) -> None:
    write(5)
    change("update activity set at = '2020-01-01 00:00:00.000000' where seq <= 3")
    keeping = portal_at(file, AUDIT_RETENTION_DAYS="30")
    status, output = run(keeping, "prune")
    assert status == 1 and "nothing removed" in output
    assert (1, "not-written") in flaws(verify(portal)[1])


def test_forged_intents_get_no_outcome(portal: Flask, clock: Clock) -> None:
    write(2)
    change(
        "insert into activity select account_id, -9, at, 'forged', user_name, 'mfa-device-deactivated', 'mfa/boss',"
        " 'intended', reason, request_id, address, user_agent, session, key_id, mac, user_id"
        " from activity where seq = 1"
    )
    clock.move(61)
    assert without_outcome(somebody(), datetime.now(UTC), list(Event)) == []


def test_wrong_heads_are_refused_with_a_sentence(portal: Flask) -> None:
    status, output = verify(portal, "--expect-head", "six")
    assert status == 2
    assert "'six' is not SEQ:HASH" in output


def test_keys_are_rotated(portal: Flask, file: Path) -> None:
    write(3)
    rotated = portal_at(file, AUDIT_KEYS="k2:" + "b" * 40 + ",k1:" + "a" * 40)
    with rotated.app_context():
        write(3)
        assert verify(rotated)[0] == 0
    status, output = verify(portal)
    assert status == 1
    assert (4, "unknown-key") in flaws(output) and "'k2'" in output
    forged = portal_at(file, AUDIT_KEYS="k1:" + "z" * 40)
    assert (1, "not-written") in flaws(verify(forged)[1]), "another key under the same id"


def test_retention_leaves_a_checkpoint(portal: Flask, file: Path, clock: Clock) -> None:
    assert "AUDIT_RETENTION_DAYS is not set" in run(portal, "prune")[1]
    write(5)
    old = head(verify(portal)[1])
    clock.move(timedelta(days=40).total_seconds())
    write(2)
    keeping = portal_at(file, AUDIT_RETENTION_DAYS="30")
    assert run(keeping, "prune") == (0, f"account {ACCOUNT}: 5 rows removed\n")
    status, output = verify(portal)
    assert (status, "3 rows, sound" in output) == (0, True), "two rows and the checkpoint"
    assert (5, "head-removed") in flaws(verify(portal, "--expect-head", old)[1])
    change("delete from activity where seq = 6")
    output = verify(portal)[1]
    assert (1, "missing-at-start") in flaws(output) and "rows 1 to 6 " in output


def test_a_second_retention_follows_the_first(portal: Flask, file: Path, clock: Clock) -> None:
    keeping = portal_at(file, AUDIT_RETENTION_DAYS="30")
    for _ in range(3):
        write(4)
        clock.move(timedelta(days=31).total_seconds())
        assert run(keeping, "prune")[0] == 0
        assert verify(portal)[0] == 0


def test_times_changed_while_retention_is_at_work_remove_nothing_young(
    portal: Flask, file: Path, clock: Clock
) -> None:
    write(5)
    clock.move(timedelta(days=40).total_seconds())
    write(4)
    keeping = portal_at(file, AUDIT_RETENTION_DAYS="30")
    with keeping.app_context():
        changed: list[bool] = []

        @event.listens_for(db.engine, "before_cursor_execute")
        def somebody_else(connection: Connection, _: object, statement: str, *rest: object) -> None:
            if statement.startswith("UPDATE activity_heads") and not changed:  # all rows have been verified by now
                changed.append(True)
                connection.exec_driver_sql("update activity set at = '2020-01-01 00:00:00.000000'")

        assert run(keeping, "prune")[1] == f"account {ACCOUNT}: 5 rows removed\n" and changed
    status, output = verify(portal)
    assert status == 1 and (9, "not-written") in flaws(output)


def test_a_forged_checkpoint_hides_nothing(portal: Flask) -> None:
    write(6)
    change(
        "update activity set event = 'record-shortened', phase = 'done', target = '3:' || "
        "(select mac from activity where seq = 3) where seq = 5"
    )
    change("delete from activity where seq <= 3")
    assert (5, "not-written") in flaws(verify(portal)[1])


def test_accounts_have_chains_of_their_own(portal: Flask) -> None:
    write(2)
    Audit(audit_log(), "210987654321", "zoe", "", "", "").note(Event.SIGN_IN)
    Audit(audit_log(), "", "", "", "", "").note(Event.SIGN_IN, "AKIA", Throttled())
    status, output = verify(portal)
    assert status == 0
    assert output.count("sound") == 3
    assert verify(portal, "--expect-head", "1:" + "0" * 64)[0] == 2, "the head does not name its account"
    assert flaws(verify(portal, "--account", "", "--expect-head", "1:" + "0" * 64)[1]) == [(1, "other-head")]
    assert verify(portal, "--account", "000000000000")[0] == 2, "a mistyped account is not a sound chain"


def test_every_row_goes_to_the_siem(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = portal_at(file, AUDIT_STREAM="stdout")
    with app.app_context():
        capsys.readouterr()
        write(2)
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [(line["seq"], line["event"], line["user_name"]) for line in lines] == [
            (1, "sign-in", "nadia"),
            (2, "sign-in", "nadia"),
        ]
        last = lines[-1]
        assert verify(app, "--expect-head", f"{last['seq']}:{last['mac']}")[0] == 0, "the logged head is the row's"
