"""gunicorn's settings for the portal, with reasons."""

import atexit
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path

# One folder for the numbers of all workers, made before the portal is imported, which looks for it then. SIGHUP loads
# this file again, when the folder is there.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="latchkey-metrics-")

from gunicorn.workers.gthread import ThreadWorker
from prometheus_client import multiprocess  # after the folder is named

from app.audit.log import begin_keys  # as above
from app.monitoring.logs import settings

# What a start makes is there to stay. To look for garbage in it takes a twentieth of the start.
gc.disable()

bind = os.environ.get("BIND") or f"127.0.0.1:{os.environ.get('PORT') or 8000}"
# One worker, unless sessions, rate limits and locks are in Redis: config.py refuses more without it.
workers = int(os.environ.get("WORKERS") or os.environ.get("WEB_CONCURRENCY") or 1)
# Threads, because a request mostly waits for AWS; more of them only wait for the interpreter.
threads = 16


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """A worker with threads that ends although browsers hold connections on which they have sent nothing.

    gunicorn 27 limits how long connections stay open that have served a request, but waits for these until
    `graceful_timeout`. Browsers open them ahead of time.
    """

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for connection in self.pending_conns:
            connection.timeout = min(connection.timeout, deadline)


worker_class = Worker
# Loaded once and then forked: workers share what they do not change, and a portal that cannot start says so once.
preload_app = True
# A start doesn't load these: the page that needs one does, in 20 to 60 ms. Several workers would each have a copy, so
# they are loaded before the workers are forked, and shared.
later = (
    *("zxcvbn", "qrcode", "ua_parser", "joserfc.jwk", "joserfc.jws"),
    *("app.public_keys.ssh", "app.public_keys.certificates"),
    *("app.policy.check.all_checks", "app.policy.explain", "app.policy.forced.judge"),
    *("app.compliance.evidence.downloads", "app.compliance.what_if"),
)
# A socket of the file system, where BIND names one, is for the group at most.
umask = 0o007
# Longer than the slowest honest request: three tries of ten seconds at AWS.
timeout = 60
# On SIGTERM no new requests are taken and those under way are finished: as long as the slowest AWS call.
graceful_timeout = 30
# A little longer than nginx keeps idle connections to us (60 s), so that it is the one to close them.
keepalive = 65
# Request lines and headers that no page of ours needs.
limit_request_line = 4094
limit_request_fields = 64
logconfig_dict = settings((os.environ.get("LOG_LEVEL") or "INFO").upper())
# A proxy's headers count only as TRUSTED_PROXIES says, in the application.
forwarded_allow_ips = ""
# Nobody steers a running portal through a socket.
control_socket_disable = True


def on_starting(server):  # type: ignore[no-untyped-def] # gunicorn's hook
    """Refuse to start where people would only meet errors; each problem with what to do."""
    problems = {}
    portal = server.app.wsgi()
    for name in later if server.cfg.workers > 1 else ():
        import_module(name)
    if health := getattr(portal, "extensions", {}).get("health"):
        problems = health.problems()
        if not problems:
            begin_keys(portal)
        health.forget_connections()
        portal.extensions["clients"].make_all()
    if server.cfg.workers > 1 and not getattr(portal, "config", os.environ).get("REDIS_URL"):
        problems["workers"] = "More than one worker needs REDIS_URL."
    if problems:
        told = "".join(f"- {problem}\n" for problem in dict.fromkeys(problems.values()))  # one may have two victims
        sys.stderr.write(f"Latchkey cannot start:\n{told}")
        sys.exit(1)
    # Nor do workers look there: what they only read, they share for good.
    gc.freeze()
    gc.enable()


# Threads of one interpreter take turns: spread over cores they mostly wake one another. Where there is a worker for
# every core, each stays on one of its own, and serves a third more pages; where there are fewer, the kernel chooses.
def pre_fork(server, worker):  # type: ignore[no-untyped-def] # gunicorn's hook
    """Choose the core that fewest living workers have: a worker that replaces another takes over its core."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    taken = [each.core for each in server.WORKERS.values()]
    worker.core = min(cores, key=lambda core: (taken.count(core), core)) if server.cfg.workers == len(cores) else None


def post_fork(server, worker):  # type: ignore[no-untyped-def] # gunicorn's hook
    """Stay on it; where it was taken from us this moment, anywhere."""
    if worker.core is not None:
        with suppress(OSError):
            os.sched_setaffinity(0, {worker.core})


def _notice_workers(server) -> int:  # type: ignore[no-untyped-def] # gunicorn's arbiter
    portal = server.app.wsgi()
    outbox = getattr(portal, "extensions", {}).get("outbox")  # another application has none
    return portal.config["NOTICES_WORKERS"] if outbox and outbox.channels else 0


def when_ready(server):  # type: ignore[no-untyped-def] # gunicorn's hook
    """Start the workers of notices, and say where the portal is."""
    server.notice_workers = NoticeWorkers(_notice_workers(server))
    server.notice_workers.start()
    public = os.environ.get("PUBLIC_URL")
    lines = [f"Latchkey is ready:  {public or 'http://' + bind}", *([f"It listens on {bind}."] if public else [])]
    instead = {url for name, url in os.environ.items() if name.startswith("AWS_ENDPOINT_URL") and url}
    lines += [f"It uses {', '.join(sorted(instead))} instead of AWS."] if instead else []
    lines += ["Ctrl-C stops the portal and the sandbox."] if "SANDBOX_ADMINISTRATOR" in os.environ else []
    print("\n  " + "\n  ".join(lines) + "\n", flush=True)  # noqa: T201 # for the person at the terminal


class NoticeWorkers:
    """The workers that send notices, beside the portal: as many as NOTICES_WORKERS says, if a channel is set up.

    One that ends is started again, after `pause` seconds. All end with the portal: told so, or by themselves when its
    process is gone.
    """

    def __init__(self, number: int, pause: float = 5) -> None:
        self._pause = pause
        self._stopping = threading.Event()
        # Popen returns when the other end of its pipe is closed. A process that is forked meanwhile, to serve pages,
        # would hold that end open for as long as it lives.
        self._starting = threading.Lock()
        os.register_at_fork(
            before=self._starting.acquire,
            after_in_parent=self._starting.release,
            after_in_child=self._starting.release,
        )
        self._running: list[subprocess.Popen[bytes]] = []
        self._keepers = [threading.Thread(target=self._keep, daemon=True) for _ in range(number)]

    def command(self) -> list[str]:
        """Return what a worker is started with."""
        return [sys.executable, "-P", "-m", "app.cli", "worker", "--parent", str(os.getpid())]

    def start(self) -> None:
        """Start them, and whatever takes their place."""
        for keeper in self._keepers:
            keeper.start()

    def _keep(self) -> None:
        while not self._stopping.is_set():
            # In a session of its own: Ctrl-C at a terminal reaches the portal, which tells it.
            with self._starting:
                process = subprocess.Popen(self.command(), start_new_session=True)  # noqa: S603 # our own command
            self._running.append(process)
            process.wait()
            self._running.remove(process)
            self._stopping.wait(self._pause)

    def stop(self) -> None:
        """Let each finish the message it is sending, for at most 10 seconds."""
        self._stopping.set()
        for process in self._running:
            with suppress(ProcessLookupError):
                process.terminate()
        for keeper in self._keepers:
            keeper.join(10)
        for process in self._running:
            with suppress(ProcessLookupError):
                process.kill()


def pre_exec(server):  # type: ignore[no-untyped-def] # gunicorn's hook
    """After SIGUSR2, start the new master as this one was, with -P and -m too, and with counters of its own."""
    server.START_CTX["args"] = [sys.executable, *sys.orig_argv[1:]]
    if _made_here(server.cfg.env_orig.get("PROMETHEUS_MULTIPROC_DIR", "")):
        del server.cfg.env_orig["PROMETHEUS_MULTIPROC_DIR"]


def _made_here(folder: str) -> bool:
    return Path(folder).name.startswith("latchkey-metrics-")


def child_exit(server, worker):  # type: ignore[no-untyped-def] # gunicorn's hook
    """A worker that is gone has no gauges."""
    multiprocess.mark_process_dead(worker.pid)


def on_exit(server):  # type: ignore[no-untyped-def] # gunicorn's hook
    """Let the workers of notices end with the portal."""
    if keeps := getattr(server, "notice_workers", None):
        keeps.stop()


def _leave_nothing(master: int) -> None:
    """Remove the folder of numbers at the end of this process, even if it couldn't start. Workers leave it."""
    if os.getpid() == master and _made_here(os.environ["PROMETHEUS_MULTIPROC_DIR"]):
        shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


atexit.register(_leave_nothing, os.getpid())
