"""From an empty database and from every earlier release's, on both databases: the head is what the models say."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from contextvars import Context
from datetime import UTC, datetime
from pathlib import Path

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from click.testing import Result
from flask import Flask
from sqlalchemy import inspect, text

from app.activity import queries
from app.audit.chain import START, ChainedRow
from app.audit.events import Event
from app.audit.log import Audit, audit_log
from app.commands import activity
from app.compliance.data import due, history, updates
from app.compliance.data.credential_report import parse
from app.compliance.data.details import details_of
from app.compliance.data.details_updates import keep_details
from app.compliance.data.objects import ObjectState, ReadObject, digest_of, read_objects, remember
from app.compliance.data.people_data import read_people
from app.compliance.data.queries import exceptions
from app.compliance.rules.subjects import Terms
from app.db import Utc, db
from app.factory import create_app
from app.sandbox.operations.credential_report import HEADER
from config import from_env
from tests.audit.conftest import flaws
from tests.support.databases import GOOD, empty_portal
from tests.support.details import NOW, user
from tests.support.sandbox import ROOT

REVISIONS = [step.revision for step in ScriptDirectory(str(ROOT / "migrations")).walk_revisions()][::-1]


@pytest.fixture(params=["sqlite", "postgresql"])
def portal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with empty_portal(request, tmp_path) as app:
        yield app


def differences() -> list[object]:
    def same_type(_c: object, _i: object, _m: object, _found: object, wanted: object) -> bool | None:
        return False if isinstance(wanted, Utc) else None

    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": same_type})
        return list(compare_metadata(context, db.metadata))


def test_from_nothing_and_from_each_step(portal: Flask) -> None:
    for revision in [*REVISIONS, "base"]:
        if revision != "base":
            flask_migrate.upgrade(revision=revision)
        flask_migrate.upgrade()
        assert differences() == [], f"from {revision}"
        Audit(audit_log(), "123456789012", "nadia", "", "", "").note(Event.SIGN_OUT)
        flask_migrate.downgrade(revision="base")
        assert [name for name in inspect(db.engine).get_table_names() if name != "alembic_version"] == []


BEFORE_ANY_RELEASE = REVISIONS[:2]
"""The second created the audit log again, when nobody had one yet."""


def columns() -> dict[tuple[str, str], tuple[str, bool]]:
    """By table and name: its type, and whether a row may be added that does not name it."""
    found = inspect(db.engine)
    return {
        (table, column["name"]): (str(column["type"]), column["nullable"] or column["default"] is not None)
        for table in found.get_table_names()
        for column in found.get_columns(table)
    }


def test_each_step_suits_the_release_before_it(portal: Flask) -> None:
    before: dict[tuple[str, str], tuple[str, bool]] = {}
    for revision in REVISIONS:
        flask_migrate.upgrade(revision=revision)
        after, tables = columns(), {table for table, _ in before}
        if revision not in BEFORE_ANY_RELEASE:
            gone = {name for name, (kind, _) in before.items() if after.get(name, ("", True))[0] != kind}
            assert not gone, f"{revision} takes from the earlier release, which still runs, {gone}"
            wanted = {name for name in after.keys() - before.keys() if name[0] in tables and not after[name][1]}
            assert not wanted, f"{revision} wants of the earlier release what it does not know: {wanted}"
        before = after


def verified(database_url: str, *options: str) -> Result:
    app = create_app(from_env({**GOOD, "DATABASE_URL": database_url}))
    # Apart from the test's own portal, whose context the command would take.
    return Context().run(app.test_cli_runner().invoke, activity, args=["verify", *options])


def test_a_record_of_before_unique_ids_stays_sound_and_nobodys_own(portal: Flask) -> None:
    flask_migrate.upgrade(revision="0003")
    before, at, ring = START, datetime(2026, 5, 3, 10, tzinfo=UTC), portal.config["AUDIT_KEYS"]
    for seq in (1, 2, 3):
        chained = ChainedRow(
            "123456789012", seq, at, f"{seq:032d}", "nadia", "sign-in", "AKIA", "done", "", "", "", "", "", "k1"
        )
        # As that release hashed it.
        told = [1, before, *chained[:2], at.isoformat(timespec="microseconds"), *chained[3:14]]
        before = hmac.new(ring.keys["k1"], json.dumps(told, separators=(",", ":")).encode(), "sha256").hexdigest()
        columns = {name: value for name, value in chained._asdict().items() if name != "user_id"} | {"mac": before}
        names = ", ".join(columns)
        with db.engine.begin() as connection:
            row = f"insert into activity ({names}) values ({', '.join(f':{name}' for name in columns)})"
            connection.execute(text(row), {**columns, "at": at.isoformat(" ", "microseconds").removesuffix("+00:00")})
    with db.engine.begin() as connection:
        head = {"seq": 3, "mac": before}
        connection.execute(text("insert into activity_heads values ('123456789012', :seq, :mac)"), head)
    flask_migrate.upgrade()
    Audit(audit_log(), "123456789012", "nadia", "", "", "", "AIDANADIA").note(Event.SIGN_OUT)
    answer = verified(db.engine.url.render_as_string(hide_password=False))
    assert answer.exit_code == 0 and "4 rows, sound" in answer.output, answer.output
    own = queries.entries(db.engine, "123456789012", queries.Filter(own_id="AIDANADIA"), datetime.now(UTC)).entries
    assert [entry.seq for entry in own] == [4], "whose the others are nobody can tell"
    assert queries.has_unidentified(db.engine, "123456789012", "nadia")
    every = queries.entries(db.engine, "123456789012", queries.Filter("AIDANADIA"), datetime.now(UTC)).entries
    assert len(every) == 1 and len(queries.entries(db.engine, "123456789012", queries.Filter(), at).entries) == 4
    for change in ("user_id = ''", "user_id = 'AIDAZOE'"):
        with db.engine.begin() as connection:
            connection.execute(text(f"update activity set {change} where seq = 4"))
        output = verified(db.engine.url.render_as_string(hide_password=False)).output
        assert flaws(output) == [(4, "not-written")]


def test_an_account_of_before_details_has_none_and_can_get_some(portal: Flask) -> None:
    flask_migrate.upgrade(revision="0006")
    with db.engine.begin() as connection:
        account = {"account_id": "123456789012", "roster": "{}", "report": "{}", "judged_with": "", "running": ""}
        person = {"account_id": "123456789012", "user_name": "alice", "arn": "", "path": "/", "own": "{}",
                  "virtual_devices": 0, "verdicts": " mfa=unknown ", "failed": 0}  # fmt: skip
        for table, row in (("compliance_accounts", {**account, "stale": False}),
                           ("compliance_people", {**person, "in_roster": False})):  # fmt: skip
            names = ", ".join(row)
            connection.execute(
                text(f"insert into {table} ({names}) values ({', '.join(f':{each}' for each in row)})"), row
            )
    flask_migrate.upgrade()
    stored = due.catch_up(db.engine, "123456789012", lambda others: Terms(datetime(2026, 9, 2, tzinfo=UTC)))
    assert stored and stored.details is None and stored.details_at is None
    with db.engine.connect() as connection:
        (alice,) = read_people(connection, "123456789012").values()
    assert alice.forced is None and " mfa-forced=unknown " in alice.verdicts
    details = details_of([{"UserDetailList": [user("alice")]}], NOW)
    assert keep_details(db.engine, details, NOW, lambda others: Terms(NOW)) == 1
    with db.engine.connect() as connection:
        (alice,) = read_people(connection, "123456789012").values()
    assert " mfa-forced=pass " in alice.verdicts, "alice has no policies at all"


def test_a_report_of_before_its_lines_were_kept_is_read_once_more(portal: Flask) -> None:
    content = (
        f"{HEADER}\n"
        "<root_account>,arn:aws:iam::123456789012:root,2020-01-01T00:00:00Z,not_supported,N/A,not_supported,"
        "not_supported,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A\n"
        "alice,arn:aws:iam::123456789012:user/alice,2026-01-01T00:00:00Z,true,2026-05-01T00:00:00Z,"
        "2026-01-01T00:00:00Z,N/A,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
    )

    def import_it() -> str:
        report = parse(content.encode(), NOW, updates.known_lines(db.engine, "123456789012"))
        updates.keep_report(db.engine, report, NOW, lambda others: Terms(NOW))
        with db.engine.connect() as connection:
            (alice,) = read_people(connection, "123456789012").values()
        assert alice.report
        return str(alice.report["used"])

    flask_migrate.upgrade()
    assert import_it() == "2026-05-01T00:00:00Z"
    for earlier in ("flask db downgrade", "another process of an earlier release"):
        if earlier == "flask db downgrade":
            flask_migrate.downgrade(revision=REVISIONS[REVISIONS.index("0015") - 1])
        with db.engine.begin() as connection:
            told = {"report": '{"password":true,"used":"2026-05-03T00:00:00Z","changed":null,"mfa":true,"other":null,'
                    '"keys":[],"certificates":[]}'}  # fmt: skip
            connection.execute(text("update compliance_people set report = :report, report_line = 'a hash'"), told)
        flask_migrate.upgrade()
        assert import_it() == "2026-05-01T00:00:00Z", f"after {earlier}"


def test_an_exception_of_before_approval_counts_and_one_that_waits_never_counts_unapproved(portal: Flask) -> None:
    flask_migrate.upgrade(revision="0007")
    made = {"account_id": "123456789012", "user_name": "alice", "reason": "r", "owner": "o", "made_by": "arn",
            "until": "2027-01-01 00:00:00", "made_at": "2026-05-03 00:00:00", "ended_by": ""}  # fmt: skip

    def add(**more: object) -> None:
        row = {**made, **more}
        names = ", ".join(row)
        with db.engine.begin() as connection:
            values = ", ".join(f":{each}" for each in row)
            connection.execute(text(f"insert into compliance_exceptions ({names}) values ({values})"), row)

    def counting() -> list[str]:
        with db.engine.connect() as connection:
            found = exceptions(connection, "123456789012", NOW)
            assert {row.batch for row in found} == {""}, "each was added alone"
            return [row.rule for row in found]

    add(rule="mfa")
    flask_migrate.upgrade()
    add(rule="key-age", waits=True)
    assert counting() == ["mfa"], "that of before counts"
    flask_migrate.downgrade(revision="0007")
    with db.engine.connect() as connection:
        ended = connection.execute(text("select rule from compliance_exceptions where ended_at is not null"))
        assert list(ended.scalars()) == ["key-age"], "an earlier release knows no approval"


def test_a_history_of_before_whole_lists_stays_and_a_release_of_before_gets_only_what_it_knows(portal: Flask) -> None:
    flask_migrate.upgrade(revision="0009")
    at = "2026-05-03 00:00:00"
    turn = {"account_id": "123456789012", "user_name": "alice", "at": at, "rule": "mfa"}
    account = {"account_id": "123456789012", "roster": "{}", "report": "{}", "judged_with": "", "running": ""}

    def add(table: str, **row: object) -> None:
        names = ", ".join(row)
        with db.engine.begin() as connection:
            values = ", ".join(f":{each}" for each in row)
            connection.execute(text(f"insert into {table} ({names}) values ({values})"), row)

    add("compliance_accounts", **account, stale=False)
    add("compliance_changes", **turn, was="fail", became="pass")
    flask_migrate.upgrade()
    with db.engine.connect() as connection:
        assert history.whole_since(connection, "123456789012") is None, "nothing is claimed about that time"
        with pytest.raises(history.NoSuchDay):
            history.past_day(connection, "123456789012", NOW.date(), NOW.date())
        days = datetime(2026, 5, 1, tzinfo=UTC).date(), datetime(2026, 5, 4, tzinfo=UTC).date()
        (change,) = history.verdict_changes(connection, "123456789012", *days)
    assert (change.user_name, change.rule, change.was, change.became) == ("alice", "mfa", "fail", "pass")
    for was, became in (
        ("fail", "unknown"),
        ("unknown", "pass"),
        ("pass", "excepted"),
        ("", "pass"),
        ("pass", "fail"),
    ):
        add("compliance_changes", **turn, was=was, became=became)
    flask_migrate.downgrade(revision="0009")
    with db.engine.connect() as connection:
        left = connection.execute(text("select was, became from compliance_changes order by id")).all()
    assert [tuple(row) for row in left] == [("fail", "pass"), ("pass", "fail")]


def test_a_release_of_before_buckets_knows_no_objects_and_a_later_one_reads_them_again(portal: Flask) -> None:
    flask_migrate.upgrade(revision="0011")
    flask_migrate.upgrade()
    read = ReadObject('"etag"', ObjectState.STORED, "")
    remember(db.engine, "reports", "a", read, NOW)
    assert read_objects(db.engine, "reports") == {digest_of("a"): read}
    flask_migrate.downgrade(revision="0011")
    flask_migrate.upgrade()
    assert read_objects(db.engine, "reports") == {}
