"""What access keys, SSH keys and signing certificates have in common: activate, deactivate, delete.

Creating each differs: `app.access_keys.service` and `app.public_keys.service`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from app.audit.events import Event
from app.audit.history import without_outcome
from app.audit.log import Attempt, Audit
from app.errors import NoResponse, NotFound


@dataclass(frozen=True)
class CredentialType:
    """What differs between access keys, SSH keys and certificates."""

    noun: str
    most: int
    """Per user; inactive ones count."""
    made: Event
    activated: Event
    deactivated: Event
    deleted: Event


class Owned(Protocol):
    """A credential of any of these types, as AWS lists it."""

    @property
    def id(self) -> str:
        """AWS's ID of the credential."""

    @property
    def active(self) -> bool:
        """False while it is deactivated."""


class Gateway(Protocol):
    """What the gateway of each type can do. Its methods raise as those of `app.aws` do."""

    def list_for(self, user_name: str) -> Sequence[Owned]:
        """Return the user's credentials of this type. Raises NotAllowed, Throttled, NoResponse."""

    def set_active(self, user_name: str, item_id: str, /, *, active: bool) -> None:
        """Activate or deactivate one. Raises NotFound, NotAllowed, NoResponse."""

    def delete(self, user_name: str, item_id: str, /) -> None:
        """Delete one. Raises NotFound, NotAllowed, NoResponse."""


def set_active(
    credential_type: CredentialType, gateway: Gateway, audit: Audit, user_name: str, item_id: str, *, active: bool
) -> None:
    """Activate or deactivate a credential. If AWS's answer is lost, ask AWS what is true.

    Raises NotFound, NotAllowed, NoResponse.
    """
    try:
        with audit.attempt(credential_type.activated if active else credential_type.deactivated, item_id):
            gateway.set_active(user_name, item_id, active=active)
    except NoResponse:
        if (item_id, active) not in {(each.id, each.active) for each in gateway.list_for(user_name)}:
            raise


def delete(credential_type: CredentialType, gateway: Gateway, audit: Audit, user_name: str, item_id: str) -> None:
    """Delete a credential, or find it deleted already. Raises NotAllowed, NoResponse."""
    try:
        with audit.attempt(credential_type.deleted, item_id), suppress(NotFound):
            gateway.delete(user_name, item_id)
    except NoResponse:
        if item_id in {each.id for each in gateway.list_for(user_name)}:
            raise


def reconcile(
    credential_type: CredentialType,
    listed: Sequence[Owned],
    audit: Audit,
    now: datetime,
    made_by: Callable[[Attempt], str | None],
) -> None:
    """Record the outcome of attempts whose outcome was unknown, as far as AWS's list shows it.

    made_by: returns the id of what an attempt has created, "" for nothing, None where the list doesn't show it.
    now: UTC.
    """
    active = {each.id: each.active for each in listed}
    existence, status = (
        (credential_type.made, credential_type.deleted),
        (credential_type.activated, credential_type.deactivated),
    )
    for attempt in without_outcome(audit, now, existence, status):
        if attempt.event is credential_type.made:
            made = made_by(attempt)
            if made is not None:
                audit.reconcile(replace(attempt, target=made or attempt.target), happened=bool(made))
        elif attempt.event is credential_type.deleted:
            audit.reconcile(attempt, happened=attempt.target not in active)
        elif attempt.target in active:  # deleted since: nothing shows what it was before
            audit.reconcile(attempt, happened=active[attempt.target] is (attempt.event is credential_type.activated))
