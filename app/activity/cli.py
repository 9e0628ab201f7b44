"""`latchkey activity ...`: the audit log from a terminal or from cron."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click
from flask import current_app
from flask.cli import AppGroup

from app.activity.queries import accounts, chain_of, head_of
from app.audit import flaws as kinds
from app.audit.chain import Verification, head_text, read_head, verify
from app.audit.log import audit_log
from app.commands import on_database
from app.text.terminal import plain

commands = AppGroup("activity")
FLAWS_SHOWN = 50
"""Lines per account. The database has all rows."""


@commands.command("verify")
@click.option("--account", "account_id", help="Check only this account's entries. 12 digits.")
@click.option(
    "--expect-head", metavar="SEQ:HASH", multiple=True, help="A head that an earlier run printed. Can be repeated."
)
@on_database
def verify_command(account_id: str | None, expect_head: tuple[str, ...]) -> None:
    """Find entries that were changed, removed, added or reordered. The exit status is 1 if there are any."""
    try:
        expected = [read_head(text) for text in expect_head]
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint="--expect-head") from error
    found, odd = accounts(audit_log().engine)
    known = {*found, *current_app.config["ACCOUNTS"]}
    if account_id is not None and account_id not in known:
        raise click.BadParameter("The audit log has no entries of this account.", param_hint="--account")
    chosen = sorted(known) if account_id is None else [account_id]
    named = [account for account in chosen if account] if account_id is None else chosen
    if expected and len(named) > 1:
        raise click.UsageError(f"--expect-head needs --account. There are entries of {', '.join(named)}.")
    bad = _print_odd(odd)
    for account in chosen:
        bad |= _print_result(_verified(account, expected if account in named else []))
    sys.exit(bad)


def _verified(
    account: str, expected: Sequence[tuple[int, str]] = (), old_before: datetime | None = None
) -> Verification:
    """Check a chain against heads seen earlier and the table of heads."""
    engine = audit_log().engine
    # The head first: rows written meanwhile follow it.
    head = head_of(engine, account)
    heads = [*expected, *([head] if head and head[0] else [])]
    verified = verify(account, chain_of(engine, account), audit_log().keyring, heads, old_before)
    if head is None:
        verified.flaws.append(kinds.invalid_head(verified.head[0]))
    elif verified.rows and not head[0]:
        verified.flaws.append(kinds.no_head(verified.head[0]))
    return verified


def _print_odd(odd: Sequence[object]) -> bool:
    """Print what is stored as an account and isn't an account ID; True where there is any."""
    for each in odd:
        click.echo(
            f"account {plain(repr(each))}: these rows have an invalid account ID, so Latchkey didn’t write them"
        )
    return bool(odd)


def _print_result(verified: Verification) -> bool:
    """Print what verifying found; True where something is wrong."""
    flaws = verified.flaws
    name = plain(verified.account_id) or "(nobody signed in)"
    for flaw in flaws[:FLAWS_SHOWN]:
        click.echo(f"account {name}: {plain(flaw.what)} [{flaw.code}]")
    if len(flaws) > FLAWS_SHOWN:
        click.echo(f"account {name}: and {len(flaws) - FLAWS_SHOWN} more")
    if 0 < verified.rows == len({flaw.seq for flaw in flaws if flaw.code in (kinds.NOT_WRITTEN, kinds.UNKNOWN_KEY)}):
        click.echo(
            f"account {name}: none of the rows fits AUDIT_KEYS. Set it to the keys of the portal that wrote them, "
            "and verify again."
        )
    sound = "NOT sound" if flaws else "sound"
    click.echo(f"account {name}: {verified.rows} rows, {sound}, head {plain(head_text(*verified.head))}")
    return bool(flaws)


@commands.command("prune")
@on_database
def prune() -> None:
    """Remove entries older than AUDIT_RETENTION_DAYS. `verify` still works on the rest."""
    keep = current_app.config["AUDIT_RETENTION"]
    if keep is None:
        raise click.ClickException("AUDIT_RETENTION_DAYS is not set, so nothing was removed.")
    found, odd = accounts(audit_log().engine)
    bad = _print_odd(odd)
    for account in found:
        # A checkpoint vouches for what is removed: only for what is sound.
        verified = _verified(account, old_before=datetime.now(UTC) - keep)
        if verified.flaws:
            bad = _print_result(verified)
            click.echo(f"account {plain(account) or '(nobody signed in)'}: nothing removed")
            continue
        gone = audit_log().shorten(account, *verified.old) if verified.old[0] else 0
        click.echo(f"account {plain(account) or '(nobody signed in)'}: {gone} rows removed")
    sys.exit(bad)
