"""Are notices set up, and are they sent?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.doctor.finding import Finding
from app.doctor.settings import Settings
from app.notices.notice import State
from app.notices.queries import figures
from app.places import LATCHKEY

LATE = timedelta(minutes=15)
_CHANNELS = {
    "SMTP_SERVER": "mail",
    "WEBHOOK_URL": "webhook",
    "SLACK_WEBHOOK_URL": "slack",
    "TEAMS_WEBHOOK_URL": "teams",
}


def check(settings: Settings, engine: Engine | None, now: datetime) -> Iterator[Finding]:
    """Yield what is wrong with notices. now: UTC."""
    channels = [name for setting, name in _CHANNELS.items() if settings.of(setting)]
    if not channels:
        yield Finding("notices-none", "No channel for notices is set up, so users get none.")
        return
    if settings.of("SMTP_SERVER") and settings.of("SMTP_SECURITY") == "plain-on-network":
        message = "Mails aren’t encrypted on the network (SMTP_SECURITY=plain-on-network)."
        yield Finding("mail-unencrypted", message, "Use starttls or tls.")
    if engine is None:
        return
    try:
        found = figures(engine, now)
    except SQLAlchemyError:
        return  # another check reports what is wrong with the database
    dead = found.states.get(State.DEAD, 0)
    facts = {
        "channels": channels,
        "waiting": found.states.get(State.WAITING, 0),
        "failed": dead,
        "worker_seen_seconds": int((now - found.beat_at).total_seconds()) if found.beat_at else None,
    }
    if found.no_worker(now):
        message = "No worker sends notices: none has given a sign of life in the last minute."
        fix = f"Start one with {LATCHKEY} worker, or set NOTICES_WORKERS to 1 or more and start the portal again."
        yield Finding("notices-no-worker", message, fix, facts)
    else:
        yield Finding("notices-work", f"A worker sends notices ({', '.join(channels)}).", facts=facts)
    if dead:
        fix = "Look at the page Notices, behind Everyone’s activity: it has the reason of each."
        yield Finding("notices-failed", f"Notices that couldn’t be sent: {dead}.", fix, facts)
    if found.oldest and now - found.oldest > LATE:
        minutes = int((now - found.oldest).total_seconds() // 60)
        message = f"A notice has been waiting for {minutes} minutes."
        fix = "Check the mail server and the webhooks. Quiet hours and NOTICES_PER_MINUTE also delay notices."
        yield Finding("notices-late", message, fix, facts)
