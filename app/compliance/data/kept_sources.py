"""The sources of results, kept unchanged and encrypted for some time, so that results can be judged again from them.

Each source is compressed and encrypted in parts, with a key derived from SECRET_KEY, so it isn't in memory twice.
Its details (account, times, origin) are encrypted with it. If they were changed in the database, reading it fails.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import orjson
from cryptography.fernet import InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import ColumnElement, Connection, Engine, delete, insert, select, update

from app.compliance.data.models import ComplianceSource, ComplianceSourcePart
from app.compliance.rules.subjects import Source
from app.errors import Refused
from app.sessions.encryption import cipher
from app.text.messages import N_

PART = 256 * 1024
"""Bytes that are compressed or encrypted at a time."""
LONGEST_ABOUT = 8192
"""Bytes of a source's details, at most."""


class How(StrEnum):
    """The origin of a source. The value is stored."""

    UPLOADED = "uploaded"
    """On a page."""
    FETCHED = "fetched"
    """From AWS, by the portal or a command."""
    IMPORTED = "imported"
    """A file, by a command."""


class SourceUnreadable(Refused):
    """A kept source was changed, or its key is no longer set."""

    code = "source-unreadable"
    message = N_(
        "A stored source can’t be read. Its key isn’t in SECRET_KEY or SECRET_KEY_FALLBACKS, or it was changed in "
        "the database. Set the key that was used, and run the command again."
    )


class Kept(NamedTuple):
    """A source that is kept. The fields are ComplianceSource's."""

    id: int
    account_id: str
    kind: str
    how: str
    by: str
    collected_at: datetime
    stored_at: datetime
    sha256: str
    size: int
    key_id: str

    def about(self) -> bytes:
        """Return the details that are encrypted with the content."""
        fields = {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in self._asdict().items()
            if name not in ("id", "key_id")
        }
        return json.dumps(fields, sort_keys=True).encode() + b"\n"


@dataclass(frozen=True)
class Archive:
    """Where sources are kept, with the keys that encrypt them."""

    cipher: MultiFernet = field(repr=False)
    key_id: str
    """ID of the present key."""
    retention: timedelta
    """How long sources are kept. Zero: not at all."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Archive:
        """Return the portal's archive. config: Flask's."""
        secret: str = config["SECRET_KEY"]
        derive = HKDF(algorithm=SHA256(), length=8, salt=None, info=b"latchkey evidence key id")
        keys = cipher(secret, config["SECRET_KEY_FALLBACKS"], "evidence")
        return cls(keys, derive.derive(secret.encode()).hex(), config["EVIDENCE_RETENTION"])

    def keep(
        self,
        connection: Connection,
        account_id: str,
        kind: Source,
        collected_at: datetime,
        now: datetime,
        arrival: Arrival,
    ) -> None:
        """Store a source in the caller's transaction, and remove the account's expired sources."""
        self.prune(connection, now, ComplianceSource.account_id == account_id)
        if not self.retention:
            return
        about = Kept(
            0, account_id, kind.value, arrival.how, arrival.by[:1024], collected_at, now, arrival.digest,
            len(arrival.content), self.key_id,
        )  # fmt: skip
        values = {name: value for name, value in about._asdict().items() if name != "id"}
        made = connection.execute(insert(ComplianceSource).values(values).returning(ComplianceSource.id)).scalar_one()
        for number, part in enumerate(_compressed(about.about(), arrival.content)):
            row = {"source_id": made, "number": number, "content": self.cipher.encrypt(part)}
            connection.execute(insert(ComplianceSourcePart).values(row))

    def read(self, connection: Connection, source: Kept) -> bytes:
        """Return the content of a kept source. Raises SourceUnreadable."""
        unpack, found = zlib.decompressobj(), bytearray()
        most = source.size + LONGEST_ABOUT
        try:
            for part in _parts(connection, source.id):
                found += unpack.decompress(self.cipher.decrypt(part), most + 1 - len(found))
        except (InvalidToken, zlib.error) as error:
            raise SourceUnreadable from error
        about = source.about()
        if not found.startswith(about) or not unpack.eof:
            raise SourceUnreadable
        del found[: len(about)]
        content = bytes(found)
        if (len(content), hashlib.sha256(content).hexdigest()) != (source.size, source.sha256):
            raise SourceUnreadable
        return content

    def prune(self, connection: Connection, now: datetime, *conditions: ColumnElement[bool]) -> int:
        """Remove expired sources that match the conditions. Return how many."""
        over = select(ComplianceSource.id).where(ComplianceSource.stored_at <= now - self.retention, *conditions)
        gone = connection.execute(over).scalars().all()
        for number in gone:
            connection.execute(delete(ComplianceSourcePart).where(ComplianceSourcePart.source_id == number))
            connection.execute(delete(ComplianceSource).where(ComplianceSource.id == number))
        return len(gone)

    def renew(self, engine: Engine) -> int:
        """Encrypt sources that have an earlier key with the present one. Return how many.

        Raises SourceUnreadable.
        """
        with engine.connect() as connection:
            old = select(ComplianceSource.id).where(ComplianceSource.key_id != self.key_id)
            numbers = connection.execute(old).scalars().all()
        for number in numbers:
            with engine.begin() as connection:
                self._renew(connection, number)
        return len(numbers)

    def _renew(self, connection: Connection, number: int) -> None:
        mine = ComplianceSourcePart.source_id == number
        parts = select(ComplianceSourcePart.number).where(mine)
        for part in connection.execute(parts).scalars().all():
            this = mine & (ComplianceSourcePart.number == part)
            content = connection.execute(select(ComplianceSourcePart.content).where(this)).scalar_one()
            try:
                renewed = self.cipher.rotate(content)
            except InvalidToken as error:
                raise SourceUnreadable from error
            connection.execute(update(ComplianceSourcePart).where(this).values(content=renewed))
        changed = update(ComplianceSource).where(ComplianceSource.id == number)
        connection.execute(changed.values(key_id=self.key_id))


@dataclass(frozen=True)
class Arrival:
    """The content of a source, and its origin."""

    how: str = ""
    """`How`, "" if it isn't known."""
    by: str = ""
    """ARN of the user, or the login that ran a command."""
    archive: Archive | None = field(default=None, repr=False)
    """Where to store it. None: don't keep it."""
    content: bytes = field(default=b"", repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the content, in hex, "" where there is none."""
        return hashlib.sha256(self.content).hexdigest() if self.content else ""

    def with_content(self, content: bytes) -> Arrival:
        """Return it with this content."""
        return replace(self, content=content)

    def keep(
        self, connection: Connection, account_id: str, kind: Source, collected_at: datetime, now: datetime
    ) -> None:
        """Store it, if sources are kept."""
        if self.archive:
            self.archive.keep(connection, account_id, kind, collected_at, now, self)


UNKNOWN_ARRIVAL = Arrival()


def kept(connection: Connection, account_id: str, before: datetime | None = None) -> list[Kept]:
    """Return the kept sources of an account, newest first. before: only those stored before this time."""
    query = select(ComplianceSource.__table__).where(ComplianceSource.account_id == account_id)
    if before:
        query = query.where(ComplianceSource.stored_at < before)
    found = connection.execute(query.order_by(ComplianceSource.stored_at.desc(), ComplianceSource.id.desc()))
    return [Kept(*columns) for columns in found]


def as_file(pages: Sequence[Mapping[str, Any]]) -> bytes:
    """Return AWS's pages of authorization details as one file, in the format of `compliance import`."""
    cleaned = [{name: page[name] for name in page if name != "ResponseMetadata"} for page in pages]
    return orjson.dumps(cleaned, option=orjson.OPT_SORT_KEYS)


def _compressed(about: bytes, content: bytes) -> Iterator[bytes]:
    """Yield the parts of a compressed source."""
    pack, waiting = zlib.compressobj(), bytearray()
    waiting += pack.compress(about)
    view = memoryview(content)
    for start in range(0, len(content), PART):
        waiting += pack.compress(view[start : start + PART])
        if len(waiting) >= PART:
            yield bytes(waiting)
            waiting.clear()
    waiting += pack.flush()
    yield bytes(waiting)


def _parts(connection: Connection, number: int) -> Iterator[bytes]:
    part, at = ComplianceSourcePart, 0
    while True:
        query = select(part.content).where(part.source_id == number, part.number == at)
        found = connection.execute(query).scalar()
        if found is None:
            return
        yield bytes(found)
        at += 1
