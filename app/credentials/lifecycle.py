"""What access keys, SSH keys and signing certificates have in common at AWS: switched off and on, deleted.

How each comes about differs, and is told in `app.access_keys.service` and `app.public_keys.service`.
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
    """What differs between the kinds."""

    noun: str
    most: int
    """Per user; inactive ones count."""
    made: Event
    activated: Event
    deactivated: Event
    deleted: Event


class Owned(Protocol):
    """One of any kind, as AWS lists it."""

    @property
    def id(self) -> str: ...

    @property
    def active(self) -> bool: ...


class Gateway(Protocol):
    """What the gateway of each kind can."""

    def list_for(self, user_name: str) -> Sequence[Owned]: ...

    def set_active(self, user_name: str, item_id: str, /, *, active: bool) -> None: ...

    def delete(self, user_name: str, item_id: str, /) -> None: ...


def set_active(
    credential_type: CredentialType, gateway: Gateway, audit: Audit, user_name: str, item_id: str, *, active: bool
) -> None:
    """Activate or deactivate; asks AWS what is true where the answer is lost.

    Raises NotFound, NotAllowed, NoResponse.
    """
    try:
        with audit.attempt(credential_type.activated if active else credential_type.deactivated, item_id):
            gateway.set_active(user_name, item_id, active=active)
    except NoResponse:
        if (item_id, active) not in {(each.id, each.active) for each in gateway.list_for(user_name)}:
            raise


def delete(credential_type: CredentialType, gateway: Gateway, audit: Audit, user_name: str, item_id: str) -> None:
    """Delete for good; one that is gone already is as good. Raises NotAllowed, NoResponse."""
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
    """Record what became of attempts without an outcome, as AWS's list tells it.

    made_by: id of what an attempt to make one has made; "" for nothing, None where the list does not tell.
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
        elif attempt.target in active:  # deleted since: nothing tells what it was before
            audit.reconcile(attempt, happened=active[attempt.target] is (attempt.event is credential_type.activated))
