"""`python -m bench._flood PORT ADDRESS RATE`: a stranger who floods the portal from ADDRESS until told to end.

RATE requests a second, whether or not earlier ones were answered, up to UNANSWERED of them. By turns they are the
sign-in page, the strength of a password, and the upload of an SSH key; the latter two have the cookie and token that
come as JSON on standard input. Prints the statuses as JSON at the end.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections import Counter
from urllib.parse import urlencode

import uvloop

UNANSWERED = 200
_LONGEST_PASSWORD = "iiii" * 32
_BODY = 200_000


def _requests(port: int, cookie: str, token: str) -> list[bytes]:
    """What is sent, by turns."""
    head = f"HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nOrigin: http://127.0.0.1:{port}\r\n"
    sent = [f"GET /sign-in?next=/{'a' * 500} {head}User-Agent: {'a' * 256}\r\n\r\n".encode()]
    forms = (("/password/strength", {"new": _LONGEST_PASSWORD}), ("/ssh-keys/new", {"pasted": "A" * _BODY}))
    for path, fields in forms:
        body = urlencode({"csrf_token": token, **fields})
        typed = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        sent.append(f"POST {path} {head}Cookie: {cookie}\r\n{typed}\r\n{body}".encode())
    return sent


async def _ask(port: int, address: str, request: bytes, statuses: Counter[str]) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket() as connection:
        connection.setblocking(False)
        connection.bind((address, 0))
        try:
            await loop.sock_connect(connection, ("127.0.0.1", port))
            await loop.sock_sendall(connection, request)
            answer = await loop.sock_recv(connection, 1 << 16)
            while await loop.sock_recv(connection, 1 << 16):
                pass
        except OSError:
            answer = b"HTTP/1.1 broken "
    statuses[answer[9:12].decode()] += 1


async def _flood(port: int, address: str, rate: float, requests: list[bytes]) -> Counter[str]:
    statuses: Counter[str] = Counter()
    ended = asyncio.Event()
    under_way: set[asyncio.Future[None]] = set()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    number = 0
    while not ended.is_set():
        if len(under_way) < UNANSWERED:
            asked = asyncio.ensure_future(_ask(port, address, requests[number % len(requests)], statuses))
            under_way.add(asked)
            asked.add_done_callback(under_way.discard)
            number += 1
        await asyncio.sleep(1 / rate)
    return statuses


if __name__ == "__main__":
    _cookie, _token = json.load(sys.stdin)
    _port, _rate = int(sys.argv[1]), float(sys.argv[3])
    print(json.dumps(uvloop.run(_flood(_port, sys.argv[2], _rate, _requests(_port, _cookie, _token)))))
