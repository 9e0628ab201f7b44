"""One unsigned request, and what can be seen around it: addresses, the certificate, the clock of the server."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID

PATIENCE_S = 5
LARGEST = 8192
"""Bytes of an answer that are read, if no other number is asked for."""


@dataclass(frozen=True)
class Certificate:
    """Of the server, as far as it matters here."""

    issuer: str
    ends: datetime


@dataclass(frozen=True)
class Answer:
    """What came of it. error: why there is no answer, "" where there is one."""

    error: str = ""
    untrusted: str = ""
    """Why the certificate isn't trusted, "" where it is."""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    local: str = ""
    """Our address on the connection."""
    peer: str = ""
    """The address we are connected to: the server's, or the proxy's."""
    certificate: Certificate | None = None
    seconds_ahead: float | None = None
    """By how much the server's clock is ahead of ours, None if it doesn't say."""
    proven: bool = False
    """A portal with our SECRET_KEY gave this answer (`app.doctor.public.ask_portal`)."""


def ask(
    url: str,
    headers: Mapping[str, str] | None = None,
    *,
    ca_file: str | None = None,
    proxy: str = "",
    path: str = "/",
    most: int = LARGEST,
) -> Answer:
    """Send GET without a signature, and follow no redirect. url: only its scheme, host and port are used.

    ca_file: PEM with the authorities to trust, else the system's. proxy: URL of a proxy to go through, "" for none.
    most: bytes of the answer to read.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        trusted = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        return Answer(error=f"the file of certificate authorities can’t be read: {error.strerror}")
    try:
        return _asked(_connection(parts.scheme, host, port, proxy, trusted), path, dict(headers or {}), most)
    except ssl.SSLCertVerificationError as error:
        whatever = ssl.create_default_context()
        whatever.check_hostname, whatever.verify_mode = False, ssl.CERT_NONE  # only to name who issued it
        return Answer(untrusted=error.verify_message, certificate=_issued(parts.scheme, host, port, proxy, whatever))
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer(error=_why(error))


def _why(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "its name isn’t known to the name server"
    if isinstance(error, TimeoutError):
        return f"no answer within {PATIENCE_S} seconds"
    return (error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__).lower()


def _connection(scheme: str, host: str, port: int, proxy: str, context: ssl.SSLContext) -> http.client.HTTPConnection:
    via = urlsplit(proxy if "//" in proxy else f"//{proxy}") if proxy else None
    at = (via.hostname or "", via.port or 8080) if via else (host, port)
    if scheme != "https":
        return http.client.HTTPConnection(*at, timeout=PATIENCE_S)
    made = http.client.HTTPSConnection(*at, timeout=PATIENCE_S, context=context)
    if via:
        made.set_tunnel(host, port)
    return made


def _asked(connection: http.client.HTTPConnection, path: str, headers: dict[str, str], most: int) -> Answer:
    with closing(connection):
        connection.connect()
        local, peer = connection.sock.getsockname()[0], connection.sock.getpeername()[0]
        der = connection.sock.getpeercert(True) if isinstance(connection.sock, ssl.SSLSocket) else None
        before = time.time()
        connection.request("GET", path, headers={"Connection": "close", "User-Agent": "latchkey-doctor", **headers})
        got = connection.getresponse()
        after = time.time()
        response_headers = {name.lower(): value for name, value in got.getheaders()}
        ahead = _ahead(response_headers.get("date", ""), (before + after) / 2)
        return Answer("", "", got.status, response_headers, got.read(most), local, peer, _certificate(der), ahead)


def _ahead(date: str, now: float) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() - now if date else None
    except ValueError:
        return None


def _issued(scheme: str, host: str, port: int, proxy: str, context: ssl.SSLContext) -> Certificate | None:
    connection = _connection(scheme, host, port, proxy, context)
    with closing(connection):
        try:
            connection.connect()
        except (OSError, http.client.HTTPException):
            return None
        return _certificate(connection.sock.getpeercert(True) if isinstance(connection.sock, ssl.SSLSocket) else None)


def _certificate(der: bytes | None) -> Certificate | None:
    if not der:
        return None
    try:
        read = x509.load_der_x509_certificate(der)
        names = [
            str(each.value)
            for kind in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
            for each in read.issuer.get_attributes_for_oid(kind)
        ]
    except ValueError:
        return None
    issuer = "".join(char for char in ", ".join(names)[:120] if char.isprintable())
    return Certificate(issuer or "nobody named", read.not_valid_after_utc.astimezone(UTC))
