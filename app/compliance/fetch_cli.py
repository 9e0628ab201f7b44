"""`compliance refresh` and `compliance sync`, which ask AWS with the profile of the user who runs them."""

from __future__ import annotations

from typing import BinaryIO

import click
from flask.cli import with_appcontext

from app.commands import on_database
from app.text.messages import _


@click.command("refresh")
@click.option("--profile", help="AWS profile to use. Default: as in the AWS CLI.")
@click.option("--report", is_flag=True, help="Also fetch the account's credential report.")
@click.option("--details", is_flag=True, help="Also fetch the account's authorization details.")
@click.option("--quiet", is_flag=True, help="Print nothing if it succeeds.")
@with_appcontext
@on_database
def refresh(profile: str | None, report: bool, details: bool, quiet: bool) -> None:
    """Read the profile's account from AWS and store the data. Exit status 1 if some of it wasn't updated."""
    from app.compliance.from_aws import refresh_account  # noqa: PLC0415 # botocore, which --help does without

    refresh_account(profile, report=report, details=details, quiet=quiet)


@click.command("sync")
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
@with_appcontext
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
