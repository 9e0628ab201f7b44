"""`flask --app wsgi compliance ...`: the dashboard's data from a terminal or from cron.

These commands use the AWS profile of the user who runs them. The portal itself never does.
"""

from __future__ import annotations

import os
import pwd
import shlex
import stat
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from typing import BinaryIO

import click
from flask import current_app
from flask.cli import AppGroup

from app.audit.log import COMMAND_LINE, Audit, audit_log
from app.aws.account import AccountGateway
from app.aws.clients import AwsCredentials, Clients, using_credentials
from app.aws.credential_report import READS_WITH_REPORT, CredentialReportGateway
from app.aws.iam import IamGateway
from app.aws.passwords import PasswordGateway
from app.aws.profile import credentials_of
from app.aws.sts import Identity, StsGateway
from app.aws.user_list import READS, UserListGateway
from app.commands import on_database
from app.compliance import service
from app.compliance.data import due, queries
from app.compliance.export import ADDED, COLUMNS, exported
from app.compliance.fetching import fetched
from app.compliance.refresh import Gateways
from app.compliance.rules.subjects import Terms
from app.compliance.rules.table import CIS_VARIANTS, GROUPS, RULES, applying
from app.compliance.rules.verdicts import State
from app.compliance.thresholds import standards_of
from app.db import db
from app.errors import NotAllowed, PortalError
from app.text.messages import _
from app.web.exports import as_csv, as_json

commands = AppGroup("compliance")

MFA_NEEDED = """AWS didn’t allow {action} for {arn}.
This profile uses an access key without MFA, which can do almost nothing under Force_MFA. Get a session with a code:
  aws configure mfa-login{option} --update-profile {with_mfa} --serial-number arn:{partition}:iam::{account}:mfa/NAME
Replace NAME with the name of the MFA device, and run this command again with --profile {with_mfa}.
With an AWS CLI older than 2.30.3, use aws sts get-session-token instead. A cron job needs a role with the actions
that docs/compliance.md lists."""

REPORT_DENIED = """AWS didn’t allow {action}. The lists were refreshed, the credential report wasn’t.
The profile needs iam:GenerateCredentialReport and iam:GetCredentialReport: docs/compliance.md has the policy."""


def _audit(account_id: str, user_name: str = "", user_id: str = "") -> Audit:
    login = f"{COMMAND_LINE}{pwd.getpwuid(os.getuid()).pw_name}"[:256]
    return Audit(audit_log(), account_id, user_name, "", login, "", user_id)


def _account(account_id: str | None) -> str:
    known = current_app.config["ACCOUNTS"]
    if account_id is None and len(known) == 1:
        return str(next(iter(known)))
    if account_id is None or account_id not in known:
        told = _("choose one of %(accounts)s.", accounts=", ".join(sorted(known)))
        raise click.BadParameter(told, param_hint="--account")
    return account_id


@commands.command("refresh")
@click.option("--profile", help="AWS profile to use. Default: as in the AWS CLI.")
@click.option("--report", is_flag=True, help="Also fetch the account's credential report.")
@click.option("--quiet", is_flag=True, help="Print nothing if it succeeds.")
@on_database
def refresh(profile: str | None, report: bool, quiet: bool) -> None:
    """Read the profile's account from AWS and store the data. Exit status 1 if the data wasn't updated."""
    reads = READS_WITH_REPORT if report else READS
    clients = Clients(reads, current_app.config["AWS_REGION"], user_agent=f"latchkey/{version('latchkey')}")
    gateways = Gateways(
        UserListGateway(clients), AccountGateway(clients), IamGateway(clients), PasswordGateway(clients)
    )
    try:
        credentials = credentials_of(profile)
        with using_credentials(credentials):
            caller = StsGateway(clients).caller()
            account_id = _account(caller.account_id)
            _may_list(gateways.user_list, credentials, caller, profile)
        audit = _audit(account_id, caller.arn.rsplit("/", 1)[-1][:128], caller.user_id[:128])
        terms = service.terms_for(current_app.config, account_id)
        work = service.begin_refresh(db.engine, gateways, audit, account_id, caller.arn, credentials, terms)
    except PortalError as error:
        raise click.ClickException(str(error)) from error
    if not quiet:
        work.told = _tell
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
    if not report:
        return
    try:
        with using_credentials(credentials):
            made = fetched(CredentialReportGateway(clients), time.sleep)
        people = service.take_report(db.engine, audit, account_id, made.content, made.made_at, terms)
    except NotAllowed as error:
        raise click.ClickException(REPORT_DENIED.format(action=error.action)) from error
    except PortalError as error:
        raise click.ClickException(str(error)) from error
    if not quiet:
        told = _(
            "Account %(id)s: %(users)d users in the credential report of %(time)s",
            id=account_id,
            users=people,
            time=f"{made.made_at:%Y-%m-%d %H:%M} UTC",
        )
        click.echo(told)


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


def _tell(users: int, expected: int) -> None:
    click.echo(_("%(read)d of %(all)s users read", read=users, all=expected or "?"), err=True)


@commands.command("import")
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
@on_database
def import_command(file: BinaryIO, details: bool, account_id: str | None, made_at: datetime | None) -> None:
    """Import a credential report or authorization details from FILE, or from standard input with -.

    A file that is refused changes nothing.
    """
    chosen = _account(account_id)
    made = made_at.replace(tzinfo=UTC) if made_at else None
    terms_of = service.terms_for(current_app.config, chosen)
    try:
        if details:
            collected = made or _last_changed(file)
            people = service.take_details(db.engine, _audit(chosen), chosen, file.read(), collected, terms_of)
        else:
            people = service.take_report(db.engine, _audit(chosen), chosen, file.read(), made, terms_of)
    except PortalError as error:
        raise click.ClickException(str(error)) from error
    click.echo(_("Account %(id)s: %(users)d users", id=chosen, users=people))


def _last_changed(file: BinaryIO) -> datetime:
    """When a file was last changed, now for anything else: a pipe is written while it is read."""
    now = datetime.now(UTC)
    try:
        told = os.fstat(file.fileno())
    except OSError:  # standard input of a test
        return now
    return min(now, datetime.fromtimestamp(told.st_mtime, UTC)) if stat.S_ISREG(told.st_mode) else now


@commands.command("export")
@click.option("--account", "account_id", help="Account, 12 digits. Not needed with only one account.")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True)
@click.option("--rule", help="Only this rule, variant of a rule, or group of rules.")
@click.option("--standard", help="Only what this standard, one of COMPLIANCE_STANDARDS, has items for.")
@click.option("--state", type=click.Choice([*map(str, State), queries.NOT_PASSING]), help="Only this result.")
@on_database
def export(account_id: str | None, form: str, rule: str | None, standard: str | None, state: str | None) -> None:
    """Print one row per user and rule, with reason and evidence."""
    chosen = _account(account_id)
    terms_of, standards = service.terms_for(current_app.config, chosen), standards_of(current_app.config, chosen)
    _one_of("--rule", rule, _ids(terms_of(None)))
    _one_of("--standard", standard, [each.id for each in standards])
    stored = due.catch_up(db.engine, chosen, terms_of)
    if stored is None:
        told = _("There’s no data about account %(id)s yet. Refresh it, or import a credential report.", id=chosen)
        raise click.ClickException(told)
    terms = terms_of(stored.user_list.get("others"))
    asked = queries.Filter(rule=rule or "", state=state or "")
    found = exported(db.engine, stored, terms, asked, standards, standard or "")
    for text in as_csv(COLUMNS, found, ADDED) if form == "csv" else as_json(found):
        sys.stdout.write(text)


def _ids(terms: Terms) -> list[str]:
    """Return what --rule takes: rules, variants that the account has or may get, and groups."""
    mine = [rule.id for rule in applying(RULES, terms)]
    return list(dict.fromkeys([*mine, *CIS_VARIANTS, *GROUPS]))


def _one_of(option: str, value: str | None, choices: list[str]) -> None:
    """Raise BadParameter, with the choices, where an option's value isn't one of them."""
    if value is not None and value not in choices:
        told = _("%(value)s is not one of %(choices)s.", value=repr(value), choices=", ".join(map(repr, choices)))
        raise click.BadParameter(told, param_hint=option)
