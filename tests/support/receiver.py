"""An HTTP server on loopback that answers, hangs, resets or lies, as a test tells it."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

Behaviour = Callable[[socket.socket, Event], bool]
"""Answers a request. The event is set when the test ends. Returns whether the connection stays open."""


@dataclass
class Request:
    """What came."""

    target: str
    headers: dict[str, str]
    """By name in small letters."""
    body: bytes
    connection: int


@dataclass
class Receiver:
    """What it does, and what it saw."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    answers: list[Behaviour] = field(default_factory=list)
    """One for each request, then 204 for all others."""
    over: Event = field(default_factory=Event)

    def serve(self, connection: socket.socket, number: int) -> None:
        """Read and answer requests until the connection ends."""
        with connection, suppress(OSError):
            stream = connection.makefile("rb")
            while line := stream.readline():
                if b" HTTP/1." not in line:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    return
                headers = {}
                while (header := stream.readline().strip()) != b"":
                    name, _, value = header.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = stream.read(int(headers.get("content-length", "0")))
                self.requests.append(Request(line.split()[1].decode(), headers, body, number))
                behave = self.answers.pop(0) if self.answers else answer(204)
                if not behave(connection, self.over):
                    return


def answer(status: int, body: bytes = b"", stay: bool = True, **headers: str) -> Behaviour:
    """Answer in good order. headers: with underscores in place of hyphens."""
    lines = [f"HTTP/1.1 {status} Something", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    raw = "\r\n".join([*lines, "", ""]).encode() + body

    def behave(connection: socket.socket, _: Event) -> bool:
        connection.sendall(raw)
        return stay

    return behave


def hang(connection: socket.socket, over: Event) -> bool:
    """Say nothing."""
    over.wait(60)
    return False


def reset(connection: socket.socket, _: Event) -> bool:
    """Break the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    return False


def close(connection: socket.socket, _: Event) -> bool:
    """Close the connection without an answer."""
    connection.shutdown(socket.SHUT_RDWR)
    return False


def dribble(begin: bytes) -> Behaviour:
    """Answer so slowly that it never ends. begin: what comes at once."""

    def behave(connection: socket.socket, over: Event) -> bool:
        connection.sendall(begin)
        with suppress(OSError):
            while not over.wait(0.02):
                connection.sendall(b"x")
        return False

    return behave


def garbage(connection: socket.socket, _: Event) -> bool:
    """Answer with something else than HTTP."""
    connection.sendall(b"220 mail.test ESMTP\r\n")
    connection.shutdown(socket.SHUT_WR)
    return False


def endless(connection: socket.socket, over: Event) -> bool:
    """Answer with a body that never ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    with suppress(OSError):
        while not over.is_set():
            connection.sendall(b"x" * 65536)
    return False


def tunnel(port: int) -> Behaviour:
    """Be a proxy: connect to a port of this machine, whatever was asked for, and pass on what comes."""

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while content := source.recv(65536):
                target.sendall(content)
            target.shutdown(socket.SHUT_WR)

    def behave(connection: socket.socket, _: Event) -> bool:
        with socket.create_connection(("127.0.0.1", port)) as there:
            connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = Thread(target=pump, args=(there, connection), daemon=True)
            back.start()
            pump(connection, there)
            back.join()
        return False

    return behave


@contextmanager
def receiver(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run one."""
    listening = socket.create_server(("127.0.0.1", 0))
    running = Receiver(port=listening.getsockname()[1])

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return  # the test is over
            running.connections += 1
            Thread(target=_serve, args=(running, connection, running.connections, tls), daemon=True).start()

    thread = Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def _serve(running: Receiver, connection: socket.socket, number: int, tls: ssl.SSLContext | None) -> None:
    if tls:
        try:
            connection = tls.wrap_socket(connection, server_side=True)
        except OSError:  # the client didn't like the certificate
            connection.close()
            return
    running.serve(connection, number)
