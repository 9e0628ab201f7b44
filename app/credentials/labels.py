"""Labels: names that users give their MFA devices, and notes about their keys. AWS keeps none, so the portal does.

A label belongs to a user, by AWS's unique id, and only that user's session reads and writes it (`Labels`). It is
readable text, and never a secret.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from sqlalchemy import ColumnElement, Connection, Engine, Select, String, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Utc
from app.db.upserting import insert_into
from app.text.messages import _
from app.text.typed import visible

LONGEST = 64
"""Characters of a label."""
CLOCKS_APART = timedelta(minutes=5)
"""By how much this portal's clock and AWS's may differ, where their times are compared."""
_SECRET = re.compile("[A-Za-z0-9/+=]{30,}|[A-Za-z0-9/+=]{12,}(?:[ -][A-Za-z0-9/+=]{12,})+")
"""A secret access key has 40 of these characters, a session token has many more. A few may be cut off, or a blank
may have replaced one."""
_SEED = re.compile("(?:[A-Z2-7]{4}[ -]?){6,}|(?:[a-z2-7]{4}[ -]?){6,}")
"""A setup key in base32: AWS's has 64 characters. Pages and apps write it in groups of four."""


class Type(StrEnum):
    """What can have a label. The value is stored."""

    MFA_DEVICE = "mfa-device"
    ACCESS_KEY = "access-key"


class LabelRow(Base):
    """The label of one credential of a user."""

    __tablename__ = "credential_labels"

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    """AWS's unique id of the user (AIDA...)."""
    credential_type: Mapped[str] = mapped_column(String(16), primary_key=True)
    """`Type`."""
    credential_id: Mapped[str] = mapped_column(String(256), primary_key=True)
    """Serial number of an MFA device, id of a key."""
    label: Mapped[str] = mapped_column(String(LONGEST))
    set_at: Mapped[datetime] = mapped_column(Utc)


def tidied(text: str | None) -> str:
    """Return what was typed without invisible characters, and with single blanks. "" means no label."""
    return " ".join(visible(text).split())


def problem(label: str) -> tuple[str, str] | None:
    """Return (code, sentence) for a tidied text that can't be a label, None for one that can."""
    if len(label) > LONGEST:
        return "too-long", _("Use %(num)d characters at most.", num=LONGEST)
    if not label.isprintable():
        return "not-printable", _("This contains invisible characters. Remove them.")
    if looks_secret(label):
        return "secret", _(
            "This looks like a secret, which doesn’t belong in a name or note, so we didn’t save it. Enter something "
            "that anyone may read."
        )
    return None


def looks_secret(text: str) -> bool:
    """Tell whether a text has something like a secret access key, a session token or a setup key in it."""
    mixed = any(
        all(re.search(characters, run) for characters in ("[A-Z]", "[a-z]", "[0-9]")) for run in _SECRET.findall(text)
    )
    seed = any(re.search("[2-7]", run) or run.isupper() for run in _SEED.findall(text))
    return mixed or seed or "otpauth:" in text.lower()


def prune_users(connection: Connection, account_id: str, listed: Collection[str], at: datetime) -> None:
    """Remove the labels of users that the account no longer has.

    listed: unique ids of all users of the account, as AWS listed them at that time. Labels that were set shortly
    before (`CLOCKS_APART`) or since stay: such a user may be newer than the list. A list that is empty, or lacks an
    id, proves nothing.
    """
    if not all(listed or [""]):
        return
    old = (LabelRow.account_id == account_id, LabelRow.user_id != "", LabelRow.set_at < at - CLOCKS_APART)
    labelled = connection.execute(select(LabelRow.user_id).distinct().where(*old)).scalars().all()
    for user_id in set(labelled) - set(listed):
        connection.execute(delete(LabelRow).where(*old, LabelRow.user_id == user_id))


@dataclass(frozen=True)
class Labels:
    """The labels of one user."""

    engine: Engine
    account_id: str
    user_id: str

    def all_of(self, credential_type: Type, since: Mapping[str, datetime] | None = None) -> dict[str, str]:
        """Return the labels by id of the credential.

        since: when AWS says that each credential began. Only these have a label, and only one that was set after
        that: a serial number can belong to another device later on.
        """
        wanted = select(LabelRow.credential_id, LabelRow.label, LabelRow.set_at).where(*self._mine(credential_type))
        with self.engine.connect() as connection:
            rows = connection.execute(wanted).all()
        if since is None:
            return {row.credential_id: row.label for row in rows}
        return {
            row.credential_id: row.label
            for row in rows
            if row.credential_id in since and row.set_at >= since[row.credential_id] - CLOCKS_APART
        }

    def put(
        self,
        credential_type: Type,
        credential_id: str,
        label: str,
        now: datetime,
        existing: Collection[str] | None = None,
    ) -> None:
        """Store a tidied label without `problem`, in place of an earlier one. "" removes it.

        existing: ids of all credentials of this type that the user has. Labels of others are removed.
        Raises ValueError for a label that has a problem.
        """
        if problem(label):
            raise ValueError("this can't be a label")
        if not label:
            self.remove(credential_type, credential_id)
            return
        key = {
            "account_id": self.account_id,
            "user_id": self.user_id,
            "credential_type": credential_type.value,
            "credential_id": credential_id,
        }
        changed = {"label": label, "set_at": now}
        statement = insert_into(LabelRow, self.engine.dialect).values(**key, **changed)
        with self.engine.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed))
            if existing is not None:
                kept = {*existing, credential_id}
                connection.execute(
                    delete(LabelRow).where(*self._mine(credential_type), LabelRow.credential_id.not_in(kept))
                )

    def remove(self, credential_type: Type, credential_id: str) -> None:
        """Remove a label, as when its credential is deleted. Where there is none, nothing happens."""
        with self.engine.begin() as connection:
            connection.execute(
                delete(LabelRow).where(*self._mine(credential_type), LabelRow.credential_id == credential_id)
            )

    def prune(self, listed: Mapping[Type, Collection[str]], now: datetime) -> None:
        """Remove labels of credentials that AWS no longer lists.

        listed: by type, ids of all credentials that AWS listed for the user just now. Labels of other types stay. A
        label that was set in the last `CLOCKS_APART` also stays: AWS's lists may not show a new credential yet.
        """
        asked = {"account_id": self.account_id, "user_id": self.user_id, "before": now - CLOCKS_APART}
        with self.engine.connect() as connection:
            labelled = connection.execute(_labelled_before(), asked).all()
        for credential_type, ids in listed.items():
            if gone := {row.credential_id for row in labelled if row.credential_type == credential_type} - set(ids):
                old = (*self._mine(credential_type), LabelRow.set_at < asked["before"])
                with self.engine.begin() as connection:
                    connection.execute(delete(LabelRow).where(*old, LabelRow.credential_id.in_(gone)))

    def _mine(self, credential_type: Type) -> tuple[ColumnElement[bool], ...]:
        return (
            LabelRow.account_id == self.account_id,
            LabelRow.user_id == self.user_id,
            LabelRow.credential_type == credential_type.value,
        )


@cache
def _labelled_before() -> Select[str, str]:
    """What `Labels.prune` asks. Every overview does, and putting it together takes longer than the answer."""
    return select(LabelRow.credential_type, LabelRow.credential_id).where(
        LabelRow.account_id == bindparam("account_id"),
        LabelRow.user_id == bindparam("user_id"),
        LabelRow.set_at < bindparam("before"),
    )
