"""`compliance import`."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from typing import BinaryIO

import click
from flask import current_app
from flask.cli import with_appcontext

from app.audit.command_line import audit_of
from app.commands import on_database
from app.compliance import service
from app.compliance.arrivals import imported
from app.compliance.command_line import chosen_account
from app.compliance.data.details_formats import holds_details
from app.compliance.thresholds import terms_for
from app.db import db
from app.errors import PortalError
from app.text.messages import _


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--details", is_flag=True, help="FILE is the output of `aws iam get-account-authorization-details`, not a report."
)
@click.option("--account", "account_id", help="Account of the file, 12 digits. Not needed with only one account.")
@click.option(
    "--made-at",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S"]),
    help="When AWS created the report or the details, in UTC. Default: the time in the output of "
    "`aws iam get-credential-report`. For CSV, the latest time in the file. For details, when the file was last "
    "changed, or now for standard input.",
)
@with_appcontext
@on_database
def import_command(file: BinaryIO, details: bool, account_id: str | None, made_at: datetime | None) -> None:
    """Import a credential report or authorization details from FILE, or from standard input with -.

    A file that is refused changes nothing.
    """
    chosen = chosen_account(account_id)
    made = made_at.replace(tzinfo=UTC) if made_at else None
    terms_of = terms_for(current_app.config, chosen)
    try:
        if details:
            collected = made or _last_changed(file)
            people = service.import_details(
                db.engine, audit_of(chosen), chosen, file.read(), collected, terms_of, imported()
            )
        else:
            content = file.read()
            if holds_details(content):
                raise click.ClickException(_("These are authorization details. Import them with --details."))
            people = service.import_report(db.engine, audit_of(chosen), chosen, content, made, terms_of, imported())
    except PortalError as error:
        raise click.ClickException(str(error)) from error
    click.echo(_("Account %(id)s: %(users)d users", id=chosen, users=people))


def _last_changed(file: BinaryIO) -> datetime:
    """When a file was last changed, now for anything else: a pipe is written while it is read."""
    now = datetime.now(UTC)
    try:
        status = os.fstat(file.fileno())
    except OSError:  # standard input of a test
        return now
    return min(now, datetime.fromtimestamp(status.st_mtime, UTC)) if stat.S_ISREG(status.st_mode) else now
