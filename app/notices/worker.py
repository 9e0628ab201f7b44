"""A worker: a process that sends notices and runs scheduled jobs until it gets a signal to stop."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from huey import crontab
from huey.consumer import Consumer, Scheduler
from sqlalchemy.exc import SQLAlchemyError

from app.db import db
from app.notices import claims
from app.notices.addresses import AddressBounced, AddressOf, address_book
from app.notices.channels import configured
from app.notices.claims import Pace
from app.notices.content import Brand
from app.notices.delivery import Delivery
from app.notices.messages import Parts
from app.notices.models import NoticeRow
from app.notices.notice import Audience
from app.notices.queries import bounced_addresses
from app.notices.queue import SCHEDULES, SEND, open_queue
from app.notices.recording import Recorder
from app.notices.rendering import render
from app.notices.schedules import Schedules, ensure_row, planned

log = logging.getLogger(__name__)
BEAT = timedelta(seconds=10)
"""Between two signs of life."""
SENDERS = 2
"""Threads of a worker that send. While one waits for the receiver, another prepares its next message."""
_STOP_S = 20
"""Seconds that a stopping worker may take to finish its message."""
LANGUAGE = "en"


class Worker:
    """The worker of this process."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._free = threading.BoundedSemaphore(SENDERS)
        self._beat_at: datetime | None = None
        self._away = False
        with app.app_context():
            self.delivery = delivery(app)
            self.schedules = Schedules(db.engine, self.delivery.worker, app.config["NOTICES_TIME_ZONE"], planned(app))
        self.huey = open_queue(app.config["REDIS_URL"])
        self.huey.task(name=SEND)(self._send)
        self.huey.periodic_task(crontab(), name=SCHEDULES)(self._run_schedules)

    def run(self, parent: int = 0) -> None:
        """Work until SIGTERM or SIGINT, or until the process `parent` ends. parent: 0 for none."""
        with self._app.app_context():
            self.schedules.begin()
            ensure_row(db.engine, claims.RATE)
        _Consumer(self, parent).run()

    def _send(self) -> None:
        if not self._free.acquire(blocking=False):
            return
        try:
            with self._app.app_context():
                self.delivery.run()
        finally:
            self._free.release()

    def _all_send(self) -> bool:
        if not self._free.acquire(blocking=False):
            return True
        self._free.release()
        return False

    def _run_schedules(self) -> None:
        with self._app.app_context():
            self.schedules.run()

    def check(self) -> None:
        """Store a sign of life, and queue the task that sends due notices."""
        now = datetime.now(UTC)
        try:
            if not self._beat_at or abs(now - self._beat_at) >= BEAT:
                self.schedules.beat()
                self._beat_at = now
            if not self._all_send() and self.huey.pending_count() == 0 and self.delivery.is_due():
                self.huey.enqueue(self.huey._registry.string_to_task(f"{__name__}.{SEND}")())
        except SQLAlchemyError:
            if not self._away:
                log.exception("the database can't be used: nothing is sent until it can")
            self._away = True
        else:
            self._away = False


class _Scheduler(Scheduler):
    """Huey's scheduler, which also checks what is due."""

    def __init__(self, worker: Worker, parent: int, **options: Any) -> None:
        super().__init__(**options)
        self._worker, self._parent = worker, parent
        self._next_plans = time.monotonic()

    def loop(self, now: datetime | None = None) -> None:
        """Run each second."""
        began = time.monotonic()
        if self._parent and os.getppid() != self._parent:
            os.kill(os.getpid(), signal.SIGTERM)
        self._worker.check()
        if self._next_plans <= began:
            self._next_plans = began + self.periodic_task_seconds
            self.enqueue_periodic_tasks(now)
        self.sleep_for_interval(began, self.interval)


class _Consumer(Consumer):
    """SENDERS threads that send, and one more that runs scheduled jobs."""

    def __init__(self, worker: Worker, parent: int) -> None:
        self._worker, self._parent = worker, parent
        super().__init__(
            worker.huey, workers=SENDERS + 1, max_delay=1.0, shutdown_timeout=_STOP_S, graceful_signal="TERM"
        )

    def _create_scheduler(self) -> _Scheduler:
        return _Scheduler(
            self._worker,
            self._parent,
            huey=self.huey,
            stop_flag=self.stop_flag,
            interval=self.scheduler_interval,
            periodic=True,
        )

    def stop(self, graceful: bool = False) -> None:
        """Finish the messages that are being sent, then stop, whichever signal came."""
        self._worker.delivery.stopping.set()
        super().stop(graceful=True)


def pace_of(app: Flask) -> Pace:
    """Return how fast notices are sent, by the settings."""
    config = app.config
    return Pace(config["NOTICES_ATTEMPTS"], config["NOTICES_PER_MINUTE"], config["NOTICES_QUIET_HOURS"])


def delivery(app: Flask) -> Delivery:
    """Return a Delivery as the settings say. Needs an application context."""
    brand = Brand.of(app.config)

    def written(row: NoticeRow) -> Parts:
        return render(row.kind, {"user": row.user_name, "account": row.account_id, **row.data}, LANGUAGE, brand)

    book = address_book(app)

    def addresses(rows: Sequence[NoticeRow]) -> AddressOf:
        of_it = book.for_notices(rows)
        with db.engine.connect() as connection:
            bounced = bounced_addresses(connection)

        def address_of(row: NoticeRow) -> str | None:
            address = of_it(row)
            # A report may be made up, by a forwarder or a thief: it must not silence security notices.
            always = row.urgent or row.audience == Audience.ADDRESS
            if address and not always and address.lower() in bounced:
                raise AddressBounced(address)
            return address

        return address_of

    recorder = Recorder(app.extensions["audit_log"])
    return Delivery(db.engine, configured(app.config), pace_of(app), addresses, written, recorder.record)
