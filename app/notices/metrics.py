"""Metrics of the outbox, read from the database for each scrape."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.notices.notice import State
from app.notices.queries import figures

_COUNTED = (State.WAITING, State.SENDING, State.FAILED, State.DEAD)


class OutboxCollector(Collector):
    """Counts notices, and measures delays."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metrics, none if the database doesn't answer (/readyz reports that)."""
        now = datetime.now(UTC)
        try:
            found = figures(self._engine, now)
        except SQLAlchemyError:
            return
        counted = GaugeMetricFamily("latchkey_notices", "Notices of all replicas", labels=["state"])
        for state in _COUNTED:
            counted.add_metric([state], found.states.get(state, 0))
        yield counted
        late = (now - found.oldest).total_seconds() if found.oldest else 0.0
        yield GaugeMetricFamily(
            "latchkey_notices_late_seconds", "Seconds that the oldest due notice has been waiting", value=late
        )
        if found.beat_at:
            silent = (now - found.beat_at).total_seconds()
            yield GaugeMetricFamily(
                "latchkey_worker_silent_seconds", "Seconds since the last sign of life of a worker", value=silent
            )
