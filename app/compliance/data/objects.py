"""Which objects of buckets were read before, so that they are read again only when they change."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Engine, delete, insert, select

from app.compliance.data.models import ComplianceObject


class ObjectState(StrEnum):
    """Whether an object of the bucket was stored, skipped because newer data exists, or refused."""

    STORED = "stored"
    OLDER = "older"
    """Skipped: the data stored for the account is as new or newer."""
    REFUSED = "refused"


@dataclass(frozen=True)
class ReadObject:
    """An object that was read. etag: of what was read. problem: why it was refused, "" if it wasn't."""

    etag: str
    state: ObjectState
    problem: str


def read_objects(engine: Engine, bucket: str) -> dict[str, ReadObject]:
    """Return what is known of the bucket's objects, by `digest_of` their keys."""
    columns = (ComplianceObject.digest, ComplianceObject.etag, ComplianceObject.state, ComplianceObject.problem)
    with engine.connect() as connection:
        found = connection.execute(select(*columns).where(ComplianceObject.bucket == bucket))
        return {digest: ReadObject(etag, ObjectState(state), problem) for digest, etag, state, problem in found}


def digest_of(key: str) -> str:
    """Return the SHA-256 of a key, in hex. Keys have up to 1,024 bytes."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def remember(engine: Engine, bucket: str, key: str, read: ReadObject, now: datetime) -> None:
    """Store how reading an object ended. Replaces its earlier entry."""
    digest = digest_of(key)
    row = {"etag": read.etag, "state": str(read.state), "problem": read.problem[:1024], "read_at": now}
    with engine.begin() as connection:
        connection.execute(delete(ComplianceObject).where(_is(bucket, [digest])))
        connection.execute(insert(ComplianceObject).values(bucket=bucket, digest=digest, **row))


def forget(engine: Engine, bucket: str, known: Mapping[str, ReadObject], listed: Collection[str]) -> None:
    """Delete what is stored of objects that aren't listed any more. listed: digests of all keys in the bucket."""
    gone = sorted(known.keys() - set(listed))
    with engine.begin() as connection:
        for start in range(0, len(gone), 200):
            connection.execute(delete(ComplianceObject).where(_is(bucket, gone[start : start + 200])))


def _is(bucket: str, digests: Collection[str]) -> ColumnElement[bool]:
    return (ComplianceObject.bucket == bucket) & ComplianceObject.digest.in_(digests)
