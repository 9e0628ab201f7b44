"""Mail through an SMTP server (RFC 5321): one connection for all messages of a call."""

from __future__ import annotations

import logging
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from app.notices.channels.mail import as_mail
from app.notices.channels.time_limit import TimeLimit
from app.notices.mail_address import MailAddress, mail_address
from app.notices.messages import Channel, Message, Outcome, Refused, Sent, TryLater

log = logging.getLogger(__name__)
Result = TypeVar("Result")

PATIENCE_S = 20.0
"""How long the server may take for each of its answers."""
AT_MOST_S = 28.0
"""The time limit of a message, including opening the connection."""
GOODBYE_S = 2.0
OK, FORWARDED, UNAVAILABLE = 250, 251, 421
PORTS = {"starttls": 587, "tls": 465, "plain": 25, "plain-on-network": 25}
"""The port if SMTP_SERVER has none, by SMTP_SECURITY."""


@dataclass(frozen=True)
class SmtpOptions:
    """Where the server is, and how to talk to it."""

    host: str
    port: int
    security: str
    """A key of PORTS."""
    sender: MailAddress
    sender_name: str
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    own_name: str = "localhost"
    """What the portal calls itself in EHLO: looking up the machine's own name could take long."""
    patience_s: float = PATIENCE_S
    at_most_s: float = AT_MOST_S

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> SmtpOptions:
        """Return what the settings say. SMTP_SERVER must be set."""
        host, port = settings["SMTP_SERVER"]
        security = settings["SMTP_SECURITY"]
        name, sender = settings["SMTP_FROM"]
        return cls(
            host,
            port or PORTS[security],
            security,
            sender,
            name or settings["BRAND_NAME"],
            settings["SMTP_USER"],
            settings["SMTP_PASSWORD"],
            settings["NOTICES_CA_FILE"],
            urlsplit(settings["PUBLIC_URL"]).hostname or "localhost",
        )


class _Failed(Exception):
    """The connection can't be opened or used."""

    def __init__(self, code: str, *, under_way: bool = False) -> None:
        """under_way: the server already had the recipient, so the message may be the reason."""
        super().__init__(code)
        self.code, self.under_way = code, under_way


def _code_of(error: Exception) -> str:
    """Return the code of a network error. smtplib wraps those of a broken connection, so their cause counts too."""
    cause = error.__context__ if isinstance(error, smtplib.SMTPServerDisconnected) else None
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (TimeoutError, "timed-out"),
        (ssl.SSLCertVerificationError, "certificate-not-trusted"),
        (ssl.SSLError, "no-tls"),
        (socket.gaierror, "host-unknown"),
        (smtplib.SMTPServerDisconnected, "closed"),
        (ConnectionResetError, "closed"),
        (BrokenPipeError, "closed"),
    )
    for seen in (cause, error):
        for kind, code in kinds:
            if isinstance(seen, kind):
                return code
    return "not-reached"


class _Early:
    """Passes on the connection before it is open, so that opening it can be aborted."""

    def __init__(self, seen: Callable[[Any], None], **options: Any) -> None:
        self.sock: socket.socket | None = None
        seen(self)
        super().__init__(**options)


class _Smtp(_Early, smtplib.SMTP):
    """Without TLS, or with STARTTLS."""


class _SmtpOverTls(_Early, smtplib.SMTP_SSL):
    """With TLS from the start."""


class _Connection:
    """A connection, opened when it is first needed."""

    def __init__(self, options: SmtpOptions) -> None:
        self._options = options
        self._server: smtplib.SMTP | None = None
        self._opening: smtplib.SMTP | None = None
        self.sent = 0
        """Messages that the server accepted on the open connection."""

    def server(self) -> smtplib.SMTP:
        """Return the open connection. Raises _Failed."""
        if self._server is None:
            self._server = self._open()
            self.sent = 0
        return self._server

    def _open(self) -> smtplib.SMTP:
        server = self._try(None, "not-smtp", self._connect)
        if self._options.security == "starttls":
            self._try(server, "no-starttls", lambda: server.starttls(context=self._tls()))
            self._try(server, "not-smtp", server.ehlo_or_helo_if_needed)
        if self._options.user:
            self._try(server, "no-login", lambda: server.login(self._options.user, self._options.password))
        return server

    def _try(self, server: smtplib.SMTP | None, otherwise: str, step: Callable[[], Result]) -> Result:
        """Do a step of opening the connection. otherwise: the code if the server can't do it. Raises _Failed."""
        try:
            return step()
        except (OSError, ValueError) as error:  # ValueError: a name with letters that TLS can't ask for
            self._drop(server)
            if isinstance(error, smtplib.SMTPAuthenticationError):
                raise _Failed("login-refused") from error
            if isinstance(error, smtplib.SMTPResponseException):
                raise _Failed(_numbered("server", error.smtp_code)) from error
            if isinstance(error, smtplib.SMTPException) and not isinstance(error, smtplib.SMTPServerDisconnected):
                raise _Failed(otherwise) from error
            raise _Failed(_code_of(error)) from error

    def _connect(self) -> smtplib.SMTP:
        options = self._options
        where = {"host": options.host, "port": options.port, "local_hostname": options.own_name}
        server: smtplib.SMTP
        if options.security == "tls":
            server = _SmtpOverTls(self._seen, timeout=options.patience_s, context=self._tls(), **where)
        else:
            server = _Smtp(self._seen, timeout=options.patience_s, **where)
        server.ehlo_or_helo_if_needed()
        return server

    def _seen(self, server: smtplib.SMTP) -> None:
        self._opening = server

    def abort(self) -> None:
        """End the connection while another thread uses it, or opens it."""
        server = self._server or self._opening
        sock = server.sock if server else None
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._options.ca_file:
            context.load_verify_locations(self._options.ca_file)
        return context

    @staticmethod
    def _drop(server: smtplib.SMTP | None) -> None:
        if server is not None:
            server.close()

    def drop(self) -> None:
        """Close the connection without QUIT, because it can't be used any more."""
        self._drop(self._server)
        self._server = None

    def close(self) -> None:
        """Send QUIT, and close the connection."""
        if self._server is not None:
            with suppress(OSError):  # the messages are through, whatever the server says now
                if self._server.sock:
                    self._server.sock.settimeout(min(GOODBYE_S, self._options.patience_s))
                self._server.quit()
        self.drop()


def _numbered(what: str, code: int) -> str:
    return f"{what}-{code}" if 100 <= code <= 999 else "not-smtp"


class SmtpChannel(Channel):
    """Sends notices as mails."""

    name = "mail"

    def __init__(self, options: SmtpOptions) -> None:
        self._options = options

    def prepare(self, message: Message) -> Message:
        """Return it with its mail."""
        to = mail_address(message.to)
        return message if to is None else message._replace(prepared=self._mail(message, to))

    def _mail(self, message: Message, to: MailAddress) -> bytes:
        return message.prepared or as_mail(message, to, self._options.sender, self._options.sender_name)

    def send_many(self, messages: Iterable[Message]) -> Iterator[Outcome]:
        """Send each, and yield what happened to it (`Channel.send_many`)."""
        connection = _Connection(self._options)
        limit = TimeLimit(connection.abort, self._options.at_most_s)
        broken = ""
        try:
            for message in messages:
                to = mail_address(message.to)
                if to is None:
                    yield Refused("address-invalid")
                elif broken:
                    yield TryLater(code=broken, channel_down=True)
                else:
                    try:
                        with limit.begun():
                            outcome = self._send(connection, message, to)
                    except _Failed as failed:
                        broken = "timed-out" if limit.ended else failed.code
                        log.info("mails can't be sent: %s", broken)
                        outcome = TryLater(code=broken, channel_down=not failed.under_way)
                    yield outcome
        finally:
            with limit.begun():
                connection.close()
            limit.close()

    def _send(self, connection: _Connection, message: Message, to: MailAddress) -> Outcome:
        """Send one. Raises _Failed if the next one couldn't be sent either."""
        while True:
            server = connection.server()
            if to.needs_utf8 and not server.has_extn("smtputf8"):
                return Refused("address-needs-smtputf8")
            named = False
            try:
                refused: TryLater | Refused | None = self._sender(server, to)
                if refused is None:
                    named = True
                    refused = self._recipient(server, to)
            except OSError as error:
                # If the server closes the connection after some messages, open a new one.
                code, sent = _code_of(error), connection.sent
                connection.drop()
                if code != "closed" or not sent:
                    raise _Failed(code, under_way=named) from error
                continue
            if refused is None:
                return self._content(connection, message, to)
            if refused.code.endswith(str(UNAVAILABLE)):  # the server is about to close the connection
                sent = connection.sent
                connection.drop()
                if sent:
                    continue
                raise _Failed(refused.code)
            with suppress(OSError):  # the next message finds the connection broken
                server.rset()
            return refused

    def _sender(self, server: smtplib.SMTP, to: MailAddress) -> TryLater | None:
        """Announce the sender. None if the server takes it. Raises OSError if the connection breaks."""
        options = " BODY=8BITMIME" if server.has_extn("8bitmime") else ""
        if to.needs_utf8:
            options += " SMTPUTF8"
            server.command_encoding = "utf-8"
        # smtplib's own method would read the address again, which takes as long as to send this.
        code, _ = server.docmd("MAIL", f"FROM:<{self._options.sender}>{options}")
        if code != OK:
            # a setting to correct, no fault of this mail
            return TryLater(code=_numbered("sender", code), channel_down=True)
        return None

    @staticmethod
    def _recipient(server: smtplib.SMTP, to: MailAddress) -> TryLater | Refused | None:
        """Announce the recipient. None if the server takes it. Raises OSError if the connection breaks."""
        code, _ = server.docmd("RCPT", f"TO:<{to}>")
        if code in (OK, FORWARDED):
            return None
        why = _numbered("recipient", code)
        return Refused(why) if 500 <= code <= 599 else TryLater(code=why)

    def _content(self, connection: _Connection, message: Message, to: MailAddress) -> Outcome:
        """Send the mail itself. If the connection breaks, it isn't known whether the server accepted it.

        Raises _Failed if the next one couldn't be sent either.
        """
        server = connection.server()
        try:
            code, _ = server.data(self._mail(message, to))
        except smtplib.SMTPDataError as error:
            code = error.smtp_code
        except OSError as error:
            code_of_it, sent = _code_of(error), connection.sent
            connection.drop()
            if code_of_it == "closed" and sent:  # the next one may get a new connection
                return TryLater(code=code_of_it)
            raise _Failed(code_of_it, under_way=True) from error
        if code == OK:
            connection.sent += 1
            return Sent()
        if code == UNAVAILABLE:
            connection.drop()
        else:
            with suppress(OSError):
                server.rset()
        why = _numbered("content", code)
        return Refused(why) if 500 <= code <= 599 else TryLater(code=why)
