"""What `compliance sync` does: the list of accounts, the sync, and what it prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import click
from flask import current_app

from app import __version__
from app.audit.command_line import audit_of
from app.aws.authorization_details import GET_DETAILS
from app.aws.clients import Clients, using_credentials
from app.aws.credential_report import READS_WITH_REPORT
from app.aws.organization import READS_OF_ORGANIZATION, OrganizationGateway
from app.aws.profile import credentials_of
from app.aws.roles import ASSUME
from app.aws.server_certificates import LIST_CERTIFICATES
from app.aws.sts import Identity, StsGateway
from app.compliance.arrivals import fetched_by
from app.compliance.data import syncs
from app.compliance.listed_accounts import ListedAccount, listed_accounts
from app.compliance.syncing import DETAILS, LISTS, REPORT, Outcome, Sync, of_organization
from app.compliance.thresholds import terms_for
from app.db import db
from app.errors import NotAllowed, PortalError
from app.text.messages import _, ngettext

ORGANIZATION_DENIED = """AWS didn’t allow {action} for {arn}.
Only the management account of an organization and its delegated administrators can list its accounts, with
organizations:ListAccounts, ListRoots, ListOrganizationalUnitsForParent and ListAccountsForParent.
Nothing was changed."""


@dataclass(frozen=True)
class Options:
    """The options of the command. content: of the list, None with --organization."""

    content: bytes | None
    role_name: str
    external_id: str
    profile: str | None
    parallel: int
    details: bool
    again: bool
    quiet: bool


def sync_accounts(options: Options) -> None:
    """Read all accounts and store the data. Raises ClickException where one wasn't: the others were."""
    clients = Clients(
        READS_WITH_REPORT
        | READS_OF_ORGANIZATION
        | {ASSUME, LIST_CERTIFICATES}
        | ({GET_DETAILS} if options.details else set()),
        current_app.config["AWS_REGION"],
        user_agent=f"latchkey/{__version__}",
    )
    try:
        listed = listed_accounts(options.content) if options.content is not None else None
        credentials = credentials_of(options.profile)
        with using_credentials(credentials):
            caller = StsGateway(clients).caller()
            listed = _of_organization(clients, caller) if listed is None else listed
    except PortalError as error:
        raise click.ClickException(str(error)) from error
    work = Sync(
        db.engine,
        clients,
        caller,
        credentials,
        options.role_name,
        options.external_id,
        frozenset({LISTS, REPORT, DETAILS} if options.details else {LISTS, REPORT}),
        lambda account_id: terms_for(current_app.config, account_id),
        lambda account_id, who: audit_of(account_id, who.arn.rsplit("/", 1)[-1][:128], who.user_id[:128]),
        lambda who: fetched_by(who.arn),
    )
    syncs.introduce(db.engine, listed)
    todo = listed if options.again else work.due(listed, datetime.now(UTC))
    progress = _Progress(len(todo))
    if not options.quiet:
        work.on_outcome = progress.print_outcome
        if skipped := len(listed) - len(todo):
            message = ngettext(
                "%(num)d account was synced today already. --again reads it again.",
                "%(num)d accounts were synced today already. --again reads them again.",
                skipped,
            )
            click.echo(message, err=True)
    _end(work.run(todo, options.parallel), options.quiet)
    unseen = {each.account_id for each in listed} - current_app.config["ACCOUNTS"]
    unseen -= current_app.config["WATCHED_ACCOUNTS"]
    if unseen and not options.quiet:
        message = ngettext(
            "%(num)d account is in neither ACCOUNTS nor WATCHED_ACCOUNTS, so nobody can see it: %(ids)s.",
            "%(num)d accounts are in neither ACCOUNTS nor WATCHED_ACCOUNTS, so nobody can see them: %(ids)s.",
            len(unseen),
            ids=", ".join(sorted(unseen)[:5]) + (", …" if len(unseen) > 5 else ""),
        )
        click.echo(message, err=True)


def _of_organization(clients: Clients, caller: Identity) -> list[ListedAccount]:
    try:
        return of_organization(OrganizationGateway(clients))
    except NotAllowed as error:
        raise click.ClickException(ORGANIZATION_DENIED.format(action=error.action, arn=caller.arn)) from error


class _Progress:
    """Prints a line for each account that was stored."""

    def __init__(self, total: int) -> None:
        self._total, self._ended = total, 0

    def print_outcome(self, outcome: Outcome) -> None:
        """Print how far the sync is."""
        self._ended += 1
        message = _("failed") if outcome.problem else ngettext("%(num)d user", "%(num)d users", outcome.users)
        click.echo(f"{self._ended}/{self._total} {outcome.account.label}: {message}", err=True)


def _end(outcomes: Sequence[Outcome], quiet: bool) -> None:
    failed = sorted((each for each in outcomes if each.problem), key=lambda each: each.account.account_id)
    if not quiet:
        click.echo(_("%(done)d of %(all)d accounts synced", done=len(outcomes) - len(failed), all=len(outcomes)))
    if failed:
        lines = [f"{each.account.label}: {each.problem}" for each in failed]
        raise click.ClickException("\n".join([_("These accounts weren’t synced. Their earlier data stays."), *lines]))
