"""`flask --app wsgi activity ...`: the record from a terminal or from cron."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click
from flask import current_app
from flask.cli import AppGroup

from app.activity.queries import accounts, chain_of, head_of
from app.audit import record
from app.chain import Verdict, head_text, read_head, verify

activity = AppGroup("activity", help="The record of activity: verify it, apply retention.")


@activity.command("verify")
@click.option("--account", "account_id", help="Only this account's chain; 12 digits.")
@click.option("--expect-head", metavar="SEQ:HASH", multiple=True, help="A head seen earlier, kept elsewhere.")
def verify_command(account_id: str | None, expect_head: tuple[str, ...]) -> None:
    """Find rows that were changed, removed, added or reordered. Exit status 1 if there are any."""
    try:
        expected = [read_head(text) for text in expect_head]
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint="--expect-head") from error
    engine, keyring = record().engine, record().keyring
    chosen = accounts(engine) if account_id is None else [account_id]
    if expected and len(named := [account for account in chosen if account]) > 1:
        raise click.UsageError(f"--expect-head needs --account: there are chains of {', '.join(named)}.")
    bad = False
    for account in chosen:
        # The head first: rows written meanwhile follow it.
        head = head_of(engine, account)
        known = [*expected, *([head] if head[0] else [])]
        bad |= _told(verify(account, chain_of(engine, account), keyring, known))
    if not chosen:
        click.echo("There is no record yet.")
    sys.exit(bad)


def _told(verdict: Verdict) -> bool:
    """Print a verdict; True where something is wrong."""
    findings = verdict.findings
    name = verdict.account_id or "(nobody signed in)"
    for finding in findings:
        click.echo(f"account {name}: row {finding.seq} {finding.what}")
    sound = "NOT sound" if findings else "sound"
    click.echo(f"account {name}: {verdict.rows} rows, {sound}, head {head_text(*verdict.head)}")
    return bool(findings)


@activity.command("prune")
def prune() -> None:
    """Remove rows older than AUDIT_RETENTION_DAYS, leaving a checkpoint that `verify` follows."""
    keep = current_app.config["AUDIT_RETENTION"]
    if keep is None:
        raise click.ClickException("AUDIT_RETENTION_DAYS is not set: nothing is ever removed.")
    for account in accounts(record().engine):
        gone = record().shorten(account, datetime.now(UTC) - keep)
        click.echo(f"account {account or '(nobody signed in)'}: {gone} rows removed")
