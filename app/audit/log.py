"""The audit log: an attempt is an intent, written before AWS is asked, and an outcome, written after it.

AWS can't join our transaction. So an intent without an outcome is a finding: nobody knows what happened until AWS is
asked. Entries are only ever added, one chain per account (`app.audit.chain`), until retention removes the oldest.

Use cases ask it through `app.audit.history`, pages through `app.activity.queries`.
"""

from __future__ import annotations

import json
import logging
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import cast

from flask import Flask, current_app
from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from app.audit.chain import START, ChainedRow, Keyring, head_text
from app.audit.events import SPREADING, Event, Phase
from app.audit.models import ActivityHead, ActivityRow
from app.aws.request_ids import request_ids
from app.db import db
from app.errors import NoResponse, NotRecorded, PortalError

log = logging.getLogger(__name__)
COMMAND_LINE = "command line, "
"""How the user agent of a command begins. The login that ran the command follows."""


@dataclass(frozen=True)
class Attempt:
    """An attempt whose outcome isn't known."""

    attempt_id: str
    event: Event
    target: str
    at: datetime
    address: str
    user_agent: str
    session: str


@dataclass
class UnderWay:
    """An attempt that is being made. target: set it where AWS names what it created only in its answer."""

    attempt_id: str
    target: str


Added = Callable[[Mapping[str, str]], None]
"""Called with the columns of each entry that was added."""
AfterCommit = Callable[[], None]
Watcher = Callable[[Connection, ChainedRow], AfterCommit | None]
"""Called with each entry, in the transaction that adds it. What it returns is called when that is over. A watcher may
write to the database, and reaches nothing else. If it raises an error, the entry isn't added."""


class AuditLog:
    """The table, its chains and its stream. One per portal."""

    def __init__(
        self, engine: Engine, keyring: Keyring, *, to_stdout: bool = False, added: Added | None = None
    ) -> None:
        """to_stdout: also write entries there as JSON lines, for a SIEM. added: called with each, for counting."""
        self.engine = engine
        self.keyring = keyring
        self._to_stdout = to_stdout
        self._added = added
        self.watchers: list[Watcher] = []

    def append(self, account_id: str, **values: str) -> int:
        """Add an entry at the end of the account's chain, return its position. Raises SQLAlchemyError."""
        return self.append_all(account_id, [values])

    def append_all(self, account_id: str, entries: Sequence[dict[str, str]]) -> int:
        """Add entries in one transaction, in this order, and return the position of the last.

        entries: one at least, by column. Raises SQLAlchemyError: then none was added.
        """
        with self.engine.begin() as connection:
            seq, after = self._append_all(connection, account_id, entries)
        after()
        return seq

    def append_within(self, connection: Connection, account_id: str, **values: str) -> tuple[int, AfterCommit]:
        """Add an entry in the caller's transaction. Return its position, and what to call when that is over.

        It locks the account's chain until then. Raises SQLAlchemyError.
        """
        return self._append_all(connection, account_id, [values])

    def _append_all(
        self, connection: Connection, account_id: str, entries: Sequence[dict[str, str]]
    ) -> tuple[int, AfterCommit]:
        try:
            written = self._append(connection, account_id, entries)
        except LookupError:
            self._begin(account_id, connection)
            written = self._append(connection, account_id, entries)
        watched = [watch(connection, row) for row, _ in written for watch in self.watchers]

        def after() -> None:
            if self._added:
                for values in entries:
                    self._added(values)
            self._stream(written)
            for each in filter(None, watched):
                each()

        return written[-1][0].seq, after

    def begin_key(self, account_id: str) -> None:
        """Where a newer key signs from now on, add the entry that says so. Raises SQLAlchemyError, LookupError."""
        with self.engine.begin() as connection:
            written = self._append(connection, account_id, ())
        self._stream(written)

    def _stream(self, written: Sequence[tuple[ChainedRow, str]]) -> None:
        for row, mac in written if self._to_stdout else ():
            line = {**row._asdict(), "at": row.at.isoformat(), "mac": mac}
            try:
                sys.stdout.write(json.dumps(line) + "\n")
                sys.stdout.flush()
            except OSError:
                # The row is stored. A SIEM that collects the stream sees the gap in `seq`.
                log.exception("row %s of account %s did not reach standard output", row.seq, row.account_id)

    def _begin(self, account_id: str, connection: Connection) -> None:
        try:
            with connection.begin_nested():
                connection.execute(insert(ActivityHead).values(account_id=account_id, seq=0, mac=START))
        except IntegrityError:
            pass  # another replica was faster: now there is a head to follow

    def _append(
        self, connection: Connection, account_id: str, entries: Sequence[dict[str, str]]
    ) -> list[tuple[ChainedRow, str]]:
        """Add entries, after one that says so where a newer key begins. Without any: only that one.

        Raises LookupError where the chain has no head yet.
        """
        # The first statement takes the lock, on SQLite and PostgreSQL: a second process sees our row.
        head = connection.execute(_NEXT, {"account": account_id}).first()
        if head is None:
            raise LookupError(account_id)
        seq, before = head.seq, head.mac
        written: list[tuple[ChainedRow, str]] = []
        former = connection.execute(_KEY, {"account_id": account_id, "seq": seq - 1}).scalar()
        key_id = self.keyring.next_after(former) if former is not None else self.keyring.signing
        now = datetime.now(UTC)
        changed = former is not None and key_id != former
        for each in (*((_key_changed(key_id, seq),) if changed else ()), *entries):
            row = ChainedRow(account_id, seq, now, key_id=key_id, **each)
            mac = self.keyring.mac(before, row)
            written.append((row, mac))
            seq, before = seq + 1, mac
        if written:
            connection.execute(_INSERT, [{**row._asdict(), "mac": mac} for row, mac in written])
        connection.execute(_HEAD, {"account": account_id, "last": seq - 1, "signed": before})
        return written

    def shorten(self, account_id: str, seq: int, mac: str) -> int:
        """Retention: remove entries up to this one, leave a checkpoint in the chain, return how many went.

        seq, mac: of an entry as it was verified. What the table says by now may have been changed since.
        """
        self.append(account_id, **_by_itself(Event.AUDIT_LOG_SHORTENED, head_text(seq, mac)))
        with self.engine.begin() as connection:
            mine = ActivityRow.account_id == account_id
            return int(connection.execute(delete(ActivityRow).where(mine, ActivityRow.seq <= seq)).rowcount)


_KEY = select(ActivityRow.key_id).where(
    ActivityRow.account_id == bindparam("account_id"), ActivityRow.seq == bindparam("seq")
)
"""Which key the entry at a position was made with. Made once, as the statements below: each entry needs them."""
_MY_HEAD = update(ActivityHead).where(ActivityHead.account_id == bindparam("account"))
_NEXT = _MY_HEAD.values(seq=ActivityHead.seq + 1).returning(ActivityHead.seq, ActivityHead.mac)
_HEAD = _MY_HEAD.values(seq=bindparam("last"), mac=bindparam("signed"))
_INSERT = insert(ActivityRow)


def _by_itself(event: Event, target: str) -> dict[str, str]:
    """An entry about the audit log, which names no user."""
    nobody = dict.fromkeys(("user_name", "reason", "request_id", "address", "user_agent", "session"), "")
    return nobody | {
        "attempt_id": secrets.token_hex(16),
        "event": event.value,
        "target": target,
        "phase": Phase.DONE.value,
    }


def _key_changed(key_id: str, seq: int) -> dict[str, str]:
    return _by_itself(Event.AUDIT_LOG_KEY_CHANGED, f"{key_id} from {seq}")


def open_audit_log(app: Flask, added: Added | None = None) -> None:
    """Open the portal's audit log, with AUDIT_KEYS. added: called with each new entry, for counting."""
    with app.app_context():
        app.extensions["audit_log"] = AuditLog(
            db.engine,
            app.config["AUDIT_KEYS"],
            to_stdout=app.config["AUDIT_STREAM"] == "stdout",
            added=added,
        )


def begin_keys(app: Flask) -> None:
    """At start: where AUDIT_KEYS has a newer key than the last entry of a chain, add the entry that says so.

    Then no chain waits for its next visitor until an old key counts for nothing.
    """
    with app.app_context():
        made = cast("AuditLog", app.extensions["audit_log"])
        for account_id in _chains(made.engine):
            try:
                made.begin_key(account_id)
            except (SQLAlchemyError, LookupError):
                log.exception("the key of the chain of account %s could not be changed", account_id)


def _chains(engine: Engine) -> Sequence[str]:
    with engine.connect() as connection:
        return connection.execute(select(ActivityHead.account_id)).scalars().all()


def audit_log() -> AuditLog:
    """Return the portal's audit log."""
    return cast("AuditLog", current_app.extensions["audit_log"])


@dataclass(frozen=True)
class Audit:
    """Records what one user attempts, from one address."""

    log: AuditLog
    account_id: str
    user_name: str
    address: str
    user_agent: str
    session: str
    user_id: str = ""
    """AWS's unique id of the user; empty for commands, and where nobody is known yet."""

    @contextmanager
    def attempt(self, event: Event, target: str = "") -> Iterator[UnderWay]:
        """Record the intent, let the caller ask AWS, record the outcome.

        target: the ARN, serial number or key ID it is about, never a secret. Raises NotRecorded, before anything is
        attempted, if the intent can't be written.
        """
        attempt = UnderWay(secrets.token_hex(16), target)
        try:
            self._write(attempt.attempt_id, event, target, Phase.INTENDED)
        except SQLAlchemyError as error:
            raise NotRecorded from error
        try:
            with request_ids() as answered:
                yield attempt
        except PortalError as error:
            phase = Phase.UNKNOWN if isinstance(error, NoResponse) else Phase.REFUSED
            self._write_outcome(attempt.attempt_id, event, target, phase, error.code, error.request_id)
            raise
        self._write_outcome(
            attempt.attempt_id, event, attempt.target, Phase.DONE, "", answered[-1] if answered else ""
        )

    @contextmanager
    def attempts(self, event: Event, targets: Sequence[str]) -> Iterator[None]:
        """As `attempt`, for one change of the portal's own data that is about several things: an entry for each.

        Intents are written in one transaction, and so are outcomes. The change is made as a whole or not at all.
        """
        attempts = [(secrets.token_hex(16), target) for target in targets]

        def all_of_them(phase: Phase, reason: str = "") -> list[dict[str, str]]:
            return [self._entry(attempt_id, event, target, phase, reason) for attempt_id, target in attempts]

        try:
            self.log.append_all(self.account_id, all_of_them(Phase.INTENDED))
        except SQLAlchemyError as error:
            raise NotRecorded from error
        try:
            yield
        except PortalError as error:
            self._write_outcomes(all_of_them(Phase.REFUSED, error.code))
            raise
        self._write_outcomes(all_of_them(Phase.DONE))

    def note(self, event: Event, target: str = "", refused: PortalError | None = None, remark: str = "") -> None:
        """Record something that changes nothing at AWS: a sign-in, a refusal, a sign-out.

        remark: a code stored as the reason where nothing was refused, like NEW_BROWSER. Raises NotRecorded if it
        can't be written.
        """
        phase = Phase.REFUSED if refused else Phase.DONE
        reason, request_id = (refused.code, refused.request_id) if refused else (remark, "")
        try:
            self._write(secrets.token_hex(16), event, target, phase, reason, request_id)
        except SQLAlchemyError as error:
            raise NotRecorded from error

    @contextmanager
    def refusals(self, event: Event, target: str = "") -> Iterator[None]:
        """Record a refusal inside the block with `note`, and raise it again. Raises NotRecorded in its place."""
        try:
            yield
        except PortalError as refusal:
            self.note(event, target, refusal)
            raise

    def reconcile(self, attempt: Attempt, *, happened: bool) -> None:
        """Record what AWS shows to have become of an attempt, with the address and session it was made from.

        A change that isn't visible yet may be on its way. So of a young attempt only success is recorded.
        """
        if not happened and datetime.now(UTC) - attempt.at < SPREADING:
            return
        phase = Phase.FOUND_DONE if happened else Phase.FOUND_UNDONE
        there = replace(self, address=attempt.address, user_agent=attempt.user_agent, session=attempt.session)
        there._write_outcome(attempt.attempt_id, attempt.event, attempt.target, phase, "", "")

    def _write_outcome(
        self, attempt_id: str, event: Event, target: str, phase: Phase, reason: str, request_id: str
    ) -> None:
        try:
            self._write(attempt_id, event, target, phase, reason, request_id)
        except SQLAlchemyError:
            # The change is made: the person must see its result. The intent alone reads as "unknown".
            log.exception("outcome of attempt %s could not be recorded", attempt_id)

    def _write_outcomes(self, entries: Sequence[dict[str, str]]) -> None:
        try:
            self.log.append_all(self.account_id, entries)
        except SQLAlchemyError:
            log.exception("outcomes of %d attempts could not be recorded", len(entries))

    def _write(
        self, attempt_id: str, event: Event, target: str, phase: Phase, reason: str = "", request_id: str = ""
    ) -> None:
        self.log.append(self.account_id, **self._entry(attempt_id, event, target, phase, reason, request_id))

    def _entry(
        self, attempt_id: str, event: Event, target: str, phase: Phase, reason: str = "", request_id: str = ""
    ) -> dict[str, str]:
        return {
            "attempt_id": attempt_id,
            "user_name": self.user_name,
            "event": event.value,
            "target": target[:512],
            "phase": phase.value,
            "reason": reason,
            "request_id": request_id[:128],
            "address": self.address,
            "user_agent": self.user_agent,
            "session": self.session,
            "user_id": self.user_id,
        }
