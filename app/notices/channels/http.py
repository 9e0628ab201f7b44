"""Posting JSON to the address of a webhook, over one connection.

Uses Python's own client because it follows no redirects and sends no cookies or passwords.
"""

from __future__ import annotations

import base64
import ipaddress
import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection, RemoteDisconnected
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import idna

from app.notices.channels.time_limit import TimeLimit
from app.notices.messages import Message, Outcome, Refused, Sent, TryLater

log = logging.getLogger(__name__)

PATIENCE_S = 10.0
"""How long the server may take to accept the connection, and for each part of its answer."""
AT_MOST_S = 25.0
"""The time limit of a message."""
READ_AT_MOST = 16 * 1024
"""Bytes to read of an answer. After a longer one, the connection is closed."""
LONGEST_PAUSE_S = 24 * 3600.0
"""The longest time that a Retry-After counts for."""
FOR_GOOD = frozenset({400, 410, 413, 422})
"""Statuses after which a message isn't sent again."""
TOO_MANY = frozenset({429, 503})
"""Statuses with which a server asks for a pause."""
STALE = (RemoteDisconnected, ConnectionResetError, BrokenPipeError)
"""Errors of a connection that the server closed after the last message."""


@dataclass(frozen=True)
class HttpOptions:
    """Where messages are posted, and how."""

    url: str = field(repr=False)
    """Not shown, because anyone with an address of Slack or Teams can post."""
    ca_file: str = ""
    private_addresses: bool = False
    """May the host name resolve to an address that isn't public?"""
    user_agent: str = "Latchkey"
    patience_s: float = PATIENCE_S
    at_most_s: float = AT_MOST_S

    @classmethod
    def of(cls, settings: Mapping[str, Any], url: str) -> HttpOptions:
        """Return what the settings say."""
        return cls(url, settings["NOTICES_CA_FILE"], settings["NOTICES_PRIVATE_ADDRESSES"] == "1")


class Post(NamedTuple):
    """What is posted: JSON, and headers for it."""

    body: bytes
    headers: Mapping[str, str]


class PrivateAddress(Exception):
    """The host name resolves to an address that isn't public."""


_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""An IPv4 address behind a translator (RFC 6052)."""
_IPV4_COMPATIBLE = ipaddress.ip_network("::/96")
"""RFC 4291, 2.5.5.1: not in use any more."""


def is_public(address: str) -> bool:
    """Is it an address of the public internet?"""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if leads_to := ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]:
            return is_public(str(leads_to))
        if ip in _IPV4_COMPATIBLE:
            return False
    return ip.is_global and not ip.is_multicast


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _proxy_login(proxy: SplitResult) -> dict[str, str]:
    """Return the header with the user name and password in the address of a proxy, if it has them."""
    if proxy.username is None:
        return {}
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(login).decode()}"}


class _Line:
    """The connection, opened when it is first needed."""

    def __init__(self, options: HttpOptions) -> None:
        self._options = options
        self._url = urlsplit(options.url)
        host = self._url.hostname or ""
        self._host = host if host.isascii() else idna.encode(host, uts46=True).decode()
        self._target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        self._connection: HTTPConnection | None = None
        self.used = False
        """Was a message sent on this connection?"""
        self.is_open = False
        """Was the server reached?"""

    def _port(self) -> int:
        return self._url.port or (443 if self._url.scheme == "https" else 80)

    def _proxy(self) -> SplitResult | None:
        """Return the proxy of the environment, as other programs use it (HTTPS_PROXY, NO_PROXY).

        Without https, the address is one of this machine.
        """
        named = getproxies_environment().get("https", "")
        if not named or self._url.scheme != "https" or proxy_bypass(self._host):
            return None
        return urlsplit(named if "://" in named else f"http://{named}")

    def _open(self) -> HTTPConnection:
        patience, proxy = self._options.patience_s, self._proxy()
        host, port = (proxy.hostname or "", proxy.port or 80) if proxy else (self._host, self._port())
        if self._url.scheme == "https":
            context = ssl.create_default_context()
            if self._options.ca_file:
                context.load_verify_locations(self._options.ca_file)
            connection: HTTPConnection = HTTPSConnection(host, port, timeout=patience, context=context)
        else:
            connection = HTTPConnection(host, port, timeout=patience)
        self._connection, self.used, self.is_open = connection, False, False
        if proxy:
            connection.set_tunnel(self._host, self._port(), _proxy_login(proxy))
        connection.connect()
        if not proxy and not _is_ip(self._host):
            self._check_peer(connection)
        self.is_open = True
        return connection

    def _check_peer(self, connection: HTTPConnection) -> None:
        """Check the address of the open connection, because a second DNS lookup could return another one."""
        if not self._options.private_addresses and not is_public(connection.sock.getpeername()[0]):
            raise PrivateAddress

    def post(self, post: Post) -> tuple[int, str | None]:
        """Post, and return status and Retry-After of the answer. Raises OSError, HTTPException, PrivateAddress."""
        connection = self._connection or self._open()
        connection.request("POST", self._target, post.body, self._headers(post))
        with connection.getresponse() as answer:
            try:
                answer.read(READ_AT_MOST)
                whole = answer.isclosed()
            except (OSError, HTTPException):  # the status is the answer, whatever happens to the rest
                whole = False
            if not whole:
                self.close()
            self.used = whole and connection.sock is not None
            return answer.status, answer.headers["Retry-After"]

    def _headers(self, post: Post) -> dict[str, str]:
        return {"Content-Type": "application/json", "User-Agent": self._options.user_agent, **post.headers}

    def abort(self) -> None:
        """End the connection while another thread uses it."""
        sock = self._connection.sock if self._connection else None
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self.used, self.is_open = None, False, False


def _code_of(error: Exception) -> str:
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (PrivateAddress, "private-address"),
        (TimeoutError, "timed-out"),
        (ssl.SSLCertVerificationError, "certificate-not-trusted"),
        (ssl.SSLError, "no-tls"),
        (socket.gaierror, "host-unknown"),
        (RemoteDisconnected, "closed"),
        (ConnectionResetError, "closed"),
        (BrokenPipeError, "closed"),
        (HTTPException, "not-http"),
    )
    return next((code for kind, code in kinds if isinstance(error, kind)), "not-reached")


def pause(retry_after: str | None) -> float | None:
    """Return how many seconds a Retry-After asks to wait (RFC 9110, 10.2.3), None if it says nothing useful."""
    text = (retry_after or "").strip()
    if text.isdecimal() and text.isascii():
        return min(float(text[:9]), LONGEST_PAUSE_S)
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), LONGEST_PAUSE_S)


def post_each(
    options: HttpOptions, messages: Iterable[Message], make: Callable[[Message], Post]
) -> Iterator[Outcome]:
    """Post each message and yield its outcome, as `Channel.send_many` does. make: returns the post for a message."""
    line = _Line(options)
    limit = TimeLimit(line.abort, options.at_most_s)
    rest: TryLater | None = None
    try:
        for message in messages:
            if rest is not None:
                yield rest
                continue
            post = make(message)
            try:
                with limit.begun():
                    status, after = _post_again(line, post, limit)
            except (OSError, HTTPException, PrivateAddress, ValueError) as error:
                rest = TryLater(code="timed-out" if limit.ended else _code_of(error), channel_down=True)
                log.info("a webhook can't be posted to: %s", rest.code)
                # Once the connection is open, the message itself may be what the server can't deal with.
                outcome: Outcome = rest._replace(channel_down=not line.is_open)
                line.close()
                yield outcome
                continue
            outcome = _outcome(status, after)
            if isinstance(outcome, TryLater) and status in TOO_MANY:
                rest = outcome._replace(answered=False)
            yield outcome
    finally:
        limit.close()
        line.close()


def _post_again(line: _Line, post: Post, limit: TimeLimit) -> tuple[int, str | None]:
    """Post, once more if the server has closed the connection after an earlier message."""
    was_used = line.used
    try:
        return line.post(post)
    except STALE:
        if not was_used or limit.ended:
            raise
        line.close()
        return line.post(post)


def _outcome(status: int, after: str | None) -> Outcome:
    if 200 <= status <= 299:
        return Sent()
    code = f"http-{status}"
    if status in FOR_GOOD:
        return Refused(code)
    # There is one address, so any other message would have got this answer: the server is down, or a setting is
    # wrong. That is no fault of this message, unless it continues for days (LONGEST_ANSWERED_WITH_ERRORS in
    # `app.notices.claims`).
    return TryLater(pause(after), code, channel_down=True, answered=True)
