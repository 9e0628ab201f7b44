"""How pages write dates and times: each in one of these ways, always in UTC."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from app.text.messages import _, ngettext

WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
"""Words of settings, in the order in which crontab counts them."""
WAYS = {
    "day": "%-d %B %Y",
    "day of the year": "%-d %B",
    "minute": "%-d %B %Y, %H:%M UTC",
    "minute of the year": "%-d %B, %H:%M UTC",
    "second": "%-d %B %Y, %H:%M:%S UTC",
    "second of the year": "%-d %B %H:%M:%S",
    "short day": "%-d %b %Y",
    "short day of the year": "%-d %b",
    "short minute": "%-d %b %Y, %H:%M UTC",
    "sortable": "%Y-%m-%d %H:%M:%S UTC",
    "time": "%H:%M UTC",
    "machine": "%Y-%m-%d",
}
"""Name of a way: the format `strftime` takes."""


def written(moment: date, way: str = "day") -> str:
    """Return a date or moment as text: "3 May 2026" unless `way`, a name in WAYS, says otherwise.

    moment: in UTC; a `datetime` for ways that show a time. Raises KeyError for another way.
    """
    return moment.strftime(WAYS[way])


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment was, in the largest whole unit: "5 minutes ago". Both times have a zone."""
    passed = max(now - moment, timedelta())
    minutes, hours = int(passed.total_seconds()) // 60, int(passed.total_seconds()) // 3600
    if not minutes:
        return _("just now")
    if not hours:
        return ngettext("%(num)d minute ago", "%(num)d minutes ago", minutes)
    if not passed.days:
        return ngettext("%(num)d hour ago", "%(num)d hours ago", hours)
    return ngettext("%(num)d day ago", "%(num)d days ago", passed.days)
