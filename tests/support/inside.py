"""A portal inside the test's own process, with direct access to a session: no AWS, no browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask_migrate
from flask import Flask, flash, session
from flask_wtf.csrf import generate_csrf

from app.aws.clients import AwsCredentials
from app.factory import create_app
from app.sessions import current
from app.sessions.contents import Person
from app.sessions.interface import StoredSessions
from app.web.guards import public
from config import from_env
from tests.support.databases import GOOD, make_database

SECRET = "s3cr3t/that+must=never/be+found=anywhere"
FAREWELL = "You are signed out."
"""What the test's own way out says."""
BASE = "http://127.0.0.1:8000"


def portal_at(file: Path, **settings: str) -> Flask:
    """A portal with its database in `file`, made ready."""
    new = not file.exists()
    if new:
        make_database(file)
    app = create_app(from_env({**GOOD, "DATABASE_URL": f"sqlite:///{file}", **settings}))

    @app.post("/test/enter")
    def enter() -> str:
        person = Person("123456789012", "alice", "/", "aws", False, datetime.now(UTC), "AKIA", user_id="AIDAALICE")
        current.sign_in(person, AwsCredentials("AKIA", SECRET), timedelta(minutes=15))
        return ""

    @app.post("/test/leave")
    def leave() -> str:
        current.sign_out()
        flash(FAREWELL)
        return ""

    @app.post("/test/upgrade")
    def upgrade() -> str:
        current.upgrade_in_place(AwsCredentials("ASIA", "temporary", "token"), timedelta(minutes=60))
        return ""

    @app.get("/test/see")
    def see() -> dict[str, object]:
        return {"keys": sorted(session), "secret": (session.get("credentials") or {}).get("secret_access_key")}

    @app.get("/test/form")
    def form() -> str:
        return str(generate_csrf())

    @app.post("/test/form")
    def form_post() -> str:
        return ""

    for name in ("enter", "leave", "upgrade", "see", "form", "form_post"):
        public(app.view_functions[name])
    for name in ("enter", "leave", "upgrade"):
        app.extensions["csrf"].exempt(app.view_functions[name])
    if not new:
        with app.app_context():
            flask_migrate.upgrade()
    return app


def sessions_of(app: Flask) -> StoredSessions:
    """The sessions of a portal, with methods that Flask's own interface does not have."""
    assert isinstance(app.session_interface, StoredSessions)
    return app.session_interface


def cookie(client: Any) -> str:
    """The session's id, as the browser has it."""
    found = client.get_cookie("latchkey-8000", domain="127.0.0.1")
    return found.value if found else ""


def visitors_cookie(client: Any) -> str:
    """What a browser in which nobody is signed in holds for us."""
    found = client.get_cookie("latchkey-8000-visitor", domain="127.0.0.1")
    return found.value if found else ""


def token(page: str) -> str:
    """The token of the forms on a page."""
    return page.split('name="csrf_token"')[1].split('value="')[1].split('"', maxsplit=1)[0]


def get(client: Any, path: str, sid: str = "") -> Any:
    """Open a page; with this id, whatever the client's own is."""
    return client.get(path, base_url=BASE, headers={"Cookie": f"latchkey-8000={sid}"} if sid else {})


def post(client: Any, path: str, **form: str) -> Any:
    """Send a form."""
    return client.post(path, base_url=BASE, data=form)
