"""`latchkey compliance ...`: the dashboard's data from a terminal or from cron.

These commands use the AWS profile of the user who runs them. The portal itself never does.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from datetime import UTC, datetime
from typing import BinaryIO

import click
from flask import current_app
from flask.cli import AppGroup

from app.audit.events import Event
from app.commands import on_database
from app.compliance import service
from app.compliance.command_line import DAY, audit_of, chosen_account, imported
from app.compliance.data import queries
from app.compliance.data.details_formats import holds_details
from app.compliance.evidence import pack
from app.compliance.evidence.files import FORMATS, Export
from app.compliance.evidence.pack import ending_of
from app.compliance.evidence.signing import as_pem, signing_key
from app.compliance.history_cli import changes, export_as_of, prune, rejudge
from app.compliance.rules.subjects import Terms
from app.compliance.rules.table import CIS_VARIANTS, GROUPS, RULES, applying
from app.compliance.rules.verdicts import State
from app.compliance.thresholds import standards_of
from app.db import db
from app.errors import PortalError
from app.text.messages import _

commands = AppGroup("compliance")
commands.add_command(changes)
commands.add_command(prune)
commands.add_command(rejudge)


@commands.command("refresh")
@click.option("--profile", help="AWS profile to use. Default: as in the AWS CLI.")
@click.option("--report", is_flag=True, help="Also fetch the account's credential report.")
@click.option("--details", is_flag=True, help="Also fetch the account's authorization details.")
@click.option("--quiet", is_flag=True, help="Print nothing if it succeeds.")
@on_database
def refresh(profile: str | None, report: bool, details: bool, quiet: bool) -> None:
    """Read the profile's account from AWS and store the data. Exit status 1 if some of it wasn't updated."""
    from app.compliance.from_aws import refresh_account  # noqa: PLC0415 # botocore, which the other commands do without

    refresh_account(profile, report=report, details=details, quiet=quiet)


@commands.command("sync")
@click.option(
    "--accounts",
    "file",
    type=click.File("rb"),
    help="A list of accounts: ID, ID,NAME or ID,NAME,UNIT on each line.",
)
@click.option("--organization", is_flag=True, help="All accounts of the profile's AWS organization.")
@click.option("--bucket", default="", help="An S3 bucket with credential reports and authorization details.")
@click.option("--prefix", default="", help="Only the objects of the bucket whose keys begin with this.")
@click.option("--role-name", default="LatchkeyAudit", show_default=True, help="Role to assume in each account.")
@click.option("--external-id", default="", help="External ID that the role's trust policy asks for.")
@click.option("--profile", help="AWS profile to use. Default: as in the AWS CLI.")
@click.option("--details", is_flag=True, help="Also fetch the accounts' authorization details.")
@click.option("--parallel", type=click.IntRange(1, 16), default=4, show_default=True, help="Accounts at a time.")
@click.option("--again", is_flag=True, help="Also read what was synced before.")
@click.option("--quiet", is_flag=True, help="Print nothing if it succeeds.")
@on_database
def sync(
    file: BinaryIO | None,
    organization: bool,
    bucket: str,
    prefix: str,
    role_name: str,
    external_id: str,
    profile: str | None,
    details: bool,
    parallel: int,
    again: bool,
    quiet: bool,
) -> None:
    """Read many accounts from AWS, each with a role in it, and store the data of each as a whole.

    Reads the lists and the credential report, with --details also the authorization details. A sync that was
    stopped continues with the accounts it hasn't stored today. With --bucket, takes reports and details that others
    put into an S3 bucket, the newest of each account. The exit status is 1, with a line for each account or object
    that failed, and why.
    """
    from app.compliance.sync_command import Options, sync_accounts  # noqa: PLC0415 # as for refresh

    if [file is not None, organization, bool(bucket)].count(True) != 1:
        raise click.UsageError(_("Choose one of --accounts FILE, --organization and --bucket NAME."))
    if prefix and not bucket:
        raise click.UsageError(_("--prefix needs --bucket NAME."))
    if bucket:
        from app.compliance.bucket_command import sync_bucket  # noqa: PLC0415 # as for refresh

        if details:
            raise click.UsageError(_("--bucket takes both reports and details. Leave out --details."))
        sync_bucket(bucket, prefix, profile, again=again, quiet=quiet)
        return
    content = file.read() if file else None
    sync_accounts(Options(content, role_name, external_id, profile, parallel, details, again, quiet))


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
    chosen = chosen_account(account_id)
    made = made_at.replace(tzinfo=UTC) if made_at else None
    terms_of = service.terms_for(current_app.config, chosen)
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


class RuleId(click.ParamType[str]):
    """An id that a rule, a variant of one, or a group of rules can have, whatever the account's settings are."""

    name = "id"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it. Fails with the ids there are."""
        known = [*(rule.id for rule in RULES), *CIS_VARIANTS, *GROUPS]
        variant = re.fullmatch(r"(.+?)(-[0-9]+)+", value)
        if value not in known and not (variant and variant[1] in known):
            self.fail(_not_one_of(value, known), param, ctx)
        return value


@commands.command("export")
@click.option("--account", "account_id", help="Account, 12 digits. Not needed with only one account.")
@click.option("--format", "form", type=click.Choice([*FORMATS, pack.NAME]), default="csv", show_default=True)
@click.option("--output", type=click.File("wb", atomic=True), default="-", help="File to write. Default: print it.")
@click.option("--rule", type=RuleId(), help="Only this rule, variant of a rule, or group of rules.")
@click.option("--standard", help="Only what this standard, one of COMPLIANCE_STANDARDS, has items for.")
@click.option("--state", type=click.Choice([*map(str, State), queries.NOT_PASSING]), help="Only this result.")
@click.option("--as-of", "day", type=DAY, help="The list as it was at the end of this day (UTC), as in 2026-09-30.")
@on_database
def export(
    account_id: str | None,
    form: str,
    output: BinaryIO,
    rule: str | None,
    standard: str | None,
    state: str | None,
    day: datetime | None,
) -> None:
    """Print one row per user and rule, with reason and evidence. `pack` is a zip of all formats, signed."""
    if form == pack.NAME and output is sys.stdout.buffer and sys.stdout.isatty():
        raise click.UsageError(_("A pack is a zip file. Choose a file for it with --output."))
    if form in (pack.NAME, "html") and (rule or standard or state):
        raise click.UsageError(_("This format has all results. Leave out --rule, --standard and --state."))
    chosen = chosen_account(account_id)
    terms_of, standards = service.terms_for(current_app.config, chosen), standards_of(current_app.config, chosen)
    _one_of("--rule", rule, _ids(terms_of(None)))
    _one_of("--standard", standard, [each.id for each in standards])
    asked = queries.Filter(rule=rule or "", state=state or "")
    if day:
        export_as_of(chosen, day.date(), form, output, asked, standards, standard or "")
        return
    stored = service.judged_now(db.engine, chosen, terms_of)
    if stored is None:
        message = _("There’s no data about account %(id)s yet. Refresh it, or import a credential report.", id=chosen)
        raise click.ClickException(message)
    terms = terms_of(stored.user_list.get("others"))
    chosen_rows = Export.of(db.engine, stored, terms, standards, current_app.config, asked, standard or "")
    try:
        audit_of(chosen).note(Event.COMPLIANCE_EXPORTED, f"{chosen}.{ending_of(form)}")
    except PortalError as error:
        raise click.ClickException(str(error)) from error
    if form == pack.NAME:
        pack.copy_pack(chosen_rows, signing_key(current_app.config), output)
        return
    for text in FORMATS[form].text(chosen_rows):
        output.write(text.encode())


@commands.command("public-key")
def public_key() -> None:
    """Print the public key that verifies this portal's packs of evidence."""
    click.echo(as_pem(signing_key(current_app.config).public_key()), nl=False)


def _ids(terms: Terms) -> list[str]:
    """Return what --rule takes: rules, variants that the account has or may get, and groups."""
    mine = [rule.id for rule in applying(RULES, terms)]
    return list(dict.fromkeys([*mine, *CIS_VARIANTS, *GROUPS]))


def _one_of(option: str, value: str | None, choices: list[str]) -> None:
    """Raise BadParameter, with the choices, where an option's value isn't one of them."""
    if value is not None and value not in choices:
        raise click.BadParameter(_not_one_of(value, choices), param_hint=option)


def _not_one_of(value: str, choices: list[str]) -> str:
    return _("%(value)s is not one of %(choices)s.", value=repr(value), choices=", ".join(map(repr, choices)))
