"""A real SMTP server on loopback (aiosmtpd) that can be told to misbehave."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from threading import Thread
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

OK = "250 OK"
HANGS = "hangs"
"""In place of a reply: the server says nothing more."""
RESETS = "resets"
"""The server breaks the connection."""
CLOSES = "closes"
"""The server takes the mail, then closes the connection in good order."""


@dataclass
class Mail:
    """What the server took."""

    sender: str
    recipients: list[str]
    raw: bytes
    options: list[str]
    connection: int
    encrypted: bool

    @property
    def message(self) -> EmailMessage:
        """The mail, as a mail program reads it."""
        read = BytesParser(policy=default).parsebytes(self.raw)
        assert isinstance(read, EmailMessage)
        return read


@dataclass
class MailServer:
    """What it does, and what it saw."""

    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    connections: int = 0
    logins: list[tuple[str, str, bool]] = field(default_factory=list)
    """User name, password, and whether the connection was encrypted."""
    at_sender: Callable[[str], str] = lambda _: OK
    at_recipient: Callable[[str], str] = lambda _: OK
    at_content: Callable[[bytes], str] = lambda _: OK
    password: str = "right"

    async def _reply(self, server: SMTP, reply: str) -> str:
        transport: Any = server.transport
        if reply == HANGS:
            await asyncio.Event().wait()
        if reply == RESETS:
            transport.abort()
            return ""
        if reply.startswith(CLOSES):
            await server.push(OK)
            transport.close()
            return OK
        return reply

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Count connections: after STARTTLS, clients greet again."""
        session.host_name = hostname
        if not hasattr(session, "number"):
            self.connections += 1
            session.number = self.connections  # type: ignore[attr-defined]  # ours
        return responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer to the sender."""
        envelope.mail_from, envelope.mail_options = address, options
        return await self._reply(server, self.at_sender(address))

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer to a recipient."""
        reply = await self._reply(server, self.at_recipient(address))
        if reply == OK:
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the mail, and answer to it."""
        raw = envelope.content
        assert isinstance(raw, bytes)
        reply = self.at_content(raw)
        if reply.startswith((OK, CLOSES)):
            options = [str(option) for option in envelope.mail_options]
            number: int = session.number  # type: ignore[attr-defined]  # ours
            mail = Mail(str(envelope.mail_from), envelope.rcpt_tos, raw, options, number, _is_encrypted(server))
            self.mails.append(mail)
        return await self._reply(server, reply)

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any
    ) -> AuthResult:
        """Check a login."""
        assert isinstance(given, LoginPassword)
        self.logins.append((given.login.decode(), given.password.decode(), _is_encrypted(server)))
        return AuthResult(success=given.password.decode() == self.password, handled=False)


def _is_encrypted(server: SMTP) -> bool:
    transport: Any = server.transport
    return transport.get_extra_info("ssl_object") is not None


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None, *, implicit: bool = False, **options: Any) -> Iterator[MailServer]:
    """Run a server. tls: its certificate, for STARTTLS, or from the start if implicit. options: aiosmtpd's."""
    handler = MailServer()
    loop = asyncio.new_event_loop()

    def protocol() -> SMTP:
        starttls = None if implicit else tls
        return SMTP(
            handler,
            hostname="mail.test",
            tls_context=starttls,
            authenticator=handler.authenticate,
            loop=loop,
            **options,
        )

    server = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0, ssl=tls if implicit else None))
    handler.port = server.sockets[0].getsockname()[1]
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield handler
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
