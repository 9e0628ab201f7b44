"""`latchkey worker`."""

from __future__ import annotations

import logging
from logging.config import dictConfig

import click
from flask import Flask

from app.monitoring.logs import settings
from app.notices.pruning import plan_pruning
from app.notices.worker import Worker

log = logging.getLogger(__name__)


def run(app: Flask, parent: int) -> None:
    """Run a worker until SIGTERM or SIGINT, or until the process `parent` ends. parent: 0 for none."""
    dictConfig(settings(app.config["LOG_LEVEL"]))
    plan_pruning(app)
    worker = Worker(app)
    if not worker.delivery.channels:
        raise click.ClickException("No channel is set up, so there’s nothing to send. Set SMTP_SERVER.")
    log.info("worker started")
    worker.run(parent)
    log.info("worker stopped")
