"""What Prometheus reads: `/metrics`, behind METRICS_TOKEN, for all workers of this replica together.

With several processes prometheus_client keeps the numbers in files under PROMETHEUS_MULTIPROC_DIR, which
deploy/gunicorn.conf.py sets before anything here is imported. No label contains what a user can choose.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.audit.events import Event, Phase
from app.sessions.contents import Way
from app.sessions.stores import StoreDown

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS = Counter("latchkey_requests", "Requests answered", ["endpoint", "method", "status"])
REQUEST_SECONDS = Histogram("latchkey_request_seconds", "Seconds to an answer", ["endpoint"], buckets=_BUCKETS)
AWS_SECONDS = Histogram(
    "latchkey_aws_call_seconds", "Calls of AWS, with their repetitions", ["action", "outcome"], buckets=_BUCKETS
)
AWS_THROTTLES = Counter("latchkey_aws_throttles", "Answers of AWS that asked to slow down", ["action"])
SIGN_INS = Counter("latchkey_sign_ins", "Sign-ins", ["way", "outcome"])
CHANGES = Counter("latchkey_changes", "Changes, by what came of them", ["event", "outcome"])
"""Enrollments are mfa-device-enabled, the steps of a rotation access-key-*."""


def answered(environ: WSGIEnvironment, status: int, seconds: float) -> None:
    """Count an answered request, and how many seconds it took (`app.monitoring.logs.Answered`)."""
    endpoint, method = environ.get("latchkey.endpoint") or "none", environ["REQUEST_METHOD"]
    REQUESTS.labels(endpoint, method if method in ("GET", "POST", "HEAD") else "other", str(status)).inc()
    REQUEST_SECONDS.labels(endpoint).observe(seconds)


def aws_answered(action: str, outcome: str, seconds: float) -> None:
    """Count an answered AWS call, and how many seconds it took with its repetitions (`app.aws.clients.Observer`)."""
    AWS_SECONDS.labels(action, outcome).observe(seconds)


def aws_throttled(action: str) -> None:
    """Count an answer of AWS that asked to slow down, whether or not the call was repeated."""
    AWS_THROTTLES.labels(action).inc()


_WAYS = (Way.AWS_SIGN_IN, Way.COMPANY)
"""Named as the target of a sign-in. The target of others is an access key."""


def recorded(row: Mapping[str, str]) -> None:
    """Count an entry that was added to the audit log. Intents aren't counted, only outcomes."""
    event, outcome = row["event"], row["phase"]
    if outcome == Phase.INTENDED:
        return
    if event == Event.SIGN_IN:
        way = next((way for way in _WAYS if row["target"].split(" ")[0] == way), Way.ACCESS_KEY)
        SIGN_INS.labels(way, outcome if outcome == Phase.DONE else row["reason"] or outcome).inc()
    else:
        CHANGES.labels(event, outcome).inc()


class _Now(Collector):
    """What is asked when Prometheus asks, not counted along the way."""

    def __init__(self, count: Callable[[], int], parts: Callable[[], Mapping[str, str]]) -> None:
        self._count = count
        self._parts = parts

    def collect(self) -> Iterator[GaugeMetricFamily]:
        ready = GaugeMetricFamily(
            "latchkey_ready", "1 where a part would serve people now, as /readyz", labels=["part"]
        )
        for part, state in self._parts().items():
            ready.add_metric([part], float(state == "ok"))
        yield ready
        try:
            yield GaugeMetricFamily("latchkey_sessions", "Open sessions, of all replicas", value=self._count())
        except StoreDown:
            return  # /readyz says so


def exposition(
    count_sessions: Callable[[], int], parts: Callable[[], Mapping[str, str]], further: Iterable[Collector] = ()
) -> bytes:
    """Return everything in Prometheus' text format. parts: states of the portal's parts, "ok" for those that work.

    further: what else is asked now.
    """
    registry = CollectorRegistry()
    for collector in (_Now(count_sessions, parts), *further):
        registry.register(collector)
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types there
        return generate_latest(registry)
    return generate_latest(REGISTRY) + generate_latest(registry)
