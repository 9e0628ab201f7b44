"""create_app(): wires the parts, no logic."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_login import LoginManager
from werkzeug.middleware.proxy_fix import ProxyFix

from app import __version__, access_keys, account, mfa, overview, password, policy_pages, public_keys, signin
from app.activity.views import bp as activity_bp
from app.audit.log import open_audit_log
from app.aws.clients import Clients
from app.aws.observing import Observer
from app.compliance import pages as compliance
from app.compliance.campaigns import people as campaigns
from app.compliance.data.user_tags import UserTags
from app.compliance.notices import former, outside
from app.credentials import pruning
from app.db import db, migrating
from app.db.opening import open_database
from app.monitoring import metrics
from app.monitoring.health import Health, Machines
from app.monitoring.logs import Watched, request_id
from app.notice_pages.views import bp as notices_bp
from app.notices import changes
from app.notices.addresses import read_tags_with
from app.notices.channels import configured
from app.notices.metrics import OutboxCollector
from app.notices.outbox import open_outbox
from app.places import MIGRATIONS, STATIC, TEMPLATES
from app.policy.portal_actions import allowed_actions
from app.sessions import current
from app.sessions.interface import StoredSessions
from app.sessions.stores import SessionStore
from app.sessions.stores.database import DatabaseStore
from app.web import (
    addresses,
    branding,
    error_pages,
    known_browsers,
    navigation,
    permissions,
    pipeline,
    request_context,
    security,
    security_txt,
    static_files,
    templating,
    translations,
)
from app.web.rate_limits import Addressed
from app.web.responses import Number


def create_app(config: dict[str, Any]) -> Flask:
    """Return the portal. config: as `config.from_env` returns it."""
    app = Flask(__name__, template_folder=TEMPLATES, static_folder=STATIC)
    app.config.from_mapping(config)
    app.ensure_sync = lambda func: func  # type: ignore[method-assign]  # no view is async: Flask looks at each call

    open_database(app)
    migrating.register(app, MIGRATIONS)
    app.session_interface = StoredSessions(app, _session_store(app))
    open_audit_log(app, metrics.recorded)
    open_outbox(app, configured(app.config))
    with app.app_context():
        read_tags_with(app, UserTags(db.engine).of)
    changes.listen(app)

    clients = Clients(
        allowed_actions(app.config["FORCE_MFA_DOCUMENT"]),
        app.config["AWS_REGION"],
        user_agent=f"latchkey/{__version__}",
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
    former.listen(app)
    outside.listen(app)
    campaigns.listen(app)
    pruning.listen()
    pipeline.register(app, large_uploads=compliance.allow_large_report)
    translations.register(app)
    known_browsers.register(app)
    templating.register(app)
    addresses.register(app)
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
        signin.company_bp,
        mfa.bp,
        access_keys.bp,
        password.bp,
        password.judging,
        account.bp,
        *public_keys.blueprints(),
        activity_bp,
        policy_pages.bp,
        compliance.bp,
        compliance.audit_bp,
        compliance.policies_bp,
        compliance.evidence_bp,
        compliance.calendar_bp,
        compliance.campaigns_bp,
        compliance.sessions_bp,
        notices_bp,
        security_txt.bp,
        compliance.history_bp,
    ):
        app.register_blueprint(blueprint)
    _wrap(app)
    return app


def _wrap(app: Flask) -> None:
    """What happens around Flask, from the outside in: whose address it is, probes, ids and the log."""
    proxies = app.config["TRUSTED_PROXIES"]
    app.extensions["health"] = Health(app)
    watched = Watched(app.wsgi_app, metrics.answered, proxied=bool(proxies))
    with app.app_context():
        further = [OutboxCollector(db.engine)] if app.extensions["outbox"].channels else []
    keys = app.config["METRICS_TOKEN"], app.config["SECRET_KEY"]
    outside = Machines(watched, app.extensions["health"], *keys, further)
    inside = Addressed(outside)
    app.wsgi_app = ProxyFix(inside, proxies, proxies, proxies) if proxies else inside  # type: ignore[method-assign]  # Flask's documented way


def _session_store(app: Flask) -> SessionStore:
    if url := app.config["REDIS_URL"]:
        from app.sessions.stores.redis import RedisStore, connect  # noqa: PLC0415 # its client is slow to load

        return RedisStore(connect(url))
    with app.app_context():
        return DatabaseStore(db.engine)
