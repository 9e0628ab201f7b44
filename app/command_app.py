"""The application in which commands run: settings, the database and the audit log. No pages, sessions or gateways."""

from __future__ import annotations

import os

from flask import Flask

from app.audit.log import open_audit_log
from app.compliance.data.user_tags import UserTags
from app.db import db, migrating
from app.db.opening import open_database
from app.notices.addresses import read_tags_with
from app.notices.channels import configured
from app.notices.outbox import open_outbox
from app.places import MIGRATIONS
from config import from_env


def create_command_app() -> Flask:
    """The same portal as `wsgi.app`, by the same settings, as far as commands need it: it starts in half the time."""
    app = Flask("app")
    app.config.from_mapping(from_env(os.environ))
    open_database(app)
    migrating.register(app, MIGRATIONS)
    open_audit_log(app)
    open_outbox(app, configured(app.config))
    with app.app_context():
        read_tags_with(app, UserTags(db.engine).of)
    if app.extensions["outbox"].channels:
        from app.compliance.campaigns import people  # noqa: PLC0415 # commands start faster without
        from app.compliance.notices import former, outside  # noqa: PLC0415 # likewise

        former.listen(app)
        outside.listen(app)
        people.listen(app)
    return app
