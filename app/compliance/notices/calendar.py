"""A calendar of a user's due dates, for calendar programs. Its address is secret, and the user can replace or end it.

The address ends in the number of the row and a code, made with a key derived from SECRET_KEY. So the database alone
doesn't reveal it, and the page can show it again. Addresses made with a key in SECRET_KEY_FALLBACKS still work.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import BigInteger, ColumnElement, Engine, Integer, String, UniqueConstraint, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from app.compliance.rules.subjects import Credential, Subject, Terms
from app.db import Base, Utc
from app.text.messages import _


class CalendarRow(Base):
    """The calendar of a user."""

    __tablename__ = "calendars"
    __table_args__ = (UniqueConstraint("account_id", "user_id"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(12))
    user_id: Mapped[str] = mapped_column(String(128))
    """AWS's unique id of the user (AIDA...)."""
    user_name: Mapped[str] = mapped_column(String(128))
    salt: Mapped[str] = mapped_column(String(32))
    """Random, so that a new calendar of the same user has a new address."""
    created_at: Mapped[datetime] = mapped_column(Utc)


@dataclass(frozen=True)
class CalendarOf:
    """A user's calendar."""

    number: int
    account_id: str
    user_id: str
    user_name: str
    salt: str
    created_at: datetime


@dataclass(frozen=True)
class Calendars:
    """All calendars of a portal."""

    engine: Engine
    secret_keys: Sequence[str]
    """New addresses are made with the first. Addresses made with any of them work."""

    def find(self, account_id: str, user_id: str) -> CalendarOf | None:
        """Return a user's calendar, None if there is none."""
        return self._one(CalendarRow.account_id == account_id, CalendarRow.user_id == user_id)

    def replace(self, account_id: str, user_id: str, user_name: str, now: datetime) -> None:
        """Create a user's calendar. The address of an earlier one no longer works."""
        with self.engine.begin() as connection:
            connection.execute(delete(CalendarRow).where(*_whose(account_id, user_id)))
            connection.execute(
                insert(CalendarRow).values(
                    account_id=account_id,
                    user_id=user_id,
                    user_name=user_name,
                    salt=secrets.token_hex(16),
                    created_at=now,
                )
            )

    def end(self, account_id: str, user_id: str) -> None:
        """Delete a user's calendar, if there is one."""
        with self.engine.begin() as connection:
            connection.execute(delete(CalendarRow).where(*_whose(account_id, user_id)))

    def code(self, calendar: CalendarOf) -> str:
        """Return the code at the end of the calendar's address."""
        return _code(calendar, self.secret_keys[0])

    def opened_by(self, code: str) -> CalendarOf | None:
        """Return the calendar with this code, None if there is none."""
        number = code.partition("-")[0]
        if not (number.isascii() and number.isdecimal() and len(number) < 19):
            return None
        found = self._one(CalendarRow.id == int(number))
        good = found and any(
            hmac.compare_digest(_code(found, key).encode(), code.encode()) for key in self.secret_keys
        )
        return found if good else None

    def _one(self, *which: ColumnElement[bool]) -> CalendarOf | None:
        columns = (CalendarRow.id, CalendarRow.account_id, CalendarRow.user_id, CalendarRow.user_name)
        with self.engine.connect() as connection:
            query = select(*columns, CalendarRow.salt, CalendarRow.created_at).where(*which)
            row = connection.execute(query).first()
        return CalendarOf(*row) if row else None


def _whose(account_id: str, user_id: str) -> tuple[ColumnElement[bool], ...]:
    return CalendarRow.account_id == account_id, CalendarRow.user_id == user_id


def _code(calendar: CalendarOf, secret_key: str) -> str:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"latchkey calendars").derive(secret_key.encode())
    about = f"{calendar.number}/{calendar.account_id}/{calendar.user_id}/{calendar.salt}"
    return f"{calendar.number}-{hmac.new(key, about.encode(), sha256).hexdigest()}"


@dataclass(frozen=True)
class DueDate:
    """A day on which something is due. uid: stays the same for the same key or certificate."""

    uid: str
    day: date
    title: str


def due_dates(subject: Subject, terms: Terms) -> Iterator[DueDate]:
    """Yield a user's due dates, including those that are overdue."""
    for key in subject.keys or ():
        if key.active and key.created_at:
            day = (key.created_at + timedelta(days=terms.key_days)).date()
            yield DueDate(f"key-{key.created_at:%Y%m%dT%H%M%S}", day, _("Replace your access key"))
    certificates = _("Replace your signing certificate")
    yield from _of_uploads("certificate", subject.certificates, terms.certificate_days, certificates)
    yield from _of_uploads("ssh-key", subject.ssh_keys, terms.ssh_days, _("Replace your SSH key"))


def _of_uploads(name: str, found: Sequence[Credential] | None, days: int, title: str) -> Iterator[DueDate]:
    for each in found or ():
        if not each.active or not each.created_at:
            continue
        old = each.created_at + timedelta(days=days)
        due = min(old, each.expires_at) if each.expires_at else old
        yield DueDate(f"{name}-{each.created_at:%Y%m%dT%H%M%S}", due.date(), title)


def as_ics(dates: Sequence[DueDate], name: str, whose: str, link: str, now: datetime) -> bytes:
    """Return a calendar as an iCalendar file (RFC 5545). whose: the user, for event IDs. link: to the portal."""
    from icalendar import Calendar, Event, vDuration  # noqa: PLC0415 # loads 80 modules that no page needs

    calendar = Calendar()
    calendar.add("prodid", "-//Latchkey//Due dates//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", timedelta(hours=12), parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", vDuration(timedelta(hours=12)))
    for each in dates:
        event = Event()
        event.add("uid", f"{each.uid}-{sha256(whose.encode()).hexdigest()[:16]}@latchkey")
        event.add("dtstamp", now.astimezone(UTC))
        event.add("dtstart", each.day)
        event.add("summary", each.title)
        event.add("url", link)
        event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    return bytes(calendar.to_ical())
