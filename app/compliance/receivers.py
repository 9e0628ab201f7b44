"""Receivers of the signals that compliance data sends while it is stored (`app.compliance.data.storing`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from blinker import Signal
from flask import Flask

from app.compliance.data.account_data import AccountData
from app.db import db
from app.notices.outbox import Outbox


def listen_to(signal: Signal, app: Flask, handle: Callable[..., None]) -> None:
    """Call `handle(account, outbox, ...)` for each signal about this portal's database, in its transaction.

    A process may have several portals, each with a database of its own, and signals go to all of them.
    """
    with app.app_context():
        engine = db.engine
    outbox: Outbox = app.extensions["outbox"]

    def receive(account: AccountData, **sent: Any) -> None:
        if account.connection.engine is engine:
            handle(account, outbox, **sent)

    app.extensions.setdefault("receivers", []).append(receive)
    signal.connect(receive)  # a weak reference: it ends with the application
