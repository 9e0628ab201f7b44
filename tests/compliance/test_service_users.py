"""Programs among the users: judged without the rules about MFA, counted apart, found by a filter."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from flask import Flask

from app.compliance.data import queries
from app.compliance.rules.facts import Named
from app.compliance.rules.service_users import class_unknown, is_service_user, named_tags, tag_keys
from app.compliance.rules.sources import ForcedFacts
from app.compliance.rules.subjects import Seen, Source
from app.compliance.thresholds import terms_for
from app.db import db
from config import from_env
from tests.compliance.conftest import Command
from tests.compliance.test_report import ACCOUNT, WHOLE
from tests.compliance.test_rules import DETAILS, NOW, TERMS, F, P, U, ago, key, said, told
from tests.support.databases import GOOD
from tests.support.details import IAM, user

SERVICE = (("path", "/service/*"), ("name", "svc-?b_*"))
OURS = TERMS._replace(service_users=SERVICE)
SEEN = {"mfa": Seen(Source.REPORT, ago(1)), "password": Seen(Source.REPORT, ago(1)), **DETAILS}


@pytest.mark.parametrize(
    ("name", "path", "service"),
    [
        ("backup", "/service/eu/", True),
        ("Backup", "/Service/eu/", True),
        ("svc-db_1", "/", True),
        ("svc-dbx1", "/", False),
        ("svc-1", "/", False),
        ("service", "/", False),
        ("alice", "/people/service/", False),
    ],
)
def test_who_is_a_program(name: str, path: str, service: bool) -> None:
    assert is_service_user(Named(name, path, None), OURS) == service
    assert not is_service_user(Named(name, path, None), TERMS), "nobody is, unless the setting says so"


def test_rules_about_mfa_are_not_about_programs_without_a_password() -> None:
    alice = {"path": "/service/", "mfa": False, "seen": SEEN, "keys": (key(100, 1),)}
    assert said("mfa", OURS, password=False, **alice) is None
    assert said("mfa-console", OURS, password=False, **alice) is None
    assert said("mfa-forced", OURS, password=False, forced=told("fail"), **alice) is None
    assert said("key-age", OURS, password=False, **{**alice, "seen": {**SEEN, "keys": SEEN["mfa"]}}) is F
    assert (said("mfa", OURS, password=True, **alice), said("mfa", OURS, **alice)) == (F, U), (
        "with one, and who knows"
    )
    assert said("mfa", OURS, password=True, **{**alice, "mfa": True}) is P
    assert said("mfa", OURS, password=False, **{**alice, "path": "/"}) is F, "a person"
    late = OURS._replace(now=NOW.replace(year=2027))
    assert said("mfa", late, password=False, **alice) is U, "an old report says nothing about passwords of today"


def test_a_filter_finds_them(portal: Flask, command: Command, tmp_path: Path) -> None:
    report = WHOLE.replace("user/eng/alice", "user/Service/alice")
    assert report != WHOLE
    (tmp_path / "report.csv").write_text(report)
    portal.config["SERVICE_USERS"] = SERVICE
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert command("import", str(tmp_path / "report.csv"), "--made-at", now).exit_code == 0
    with portal.app_context(), db.engine.connect() as connection:
        assert terms_for(portal.config, ACCOUNT)(None).service_users == SERVICE
        every = {
            kind: [
                row.user_name
                for row in queries.everyone(connection, ACCOUNT, queries.Filter(kind=kind, service_users=SERVICE))
            ]
            for kind in ("", "people", "service")
        }
    assert every == {"": ["alice", "bob"], "people": ["bob"], "service": ["alice"]}


TAGGED = (*SERVICE, ("tag", "Kind=serv?ce*"))
BY_TAG = TERMS._replace(service_users=TAGGED)


@pytest.mark.parametrize(
    ("tags", "service"),
    [
        ({"kind": "service"}, True),
        ({"KIND": "Service of the house"}, True),
        ({"kind": "person", "other": "service"}, False),
        ({"other": "service"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_who_is_a_program_by_tag(tags: dict[str, str] | None, service: bool) -> None:
    forced = None if tags is None else {**told("pass"), "tags": named_tags(tags, tag_keys(TAGGED))}
    alice = Named("alice", "/", cast("ForcedFacts | None", forced))
    assert is_service_user(alice, BY_TAG) == service
    assert class_unknown(alice, BY_TAG) == (tags is None), "no details, no tags"
    assert not class_unknown(alice, OURS) and not class_unknown(alice._replace(user_name="svc-db_1"), BY_TAG)
    assert named_tags({"Kind": "a", "owner": "b"}, ["kind"]) == {"kind": "a"}, "no other tags are kept"


def test_a_tag_of_the_details_makes_a_program(portal: Flask, command: Command, tmp_path: Path) -> None:
    (tmp_path / "report.csv").write_text(WHOLE)
    tags = [{"Key": "Kind", "Value": "service"}, {"Key": "owner", "Value": "alice"}]
    users = [
        user("alice", Arn=f"{IAM}:user/eng/alice", Path="/eng/"),
        user("bob", CreateDate="2026-01-02T10:00:00Z", Tags=tags),
    ]
    (tmp_path / "details.json").write_text(json.dumps({"UserDetailList": users}))
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    for name in ("report.csv", "details.json"):
        more = ["--details"] if name == "details.json" else []
        done = command("import", *more, str(tmp_path / name), "--made-at", now)
        assert done.exit_code == 0, done.output

    def kinds() -> dict[str, list[str]]:
        with portal.app_context(), db.engine.connect() as connection:
            patterns = portal.config["SERVICE_USERS"]
            return {
                kind: [
                    row.user_name
                    for row in queries.everyone(
                        connection, ACCOUNT, queries.Filter(kind=kind, service_users=patterns)
                    )
                ]
                for kind in ("people", "service")
            }

    portal.config["SERVICE_USERS"] = TAGGED
    assert kinds() == {"people": ["alice", "bob"], "service": []}, "the setting is new: no tags were kept"
    rows = json.loads(command("export", "--format", "json", "--rule", "mfa").output)
    assert [row["user_name"] for row in rows] == ["alice"], "the command reads the stored details again"
    assert kinds() == {"people": ["alice"], "service": ["bob"]}
    with portal.app_context(), db.engine.connect() as connection:
        row = queries.person(connection, ACCOUNT, "bob")
    assert row and row.forced and row.forced["tags"] == {"kind": "service"}


def test_tags_of_a_former_user_make_no_program(portal: Flask, command: Command, tmp_path: Path) -> None:
    test_a_tag_of_the_details_makes_a_program(portal, command, tmp_path)
    with portal.app_context():
        db.session.execute(db.text("UPDATE compliance_people SET user_id = 'AIDASOMEBODYELSE'"))
        db.session.commit()
        with db.engine.connect() as connection:
            chosen = queries.Filter(kind="service", service_users=TAGGED)
            assert list(queries.everyone(connection, ACCOUNT, chosen)) == []
            row = queries.person(connection, ACCOUNT, "bob")
            assert row and not is_service_user(Named.of(row), BY_TAG)


@pytest.mark.parametrize(
    "wrong", ["svc-*", "tag:type", "tag:=x", "tag:k*=x", "tag:k=[x]", "name:", "path:/a[b]/", "group:x"]
)
def test_a_pattern_that_cannot_work_is_told_at_the_start(wrong: str) -> None:
    with pytest.raises(SystemExit, match="SERVICE_USERS: "):
        from_env({**GOOD, "SERVICE_USERS": wrong})
