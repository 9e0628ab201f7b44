"""Logs: a JSON object per line on stderr, each with the ID of its request. They contain no secrets.

The ID of a request is also a header of its answer and on every error page. So a user who asks for help and an
administrator who reads the log mean the same request.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "X-Request-Id"
_id: ContextVar[str] = ContextVar("request", default="")
_GOOD_ID = re.compile(r"[A-Za-z0-9-]{8,64}")

log = logging.getLogger(__name__)


def request_id() -> str:
    """Return the ID of this request, "" outside of one."""
    return _id.get()


class NamesItsRequest(logging.Filter):
    """Adds the request's ID to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the ID. Every record passes."""
        record.request_id = request_id()
        return True


def settings(level: str) -> dict[str, Any]:
    """Return settings for logging.config.dictConfig: everything, also from gunicorn, to stderr as JSON lines."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request": {"()": NamesItsRequest}},
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": ["levelname", "name", "message", "request_id"],
                "rename_fields": {"levelname": "level", "name": "logger"},
                "timestamp": "time",
                "json_ensure_ascii": True,  # no character of a name ends a line or moves a terminal's cursor
            }
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": "json",
                "filters": ["request"],
            }
        },
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {
            # It would log each request at its start, without the outcome.
            "gunicorn.access": {"level": "WARNING", "propagate": False},
            "gunicorn.error": {"level": "WARNING", "propagate": True, "handlers": []},
            "botocore": {"level": "WARNING"},
            "huey": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
            "alembic": {"level": "WARNING"},
        },
    }


Answered = Callable[["WSGIEnvironment", int, float], None]
"""Is called for every answer: the request, its status, seconds until it began."""


class Watched:
    """Gives each request its id, and logs its answer."""

    def __init__(self, inner: WSGIApplication, answered: Answered, *, proxied: bool) -> None:
        """proxied: a proxy that we trust is in front, and may have given the request its id."""
        self._inner = inner
        self._answered = answered
        self._proxied = proxied

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """WSGI."""
        given = environ.get("HTTP_X_REQUEST_ID", "") if self._proxied else ""
        number = given if _GOOD_ID.fullmatch(given) else uuid.uuid4().hex
        _id.set(number)  # never reset: a body may still be streamed, and the thread's next request sets its own
        began = time.perf_counter()

        def answer(status: str, headers: list[tuple[str, str]], *raised: Any) -> Callable[[bytes], object]:
            took, code = time.perf_counter() - began, int(status[:3])
            self._answered(environ, code, took)
            endpoint = environ.get("latchkey.endpoint", "")
            if not endpoint.endswith("static") or code >= 500:
                # The path without its query, which may hold what AWS Sign-In sends back.
                about = {"method": environ["REQUEST_METHOD"][:16], "path": environ.get("PATH_INFO", "")[:200]}
                outcome = {
                    "endpoint": endpoint,
                    "status": code,
                    "ms": round(took * 1000, 1),
                    "address": environ.get("REMOTE_ADDR", ""),
                    "session": environ.get("latchkey.session", ""),
                }
                log.info("answered", extra=about | outcome)
            return start_response(status, [*headers, (HEADER, number)], *raised)

        return self._inner(environ, answer)
