"""What administrators do: refresh an account, import a credential report or authorization details."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from app.audit.events import Event
from app.audit.log import Audit
from app.compliance.data import details, details_updates, refresh_runs, updates
from app.compliance.data.credential_report import NotAReport, parse
from app.compliance.data.details_formats import LARGEST_UPLOAD, NotDetails, Page, holds_details
from app.compliance.data.details_rows import Details
from app.compliance.data.judgements import TermsOf
from app.compliance.data.kept_sources import UNKNOWN_ARRIVAL, Arrival, as_file
from app.errors import NotRecorded
from app.text.messages import _

if TYPE_CHECKING:
    from app.aws.clients import AwsCredentials
    from app.compliance.refresh import Gateways, Refresh


def begin_refresh(
    engine: Engine,
    gateways: Gateways,
    audit: Audit,
    account_id: str,
    arn: str,
    credentials: AwsCredentials,
    terms: TermsOf,
    arrival: Arrival = UNKNOWN_ARRIVAL,
) -> Refresh:
    """Begin a refresh, which the caller must run. Raises RefreshAlreadyRunning, NotRecorded."""
    from app.compliance.refresh import Refresh  # noqa: PLC0415 # botocore, which most commands do without

    run_id = refresh_runs.claim(engine, account_id, arn, datetime.now(UTC))
    try:
        audit.note(Event.COMPLIANCE_REFRESHED, account_id)
    except NotRecorded as error:
        with engine.begin() as connection:
            refresh_runs.finish(connection, account_id, run_id, datetime.now(UTC), str(error))
        raise
    return Refresh(engine, gateways, account_id, run_id, credentials, terms, arrival=arrival)


def in_background(refresh: Refresh) -> None:
    """Run the refresh in a thread of its own, which ends with the process."""
    threading.Thread(target=refresh.run, name=f"refresh-{refresh.account_id}", daemon=True).start()


def import_report(
    engine: Engine,
    audit: Audit,
    account_id: str,
    content: bytes,
    made_at: datetime | None,
    terms: TermsOf,
    arrival: Arrival = UNKNOWN_ARRIVAL,
) -> int:
    """Import a credential report, return how many users it lists. Raises NotAReport, NotRecorded."""
    report = parse(content, made_at, updates.known_lines(engine, account_id))
    if report.account_id != account_id:
        raise NotAReport(
            f"This is the report of account {report.account_id}, not of {account_id}. Nothing was changed.",
            diagnosis="other-account",
        )
    with audit.attempt(Event.CREDENTIAL_REPORT_UPLOADED, account_id):
        arrival = arrival.with_content(content)
        try:
            return updates.keep_report(engine, report, datetime.now(UTC), terms, arrival)
        except updates.ReportOvertaken:
            return updates.keep_report(engine, parse(content, made_at), datetime.now(UTC), terms, arrival)


@dataclass(frozen=True)
class Imported:
    """A file that was imported. users: how many it lists. details: it had authorization details, not a report."""

    users: int
    details: bool


def import_upload(
    engine: Engine,
    audit: Audit,
    account_id: str,
    content: bytes,
    made_at: datetime | None,
    terms: TermsOf,
    arrival: Arrival = UNKNOWN_ARRIVAL,
) -> Imported:
    """Import a credential report or authorization details, whichever the file has.

    made_at: as a user typed it. Details without a time are of now. Raises NotAReport, NotDetails, NotRecorded.
    """
    if len(content) > LARGEST_UPLOAD:
        too_large = _("This file is too large for this page. Use the command compliance import. Nothing was changed.")
        raise NotAReport(too_large, diagnosis="too-large")
    if holds_details(content):
        at = made_at or datetime.now(UTC)
        return Imported(import_details(engine, audit, account_id, content, at, terms, arrival), details=True)
    return Imported(import_report(engine, audit, account_id, content, made_at, terms, arrival), details=False)


def import_details(
    engine: Engine,
    audit: Audit,
    account_id: str,
    content: bytes,
    collected_at: datetime,
    terms: TermsOf,
    arrival: Arrival = UNKNOWN_ARRIVAL,
) -> int:
    """Import authorization details, return how many users they contain. Raises NotDetails, NotRecorded."""
    found = details.parse(content, collected_at)
    return _import_details(engine, audit, account_id, found, terms, arrival.with_content(content))


def import_details_pages(
    engine: Engine,
    audit: Audit,
    account_id: str,
    pages: Sequence[Page],
    collected_at: datetime,
    terms: TermsOf,
    arrival: Arrival = UNKNOWN_ARRIVAL,
) -> int:
    """Like `import_details`, from all pages that AWS answered."""
    content = as_file(pages)
    found = details.details_of(pages, collected_at, hashlib.sha256(content).hexdigest())
    return _import_details(engine, audit, account_id, found, terms, arrival.with_content(content))


def _import_details(
    engine: Engine, audit: Audit, account_id: str, found: Details, terms: TermsOf, arrival: Arrival
) -> int:
    if found.account_id != account_id:
        message = _(
            "These are the details of account %(theirs)s, not of %(account)s. Nothing was changed.",
            theirs=found.account_id,
            account=account_id,
        )
        raise NotDetails(message, diagnosis="other-account")
    with audit.attempt(Event.DETAILS_UPLOADED, account_id):
        return details_updates.keep_details(engine, found, datetime.now(UTC), terms, arrival)
