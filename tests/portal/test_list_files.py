"""Files of accounts and administrators are read again when they change. A broken one changes nothing, and is told."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.factory import create_app
from app.settings import list_files
from config import from_env
from tests.support.databases import GOOD, make_database

ARN = "arn:aws:iam::123456789012:user"
CAROL, DORA = f"{ARN}/carol#AIDACAROL", f"{ARN}/dora#AIDADORA"
WATCHED = "222200000001"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request looks at the files."""
    monkeypatch.setattr(list_files, "EVERY", 0.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "accounts").write_text(f"account,name\n{WATCHED},Shop\n")
    (tmp_path / "admins").write_text(f"{CAROL}\n")
    make_database(tmp_path / "portal.db")
    return tmp_path


def portal(folder: Path, **more: str) -> Flask:
    files = {"WATCHED_ACCOUNTS": f"@{folder / 'accounts'}", "ADMINS": f"@{folder / 'admins'}"}
    return create_app(from_env({**GOOD, "DATABASE_URL": f"sqlite:///{folder / 'portal.db'}", **files, **more}))


def asked(app: Flask) -> Flask:
    """The portal after someone opened a page."""
    assert app.test_client().get("/sign-in", base_url="http://127.0.0.1:8000").status_code == 200
    return app


def lists(app: Flask) -> str | None:
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 200, "users are served as before"
    found: dict[str, Any] = json.loads(answer.data)
    return found.get("lists")


def replaced(file: Path, text: str) -> None:
    """Write it as careful programs do: another file takes its place."""
    (file.parent / "new").write_text(text)
    (file.parent / "new").replace(file)


def test_who_may_is_as_the_file_says_now(folder: Path) -> None:
    one, other = portal(folder), portal(folder)
    assert asked(one).config["ADMINS"] == {"123456789012": {"AIDACAROL"}}
    replaced(folder / "admins", f"{CAROL}\n*={DORA}\n")
    for replica in (one, other):
        assert asked(replica).config["ADMINS"] == {"123456789012": {"AIDACAROL", "AIDADORA"}, WATCHED: {"AIDADORA"}}
    replaced(folder / "admins", f"{DORA}\n")
    assert asked(one).config["ADMINS"] == {"123456789012": {"AIDADORA"}}, "who is no longer named may nothing more"


def test_a_watched_account_more_belongs_to_those_who_watch_all(folder: Path) -> None:
    app = portal(folder, ADMINS=f"*={CAROL}", OIDC_ADMIN_GROUPS="security")
    replaced(folder / "accounts", f"{WATCHED}\n222200000002\n")
    config = asked(app).config
    everywhere = {"123456789012", WATCHED, "222200000002"}
    assert config["WATCHED_ACCOUNTS"] == everywhere - {"123456789012"}
    assert config["ADMINS"].keys() == config["OIDC_ADMIN_GROUPS"].keys() == everywhere
    assert config["ACCOUNTS"] == {"123456789012"}, "and lets none of its users in"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no administrator\n", "'no administrator' must be ARN"),
        (f"{CAROL}\n999988887777=AIDADORA\n", "names an account that is not one of"),
        ("", "is empty"),
        ("# nobody\n", "is empty"),
        (None, "can’t be read: No such file"),
    ],
)
def test_a_broken_file_changes_nothing_and_is_told_once(
    folder: Path, caplog: pytest.LogCaptureFixture, text: str | None, said: str
) -> None:
    app, file = portal(folder), folder / "admins"
    assert lists(app) is None
    caplog.set_level(logging.WARNING, list_files.__name__)
    if text is None:
        file.unlink()
    else:
        replaced(file, text)
    for _ in range(3):
        assert asked(app).config["ADMINS"] == {"123456789012": {"AIDACAROL"}}
    [line] = [record.getMessage() for record in caplog.records if record.name == list_files.__name__]
    assert said in line
    assert lists(app) == "outdated" and said in " ".join(app.config["LIST_FILES"].problems)
    replaced(file, f"{DORA}\n")
    assert asked(app).config["ADMINS"] == {"123456789012": {"AIDADORA"}}
    assert lists(app) is None and app.config["LIST_FILES"].problems == ()


def test_files_are_looked_at_every_few_seconds_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(list_files, "EVERY", 3.0)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    app = asked(portal(folder))
    replaced(folder / "admins", f"{DORA}\n")
    now[0] += 2.9
    assert asked(app).config["ADMINS"] == {"123456789012": {"AIDACAROL"}}
    now[0] += 0.2
    assert asked(app).config["ADMINS"] == {"123456789012": {"AIDADORA"}}


def test_a_file_that_is_being_written_is_looked_at_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_files, "EVERY", 3600.0)
    config = from_env({**GOOD, "ADMINS": f"@{folder / 'admins'}"})
    files = config["LIST_FILES"]
    replaced(folder / "admins", f"{DORA}\n")
    states = iter([files._state(), ((0, 0, 0),), files._state(), files._state()])
    monkeypatch.setattr(files, "_state", lambda: next(states))
    files.read_changed(config)
    assert config["ADMINS"] == {"123456789012": {"AIDACAROL"}}, "half a file isn't taken"
    files.read_changed(config)
    assert config["ADMINS"] == {"123456789012": {"AIDADORA"}}


def test_without_files_nothing_is_looked_at() -> None:
    config = from_env({**GOOD, "ADMINS": CAROL})
    before = dict(config)
    config["LIST_FILES"].read_changed(config)
    assert config == before
