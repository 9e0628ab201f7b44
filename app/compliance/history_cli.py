"""Commands about the past: `compliance changes`, `compliance export --as-of`, `compliance rejudge` and `prune`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import BinaryIO

import click
from flask import current_app
from flask.cli import with_appcontext

from app.audit.command_line import audit_of
from app.audit.events import Event
from app.commands import on_database
from app.compliance import judging, past
from app.compliance import rejudge as rejudging
from app.compliance.command_line import DAY, chosen_account, today
from app.compliance.data import history
from app.compliance.data.kept_sources import Archive
from app.compliance.data.queries import Filter
from app.compliance.labels import SOURCES
from app.compliance.standards.standard import Standard, items_by_rule
from app.compliance.thresholds import terms_for
from app.db import db
from app.errors import PortalError
from app.text.messages import _


@click.command("changes")
@click.option("--account", "account_id", help="Account, 12 digits. Not needed with only one account.")
@click.option("--from", "before", type=DAY, required=True, help="The earlier day (UTC), as in 2026-09-30.")
@click.option("--to", "after", type=DAY, help="The later day (UTC). Default: today.")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True)
@with_appcontext
@on_database
def changes(account_id: str | None, before: datetime, after: datetime | None, form: str) -> None:
    """Print who started or stopped failing which rule, from the end of one day to the end of another."""
    chosen = chosen_account(account_id)
    first, last = before.date(), after.date() if after else today()
    if not first < last <= today():
        message = _("the day of --from must be before that of --to, and neither may be in the future.")
        raise click.BadParameter(message, param_hint="--from")
    judging.judged_now(db.engine, chosen, terms_for(current_app.config, chosen))
    with db.engine.connect() as connection:
        known, whole = history.first_day(connection, chosen), history.whole_since(connection, chosen)
        found = history.verdict_changes(connection, chosen, first, last)
    if known is None or first < known:
        message = _("There are no results for that day. The first are from %(day)s.", day=known or _("no day yet"))
        raise click.ClickException(message)
    if whole is None or first < whole:
        click.echo(_("Before %(day)s, changes to and from unknown and added or deleted users weren’t recorded.",
                     day=whole or today()), err=True)  # fmt: skip
    _note(chosen, f"{chosen}.changes.{form}")
    for text in past.changes_as(form, chosen, found):
        sys.stdout.write(text)


@click.command("rejudge")
@click.option("--account", "account_id", help="Account, 12 digits. Not needed with only one account.")
@click.option("--at", "day", type=DAY, required=True, help="The past day (UTC), as in 2026-09-30.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@with_appcontext
@on_database
def rejudge(account_id: str | None, day: datetime, form: str) -> None:
    """Judge a past day again from the kept sources, and print the results that differ from the recorded ones.

    Nothing that is stored changes.
    """
    chosen = chosen_account(account_id)
    if day.date() > today():
        raise click.BadParameter(_("this day is in the future."), param_hint="--at")
    try:
        result = rejudging.rejudged(db.engine, chosen, day.date(), current_app.config, datetime.now(UTC))
    except PortalError as error:
        raise click.ClickException(str(error)) from error
    _note(chosen, f"{chosen}.{day.date()}.rejudged")
    if form == "json":
        click.echo(json.dumps(rejudging.as_fields(result), indent=1))
        return
    for line in rejudging.as_lines(result, {source: _(name) for source, name in SOURCES.items()}):
        click.echo(line)


@click.command("prune")
@with_appcontext
@on_database
def prune() -> None:
    """Remove kept sources older than EVIDENCE_RETENTION_DAYS, and encrypt the others with the present SECRET_KEY."""
    archive = Archive.of(current_app.config)
    with db.engine.begin() as connection:
        gone = archive.prune(connection, datetime.now(UTC))
    try:
        renewed = archive.renew(db.engine)
    except PortalError as error:
        raise click.ClickException(str(error)) from error
    click.echo(_("%(gone)d sources removed, %(renewed)d encrypted again", gone=gone, renewed=renewed))


def export_as_of(
    account_id: str,
    day: date,
    form: str,
    output: BinaryIO,
    chosen: Filter,
    standards: Sequence[Standard],
    only: str,
) -> None:
    """Write the list of a past day. only: id of a standard, "" for all rules. Raises ClickException, BadParameter."""
    if form not in ("csv", "json"):
        message = _("The list of a past day has states, but no reasons and evidence. Choose --format csv or json.")
        raise click.UsageError(message)
    if day > today():
        raise click.BadParameter(_("this day is in the future."), param_hint="--as-of")
    terms_of = terms_for(current_app.config, account_id)
    judging.judged_now(db.engine, account_id, terms_of)
    try:
        with db.engine.connect() as connection:
            of_day = history.past_day(connection, account_id, day, today())
    except history.NoSuchDay as error:
        raise click.ClickException(str(error)) from error
    among = items_by_rule([each for each in standards if each.id == only], terms_of(None)) if only else None
    _note(account_id, f"{account_id}.{day}.{form}")
    for text in past.list_as(form, of_day, past.results(db.engine, of_day, chosen, among), datetime.now(UTC)):
        output.write(text.encode())


def _note(account_id: str, target: str) -> None:
    """Note the export in the audit log. Raises ClickException."""
    try:
        audit_of(account_id).note(Event.COMPLIANCE_EXPORTED, target)
    except PortalError as error:
        raise click.ClickException(str(error)) from error
