"""Programs among the users: judged without the rules about MFA, counted apart, found by a filter."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from app.compliance.data import queries
from app.compliance.rules.service_users import is_service_user
from app.compliance.rules.subjects import Seen, Source
from app.compliance.service import terms_for
from app.db import db
from config import from_env
from tests.compliance.conftest import Command
from tests.compliance.test_report import ACCOUNT, WHOLE
from tests.compliance.test_rules import DETAILS, NOW, TERMS, F, P, U, ago, key, said, told
from tests.support.databases import GOOD

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
    assert is_service_user(name, path, OURS) == service
    assert not is_service_user(name, path, TERMS), "nobody is, unless the setting says so"


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


@pytest.mark.parametrize("wrong", ["svc-*", "tag:type", "name:", "path:/a[b]/", "group:x"])
def test_a_pattern_that_cannot_work_is_told_at_the_start(wrong: str) -> None:
    with pytest.raises(SystemExit, match="SERVICE_USERS: "):
        from_env({**GOOD, "SERVICE_USERS": wrong})
