"""Mails through a real SMTP server: what it gets, and what happens when it refuses, hangs or breaks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from app.notices.channels.smtp import SmtpChannel
from app.notices.messages import Message, TryLater
from tests.support.mail_server import CLOSES, HANGS, OK, RESETS, MailServer, mail_server
from tests.support.notices import CREATED_AT, message, smtp_options, told
from tests.support.tls import Certificate, make_certificate

THREE = [message(number) for number in (1, 2, 3)]


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


def send(server: MailServer, messages: list[Message], **options: object) -> list[str]:
    return told(SmtpChannel(smtp_options(server.port, **options)).send_many(messages))  # type: ignore[arg-type]  # as above


def only(messages: list[str]) -> str:
    assert len(messages) == 1
    return messages[0]


def test_a_batch_goes_over_one_connection(server: MailServer) -> None:
    assert send(server, THREE) == ["sent"] * 3
    assert server.connections == 1
    assert [mail.recipients for mail in server.mails] == [[each.to] for each in THREE]
    assert {mail.sender for mail in server.mails} == {"latchkey@example.com"}


def test_a_mail_has_both_texts_and_asks_programs_not_to_answer(server: MailServer) -> None:
    send(server, THREE[:1])
    mail = server.mails[0].message
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    parts = {part.get_content_subtype(): part.get_content() for part in mail.iter_parts()}
    assert parts["plain"].split() == THREE[0].text.split() and parts["html"].split() == THREE[0].html.split()
    assert mail["Auto-Submitted"] == "auto-generated" and mail["From"] == "Latchkey <latchkey@example.com>"
    assert mail["Date"].datetime == CREATED_AT and mail["Subject"] == "Access key created: jane.doe"
    assert not [name for name in mail if name.lower().startswith("list-")]


def test_a_text_arrives_as_it_is(server: MailServer) -> None:
    text = "".join(
        f"{line}\n" for line in (".", "..", "From here", "--", "-- ", "=_x", "é=", "x" * 3000, "", "🔑 end")
    )
    assert send(server, [message(1)._replace(text=text, html=""), message(2)._replace(text=text)]) == ["sent"] * 2
    for mail in server.mails:
        body = mail.message.get_body(("plain",))
        assert body and body.get_content().splitlines() == text.splitlines()
        assert max(map(len, mail.raw.splitlines())) <= 78 and not mail.message.defects


def test_a_second_try_has_the_same_id_so_that_it_can_be_recognized(server: MailServer) -> None:
    send(server, [message(1)])
    send(server, [message(1), message(2)])
    first, again, other = (mail.message["Message-ID"] for mail in server.mails)
    assert first == again == f"<{1:032x}@example.com>" != other


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mails_are_encrypted(certificate: Certificate, security: str) -> None:
    with mail_server(certificate.server, implicit=security == "tls") as server:
        options = {"security": security, "ca_file": str(certificate.file)}
        assert send(server, THREE, **options) == ["sent"] * 3
        assert [mail.encrypted for mail in server.mails] == [True] * 3
        assert send(server, THREE[:1], host="localhost", **options) == ["sent"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_with_a_certificate_that_is_not_trusted_gets_nothing(
    certificate: Certificate, security: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = make_certificate(tmp_path_factory.mktemp("other"), "mail.example.com", "192.0.2.1")
    with mail_server(certificate.server, implicit=security == "tls") as server:
        assert send(server, THREE, security=security) == ["later certificate-not-trusted"] * 3
        assert not server.mails
    with mail_server(other.server, implicit=security == "tls") as server:  # trusted, but for another name
        code = only(send(server, THREE[:1], security=security, ca_file=str(other.file)))
        assert code == "later certificate-not-trusted" and not server.mails


def test_without_starttls_nothing_is_sent(server: MailServer) -> None:
    assert send(server, THREE, security="starttls", user="latchkey", password="right") == ["later no-starttls"] * 3
    assert not server.mails and not server.logins


def test_a_port_without_tls_is_told_apart(server: MailServer) -> None:
    assert send(server, THREE[:1], security="tls") == ["later no-tls"]


def test_a_login_is_made_after_starttls(certificate: Certificate) -> None:
    options = {"security": "starttls", "ca_file": str(certificate.file), "user": "latchkey"}
    with mail_server(certificate.server, auth_required=True) as server:
        assert send(server, THREE[:1], password="right", **options) == ["sent"]
        assert send(server, THREE, password="wrong", **options) == ["later login-refused"] * 3
        assert [login[:2] for login in server.logins[:2]] == [("latchkey", "right"), ("latchkey", "wrong")]
    with mail_server(certificate.server, auth_exclude_mechanism=["LOGIN", "PLAIN"]) as server:
        assert send(server, THREE[:1], password="right", **options) == ["later no-login"]


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("550 5.1.1 No such user", "refused recipient-550"),
        ("450 4.2.0 Greylisted", "later recipient-450"),
        ("551 Not local", "refused recipient-551"),
    ],
)
def test_a_refused_address_keeps_no_other_mail_back(server: MailServer, reply: str, outcome: str) -> None:
    server.at_recipient = lambda address: reply if address == "user2@example.com" else OK
    assert send(server, THREE) == ["sent", outcome, "sent"]
    assert len(server.mails) == 2 and server.connections == 1


@pytest.mark.parametrize(
    ("reply", "outcome"), [("554 5.7.1 Spam", "refused content-554"), ("452 4.3.1 Full", "later content-452")]
)
def test_a_refused_mail_keeps_no_other_back(server: MailServer, reply: str, outcome: str) -> None:
    server.at_content = lambda raw: reply if b"user2@" in raw else OK
    assert send(server, THREE) == ["sent", outcome, "sent"]


def test_a_refused_sender_is_a_setting_to_correct_so_nothing_is_lost(server: MailServer) -> None:
    server.at_sender = lambda _: "550 5.7.1 Not yours"
    assert send(server, THREE) == ["later sender-550"] * 3


@pytest.mark.parametrize("where", ["at_sender", "at_recipient", "at_content"])
def test_a_server_that_hangs_holds_up_one_mail_only(server: MailServer, where: str) -> None:
    setattr(server, where, lambda _: HANGS)
    assert send(server, THREE, patience_s=0.2) == ["later timed-out"] * 3
    assert server.connections == 1


@pytest.mark.parametrize("where", ["at_sender", "at_recipient", "at_content"])
def test_a_server_that_breaks_the_connection_gets_the_mails_later(server: MailServer, where: str) -> None:
    setattr(server, where, lambda _: RESETS)
    assert send(server, THREE) == ["later closed"] * 3


@pytest.mark.parametrize("how", [CLOSES, "421 4.3.2 Enough for one connection"])
def test_a_server_that_takes_one_mail_per_connection_gets_all(server: MailServer, how: str) -> None:
    if how == CLOSES:
        server.at_content = lambda _: CLOSES
    else:
        senders = iter([OK, how, OK, how, OK])
        server.at_sender = lambda _: next(senders)
    assert send(server, THREE) == ["sent"] * 3
    assert server.connections == 3 and len(server.mails) == 3


def test_a_server_that_is_always_too_busy_is_asked_once(server: MailServer) -> None:
    server.at_sender = lambda _: "421 4.3.2 Busy"
    assert send(server, THREE) == ["later sender-421"] * 3
    assert server.connections == 1


@pytest.mark.parametrize(("where", "first"), [("at_sender", True), ("at_recipient", False), ("at_content", False)])
def test_only_a_mail_whose_recipient_was_named_may_be_what_the_server_breaks_at(
    server: MailServer, where: str, first: bool
) -> None:
    setattr(server, where, lambda _: RESETS)
    outcomes = SmtpChannel(smtp_options(server.port)).send_many(THREE)
    assert [isinstance(each, TryLater) and each.channel_down for each in outcomes] == [first, True, True]


def test_a_server_that_is_down_or_refuses_the_sender_costs_no_mail_a_try(server: MailServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    down = SmtpChannel(smtp_options(port)).send_many(THREE)
    assert list(down) == [TryLater(None, "not-reached", channel_down=True)] * 3
    server.at_sender = lambda _: "550 5.7.1 Not yours"
    refused = SmtpChannel(smtp_options(server.port)).send_many(THREE)
    assert list(refused) == [TryLater(None, "sender-550", channel_down=True)] * 3


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert told(SmtpChannel(smtp_options(port)).send_many(THREE)) == ["later not-reached"] * 3


def test_something_else_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
                connection.recv(100)

        Thread(target=serve, daemon=True).start()
        port = listening.getsockname()[1]
        assert told(SmtpChannel(smtp_options(port)).send_many(THREE[:1])) == ["later not-smtp"]


def test_a_server_that_never_ends_its_greeting_is_left() -> None:
    over = Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                while not over.wait(0.02):
                    try:
                        connection.sendall(b"220-x\r\n")
                    except OSError:
                        return

        Thread(target=serve, daemon=True).start()
        channel = SmtpChannel(smtp_options(listening.getsockname()[1], at_most_s=0.4))
        assert told(channel.send_many(THREE)) == ["later timed-out"] * 3
        over.set()


def test_a_batch_that_is_given_up_ends_the_connection(server: MailServer) -> None:
    sending = SmtpChannel(smtp_options(server.port)).send_many(THREE)
    assert told([next(sending)]) == ["sent"]
    sending.close()  # type: ignore[attr-defined]  # a generator
    assert len(server.mails) == 1
    assert send(server, THREE[1:]) == ["sent"] * 2 and server.connections == 2


@pytest.mark.parametrize(
    ("typed", "sent_to"),
    [
        ("jane@bücher.example", "jane@xn--bcher-kva.example"),
        ("Jane.Doe+aws@EXAMPLE.com", "Jane.Doe+aws@example.com"),
        ("jörg@bücher.example", "jörg@xn--bcher-kva.example"),
    ],
)
def test_addresses_with_other_letters(typed: str, sent_to: str) -> None:
    with mail_server(enable_SMTPUTF8=True) as server:
        assert send(server, [message(1, typed)]) == ["sent"]
        assert server.mails[0].recipients == [sent_to]
        assert str(server.mails[0].message["To"]) == sent_to
        assert ("SMTPUTF8" in server.mails[0].options) is (not sent_to.isascii())
        assert send(server, [message(1, "jane@example.com")]) == ["sent"]


def test_letters_that_a_server_does_not_support_are_refused(server: MailServer) -> None:
    messages = [message(1, "jörg@example.com"), message(2)]
    assert send(server, messages) == ["refused address-needs-smtputf8", "sent"]


@pytest.mark.parametrize(
    "address",
    [
        "jane", "@example.com", "jane@", "jane doe@example.com", "jane@exa mple.com", "jane,eve@example.com",
        "jane@example.com\r\nRCPT TO:<eve@x>", "=?utf-8?q?=0D=0ABcc=3A_a?=@example.com",
        "jane@example.com>\nBcc: eve@example.com", "jane@-x.example", "a" * 65 + "@example.com",
        "<jane@example.com>", "jane@example..com", "ja\u202ene@example.com", '"jane"@example.com', "jane@\ud800.com",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_asking(server: MailServer, address: str) -> None:
    assert send(server, [message(1)._replace(to=address)]) == ["refused address-invalid"]
    assert server.connections == 0


@pytest.mark.parametrize(
    "name",
    [
        "eve\r\nBcc: all@example.com", "eve\nX-Evil: 1\n\nbody", "eve\u2028Bcc: a@example.com", "eve\x00\x1b[31m",
        "\u202eevil\u202c", "=?utf-8?q?=0D=0ABcc:_a=40example.com?=", "🔑" * 80, "x" * 5000, "\ud800",
    ],
)  # fmt: skip
def test_a_name_adds_no_header(server: MailServer, name: str) -> None:
    hostile = message(1, user=name, name=name)._replace(subject=f"For {name}")
    options = smtp_options(server.port)
    channel = SmtpChannel(options.__class__(**{**options.__dict__, "sender_name": name}))
    assert told(channel.send_many([hostile, message(1)])) == ["sent", "sent"]
    got, plain = (mail.message for mail in server.mails)
    assert sorted(got.keys()) == sorted(plain.keys())
    assert all(len(got.get_all(header, [])) == 1 for header in got)
    assert server.mails[0].recipients == ["user1@example.com"] and not got.defects
    assert got["From"].addresses[0].addr_spec == "latchkey@example.com"
    assert max(map(len, server.mails[0].raw.splitlines())) <= 998  # RFC 5322, 2.1.1
