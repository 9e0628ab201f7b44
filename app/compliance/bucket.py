"""`compliance sync --bucket`: credential reports and authorization details that others put into an S3 bucket.

The content says what an object is, of which account and of when. Its name says nothing. The newest of each account
counts, and an object is read again only when it changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import Engine

from app.audit.events import Event
from app.audit.log import Audit
from app.aws.bucket import BucketGateway, StoredObject
from app.compliance.data import credential_report, details, details_formats, details_updates, objects, updates
from app.compliance.data.account_data import read_account
from app.compliance.data.credential_report import NotAReport
from app.compliance.data.details_formats import NotDetails, holds_details
from app.compliance.data.judgements import TermsOf
from app.compliance.data.kept_sources import Arrival
from app.compliance.data.objects import ObjectState, ReadObject
from app.errors import NotAllowed, PortalError
from app.text.messages import _

LARGEST = details_formats.LARGEST
"""Bytes of an object that is read. Details may be larger than reports, whose limit is their own."""
DEPENDING = frozenset({"incomplete", "future"})
"""Diagnoses of files that may be accepted later: they depend on the time, or on what is stored of the account."""


class _NotOurs(PortalError):
    """The object is about an account that this portal doesn't have."""

    code = "account-not-watched"


@dataclass(frozen=True)
class Ended:
    """What became of an object. users: how many it has. kept: it was known from an earlier time, and not read."""

    key: str
    state: ObjectState
    problem: str = ""
    account_id: str = ""
    users: int = 0
    kept: bool = False


@dataclass
class BucketSync:
    """Reads reports and details from a bucket. accounts: those that this portal has."""

    engine: Engine
    gateway: BucketGateway
    bucket: str
    prefix: str
    accounts: Collection[str]
    terms_for: Callable[[str], TermsOf]
    audit_for: Callable[[str], Audit]
    arrival: Arrival
    """Who imports the objects, and where they are kept."""
    again: bool = False
    counts: Counter[ObjectState] = field(default_factory=Counter)

    def run(self) -> Iterator[Ended]:
        """Read what is new, the latest first, and yield what became of each object. Raises what listing raises."""
        listed = [each for each in self.gateway.objects(self.bucket, self.prefix) if not each.key.endswith("/")]
        listed.sort(key=lambda each: (each.changed_at, each.key), reverse=True)
        known = objects.read_objects(self.engine, self.bucket)
        for each in listed:
            before = known.get(objects.digest_of(each.key))
            if before and before.etag == each.etag and not self.again:
                yield Ended(each.key, before.state, before.problem, kept=True)
            else:
                yield self._one(each)
        if not self.prefix:
            objects.forget(self.engine, self.bucket, known, {objects.digest_of(each.key) for each in listed})

    def _one(self, listed: StoredObject) -> Ended:
        lasting = True
        try:
            ended = self._read_and_store(listed)
        except (NotAReport, NotDetails) as error:
            ended = Ended(listed.key, ObjectState.REFUSED, str(error))
            lasting = error.diagnosis not in DEPENDING
        except NotAllowed as error:
            message = _("AWS didn’t allow %(action)s.", action=error.action)
            ended, lasting = Ended(listed.key, ObjectState.REFUSED, message), False
        except PortalError as error:
            ended, lasting = Ended(listed.key, ObjectState.REFUSED, str(error)), False
        if lasting:
            read = ReadObject(listed.etag, ended.state, ended.problem)
            objects.remember(self.engine, self.bucket, listed.key, read, datetime.now(UTC))
        return ended

    def _read_and_store(self, listed: StoredObject) -> Ended:
        """Read an object and store what it has, if it is newer. Raises NotAReport, NotDetails, other PortalErrors."""
        if listed.size > LARGEST:
            message = _("This file is larger than the details of any account. Nothing was changed.")
            raise NotDetails(message, diagnosis="too-large")
        content = self.gateway.content(self.bucket, listed, LARGEST + 1)
        if holds_details(content):
            return self._details(listed, content)
        return self._report(listed, content)

    def _arrival(self, listed: StoredObject, content: bytes) -> Arrival:
        by = f"{self.arrival.by}, s3://{self.bucket}/{listed.key}"
        return replace(self.arrival, by=by, content=content)

    def _report(self, listed: StoredObject, content: bytes) -> Ended:
        report = credential_report.parse(content)
        account_id = self._ours(report.account_id)
        stored_at = self._stored_at(account_id, "report_at")
        if stored_at and report.made_at <= stored_at:
            return Ended(listed.key, ObjectState.OLDER, account_id=account_id)
        with self.audit_for(account_id).attempt(Event.CREDENTIAL_REPORT_UPLOADED, account_id):
            terms, came = self.terms_for(account_id), self._arrival(listed, content)
            users = updates.keep_report(self.engine, report, datetime.now(UTC), terms, came)
        return Ended(listed.key, ObjectState.STORED, account_id=account_id, users=users)

    def _details(self, listed: StoredObject, content: bytes) -> Ended:
        """Details don't say when they were collected: before they were put into the bucket."""
        found = details.parse(content, listed.changed_at)
        account_id = self._ours(found.account_id)
        stored_at = self._stored_at(account_id, "details_at")
        if stored_at and found.collected_at <= stored_at:
            return Ended(listed.key, ObjectState.OLDER, account_id=account_id)
        with self.audit_for(account_id).attempt(Event.DETAILS_UPLOADED, account_id):
            terms, came = self.terms_for(account_id), self._arrival(listed, content)
            users = details_updates.keep_details(self.engine, found, datetime.now(UTC), terms, came)
        return Ended(listed.key, ObjectState.STORED, account_id=account_id, users=users)

    def _ours(self, account_id: str) -> str:
        if account_id not in self.accounts:
            raise _NotOurs(
                _("It’s from account %(id)s, which is in neither ACCOUNTS nor WATCHED_ACCOUNTS.", id=account_id)
            )
        return account_id

    def _stored_at(self, account_id: str, column: str) -> datetime | None:
        with self.engine.connect() as connection:
            stored = read_account(connection, account_id)
        found: datetime | None = getattr(stored, column) if stored else None
        return found
