"""An organization of AWS Organizations: its accounts and organizational units."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Member:
    """An account of the organization."""

    account_id: str
    name: str
    parent: str
    """Id of the unit or root that it is in."""
    joined_at: datetime
    status: str = "ACTIVE"
    """ACTIVE, SUSPENDED or PENDING_CLOSURE."""

    @property
    def email(self) -> str:
        """Return the address of the account's root user."""
        return f"aws+{self.account_id}@example.com"


@dataclass(frozen=True)
class Unit:
    """An organizational unit."""

    id: str
    name: str
    parent: str
    """Id of the unit or root that it is in."""


@dataclass
class Organization:
    """One organization, with all features."""

    management_account_id: str
    id: str = "o-sandbox0001"
    root_id: str = "r-sand"
    members: dict[str, Member] = field(default_factory=dict)
    """By account id, the management account included."""
    units: dict[str, Unit] = field(default_factory=dict)
    """By id."""
