"""What machines ask: does the process live, can it work, how is it doing. Answered before Flask looks at the host's
name, since probes come by address; without cookies, and with nothing about anyone.

    /healthz    200 while the process answers at all, and the version. The doctor gets `app.monitoring.reflection`
    /readyz     200, or 503 where the database, its schema or the session store would fail people; says which. It
                writes to both, so that one without room shows
    /metrics    for Prometheus (`app.monitoring.metrics`), with METRICS_TOKEN as a bearer token; without
                one there is no such page
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from flask import Flask
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from app import __version__
from app.db import db
from app.monitoring import metrics
from app.monitoring.reflection import is_asked, reflection
from app.monitoring.schema import UNANSWERED, problems_of
from app.sessions.interface import StoredSessions
from app.sessions.stores import StoreDown, StoreFull
from app.sessions.stores.database import DatabaseStore

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

IN_THE_DATABASE = "The database doesn’t let the portal store sessions. Give its user the rights to write them."
ALIVE = json.dumps({"status": "ok", "version": __version__}).encode() + b"\n"
FULL = "{} is full, so nothing new can be stored. Free some space. Signed-in users can continue as far as possible."


class Health:
    """Whether a portal's parts can serve users now."""

    def __init__(self, app: Flask) -> None:
        with app.app_context():
            self._engine: Engine = db.engine
        self.sessions = cast("StoredSessions", app.session_interface)
        self._in_redis = bool(app.config["REDIS_URL"])
        self._lists = app.config["LIST_FILES"]

    def of_database(self) -> dict[str, str]:
        """Return what is wrong with "database" or "schema". Empty when all is well."""
        return problems_of(self._engine)

    def problems(self) -> dict[str, str]:
        """Return what is wrong, by part: "database", "schema", "sessions". Empty when all is well.

        Database and sessions are written to, as users need. If the schema is behind, only Redis is.
        """
        found = self.of_database()
        if not found:
            found = self._of_writing()
        if self._in_redis:
            found |= self._of_redis()
        elif "database" in found:
            found["sessions"] = found["database"]
        return found

    def _of_writing(self) -> dict[str, str]:
        """Write and remove a row: a database that can be read may be full, or belong to another program."""
        try:
            DatabaseStore(self._engine).check()
        except StoreFull:
            return {"database": FULL.format("The database")}
        except StoreDown:
            return {"database" if self._in_redis else "sessions": IN_THE_DATABASE}
        return {}

    def _of_redis(self) -> dict[str, str]:
        try:
            self.sessions.store.check()
        except StoreFull:
            return {"sessions": FULL.format("Redis")}
        except StoreDown as error:
            content_type = type(error.__cause__).__name__
            return {
                "sessions": f"Redis does not answer ({content_type}). Check REDIS_URL, and that Redis is running."
            }
        return {}

    def of_lists(self) -> dict[str, str]:
        """Return "lists": "outdated" if a file of accounts or administrators is broken. No probe fails for that."""
        return {"lists": "outdated"} if self._lists.problems else {}

    def parts(self) -> dict[str, str]:
        """Return the state of each part as probes see it: "ok", "failing", or "unknown"."""
        problems = self.problems()
        states = {part: "failing" if part in problems else "ok" for part in ("database", "schema", "sessions")}
        return states | ({"schema": "unknown"} if problems.get("database") == UNANSWERED else {})

    def forget_connections(self) -> None:
        """Close the connections before forking: two processes must not share one."""
        self._engine.dispose()
        self.sessions.store.disconnect()


class Machines:
    """Answers these three paths where they are sent as written here, and passes everything else on."""

    def __init__(
        self,
        inner: WSGIApplication,
        health: Health,
        metrics_token: str,
        secret_key: str,
        further: Iterable[Collector] = (),
    ) -> None:
        """secret_key: with which `latchkey doctor` proves that it asks. further: what /metrics also asks."""
        self._secret_key = secret_key
        self._inner = inner
        self._further = tuple(further)
        self._health = health
        self._token = metrics_token

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """WSGI."""
        path = _path_as_sent(environ)
        if path == "/healthz" and is_asked(environ, self._secret_key, time.time()):
            body, shown = reflection(environ, self._secret_key)
            return _plain(environ, start_response, "200 OK", body, "application/json", shown)
        if path == "/healthz":
            return _plain(environ, start_response, "200 OK", ALIVE, "application/json")
        if path == "/readyz":
            parts = self._health.parts()
            status = "200 OK" if set(parts.values()) == {"ok"} else "503 Service Unavailable"
            reported = parts | self._health.of_lists()
            return _plain(environ, start_response, status, json.dumps(reported).encode() + b"\n", "application/json")
        if path == "/metrics" and self._token:
            sent = environ.get("HTTP_AUTHORIZATION", "").encode("latin-1")
            if not hmac.compare_digest(sent, b"Bearer " + self._token.encode()):
                return _plain(environ, start_response, "401 Unauthorized", b"Send METRICS_TOKEN as a bearer token.\n")
            text = metrics.exposition(self._health.sessions.store.count, self._health.parts, self._further)
            return _plain(environ, start_response, "200 OK", text, metrics.CONTENT_TYPE)
        return self._inner(environ, start_response)


def _path_as_sent(environ: WSGIEnvironment) -> str:
    """Return the path if it was sent in just this way, otherwise "".

    Proxies hide these pages by their paths. `/%72eadyz` and `http://HOST/readyz` are other ones to many of them.
    """
    path: str = environ.get("PATH_INFO", "")
    sent: str | None = environ.get("RAW_URI")  # gunicorn's: with the query
    return path if sent is None or sent.partition("?")[0] == environ.get("SCRIPT_NAME", "") + path else ""


def _plain(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    status: str,
    body: bytes,
    content_type: str = "text/plain",
    *also: tuple[str, str],
) -> list[bytes]:
    """also: further headers."""
    headers = [
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        *also,
    ]
    if status.startswith("401"):
        headers.append(("WWW-Authenticate", "Bearer"))
    start_response(status, headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
