"""`python -m bench._people PORT PAGES`: people who open the overview at the same time; a process of its own.

Their cookies come as JSON on standard input; prints JSON: page_s, the median of a page, and pages_per_s of all
together. Costs next to nothing itself: what the people take, the workers beside them lack.
"""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import sys
import time

import uvloop


async def _page(port: int, request: bytes) -> float:
    """Seconds of one page, over a connection of its own, as from a proxy: a kept one stays with one worker."""
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    with socket.socket() as connection:
        connection.setblocking(False)
        await loop.sock_connect(connection, ("127.0.0.1", port))
        await loop.sock_sendall(connection, request)
        answer = b""
        while more := await loop.sock_recv(connection, 1 << 16):
            answer += more
    taken = time.perf_counter() - start
    if not answer.startswith(b"HTTP/1.1 200 ") or b"Hello" not in answer:
        raise RuntimeError(f"not the page: {answer[:300]!r}")
    return taken


async def _person(port: int, cookie: str, pages: int) -> list[float]:
    request = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode()
    return [await _page(port, request) for _ in range(pages)]


async def _all(port: int, cookies: list[str], pages: int) -> list[float]:
    found = await asyncio.gather(*(_person(port, cookie, pages) for cookie in cookies))
    return [each for times in found for each in times]


if __name__ == "__main__":
    _port, _pages = map(int, sys.argv[1:])
    _cookies = json.load(sys.stdin)
    _start = time.perf_counter()
    _times = uvloop.run(_all(_port, _cookies, _pages))
    _took = time.perf_counter() - _start
    print(json.dumps({"page_s": statistics.median(_times), "pages_per_s": len(_times) / _took}))
