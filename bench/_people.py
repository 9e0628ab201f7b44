"""`python -m bench._people PORT PAGES [NETWORK]`: people who open the overview at the same time, in one process.

Each comes from an address of their own where NETWORK is given, like 127.0.1. Their cookies come as JSON on standard
input; prints JSON: page_s, the median of a page, p95_s, and pages_per_s of all together. Any answer but the page ends
it with an error. Costs next to nothing itself: what the people take, the workers beside them lack.
"""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import sys
import time

import uvloop


async def _page(port: int, request: bytes, address: str) -> float:
    """Seconds of one page, over a connection of its own, as from a proxy: a kept one stays with one worker.

    address: where the connection comes from.
    """
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    with socket.socket() as connection:
        connection.setblocking(False)
        connection.bind((address, 0))
        await loop.sock_connect(connection, ("127.0.0.1", port))
        await loop.sock_sendall(connection, request)
        answer = b""
        while more := await loop.sock_recv(connection, 1 << 16):
            answer += more
    taken = time.perf_counter() - start
    if not answer.startswith(b"HTTP/1.1 200 ") or b"Hello" not in answer:
        raise RuntimeError(f"not the page: {answer[:300]!r}")
    return taken


async def _person(port: int, cookie: str, pages: int, address: str) -> list[float]:
    request = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode()
    return [await _page(port, request, address) for _ in range(pages)]


async def _all(port: int, cookies: list[str], pages: int, network: str) -> list[float]:
    addresses = [f"{network}.{number}" if network else "127.0.0.1" for number in range(1, len(cookies) + 1)]
    people = zip(cookies, addresses, strict=True)
    found = await asyncio.gather(*(_person(port, cookie, pages, address) for cookie, address in people))
    return [each for times in found for each in times]


if __name__ == "__main__":
    _port, _pages = map(int, sys.argv[1:3])
    _cookies = json.load(sys.stdin)
    _start = time.perf_counter()
    _times = uvloop.run(_all(_port, _cookies, _pages, "".join(sys.argv[3:])))
    _took = time.perf_counter() - _start
    _p95 = statistics.quantiles(_times, n=20)[-1] if len(_times) > 1 else _times[0]
    print(json.dumps({"page_s": statistics.median(_times), "p95_s": _p95, "pages_per_s": len(_times) / _took}))
