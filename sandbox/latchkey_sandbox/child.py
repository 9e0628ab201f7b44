"""What runs in a process of its own: `python -P -m latchkey_sandbox.child serve|sign-in`, started by `running.py`."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
import threading

from latchkey_sandbox.place import ours_first
from latchkey_sandbox.running import ASKS


def serve(folder: str, options: list[str]) -> None:
    """Run a sandbox that ends when standard input does: even if the tests are killed, nothing is left behind.

    folder: where `sandbox.json` is written. It's removed if the parent can't do it any more.
    """
    from app.sandbox.cli import sandbox  # noqa: PLC0415 # only here, see the package's docstring

    orphaned = threading.Event()
    threading.Thread(target=_end_with_parent, args=(orphaned,), daemon=True).start()
    try:
        sandbox.main([*options, "--instance", folder], prog_name="latchkey-sandbox")
    finally:
        if orphaned.is_set() or _nobody_reads():
            shutil.rmtree(folder)


def _end_with_parent(orphaned: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):  # without a buffer, whose lock would end Python with an error
        pass
    orphaned.set()
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _nobody_reads() -> bool:
    """Is the other end of standard output closed? A parent that ends closes that and standard input, in any order."""
    output = select.poll()
    output.register(sys.stdout, 0)
    return any(event & select.POLLERR for _, event in output.poll(0))


def sign_in() -> None:
    """Sign in at AWS Sign-In as a line of JSON on standard input says. Prints credentials, or why there are none.

    Prints `ASKS` when a code is asked for, and reads it then: codes last for seconds.
    """
    from app.sandbox.rehearsal.login import NotLetIn, log_in  # noqa: PLC0415 # as above

    typed = json.loads(sys.stdin.readline())
    try:
        result = log_in(typed.pop("url"), typed, _asked_for_a_code)
    except NotLetIn as error:
        result = {"refused": str(error), "action": error.action}
    print(json.dumps(result))  # noqa: T201 # for the parent


def _asked_for_a_code() -> str:
    print(ASKS, flush=True)  # noqa: T201 # as above
    return sys.stdin.readline().strip()


if __name__ == "__main__":
    ours_first()
    if sys.argv[1] == "serve":
        serve(sys.argv[2], sys.argv[3:])
    else:
        sign_in()
