"""Mails that come back: their users are listed, and get only security notices until someone corrects that."""

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
from sqlalchemy import event, select

from app.audit.events import Event
from app.audit.models import ActivityRow
from app.db import db
from app.factory import create_app
from app.notices import queries
from app.notices.bounces import MOST_BYTES, Bounce, Unreadable, came_back, find_bounces, mark
from app.notices.channels.outcomes import said
from app.notices.cli import commands
from app.notices.models import NoticeRow
from app.notices.notice import BOUNCED, CAME_BACK, SENT_AGAIN, Audience, Notice
from app.notices.outbox import outbox
from app.notices.worker import delivery
from config import from_env
from tests.notices.conftest import ACCOUNT, Office, notice
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
    assert states()[0] == ("sent", SENT_AGAIN) and "sent again" in said(SENT_AGAIN)
    assert (rows()[0].sent_at, rows()[0].sent_to) == (first.sent_at, first.sent_to), "the audit log has its SHA-256"
    assert [row.user_name for row in rows()] == ["paula", "petra", "paula", "petra", "paula"]
    assert len({row.message_id for row in rows()}) == 5
    assert read(portal, file).startswith("0 notices"), "the report is still in the mailbox"
    assert sent(portal, "paula") == 1, "and keeps nothing from her"


def test_a_notice_that_comes_back_again_and_again_can_be_sent_again_each_time(portal: Flask, tmp_path: Path) -> None:
    box = mailbox.mbox(str(tmp_path / "mailbox"))
    for _ in range(3):
        latest = next(row for row in rows()[::-1] if row.user_name == "paula")
        box.add(report("paula", message_id=latest.message_id))
        box.flush()
        assert read(portal, tmp_path / "mailbox").startswith("1 notice"), "the earlier ones are marked already"
        with db.engine.begin() as connection:
            assert queries.send_again(connection, datetime.now(UTC), NoticeRow.state == "dead") == 1
        assert delivery(portal).run() == 1
    assert sent(portal, "paula") == 1
    box.close()


def test_sending_one_of_two_notices_again_that_came_back_opens_the_address(portal: Flask, tmp_path: Path) -> None:
    assert sent(portal, "paula") == 1
    for number in (0, 2):
        file = tmp_path / f"{number}.eml"
        file.write_bytes(report("paula", message_id=rows()[number].message_id))
        assert read(portal, file).startswith("1 notice")
    with db.engine.begin() as connection:
        assert queries.send_again(connection, datetime.now(UTC), NoticeRow.id == rows()[0].id) == 1
    assert sent(portal, "paula") == 2, "the notice, and a new one"
    assert states()[2] == ("dead", CAME_BACK) and "came back" in said(CAME_BACK), "it is still listed"
    with db.engine.begin() as connection:
        assert queries.send_again(connection, datetime.now(UTC), NoticeRow.state == "dead") == 1
    assert states()[2] == ("sent", SENT_AGAIN) and rows()[2].sent_to, "the audit log has its SHA-256"
    assert delivery(portal).run() == 1


def test_security_notices_and_those_to_addresses_of_administrators_are_sent_whatever_a_report_says(
    portal: Flask, tmp_path: Path, post_office: PostOffice
) -> None:
    address = "paula@example.com"
    security = Notice("access-key-created", ACCOUNT, "paula", "key", {}, urgent=True)
    summary = Notice("test", ACCOUNT, address, "summary", {"channel": "mail"}, audience=Audience.ADDRESS)
    file = tmp_path / "returned.eml"
    file.write_bytes(report("paula"))
    read(portal, file)
    with db.engine.begin() as connection:
        outbox().enqueue(connection, [security, summary])
    assert delivery(portal).run() == 2 and post_office.copies[address] == 3


def test_a_report_about_a_shared_address_keeps_nothing_from_a_user_who_has_it_too(
    portal: Flask, tmp_path: Path
) -> None:
    summary = Notice("test", ACCOUNT, "paul@example.com", "summary", {"channel": "mail"}, audience=Audience.ADDRESS)
    with db.engine.begin() as connection:
        outbox().enqueue(connection, [summary])
    delivery(portal).run()
    file = tmp_path / "returned.eml"
    file.write_bytes(report("paul@example.com").replace(b"paul@example.com@Example.com", b"paul@example.com"))
    assert read(portal, file).startswith("1 notice") and states()[2] == ("dead", BOUNCED)
    assert sent(portal, "paul") == 1


def test_the_audit_log_says_how_many_came_back_but_has_no_id_that_makes_reports_real(
    portal: Flask, tmp_path: Path
) -> None:
    file = tmp_path / "returned.eml"
    file.write_bytes(report("paula"))
    for _ in range(2):
        read(portal, file)
    with db.engine.connect() as connection:
        query = select(ActivityRow.user_agent, ActivityRow.account_id, ActivityRow.target)
        found = connection.execute(query.where(ActivityRow.event == Event.NOTICES_CAME_BACK.value)).all()
    [(login, account_id, target)] = found
    assert login.startswith("command line, ")
    assert (account_id, target) == (ACCOUNT, "notices: 1, emails read: 1"), "nothing about a run that marked nothing"


def test_an_address_that_only_the_sender_of_the_mail_named_is_not_the_one_that_failed(
    portal: Flask, tmp_path: Path
) -> None:
    file = tmp_path / "returned.eml"
    lines = b"Original-Recipient: rfc822; paula@example.com\nFinal-Recipient: rfc822; old@example.com"
    file.write_bytes(report("paula").replace(b"Final-Recipient: rfc822; paula@Example.com", lines))
    assert read(portal, file).startswith("0 notices"), "it was forwarded, and arrived at hers"
    file.write_bytes(report("paula").replace(b"Final-Recipient", b"Original-Recipient"))
    assert read(portal, file).startswith("1 notice"), "no other is named"


INSIDE = b"Content-Type: multipart/report; boundary=b\n\n--b\n"
HARMLESS = {
    "parentheses": b"Content-Type: text/plain; " + b"(" * 1000 + b"\n\nx",
    **{
        f"message ID {given.decode()}": INSIDE + b"Content-Type: message/rfc822\n\nMessage-ID: " + given + b"\n\nx"
        for given in (b"<>", b"<a@[", b"<a@[\\]")
    },
}
MALFORMED = {
    "mails in mails": INSIDE + b"Content-Type: message/rfc822\n\n" * 1200,
    "parts in parts": b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (at, at) for at in range(400)
    ),
    "a character set that is none": b"Content-Type: multipart/report; boundary*=\0''x\n\nx",
    "too large": b"Subject: x\n\n" + b"x" * MOST_BYTES,
    "many lines": INSIDE + b"Content-Type: message/delivery-status\n\n" + b"a: b\n\n" * 100_000,
}


@pytest.mark.parametrize("kind", [mailbox.Maildir, mailbox.mbox])
def test_no_mail_keeps_the_others_from_being_read(
    portal: Flask, tmp_path: Path, kind: Callable[..., mailbox.Mailbox[Any]]
) -> None:
    box = kind(str(tmp_path / "mailbox"))
    for mail in (report("paula"), *HARMLESS.values(), *MALFORMED.values(), report("petra")):
        box.add(mail)
    box.close()
    told = "5 emails were left out: they are over 1 MB or malformed.\n"
    assert read(portal, tmp_path / "mailbox") == f"2 notices came back. See Notices, Not sent.\n{told}"
    assert states() == [("dead", BOUNCED)] * 2


@pytest.mark.parametrize("mail", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_mail_is_told_from_one_that_is_no_report(mail: bytes) -> None:
    assert [find_bounces(each) for each in HARMLESS.values()] == [[]] * 4
    with pytest.raises(Unreadable):
        find_bounces(mail)


def test_reports_that_are_made_up_are_compared_without_keeping_anyone_from_writing(
    portal: Flask, tmp_path: Path
) -> None:
    recipient = "\nFinal-Recipient: rfc822; user-{}@example.com\nAction: failed\n"
    made_up = "".join(recipient.format(number) for number in range(100)).encode()
    box = mailbox.mbox(str(tmp_path / "mailbox"))
    for _ in range(20):
        mail = report("paula", message_id=token_hex(16)).replace(b"\nFinal-Recipient", made_up + b"\nFinal-Recipient")
        box.add(mail)
    box.close()
    assert len(find_bounces(mail)) == 50
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    assert read(portal, tmp_path / "mailbox").startswith("0 notices")
    about = [statement for statement in asked if "notices" in statement]
    assert len(about) == 1 and about[0].startswith("SELECT")


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


def test_either_database_marks_what_came_back_and_sends_it_again(office: Office) -> None:
    office.write(notice("paula"), notice("petra"))
    office.sent()
    for number in (1, 2):
        with office.engine.connect() as connection:
            latest = queries.rows(connection, NoticeRow.user_name == "paula", most=1)[0]
            reports = [Bounce(latest.message_id, "paula@example.com"), Bounce("0" * 32, "petra@example.com")] * number
            numbers = came_back(connection, reports)
        assert numbers == {ACCOUNT: [latest.id]} and mark(office.engine, numbers[ACCOUNT]) == 1
        assert mark(office.engine, numbers[ACCOUNT]) == 0, "another run has marked it meanwhile"
        with office.engine.begin() as connection:
            assert queries.bounced_addresses(connection) == {"paula@example.com"}
            assert queries.send_again(connection, datetime.now(UTC), NoticeRow.state == "dead") == 1
            assert not queries.bounced_addresses(connection)
        office.sent()
    assert office.channel.received == ["paula@example.com", "petra@example.com"] + ["paula@example.com"] * 2
