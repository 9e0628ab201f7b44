"""Mails that come back: their users are listed, and nothing more is sent to them until someone corrects that."""

from __future__ import annotations

import mailbox
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.cli import ScriptInfo

from app.db import db
from app.factory import create_app
from app.notices import queries
from app.notices.channels.outcomes import said
from app.notices.cli import commands
from app.notices.models import NoticeRow
from app.notices.notice import BOUNCED, Notice
from app.notices.outbox import outbox
from app.notices.worker import delivery
from config import from_env
from tests.notices.conftest import ACCOUNT
from tests.notices.post_office import PostOffice
from tests.support.databases import GOOD, make_database

REPORT = """\
From: MAILER-DAEMON@relay.example.com
To: latchkey@example.com
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Nobody of this name is here.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.com

Final-Recipient: rfc822; {address}
Action: {action}
Status: 5.1.1

--b
Content-Type: text/rfc822-headers

Message-ID: <{message_id}@example.com>
Subject: Access key due

--b--
"""


@pytest.fixture
def post_office() -> Iterator[PostOffice]:
    with PostOffice().open() as office:
        yield office


@pytest.fixture
def portal(tmp_path: Path, post_office: PostOffice) -> Iterator[Flask]:
    """A portal whose worker has sent a mail to Paula and one to Petra."""
    url = f"sqlite:///{tmp_path / 'portal.db'}"
    make_database(tmp_path / "portal.db")
    app = create_app(from_env({**GOOD, **post_office.settings, "DATABASE_URL": url}))
    with app.app_context():
        assert sent(app, "paula", "petra") == 2
        yield app
        db.engine.dispose()


def sent(app: Flask, *users: str) -> int:
    """How many mails a worker sends, after a notice was written to each of these users."""
    told = [Notice("test", ACCOUNT, user, f"{user}:{token_hex(8)}", {"channel": "mail"}) for user in users]
    with db.engine.begin() as connection:
        outbox().enqueue(connection, told)
    return delivery(app).run()


def rows() -> list[NoticeRow]:
    with db.engine.connect() as connection:
        return list(queries.rows(connection, NoticeRow.id > 0, most=100))[::-1]


def states() -> list[tuple[str, str]]:
    return [(row.state, row.last_error) for row in rows()]


def report(user: str, action: str = "failed", message_id: str = "") -> bytes:
    """What the mail server sends back about the first mail to a user."""
    first = next(row for row in rows() if row.user_name == user)
    text = REPORT.format(address=f"{user}@Example.com", action=action, message_id=message_id or first.message_id)
    return text.encode()


def read(app: Flask, path: Path) -> str:
    done = CliRunner().invoke(commands, ["bounces", str(path)], obj=ScriptInfo(create_app=lambda: app))
    assert done.exit_code == 0, done.output
    return done.output


def test_a_user_whose_mail_came_back_is_listed_and_gets_no_other_until_it_is_sent_again(
    portal: Flask, tmp_path: Path, post_office: PostOffice
) -> None:
    file = tmp_path / "returned.eml"
    file.write_bytes(report("paula"))
    assert read(portal, file) == "1 notice came back. See Notices, Not sent.\n"
    assert states() == [("dead", BOUNCED), ("sent", "")] and "came back" in said(BOUNCED)
    assert read(portal, file) == "0 notices came back. See Notices, Not sent.\n", "it was marked before"

    arrived = len(post_office.arrived)
    sent(portal, "paula", "petra")
    assert states()[2:] == [("dead", BOUNCED), ("sent", "")]
    assert len(post_office.arrived) == arrived + 1, "only Petra's"

    first = rows()[0]
    with db.engine.begin() as connection:
        assert queries.send_again(connection, datetime.now(UTC), NoticeRow.state == "dead") == 2
    assert delivery(portal).run() == 2 and {state for state, _ in states()} == {"sent"}
    assert (rows()[0].sent_at, rows()[0].sent_to) == (first.sent_at, first.sent_to), "the audit log has its SHA-256"
    assert [row.user_name for row in rows()] == ["paula", "petra", "paula", "petra", "paula"]
    assert len({row.message_id for row in rows()}) == 5


def test_a_new_address_of_a_user_gets_notices_again(portal: Flask, tmp_path: Path) -> None:
    file = tmp_path / "returned.eml"
    file.write_bytes(report("paula"))
    read(portal, file)
    portal.config["NOTICES_ADDRESS_PATTERN"] = "{user}@mail.example.com"
    assert sent(portal, "paula") == 1 and states()[2] == ("sent", "")


@pytest.mark.parametrize(
    ("action", "message_id"),
    [("delayed", ""), ("relayed", ""), ("failed", "0" * 32), ("failed", "not-ours")],
)
def test_a_late_mail_and_a_made_up_report_keep_nothing_from_anyone(
    portal: Flask, tmp_path: Path, action: str, message_id: str
) -> None:
    file = tmp_path / "returned.eml"
    file.write_bytes(report("paula", action, message_id))
    assert read(portal, file).startswith("0 notices")
    assert states() == [("sent", "")] * 2


def test_a_report_with_the_whole_mail_is_read_too(portal: Flask, tmp_path: Path) -> None:
    file = tmp_path / "returned.eml"
    file.write_bytes(report("paula").replace(b"Content-Type: text/rfc822-headers", b"Content-Type: message/rfc822"))
    assert read(portal, file).startswith("1 notice")


def test_a_report_about_another_recipient_marks_nobody(portal: Flask, tmp_path: Path) -> None:
    file = tmp_path / "returned.eml"
    file.write_bytes(report("paula").replace(b"rfc822; paula@", b"rfc822; petra@"))
    assert read(portal, file).startswith("0 notices")


@pytest.mark.parametrize("kind", [mailbox.Maildir, mailbox.mbox])
def test_a_whole_mailbox_is_read(portal: Flask, tmp_path: Path, kind: Callable[..., mailbox.Mailbox[Any]]) -> None:
    box = kind(str(tmp_path / "mailbox"))
    for mail in (report("paula"), b"Subject: Out of office\n\nBack on Monday.\n", b"", report("petra")):
        box.add(mail)
    box.close()
    assert read(portal, tmp_path / "mailbox") == "2 notices came back. See Notices, Not sent.\n"
    assert states() == [("dead", BOUNCED)] * 2


def test_a_file_that_is_not_there_is_named(portal: Flask, tmp_path: Path) -> None:
    words = ["bounces", str(tmp_path / "nothing")]
    done = CliRunner().invoke(commands, words, obj=ScriptInfo(create_app=lambda: portal))
    assert done.exit_code == 2 and "nothing" in done.output
