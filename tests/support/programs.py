"""The AWS CLI for the shells of tests: a program named `aws`, whose process is forked (`tests/support/forks.py`).

To load the AWS CLI takes a second of CPU. The program itself loads nothing: it hands what it was started with to the
tests, and ends as the forked process does.
"""

from __future__ import annotations

import atexit
import os
import socket
import sys
import tempfile
import threading
from ast import literal_eval
from functools import cache
from pathlib import Path
from shutil import rmtree

from tests.support.forks import forks

_PROGRAM = """\
#!{python} -SEs
import os, socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as tests:
    tests.connect({address!r})
    told = repr((sys.argv[1:], os.getcwd(), dict(os.environ))).encode()
    socket.send_fds(tests, [told], [1, 2, 0])
    status = int(tests.recv(99))
sys.exit(status if status >= 0 else 128 - status)
"""


def _answer(connection: socket.socket) -> None:
    with connection:
        told, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
        words, folder, environment = literal_eval(told.decode())
        try:
            process = forks("aws").start(["awscli", *words], Path(folder), environment, *streams)
        finally:
            for each in streams:
                os.close(each)
        connection.send(b"%d" % process.wait())


def _listen(waiting: socket.socket) -> None:
    while True:
        threading.Thread(target=_answer, args=(waiting.accept()[0],), daemon=True).start()


@cache
def with_aws() -> Path:
    """Return a folder, for the PATH of a shell, with this `aws`."""
    folder = Path(tempfile.mkdtemp(prefix="latchkey-programs-"))
    atexit.register(rmtree, folder)
    waiting = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    waiting.bind(str(folder / "tests.socket"))
    waiting.listen()
    threading.Thread(target=_listen, args=(waiting,), daemon=True).start()
    (folder / "aws").write_text(_PROGRAM.format(python=sys.executable, address=str(folder / "tests.socket")))
    (folder / "aws").chmod(0o755)
    return folder
