"""A refresh: about a dozen calls, with the two long lists read side by side, then one transaction.

It uses a copy of the credentials of the person who began it, which is stored nowhere, and stops when they expire.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.aws.account import AccountGateway
from app.aws.clients import AwsCredentials, using_credentials
from app.aws.iam import IamGateway
from app.aws.passwords import PasswordGateway, PasswordPolicy
from app.aws.user_list import Batch, UserListEntry, UserListGateway
from app.compliance.data import refresh_runs
from app.compliance.data.account_data import locked
from app.compliance.data.judgements import TermsOf
from app.compliance.data.kept_sources import UNKNOWN_ARRIVAL, Arrival
from app.compliance.data.merging import Merging
from app.compliance.rules import password_policy
from app.compliance.rules.sources import UserListFacts
from app.errors import NotAllowed, PortalError, Throttled
from app.text.messages import N_, _

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")
Item = TypeVar("Item")
PAUSES = (0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30)
"""Seconds to wait when AWS throttles, beyond what botocore itself waits. Then the refresh fails."""
BEAT = 1.0
"""Seconds between two signs of life."""


class RefreshSessionExpired(PortalError):
    """The credentials expired during the refresh."""

    code = "refresh-session-expired"
    message = N_("Your session ended before everything was read. Sign in and refresh again.")


class RefreshStopped(PortalError):
    """Another part of the refresh failed."""

    code = "refresh-stopped"
    message = N_("The refresh stopped.")


@dataclass
class Gateways:
    """The gateways that a refresh asks."""

    user_list: UserListGateway
    account: AccountGateway
    iam: IamGateway
    passwords: PasswordGateway
    certificates: Callable[[str], Batch[tuple[str, datetime]]] | None = None
    """A page of names and expiries of TLS certificates. Commands only: the portal's policy doesn't allow it."""


@dataclass
class Refresh:
    """One refresh of an account. terms_of: makes the account's terms when it is judged."""

    engine: Engine
    gateways: Gateways
    account_id: str
    run_id: str
    credentials: AwsCredentials = field(repr=False)
    terms_of: TermsOf
    on_progress: Callable[[int, int], None] | None = None
    """Called with the progress: users read, and users in the account (0: not known)."""
    more: Callable[[], Callable[[Merging], None]] | None = None
    """Reads further sources beside the lists, and returns what merges them in the same transaction."""
    arrival: Arrival = UNKNOWN_ARRIVAL
    """Who began it, and where its lists are kept."""
    counts: Counter[str] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> str:
        """Read and store. Return "" for success, else why it failed, as a sentence. Raises no PortalError."""
        try:
            with using_credentials(self.credentials):
                self._read_and_keep()
        except refresh_runs.RefreshReplaced as error:
            return str(error)
        except PortalError as error:
            return self._failed(_said(error))
        except SQLAlchemyError:
            log.exception("the refresh of account %s could not be stored", self.account_id)
            return self._failed(_("The new data couldn’t be stored. You still see the earlier data."))
        return ""

    def _read_and_keep(self) -> None:
        at = datetime.now(UTC)
        with ThreadPoolExecutor(4) as pool:
            # Each thread gets a context of its own with the same credentials.
            users = pool.submit(copy_context().run, self._users)
            devices = pool.submit(copy_context().run, self._devices)
            facts = pool.submit(copy_context().run, self._facts)
            further = [pool.submit(copy_context().run, self.more)] if self.more else []
            try:
                self._wait(users, devices, facts, *further)
            finally:
                self._stop.set()
        owners, known = devices.result(), facts.result()
        if self.counts["in_use_known"]:
            known["others"] = max(0, self.counts["in_use"] - sum(times for name, times in owners.items() if name))
        known["root_virtual_mfa"] = "" in owners
        with locked(self.engine, self.account_id) as account:
            now = datetime.now(UTC)
            refresh_runs.finish(account.connection, self.account_id, self.run_id, now, "", **self._progress())
            merging = Merging(account, self.terms_of)
            merging.lists(users.result(), owners, known, at, self.arrival)
            for each in further:
                each.result()(merging)
            merging.finish()

    def _wait(self, *reads: Future[Any]) -> None:
        """Wait until all reads are done or one failed, with a sign of life each BEAT. Raises what that one raised."""
        left = set(reads)
        while left:
            done, left = wait(left, timeout=BEAT, return_when="FIRST_EXCEPTION")
            self._beat()
            for each in done:
                each.result()

    def _beat(self) -> None:
        refresh_runs.beat(self.engine, self.account_id, self.run_id, datetime.now(UTC), **self._progress())
        if self.on_progress:
            self.on_progress(self.counts["users_read"], self.counts["expected"])

    def _progress(self) -> dict[str, int]:
        return {name: self.counts[name] for name in ("users_read", "devices_read", "expected", "calls", "slowed")}

    def _failed(self, sentence: str) -> str:
        try:
            with self.engine.begin() as connection:
                now = datetime.now(UTC)
                refresh_runs.finish(connection, self.account_id, self.run_id, now, sentence, **self._progress())
        except (refresh_runs.RefreshReplaced, SQLAlchemyError):
            log.exception("the end of the refresh of account %s could not be stored", self.account_id)
        return sentence

    # -- what is read

    def _users(self) -> list[UserListEntry]:
        found: list[UserListEntry] = []
        for page in self._pages(self.gateways.user_list.users):
            found += page
            self.counts["users_read"] = len(found)
        return found

    def _devices(self) -> Counter[str]:
        owners: Counter[str] = Counter()
        for page in self._pages(self.gateways.user_list.virtual_device_owners):
            owners.update(page)
            self.counts["devices_read"] += len(page)
        return owners

    def _facts(self) -> UserListFacts:
        """Read the facts about the account itself. What the policy doesn't allow stays unknown."""
        facts = UserListFacts()
        try:
            summary = self._patiently(self.gateways.account.summary)
        except NotAllowed as error:
            facts["why_no_summary"] = _("The policy doesn’t allow %(action)s.", action=error.action)
        else:
            facts["root_keys"] = bool(summary.get("AccountAccessKeysPresent"))
            facts["root_mfa"] = bool(summary.get("AccountMFAEnabled"))
            if "AccountPasswordPresent" in summary:
                facts["root_password"] = bool(summary["AccountPasswordPresent"])
            self.counts["expected"] = summary.get("Users", 0)
            if "Users" in summary:
                facts["users"] = summary["Users"]
            if "ServerCertificates" in summary:
                facts["tls_number"] = summary["ServerCertificates"]
            self.counts["in_use"], self.counts["in_use_known"] = summary.get("MFADevicesInUse", 0), 1
        try:
            policy = self._patiently(self.gateways.passwords.policy)
        except NotAllowed as error:
            facts["why_no_password_policy"] = _("The policy doesn’t allow %(action)s.", action=error.action)
        else:
            facts["password_length"], facts["password_reuse"] = policy.length, policy.reuse
            facts["password_classes"], facts["password_expiry"] = _classes(policy), policy.max_age_days
        facts.update(self._tls_certificates())
        with suppress(NotAllowed):  # the pages work without the alias
            facts["alias"] = self._patiently(self.gateways.iam.account_alias) or ""
        return facts

    def _tls_certificates(self) -> UserListFacts:
        if self.gateways.certificates is None:
            return {}
        at = datetime.now(UTC).isoformat()
        try:
            pages = list(self._pages(self.gateways.certificates))
        except NotAllowed as error:
            message = _("AWS didn’t allow %(action)s, so nobody knows when they expire.", action=error.action)
            return {"why_no_tls": message}
        return {"tls_certificates": [(name, ends.isoformat()) for page in pages for name, ends in page], "tls_at": at}

    def _pages(self, fetch: Callable[[str], Batch[Item]]) -> Iterator[list[Item]]:
        marker = ""
        while True:
            page = self._patiently(lambda: fetch(marker))  # noqa: B023 # called before marker changes
            yield page.items
            marker = page.next
            if not marker:
                return

    def _patiently(self, ask: Callable[[], Answer]) -> Answer:
        """Ask, and where AWS throttles, wait and ask again.

        Raises RefreshSessionExpired, RefreshStopped, and the other errors of the gateways.
        """
        for pause in PAUSES:
            self._check_running()
            self.counts["calls"] += 1
            try:
                return ask()
            except Throttled:
                self.counts["slowed"] += 1
                self._stop.wait(pause)
        self._check_running()
        return ask()

    def pause(self, seconds: float) -> None:
        """Let seconds pass, for `more`. Raises RefreshStopped, RefreshSessionExpired."""
        self._stop.wait(seconds)
        self._check_running()

    def _check_running(self) -> None:
        if self._stop.is_set():
            raise RefreshStopped
        ends = self.credentials.expires_at
        if ends and datetime.now(UTC) >= ends:
            raise RefreshSessionExpired


def _classes(policy: PasswordPolicy) -> list[str]:
    """Return the kinds of characters that every password needs."""
    asked = {
        password_policy.UPPERCASE: policy.uppercase,
        password_policy.LOWERCASE: policy.lowercase,
        password_policy.DIGITS: policy.digits,
        password_policy.SYMBOLS: policy.symbols,
        password_policy.SOME: policy.character_classes > 0,
    }
    return [name for name, wanted in asked.items() if wanted]


def _said(error: PortalError) -> str:
    if isinstance(error, NotAllowed) and error.action:
        return _("AWS didn’t allow %(action)s. You still see the earlier data.", action=error.action)
    return str(error)
