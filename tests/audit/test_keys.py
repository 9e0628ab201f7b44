"""A key of the audit log that leaked and was replaced can't sign again: not within the chain, not in place of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from app.audit.chain import START, ChainedRow, Keyring
from app.audit.log import begin_keys
from app.db import db
from app.settings.keys import audit_keys
from app.settings.table import Reading
from tests.audit.conftest import ACCOUNT, flaws, write
from tests.audit.test_chain import change, run, verify
from tests.support.clock import Clock
from tests.support.inside import portal_at

OLD, NEW = "a" * 40, "b" * 40
LEAKED = Keyring({"k1": OLD.encode()})


def rewrite(first: int, last: int = 10**6, user_name: str = "mallory") -> None:
    """What someone does who has the database and the old key: rows made with it, from `first` on."""
    with db.engine.begin() as connection:
        query = text("select * from activity where seq >= :first - 1 and seq <= :last order by seq")
        rows = [dict(row) for row in connection.execute(query, {"first": first, "last": last}).mappings()]
        before = rows[0]["mac"] if first > 1 else START
        for row in rows if first == 1 else rows[1:]:
            row.update(user_name=user_name, key_id="k1", event="sign-in", target="AKIA")
            at = datetime.fromisoformat(row["at"]).replace(tzinfo=UTC)
            before = LEAKED.mac(before, ChainedRow(**{name: row[name] for name in ChainedRow._fields} | {"at": at}))
            told = {"seq": row["seq"], "mac": before, "user_name": user_name}
            connection.execute(
                text(
                    "update activity set user_name = :user_name, key_id = 'k1', event = 'sign-in', target = 'AKIA', "
                    "mac = :mac where seq = :seq"
                ),
                told,
            )
        connection.execute(text("update activity_heads set mac = :mac"), {"mac": before})


@pytest.fixture
def rotated(portal: Flask, file: Path) -> Flask:
    """Three rows of k1, then the row that begins k2, and three of it."""
    write(3)
    app = portal_at(file, AUDIT_KEYS=f"k2:{NEW},k1:{OLD}")
    with app.app_context():
        write(3)
    return app


def test_a_new_key_begins_with_a_row_that_says_so(rotated: Flask) -> None:
    assert verify(rotated)[0] == 0
    with rotated.app_context(), db.engine.connect() as connection:
        rows = connection.execute(text("select seq, key_id, event, target from activity order by seq")).all()
    assert [row.key_id for row in rows] == ["k1"] * 3 + ["k2"] * 4
    assert tuple(rows[3])[2:] == ("record-key-changed", "k2 from 4")


def test_rows_rewritten_with_the_old_key_are_named(rotated: Flask) -> None:
    with rotated.app_context():
        rewrite(6)
    status, output = verify(rotated)
    assert status == 1
    assert flaws(output)[:2] == [(6, "replaced-key"), (7, "replaced-key")]
    assert output.count("'k1'") >= 2 and output.count("'k2'") >= 2


def test_one_row_rewritten_with_the_old_key_is_named(rotated: Flask) -> None:
    with rotated.app_context():
        rewrite(6, 6)
    status, output = verify(rotated)
    assert status == 1 and "'k1'" in output
    assert flaws(output)[:2] == [(6, "replaced-key"), (7, "not-written")]


@pytest.mark.parametrize("first", [1, 2, 4])
def test_every_row_of_the_new_key_rewritten_is_found(rotated: Flask, first: int) -> None:
    with rotated.app_context():
        rewrite(first)
    status, output = verify(rotated)
    assert status == 1
    assert (7, "old-key-last") in flaws(output) and "'k1'" in output and "'k2'" in output


def test_an_end_names_what_the_old_key_signed_later(rotated: Flask, file: Path, clock: Clock) -> None:
    end = f"{datetime.now(UTC) + timedelta(minutes=2):%Y%m%dT%H%MZ}"
    ended = portal_at(file, AUDIT_KEYS=f"k2:{NEW},k1@{end}:{OLD}")
    assert verify(ended)[0] == 0
    clock.move(300)
    with ended.app_context():
        # The chain is put back to where the new key began, its past is forged, and the portal writes on.
        change("delete from activity where seq > 3")
        change("update activity_heads set seq = 3")
        rewrite(2)
        write(2)
    status, output = verify(ended)
    assert status == 1
    assert (4, "gap-after-ended-key") in flaws(output) and "'k1'" in output
    with ended.app_context():
        change("update activity set at = '2099-01-01 00:00:00.000000' where seq = 3")
        change("delete from activity where seq > 3")
        change("update activity_heads set seq = 3")
        rewrite(3)
    assert (3, "ended-key") in flaws(verify(ended)[1])


def test_the_portal_begins_the_new_key_at_start_and_signs_with_no_older_one(portal: Flask, file: Path) -> None:
    write(2)
    rotated = portal_at(file, AUDIT_KEYS=f"k2:{NEW},k1:{OLD}")
    assert flaws(verify(rotated)[1]) == [(2, "old-key-last")]
    for _ in range(2):
        begin_keys(rotated)
    assert verify(rotated) == (0, verify(rotated)[1]) and "3 rows, sound" in verify(rotated)[1]
    with rotated.app_context():
        change("update activity set key_id = 'k1' where seq = 3")
        write(1)
        with db.engine.connect() as connection:
            assert set(connection.execute(text("select key_id from activity where seq > 3")).scalars()) == {"k2"}


def test_replicas_are_renewed_one_by_one(portal: Flask, file: Path) -> None:
    """First all learn the new key, then one after the other signs with it."""
    waiting = portal_at(file, AUDIT_KEYS=f"+k2:{NEW},k1:{OLD}")
    renewed = portal_at(file, AUDIT_KEYS=f"k2:{NEW},k1:{OLD}")
    for app in (waiting, renewed, waiting, renewed):
        with app.app_context():
            write(1)
    assert verify(renewed)[0] == 0 and verify(waiting)[0] == 0
    with renewed.app_context(), db.engine.connect() as connection:
        keys = connection.execute(text("select key_id from activity order by seq")).scalars().all()
    assert keys == ["k1", "k2", "k2", "k2", "k2"], "a replica that sees the new key in use follows"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (f"k1@2026-05-03:{OLD}", "k1 has an end, but it is the key that signs"),
        (f"k2:{NEW},k1@2026-13-03:{OLD}", "k1@2026-13-03 isn’t a date"),
        (f"+k2:{NEW}", "none signs"),
        (f"k1:{OLD},+k2:{NEW}", "The newest keys come first"),
        (f"k1:{OLD},k1:{NEW}", "used once"),
        ("k1:short", "at least 32 characters"),
        (f"k1@:{OLD}", "KEYID:SECRET"),
    ],
)
def test_keys_that_make_no_sense_are_refused(wrong: str, told: str) -> None:
    problems: list[str] = []
    audit_keys(wrong, Reading("AUDIT_KEYS", {}, {}, problems))
    assert len(problems) == 1 and told in problems[0]


def test_what_retention_removes_takes_no_key_along(rotated: Flask, file: Path, clock: Clock) -> None:
    clock.move(timedelta(days=40).total_seconds())
    keeping = portal_at(file, AUDIT_KEYS=f"k2:{NEW},k1:{OLD}", AUDIT_RETENTION_DAYS="30")
    with keeping.app_context():
        write(1)
        assert run(keeping, "prune") == (0, f"account {ACCOUNT}: 7 rows removed\n")
        assert verify(keeping)[0] == 0
