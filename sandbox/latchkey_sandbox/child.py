"""What runs in a process of its own: `python -P -m latchkey_sandbox.child serve|sign-in`, started by `running.py`."""

from __future__ import annotations

import json
import signal
import sys
import threading

from latchkey_sandbox.place import ours_first


def serve(options: list[str]) -> None:
    """Run a sandbox that ends when standard input does: also if the tests are killed, none is left behind."""
    from app.sandbox.cli import sandbox  # noqa: PLC0415 # only here, see the package's docstring

    threading.Thread(target=_end_with_parent, daemon=True).start()
    sandbox.main(options, prog_name="latchkey-sandbox")


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def sign_in() -> None:
    """Sign in at AWS Sign-In as the JSON on standard input says. Prints credentials, or why there are none."""
    from app.sandbox.rehearsal.login import NotLetIn, log_in  # noqa: PLC0415 # as above

    asked = json.load(sys.stdin)
    typed = {name: asked[name] for name in ("account", "user_name", "password")}
    try:
        told = log_in(asked["url"], typed, lambda: str(asked["code"]))
    except NotLetIn as error:
        told = {"refused": str(error), "action": error.action}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    ours_first()
    if sys.argv[1] == "serve":
        serve(sys.argv[2:])
    else:
        sign_in()
