"""`latchkey notify ...`: try channels, preview notices, and read which mails came back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import click
from flask import current_app
from flask.cli import AppGroup

from app.audit.command_line import audit_of
from app.audit.events import Event
from app.db import db
from app.notices.channels import configured
from app.notices.channels.outcomes import said
from app.notices.content import Brand
from app.notices.examples import example
from app.notices.kinds import KINDS
from app.notices.mail_address import mail_address
from app.notices.messages import Message, Sent
from app.notices.rendering import render
from app.text.messages import _, ngettext
from app.text.terminal import plain

MAIL = "mail"
commands = AppGroup("notify")
SETTING_OF = {
    "mail": "SMTP_SERVER",
    "webhook": "WEBHOOK_URL",
    "slack": "SLACK_WEBHOOK_URL",
    "teams": "TEAMS_WEBHOOK_URL",
}
"""By channel: the setting that configures it."""


@commands.command("test")
@click.option("--channel", "name", type=click.Choice(list(SETTING_OF)), required=True, help="Channel to try.")
@click.option("--to", default="", help="Mail address to send to. Only for mail.")
def test(name: str, to: str) -> None:
    """Send a test notice, and print the outcome. Exit status 1 if it wasn't sent."""
    if name == MAIL and mail_address(to) is None:
        raise click.BadParameter(
            _("set the mail address that gets the test, like jane@example.com."), param_hint="--to"
        )
    channel = configured(current_app.config).get(name)
    if channel is None:
        raise click.ClickException(_("This channel isn’t set up. Set %(setting)s.", setting=SETTING_OF[name]))
    data = {"channel": name}
    parts = render("test", data, "en", Brand.of(current_app.config))
    message = Message(uuid4().hex, to, *parts, "test", data, datetime.now(UTC))
    [outcome] = channel.send_many([message])
    if not isinstance(outcome, Sent):
        raise click.ClickException(_("Not sent. %(why)s", why=said(outcome.code)))
    where = plain(to) if name == MAIL else SETTING_OF[name]
    click.echo(_("Sent to %(where)s. Check that it arrived.", where=where))


@commands.command("preview")
@click.argument("kinds", nargs=-1, metavar="[KIND]...")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("notices"),
    show_default=True,
    help="Where to write the files.",
)
def preview(kinds: tuple[str, ...], folder: Path) -> None:
    """Write notices with made-up data as KIND.html and KIND.txt: those of each KIND, or all of them."""
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        message = _(
            "%(kind)s isn’t a kind of notice. Choose from: %(kinds)s.", kind=unknown[0], kinds=", ".join(KINDS)
        )
        raise click.BadParameter(message, param_hint="KIND")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind in kinds or KINDS:
            parts = render(kind, example(kind), "en", Brand.of(current_app.config))
            (folder / f"{kind}.html").write_text(parts.html)
            (folder / f"{kind}.txt").write_text(f"{parts.subject}\n\n{parts.text}")
    except OSError as error:
        why = _("%(folder)s can’t be written: %(why)s", folder=str(folder), why=error.strerror)
        raise click.ClickException(why) from error
    click.echo(_("Written to %(folder)s.", folder=str(folder)))


@commands.command("bounces")
@click.argument("path", type=click.Path(exists=True, path_type=Path), metavar="MAILBOX")
def bounces(path: Path) -> None:
    """Mark notices that came back as not sent, by the delivery reports in MAILBOX.

    MAILBOX is a Maildir, an mbox file or a file with one mail. It isn't changed. Only security notices are sent to
    these addresses until an administrator sends such a notice again.
    """
    # Imported here, since no other command reads mails.
    from app.notices.bounces import (  # noqa: PLC0415 # see above
        Bounce,
        Unreadable,
        came_back,
        find_bounces,
        mark,
        read_mails,
    )

    found: list[Bounce] = []
    read = unreadable = 0
    try:
        for mail in read_mails(path):
            read += 1
            try:
                found += find_bounces(mail)
            except Unreadable:
                unreadable += 1
    except OSError as error:
        why = _("%(path)s can’t be read: %(why)s", path=str(path), why=error.strerror)
        raise click.ClickException(why) from error
    with db.engine.connect() as connection:
        numbers = came_back(connection, found)
    for account_id, mine in sorted(numbers.items()):
        audit_of(account_id).note(Event.NOTICES_CAME_BACK, f"notices: {len(mine)}, emails read: {read}")
    marked = mark(db.engine, [number for mine in numbers.values() for number in mine])
    told = ngettext("%(num)d notice came back.", "%(num)d notices came back.", marked)
    click.echo(_("%(told)s See Notices, Not sent.", told=told))
    if unreadable:
        one = "%(num)d email was left out: it is over 1 MB or malformed."
        click.echo(ngettext(one, "%(num)d emails were left out: they are over 1 MB or malformed.", unreadable))
