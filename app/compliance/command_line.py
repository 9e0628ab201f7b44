"""What the compliance commands share: the account they are about, and days."""

from __future__ import annotations

from datetime import UTC, date, datetime

import click
from flask import current_app

from app.text.messages import _

DAY = click.DateTime(["%Y-%m-%d"])
"""An option that is a day."""


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
