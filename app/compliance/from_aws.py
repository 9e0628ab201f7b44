"""`compliance refresh`: an account read from AWS with the profile of the user who runs the command."""

from __future__ import annotations

import shlex
import time
from datetime import UTC, datetime

import click
from flask import current_app

from app import __version__
from app.audit.command_line import audit_of
from app.audit.log import Audit
from app.aws.account import AccountGateway
from app.aws.authorization_details import GET_DETAILS, AuthorizationDetailsGateway
from app.aws.clients import AwsCredentials, Clients, using_credentials
from app.aws.credential_report import READS_WITH_REPORT, CredentialReportGateway
from app.aws.iam import IamGateway
from app.aws.passwords import PasswordGateway
from app.aws.profile import credentials_of
from app.aws.server_certificates import LIST_CERTIFICATES, ServerCertificateGateway
from app.aws.sts import Identity, StsGateway
from app.aws.user_list import READS, UserListGateway
from app.compliance import service
from app.compliance.arrivals import fetched_by
from app.compliance.command_line import chosen_account
from app.compliance.data.judgements import TermsOf
from app.compliance.data.kept_sources import Arrival
from app.compliance.fetching import fetched, fetched_details
from app.compliance.refresh import Gateways
from app.compliance.thresholds import terms_for
from app.db import db
from app.errors import NotAllowed, PortalError
from app.text.messages import _

MFA_NEEDED = """AWS didn’t allow {action} for {arn}.
This profile uses an access key without MFA, which can do almost nothing under Force_MFA. Get a session with a code:
  aws configure mfa-login{option} --update-profile {with_mfa} --serial-number arn:{partition}:iam::{account}:mfa/NAME
Replace NAME with the name of the MFA device, and run this command again with --profile {with_mfa}.
With an AWS CLI older than 2.30.3, use aws sts get-session-token instead. A cron job needs a role with the actions
that docs/compliance.md lists."""

REPORT_DENIED = """AWS didn’t allow {action}. The lists were refreshed, the credential report wasn’t.
The profile needs iam:GenerateCredentialReport and iam:GetCredentialReport: docs/compliance.md has the policy."""


DETAILS_DENIED = """AWS didn’t allow {action}. The lists were refreshed, the authorization details weren’t.
The profile needs that action: docs/compliance.md has the policy."""


def refresh_account(profile: str | None, *, report: bool, details: bool, quiet: bool) -> None:
    """Read the profile's account, and its credential report and authorization details where they are asked for.

    Raises ClickException where something wasn't read. The rest was stored.
    """
    reads = (READS_WITH_REPORT if report else READS) | {LIST_CERTIFICATES} | ({GET_DETAILS} if details else set())
    clients = Clients(reads, current_app.config["AWS_REGION"], user_agent=f"latchkey/{__version__}")
    gateways = Gateways(
        UserListGateway(clients),
        AccountGateway(clients),
        IamGateway(clients),
        PasswordGateway(clients),
        ServerCertificateGateway(clients).certificates,
    )
    try:
        credentials = credentials_of(profile)
        with using_credentials(credentials):
            caller = StsGateway(clients).caller()
            account_id = chosen_account(caller.account_id)
            _may_list(gateways.user_list, credentials, caller, profile)
        audit = audit_of(account_id, caller.arn.rsplit("/", 1)[-1][:128], caller.user_id[:128])
        terms = terms_for(current_app.config, account_id)
        arrival = fetched_by(caller.arn)
        work = service.begin_refresh(db.engine, gateways, audit, account_id, caller.arn, credentials, terms, arrival)
    except PortalError as error:
        raise click.ClickException(str(error)) from error
    if not quiet:
        work.on_progress = _print_progress
    problem = work.run()
    if problem:
        raise click.ClickException(problem)
    if not quiet:
        click.echo(
            _(
                "Account %(id)s: %(users)d users, %(devices)d virtual MFA devices, %(calls)d calls",
                id=account_id,
                users=work.counts["users_read"],
                devices=work.counts["devices_read"],
                calls=work.counts["calls"],
            )
        )
    wanted = [_fetch_report] * report + [_fetch_details] * details
    problems = []
    with using_credentials(credentials):
        for fetch in wanted:
            try:
                message = fetch(clients, audit, account_id, terms, arrival)
            except NotAllowed as error:
                denied = REPORT_DENIED if fetch is _fetch_report else DETAILS_DENIED
                problems.append(denied.format(action=error.action))
            except PortalError as error:
                problems.append(str(error))
            else:
                if not quiet:
                    click.echo(message)
    if problems:
        raise click.ClickException("\n".join(problems))


def _fetch_report(clients: Clients, audit: Audit, account_id: str, terms: TermsOf, arrival: Arrival) -> str:
    """Fetch and store the credential report. Return what to say."""
    made = fetched(CredentialReportGateway(clients), time.sleep)
    people = service.import_report(db.engine, audit, account_id, made.content, made.made_at, terms, arrival)
    return _(
        "Account %(id)s: %(users)d users in the credential report of %(time)s",
        id=account_id,
        users=people,
        time=f"{made.made_at:%Y-%m-%d %H:%M} UTC",
    )


def _fetch_details(clients: Clients, audit: Audit, account_id: str, terms: TermsOf, arrival: Arrival) -> str:
    """Fetch and store the authorization details. Return what to say."""
    at = datetime.now(UTC)
    pages = fetched_details(AuthorizationDetailsGateway(clients), time.sleep)
    people = service.import_details_pages(db.engine, audit, account_id, pages, at, terms, arrival)
    return _("Account %(id)s: %(users)d users in the authorization details", id=account_id, users=people)


def _may_list(user_list: UserListGateway, credentials: AwsCredentials, caller: Identity, profile: str | None) -> None:
    """Try one call with a plain key before the refresh begins, so that a refusal can say how to get MFA.

    profile: as the user named it, None for the default. Raises ClickException.
    """
    if credentials.session_token:
        return
    try:
        user_list.users()
    except NotAllowed as error:
        raise click.ClickException(
            MFA_NEEDED.format(
                action=error.action,
                arn=caller.arn,
                account=caller.account_id,
                partition=caller.partition,
                option=f" --profile {shlex.quote(profile)}" if profile else "",
                with_mfa=shlex.quote(f"{profile}-mfa") if profile else "mfa",
            )
        ) from error


def _print_progress(users: int, expected: int) -> None:
    click.echo(_("%(read)d of %(all)s users read", read=users, all=expected or "?"), err=True)
