"""What the compliance commands share: the account they are about, and who runs them."""

from __future__ import annotations

import os
import pwd
from datetime import UTC, date, datetime

import click
from flask import current_app

from app.audit.log import COMMAND_LINE, Audit, audit_log
from app.text.messages import _

DAY = click.DateTime(["%Y-%m-%d"])
"""An option that is a day."""


def audit_of(account_id: str, user_name: str = "", user_id: str = "") -> Audit:
    """Return the audit log of an account, for the login that runs the command."""
    return Audit(audit_log(), account_id, user_name, "", login(), "", user_id)


def login() -> str:
    """Return who runs the command: "command line, carol"."""
    return f"{COMMAND_LINE}{pwd.getpwuid(os.getuid()).pw_name}"[:256]


def chosen_account(account_id: str | None) -> str:
    """Return the account, or the only one there is where None is given. Raises BadParameter."""
    known = current_app.config["ACCOUNTS"] | current_app.config["WATCHED_ACCOUNTS"]
    if account_id is None and len(known) == 1:
        return str(next(iter(known)))
    if account_id is None or account_id not in known:
        message = _("choose one of %(accounts)s.", accounts=", ".join(sorted(known)))
        raise click.BadParameter(message, param_hint="--account")
    return account_id


def today() -> date:
    """Return the day it is in UTC."""
    return datetime.now(UTC).date()
