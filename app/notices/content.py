"""The content of a notice, without its look. Mails, Slack and Teams use the same content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.notices.pages import page
from app.text.dates import written
from app.text.lines import one_line, without_domains, without_links
from app.text.messages import Contact, _


class Link(NamedTuple):
    """A link to a page of the portal."""

    label: str
    address: str


class Fact(NamedTuple):
    """A line with a label, like "When: 3 May 2026, 10:00 UTC"."""

    label: str
    value: str


@dataclass(frozen=True)
class Section:
    """A part with a heading of its own."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Content:
    """A notice. All of it is plain text, to be escaped in HTML."""

    subject: str
    heading: str
    paragraphs: tuple[str, ...]
    facts: tuple[Fact, ...] = ()
    link: Link | None = None
    """The page where readers can check it or do something about it."""
    sections: tuple[Section, ...] = ()
    warning: Section | None = None
    """What to do if someone else did it."""
    small_print: tuple[str, ...] = ()
    """Why readers get it, and who can help."""


class Brand(NamedTuple):
    """How the portal presents itself in notices."""

    name: str
    public_url: str
    contact: Contact | None
    time_zone: ZoneInfo = ZoneInfo("UTC")
    """Times are shown in it as well as in UTC."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Brand:
        """Return the brand of the settings."""
        return cls(
            settings["BRAND_NAME"], settings["PUBLIC_URL"], settings["SUPPORT_CONTACT"], settings["NOTICES_TIME_ZONE"]
        )

    @property
    def administrator(self) -> str:
        """Who can help, as words within a sentence."""
        return str(self.contact) if self.contact else _("your administrator")

    def link(self, label: str, endpoint: str, query: dict[str, str] | None = None, **parts: object) -> Link:
        """Return a link to a page (`app.notices.pages.page`)."""
        return Link(label, page(self.public_url, endpoint, query, **parts))

    def moment(self, at: date) -> str:
        """Return a day or a time as text, the time in UTC and in the zone of the settings."""
        if not isinstance(at, datetime):
            return written(at)
        utc = written(at.astimezone(UTC), "minute")
        if self.time_zone.key == "UTC":
            return utc
        there = at.astimezone(self.time_zone)
        return _(
            "%(utc)s (%(time)s in %(zone)s)",
            utc=utc,
            time=f"{there:%-d %B %Y, %H:%M}",
            zone=self.time_zone.key,
        )


class Data:
    """The data of a notice. Its methods return text that can't add lines or links to a notice."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def text(self, name: str, otherwise: str = "") -> str:
        """Return a text as one line that no program turns into a link."""
        value = self._values.get(name)
        return without_links(one_line(str(value))) if value not in (None, "") else otherwise

    def label(self, name: str) -> str:
        """Return a text that a user typed in the same way."""
        return without_domains(self.text(name))

    def own_text(self, name: str) -> str:
        """Return a text of an administrator, which may have several lines."""
        lines = str(self._values.get(name) or "").splitlines()
        return "\n".join(one_line(line, 1000) for line in lines).strip()

    def number(self, name: str) -> int:
        """Return a whole number. Raises KeyError if it is missing."""
        return int(self._values[name])

    def flag(self, name: str) -> bool:
        """Is it true? False if it is missing."""
        return self._values.get(name) is True

    def has(self, name: str) -> bool:
        """Is there a value?"""
        return self._values.get(name) not in (None, "")

    def when(self, name: str) -> date | None:
        """Return a day, or a time with a zone, from ISO text. None if it is missing."""
        value = self._values.get(name)
        if value is None or isinstance(value, date):
            return value
        text = str(value)
        if len(text) == len("2026-05-03"):
            return date.fromisoformat(text)
        at = datetime.fromisoformat(text)
        return at if at.tzinfo else at.replace(tzinfo=UTC)

    def rows(self, name: str) -> list[Data]:
        """Return the members of a list, [] if it is missing."""
        return [Data(row) for row in self._values.get(name) or ()]
