"""What `compliance sync --bucket` does and prints."""

from __future__ import annotations

from collections import Counter

import click
from flask import current_app

from app import __version__
from app.audit.command_line import audit_of
from app.aws.bucket import READS_OF_BUCKET, BucketGateway
from app.aws.clients import Clients, using_credentials
from app.aws.profile import credentials_of
from app.aws.sts import StsGateway
from app.compliance.arrivals import imported
from app.compliance.bucket import BucketSync, Ended
from app.compliance.data.objects import ObjectState
from app.compliance.thresholds import terms_for
from app.db import db
from app.errors import NotAllowed, PortalError
from app.text.messages import _, ngettext

BUCKET_DENIED = """AWS didn’t allow {action} on the bucket {bucket} for {arn}.
The profile needs s3:ListBucket on the bucket and s3:GetObject on its objects. Nothing was changed."""


def sync_bucket(bucket: str, prefix: str, profile: str | None, *, again: bool, quiet: bool) -> None:
    """Read what is new in the bucket. Raises ClickException if an object was refused. The others were stored."""
    agent = f"latchkey/{__version__}"
    clients = Clients(READS_OF_BUCKET, current_app.config["AWS_REGION"], user_agent=agent)
    ended: list[Ended] = []
    arn = ""
    try:
        with using_credentials(credentials_of(profile)):
            caller = StsGateway(clients).caller()
            arn = caller.arn
            name, user_id = arn.rsplit("/", 1)[-1][:128], caller.user_id[:128]
            work = BucketSync(
                db.engine,
                BucketGateway(clients),
                bucket,
                prefix,
                current_app.config["ACCOUNTS"] | current_app.config["WATCHED_ACCOUNTS"],
                lambda account_id: terms_for(current_app.config, account_id),
                lambda account_id: audit_of(account_id, name, user_id),
                imported(),
                again,
            )
            for each in work.run():
                ended.append(each)
                if each.state is ObjectState.STORED and not each.kept and not quiet:
                    message = ngettext("%(num)d user", "%(num)d users", each.users)
                    click.echo(f"{each.account_id} {_shown(each.key)}: {message}", err=True)
    except NotAllowed as error:
        denied = BUCKET_DENIED.format(action=error.action, bucket=bucket, arn=arn)
        raise click.ClickException(denied) from error
    except PortalError as error:
        raise click.ClickException(str(error)) from error
    _end(ended, quiet)


def _end(ended: list[Ended], quiet: bool) -> None:
    if not quiet:
        new = Counter(each.state for each in ended if not each.kept)
        click.echo(
            _(
                "%(all)d objects: %(stored)d stored, %(older)d older than what is stored, %(same)d unchanged, "
                "%(refused)d refused",
                all=len(ended),
                stored=new[ObjectState.STORED],
                older=new[ObjectState.OLDER],
                same=sum(each.kept and not each.problem for each in ended),
                refused=sum(bool(each.problem) for each in ended),
            )
        )
    if refused := [f"{_shown(each.key)}: {each.problem}" for each in ended if each.problem]:
        raise click.ClickException("\n".join([_("These objects were refused and changed nothing."), *refused]))


def _shown(key: str) -> str:
    """Return a key that the author of the object can't control the terminal with."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in key)
