"""`compliance sync`: many accounts read in one process, each by a role in it, and stored whole or not at all.

How each account ended is stored with its data, so that a sync that was killed continues with the others.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.audit.events import Event
from app.audit.log import Audit
from app.aws.account import AccountGateway
from app.aws.authorization_details import AuthorizationDetailsGateway
from app.aws.clients import AwsCredentials, Clients, using_credentials
from app.aws.credential_report import CredentialReportGateway
from app.aws.iam import IamGateway
from app.aws.organization import OrganizationGateway
from app.aws.passwords import PasswordGateway
from app.aws.roles import RoleGateway, is_own_denial
from app.aws.server_certificates import ServerCertificateGateway
from app.aws.sts import Identity
from app.aws.user_list import UserListGateway
from app.compliance import service
from app.compliance.data import details_updates, refresh_runs, syncs
from app.compliance.data.credential_report import CredentialReport, NotAReport, parse
from app.compliance.data.details import details_of
from app.compliance.data.details_formats import NotDetails
from app.compliance.data.details_rows import Details
from app.compliance.data.forced import Facts, judged
from app.compliance.data.judgements import TermsOf
from app.compliance.data.kept_sources import Arrival, as_file
from app.compliance.data.merging import Merging
from app.compliance.fetching import fetched, fetched_details
from app.compliance.listed_accounts import ListedAccount
from app.compliance.refresh import Gateways, Refresh
from app.errors import NotAllowed, PortalError, Refused
from app.text.messages import N_, _

log = logging.getLogger(__name__)
SESSION_NAME = "latchkey-sync"
"""Names the sync in the accounts' CloudTrail."""
LISTS, REPORT, DETAILS = "lists", "report", "details"
EVENTS = {REPORT: Event.CREDENTIAL_REPORT_UPLOADED, DETAILS: Event.DETAILS_UPLOADED}


class AccountSyncFailed(Refused):
    """An account couldn't be read or stored."""

    code = "account-sync-failed"
    message = N_("The account couldn’t be synced. Its earlier data stays.")


class AccountClosed(Refused):
    """The organization's account is suspended or closed."""

    code = "account-closed"
    message = N_("The account is suspended or closed, so no role in it can be assumed.")


@dataclass(frozen=True)
class Outcome:
    """How the sync of an account ended. problem: "" for success."""

    account: ListedAccount
    problem: str
    users: int = 0


@dataclass
class Sync:
    """A sync of several accounts. credentials: of the caller, who assumes the role in each account but their own."""

    engine: Engine
    clients: Clients
    caller: Identity
    credentials: AwsCredentials = field(repr=False)
    role_name: str
    external_id: str
    parts: frozenset[str]
    terms_for: Callable[[str], TermsOf]
    audit_for: Callable[[str, Identity], Audit]
    arrival_for: Callable[[Identity], Arrival]
    """Returns how the sources come that someone reads."""
    on_outcome: Callable[[Outcome], None] | None = None
    """Called in the caller's thread as each account ends."""

    def __post_init__(self) -> None:
        self.gateways = Gateways(
            UserListGateway(self.clients),
            AccountGateway(self.clients),
            IamGateway(self.clients),
            PasswordGateway(self.clients),
            ServerCertificateGateway(self.clients).certificates,
        )
        self.roles = RoleGateway(self.clients)

    def due(self, listed: Iterable[ListedAccount], now: datetime) -> list[ListedAccount]:
        """Return the accounts that no sync has stored today (UTC)."""
        with self.engine.connect() as connection:
            known = syncs.read_syncs(connection)
        return [
            each
            for each in listed
            if each.account_id not in known or not known[each.account_id].is_done(self.parts, now)
        ]

    def run(self, listed: Iterable[ListedAccount], parallel: int) -> list[Outcome]:
        """Read and store `parallel` accounts at a time. Return how each ended, in the order of their ends."""
        found = []
        with ThreadPoolExecutor(parallel, "sync") as pool:
            running = [pool.submit(copy_context().run, self.one, each) for each in listed]
            try:
                for each in as_completed(running):
                    found.append(each.result())
                    if self.on_outcome:
                        self.on_outcome(found[-1])
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return found

    def one(self, listed: ListedAccount) -> Outcome:
        """Read and store one account."""
        try:
            return Outcome(listed, "", self._read_and_store(listed))
        except PortalError as error:
            problem = str(error)
        except SQLAlchemyError:
            log.exception("the sync of account %s could not be stored", listed.account_id)
            problem = _("The new data couldn’t be stored. You still see the earlier data.")
        self._failed(listed, problem)
        return Outcome(listed, problem)

    def _failed(self, listed: ListedAccount, problem: str) -> None:
        try:
            with self.engine.begin() as connection:
                syncs.finish_sync(connection, listed.account_id, datetime.now(UTC), problem=problem)
        except SQLAlchemyError:
            log.exception("the end of the sync of account %s could not be stored", listed.account_id)

    def _read_and_store(self, listed: ListedAccount) -> int:
        if listed.status != "ACTIVE":
            raise AccountClosed
        credentials, who = self._in_account(listed.account_id)
        audit, terms = self.audit_for(listed.account_id, who), self.terms_for(listed.account_id)
        work = self._claimed(listed.account_id, audit, who, credentials, terms)
        work.more = lambda: self._more(work)
        with ExitStack() as attempts:
            for part in sorted(self.parts & EVENTS.keys()):
                attempts.enter_context(audit.attempt(EVENTS[part], listed.account_id))
            if problem := work.run():
                raise AccountSyncFailed(problem)
        return work.counts["users_read"]

    def _in_account(self, account_id: str) -> tuple[AwsCredentials, Identity]:
        """Return credentials for an account and whose they are: the role's, in the caller's own account theirs."""
        if account_id == self.caller.account_id:
            return self.credentials, self.caller
        partition = self.caller.partition
        role = f"arn:{partition}:iam::{account_id}:role/{self.role_name}"
        try:
            with using_credentials(self.credentials):
                made = self.roles.assume(role, SESSION_NAME, self.external_id)
        except NotAllowed as error:
            raise AccountSyncFailed(self._why_not(role, error)) from error
        name = self.role_name.rpartition("/")[2]
        arn = f"arn:{partition}:sts::{account_id}:assumed-role/{name}/{SESSION_NAME}"
        return made, Identity(account_id, arn, SESSION_NAME)

    def _why_not(self, role: str, error: NotAllowed) -> str:
        if is_own_denial(error.aws_message):
            message = _("%(arn)s isn’t allowed to assume %(role)s. Allow sts:AssumeRole on it.")
        else:
            # AWS answers the same to both.
            message = _(
                "AWS didn’t let %(arn)s assume %(role)s. Either there’s no such role, or its trust policy doesn’t "
                "name you or asks for another external ID. `policy render --audit-role` writes the role."
            )
        return message % {"arn": self.caller.arn, "role": role}

    def _claimed(
        self, account_id: str, audit: Audit, who: Identity, credentials: AwsCredentials, terms: TermsOf
    ) -> Refresh:
        """Begin a refresh. One that was killed with an earlier sync counts as running for some seconds: wait for it.

        Raises RefreshAlreadyRunning, NotRecorded.
        """
        until = datetime.now(UTC) + refresh_runs.DEAD_AFTER
        while True:
            try:
                return service.begin_refresh(
                    self.engine,
                    self.gateways,
                    audit,
                    account_id,
                    who.arn,
                    credentials,
                    terms,
                    self.arrival_for(who),
                )
            except refresh_runs.RefreshAlreadyRunning:
                if datetime.now(UTC) > until:
                    raise
                time.sleep(1)

    def _more(self, work: Refresh) -> Callable[[Merging], None]:
        """Fetch the other parts, and return what stores them with the lists."""
        report, csv = self._report(work)
        details, pages = self._details(work) if DETAILS in self.parts else (None, b"")

        def keep(merging: Merging) -> None:
            now, account = datetime.now(UTC), merging.account
            merging.report(report, now, work.arrival.with_content(csv))
            if details:
                details_updates.merge_into(merging, *details, now, work.arrival.with_content(pages))
            syncs.finish_sync(account.connection, account.account_id, now, self.parts)

        return keep

    def _report(self, work: Refresh) -> tuple[CredentialReport, bytes]:
        """The credential report, and its CSV."""
        made = fetched(CredentialReportGateway(self.clients), work.pause)
        report = parse(made.content, made.made_at)
        if report.account_id != work.account_id:
            message = _("AWS answered with the report of account %(id)s. Nothing was changed.", id=report.account_id)
            raise NotAReport(message, diagnosis="other-account")
        return report, made.content

    def _details(self, work: Refresh) -> tuple[tuple[Details, Facts], bytes]:
        """The authorization details, whether they force MFA, and their pages as a file."""
        at = datetime.now(UTC)
        pages = fetched_details(AuthorizationDetailsGateway(self.clients), work.pause)
        content = as_file(pages)
        found = details_of(pages, at, sha256(content).hexdigest())
        if found.account_id != work.account_id:
            message = _("AWS answered with the details of account %(id)s. Nothing was changed.", id=found.account_id)
            raise NotDetails(message, diagnosis="other-account")
        return (found, judged(found)), content  # before the account is locked: it can take seconds


def of_organization(gateway: OrganizationGateway) -> list[ListedAccount]:
    """Return all accounts of the organization, with their units where the caller may list them."""
    found = gateway.accounts()
    try:
        units = _units(gateway)
    except NotAllowed:
        units = None
    return [
        ListedAccount(each.account_id, each.name, None if units is None else units.get(each.account_id), each.status)
        for each in found
    ]


def _units(gateway: OrganizationGateway) -> dict[str, str]:
    """By account: the path of its unit."""
    found: dict[str, str] = {}
    todo = [(root.id, "") for root in gateway.roots()]
    while todo:
        parent, path = todo.pop()
        found |= dict.fromkeys(gateway.accounts_in(parent), path)
        todo += [(unit.id, f"{path}/{unit.name}" if path else unit.name) for unit in gateway.units_in(parent)]
    return found
