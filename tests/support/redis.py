"""A Redis server of the run's own: Debian's program, a temporary folder, a free port."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.support.sandbox import free_port
from tests.support.waiting import wait_until

PROGRAM = "/usr/bin/redis-server"


class RedisServer:
    """A server on loopback that keeps nothing; can be stopped and started again, empty, on the same port."""

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        self._home = home
        self._numbers = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None

    def database(self) -> str:
        """The URL of an empty database of this server."""
        return f"redis://127.0.0.1:{self.port}/{next(self._numbers)}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        command = [PROGRAM, *options, "--databases", "64", "--dir", str(self._home), "--logfile", "log"]
        # In real time: its allocator and the tests' clock do not get along.
        plain = {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", "PYTHONPATH")}
        self._process = subprocess.Popen(command, env=plain)
        wait_until(self._answers, 10, (self._home / "log").read_text, while_runs=self._process)

    def _answers(self) -> bool:
        with Redis(port=self.port, host="127.0.0.1") as client, suppress(RedisError):
            return bool(client.ping())
        return False

    def pause(self) -> None:
        """It stays connected and answers nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It answers again."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """It goes away, and forgets everything."""
        if self._process:
            self._process.kill()
            self._process.wait(10)

    def empty(self) -> None:
        """As after a restart without a file."""
        with Redis(port=self.port, host="127.0.0.1") as client:
            client.flushall()

    def times_to_live(self, url: str) -> list[float]:
        """Seconds until each key of a database is forgotten; below 0 for one that never is."""
        with Redis.from_url(url) as client:
            return [client.pttl(key) / 1000 for key in client.scan_iter()]


def contents(url: str) -> bytes:
    """Everything in a database of a server: keys, fields and values."""
    found: list[bytes] = []
    with Redis.from_url(url) as client:
        for key in client.scan_iter():
            found.append(key)
            match client.type(key):
                case b"hash":
                    found += [part for pair in client.hgetall(key).items() for part in pair]
                case b"zset":
                    found += client.zrange(key, 0, -1)
                case b"list":
                    found += client.lrange(key, 0, -1)
                case _:
                    found.append(client.get(key) or b"")
    return b"\n".join(found)


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Start one, and remove it without a trace. Raises LookupError where Debian's redis-server is missing."""
    if not Path(PROGRAM).exists():
        raise LookupError("Debian's package redis-server is missing: apt-get install redis-server")
    home = Path(tempfile.mkdtemp(prefix="latchkey-redis-"))
    server = RedisServer(home)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(home)
