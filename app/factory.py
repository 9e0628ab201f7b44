"""create_app(): wires the parts, no logic."""

from __future__ import annotations

import logging
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flask import Flask
from flask_login import LoginManager
from flask_migrate import Migrate
from sqlalchemy import event
from werkzeug.middleware.proxy_fix import ProxyFix

from app import access_keys, account, activity, compliance, mfa, overview, password, policy_pages, public_keys, signin
from app.audit.log import open_audit_log
from app.aws.clients import Clients
from app.aws.observing import Observer
from app.credentials import pruning
from app.db import db
from app.monitoring import metrics
from app.monitoring.health import Health, Machines
from app.monitoring.logs import Watched, request_id
from app.policy.portal_actions import allowed_actions
from app.sessions import current
from app.sessions.interface import StoredSessions
from app.sessions.stores import SessionStore
from app.sessions.stores.database import DatabaseStore
from app.sessions.stores.redis import RedisStore, connect
from app.web import (
    branding,
    error_pages,
    navigation,
    permissions,
    pipeline,
    request_context,
    security,
    static_files,
    templating,
    translations,
)
from app.web.rate_limits import Addressed
from app.web.responses import Number

ROOT = Path(__file__).parent.parent
log = logging.getLogger(__name__)
OWN_FOLDER = ROOT / "instance"
"""Of the database that is used where none is set."""


def create_app(config: dict[str, Any]) -> Flask:
    """Return the portal. config: as `config.from_env` returns it."""
    app = Flask(__name__, template_folder=ROOT / "templates", static_folder=ROOT / "static")
    app.config.from_mapping(config)

    db.init_app(app)
    if app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite:"):
        with app.app_context():
            _keep_private(Path(db.engine.url.database or ""))
            event.listen(db.engine, "connect", _patient_sqlite)
    Migrate(app, db, directory=str(ROOT / "migrations"))
    app.session_interface = StoredSessions(app, _session_store(app))
    open_audit_log(app, metrics.recorded)

    clients = Clients(
        allowed_actions(app.config["FORCE_MFA_DOCUMENT"]),
        app.config["AWS_REGION"],
        user_agent=f"latchkey/{version('latchkey')}",
        observer=Observer(metrics.aws_answered, metrics.aws_throttled),
        request_id=request_id,
    )
    app.url_map.converters["number"] = Number
    security.prepare(app, clients.signin_url)
    request_context.open_gateways(app, clients)
    login = LoginManager(app)
    login.user_loader(current.load_person)
    login.unauthorized_handler(signin.ask_to_sign_in)
    # Address and browser are not who someone is: phones change networks. The id alone opens the session.
    login.session_protection = None
    compliance.listen()
    pruning.listen()
    pipeline.register(app, large_uploads=compliance.allow_large_report)
    translations.register(app)
    templating.register(app)
    static_files.register(app)
    branding.register(app)
    navigation.register(app)
    permissions.register(app)
    error_pages.register(app)
    app.jinja_env.globals.update(request_id=request_id, account_figure=compliance.account_figure)

    for blueprint in (
        overview.bp,
        signin.bp,
        signin.aws_bp,
        mfa.bp,
        access_keys.bp,
        password.bp,
        password.judging,
        account.bp,
        *public_keys.blueprints(),
        activity.bp,
        policy_pages.bp,
        compliance.bp,
        compliance.audit_bp,
    ):
        app.register_blueprint(blueprint)
    _wrap(app)
    return app


def _wrap(app: Flask) -> None:
    """What happens around Flask, from the outside in: whose address it is, probes, ids and the log."""
    proxies = app.config["TRUSTED_PROXIES"]
    app.extensions["health"] = Health(app)
    watched = Watched(app.wsgi_app, metrics.answered, proxied=bool(proxies))
    outside = Machines(watched, app.extensions["health"], app.config["METRICS_TOKEN"])
    inside = Addressed(outside)
    app.wsgi_app = ProxyFix(inside, proxies, proxies, proxies) if proxies else inside  # type: ignore[method-assign]  # Flask's documented way


def _session_store(app: Flask) -> SessionStore:
    if url := app.config["REDIS_URL"]:
        return RedisStore(connect(url))
    with app.app_context():
        return DatabaseStore(db.engine)


def _keep_private(database: Path) -> None:
    """Let nobody else on this machine read the database, whatever the umask.

    SQLite gives the files beside it the mode of the first.
    """
    if not database.is_absolute():  # in memory
        return
    try:
        if database.parent == OWN_FOLDER:
            OWN_FOLDER.mkdir(mode=0o700, exist_ok=True)
            OWN_FOLDER.chmod(0o700)
        if database.parent.is_dir():
            os.close(os.open(database, os.O_CREAT | os.O_RDONLY, 0o600))
        for file in (database.with_name(database.name + ending) for ending in ("", "-wal", "-shm", "-journal")):
            if file.is_file() and file.stat().st_mode & 0o077:
                file.chmod(0o600)
    except OSError as error:
        log.warning("others on this machine may be able to read %s: %s", database, error)


def _patient_sqlite(connection: Any, _: Any) -> None:
    """Readers and one writer at a time without 'database is locked': write-ahead log, 10 s of patience."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA busy_timeout=10000")
