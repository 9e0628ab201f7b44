"""The sources behind results: kept for as long as the setting says, readable by nobody without the key, and whole."""

from __future__ import annotations

import hashlib
import io
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from flask import Flask
from sqlalchemy import Engine, func, select, update

from app.compliance.data.kept_sources import PART, Archive, Arrival, How, Kept, SourceUnreadable, kept
from app.compliance.data.models import ComplianceSource, ComplianceSourcePart
from app.compliance.rules.subjects import Source
from app.db import db
from config import from_env
from tests.compliance.conftest import Aws, Command, entered
from tests.compliance.test_formats import take
from tests.compliance.test_report import ACCOUNT, NOW, WHOLE
from tests.security.conftest import portal_of
from tests.support.clock import Clock
from tests.support.databases import GOOD
from tests.support.sandbox import Sandbox

ELSEWHERE = "999988887777"
A_MONTH = timedelta(days=30)


def archive(days: int = 30, **settings: str) -> Archive:
    return Archive.of(from_env({**GOOD, "EVIDENCE_RETENTION_DAYS": f"{days}", **settings}))


def store(engine: Engine, content: bytes, into: Archive, now: datetime = NOW, account: str = ACCOUNT) -> None:
    with engine.begin() as connection:
        came = Arrival(How.IMPORTED, "carol", into, content)
        came.keep(connection, account, Source.REPORT, now - timedelta(hours=1), now)


def listed(engine: Engine, account: str = ACCOUNT) -> list[Kept]:
    with engine.connect() as connection:
        return kept(connection, account)


def content_of(engine: Engine, source: Kept, by: Archive) -> bytes:
    with engine.connect() as connection:
        return by.read(connection, source)


def stored_bytes(engine: Engine) -> list[bytes]:
    part = ComplianceSourcePart
    with engine.connect() as connection:
        return list(connection.execute(select(part.content).order_by(part.source_id, part.number)).scalars())


# -- what a portal keeps


def test_by_default_only_where_it_came_from_is_known(command: Command, portal: Flask, tmp_path: Path) -> None:
    take(command, tmp_path, WHOLE)
    assert command("export", "--format", "pack", "--output", str(tmp_path / "pack.zip")).exit_code == 0
    with ZipFile(tmp_path / "pack.zip") as packed:
        (source,) = json.loads(packed.read("manifest.json"))["sources"]
    assert source["how"] == "imported"
    with portal.app_context():
        assert listed(db.engine) == [] and stored_bytes(db.engine) == []


def test_each_source_is_kept_with_how_it_came_and_by_whom(
    command: Command, portal: Flask, aws: Aws, tmp_path: Path
) -> None:
    portal.config["EVIDENCE_RETENTION"] = A_MONTH
    assert command("refresh", "--report", "--details", "--quiet").exit_code == 0
    with portal.app_context():
        details, report, lists = listed(db.engine)
        assert [each.kind for each in (lists, report, details)] == [Source.USER_LIST, Source.REPORT, Source.DETAILS]
        assert {each.how for each in (lists, report, details)} == {How.FETCHED}
        assert all("Administrator" in each.by and "command line" in each.by for each in (lists, report, details))
        by = Archive.of(portal.config)
        contents = [content_of(db.engine, each, by) for each in (lists, report, details)]
        assert all(b"employee-0001" in each for each in contents), "every source names the users"
        assert [hashlib.sha256(each).hexdigest() for each in contents] == [
            lists.sha256, report.sha256, details.sha256,
        ]  # fmt: skip
        raw = b"".join(stored_bytes(db.engine))
        assert b"employee-0001" not in raw and b"arn:aws" not in raw
    assert command("export", "--format", "pack", "--output", str(tmp_path / "pack.zip")).exit_code == 0
    with ZipFile(tmp_path / "pack.zip") as packed:
        told = {each["source"]: each for each in json.loads(packed.read("manifest.json"))["sources"]}
    assert {each["how"] for each in told.values()} == {"fetched"}
    kinds = {"refresh": lists, "credential-report": report, "authorization-details": details}
    assert {name: each["sha256"] for name, each in told.items()} == {
        name: each.sha256 for name, each in kinds.items()
    }, "a pack names the sources that are kept"


def test_details_that_were_fetched_can_be_imported_from_what_is_kept(
    command: Command, portal: Flask, aws: Aws, tmp_path: Path, clock: Clock
) -> None:
    portal.config["EVIDENCE_RETENTION"] = A_MONTH
    assert command("refresh", "--details", "--quiet").exit_code == 0
    clock.move(10)
    with portal.app_context():
        (tmp_path / "details.json").write_bytes(
            content_of(db.engine, listed(db.engine)[0], Archive.of(portal.config))
        )
    later = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    done = command("import", str(tmp_path / "details.json"), "--details", "--made-at", later)
    assert done.exit_code == 0, done.output
    with portal.app_context():
        assert [each.how for each in listed(db.engine)][:2] == [How.IMPORTED, How.FETCHED]
        assert len({each.sha256 for each in listed(db.engine)[:2]}) == 1


@pytest.fixture
def office(sandbox: Sandbox, tmp_path: Path) -> Iterator[Flask]:
    (tmp_path / "office").mkdir()
    app = portal_of(sandbox, tmp_path / "office", EVIDENCE_RETENTION_DAYS="30")
    yield app
    with app.app_context():
        db.engine.dispose()


def test_the_page_shows_what_is_kept_and_how_it_came(office: Flask, sandbox: Sandbox, clock: Clock) -> None:
    chief = entered(office, sandbox, clock)
    chief.open("/compliance/evidence")
    assert not chief.soup.select("[data-kept-source]")
    form: dict[str, Any] = {"csrf_token": chief.token(), "account": sandbox.account_id}
    chief.ask("POST", "/compliance/report", {**form, "report": (io.BytesIO(WHOLE.encode()), "report.csv")})
    chief.open("/compliance/evidence")
    (row,) = chief.soup.select("[data-source=report]")
    assert row["data-how"] == How.UPLOADED
    (source,) = chief.soup.select("[data-kept-source=report]")
    told = source.get_text()
    assert f"arn:aws:iam::{sandbox.account_id}:user/Administrator" in told
    assert hashlib.sha256(WHOLE.encode()).hexdigest() in told


# -- until when


def test_a_source_is_removed_when_its_time_is_over(engine: Engine) -> None:
    into = archive(30)
    store(engine, b"first", into, NOW)
    store(engine, b"second", into, NOW + timedelta(days=20))
    store(engine, b"elsewhere", into, NOW, ELSEWHERE)
    assert len(listed(engine)) == 2
    store(engine, b"third", into, NOW + A_MONTH)
    assert [content_of(engine, each, into) for each in listed(engine)] == [b"third", b"second"]
    assert len(listed(engine, ELSEWHERE)) == 1, "another account's are removed by the command, or its next source"
    with engine.begin() as connection:
        assert into.prune(connection, NOW + A_MONTH) == 1
    assert listed(engine, ELSEWHERE) == [] and len(stored_bytes(engine)) == 2, "with their content"


def test_without_the_setting_nothing_stays(command: Command, portal: Flask, tmp_path: Path, clock: Clock) -> None:
    portal.config["EVIDENCE_RETENTION"] = A_MONTH
    take(command, tmp_path, WHOLE)
    clock.move(3600)
    assert "0 sources removed" in command("prune").output
    portal.config["EVIDENCE_RETENTION"] = timedelta(0)
    assert "1 sources removed" in command("prune").output
    with portal.app_context():
        assert listed(db.engine) == [] and stored_bytes(db.engine) == []


# -- encrypted


def test_large_sources_are_stored_in_parts(engine: Engine) -> None:
    content = random.Random(1).randbytes(5 * PART + 7)
    store(engine, content, archive())
    (source,) = listed(engine)
    parts = stored_bytes(engine)
    assert len(parts) > 4 and max(map(len, parts)) < 4 * PART
    assert content_of(engine, source, archive()) == content
    assert (source.size, source.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_the_key_can_be_rotated(engine: Engine) -> None:
    old, new = GOOD["SECRET_KEY"], "n" * 40
    store(engine, b"content", archive())
    (source,) = listed(engine)
    between = archive(SECRET_KEY=new, SECRET_KEY_FALLBACKS=old)
    assert content_of(engine, source, between) == b"content"
    alone = archive(SECRET_KEY=new)
    with pytest.raises(SourceUnreadable):
        content_of(engine, source, alone)
    with pytest.raises(SourceUnreadable):
        alone.renew(engine)
    assert between.renew(engine) == 1 and between.renew(engine) == 0
    (source,) = listed(engine)
    assert content_of(engine, source, alone) == b"content", "the old key isn't needed any more"
    with pytest.raises(SourceUnreadable):
        content_of(engine, source, archive())


@pytest.mark.parametrize(
    "changed",
    [
        {"sha256": "0" * 64},
        {"size": 6},
        {"collected_at": NOW},
        {"stored_at": NOW + timedelta(days=1)},
        {"how": "fetched"},
        {"by": "mallory"},
        {"kind": "details"},
        {"account_id": ELSEWHERE},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_source_that_was_changed_in_the_database_is_not_read(engine: Engine, changed: dict[str, Any]) -> None:
    store(engine, b"content", archive())
    with engine.begin() as connection:
        connection.execute(update(ComplianceSource).values(**changed))
    (source,) = listed(engine, changed.get("account_id", ACCOUNT))
    with pytest.raises(SourceUnreadable):
        content_of(engine, source, archive())


def test_parts_that_were_exchanged_are_not_read(engine: Engine) -> None:
    chance = random.Random(2)
    store(engine, chance.randbytes(3 * PART), archive())
    store(engine, chance.randbytes(3 * PART), archive(), NOW + timedelta(days=1))
    part = ComplianceSourcePart
    with engine.begin() as connection:
        first, second = connection.execute(select(func.min(part.source_id), func.max(part.source_id))).one()
        last = connection.execute(select(func.max(part.number)).where(part.source_id == first)).scalar_one()
        for number in (0, last):
            of = {
                each: connection.execute(
                    select(part.content).where(part.source_id == each, part.number == number)
                ).scalar_one()
                for each in (first, second)
            }
            for each, other in ((first, second), (second, first)):
                mine = (part.source_id == each) & (part.number == number)
                connection.execute(update(part).where(mine).values(content=of[other]))
    for source in listed(engine):
        with pytest.raises(SourceUnreadable):
            content_of(engine, source, archive())
