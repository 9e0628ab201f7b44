"""An account's authorization details as typed rows: who has which policies. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Inline(NamedTuple):
    """An inline policy."""

    name: str
    document: str
    """A key of `Details.documents`."""


class DetailsUser(NamedTuple):
    """A user."""

    user_name: str
    user_id: str
    """AIDA..."""
    arn: str
    path: str
    created_at: datetime | None
    groups: tuple[str, ...]
    attached: tuple[str, ...]
    """ARNs."""
    inline: tuple[Inline, ...]
    boundary: str
    """ARN of the permissions boundary, "" without one."""
    tags: dict[str, str]


class DetailsGroup(NamedTuple):
    """A group, or a role."""

    name: str
    arn: str
    attached: tuple[str, ...]
    inline: tuple[Inline, ...]
    tagged: bool | None = None
    """A role has tags other than AWS's own. None: not known, as an earlier release stored it, or a group."""


class ManagedPolicy(NamedTuple):
    """A managed policy, AWS's own or the account's."""

    arn: str
    document: str
    """Of the default version: a key of `Details.documents`. "" where it is missing."""

    @property
    def name(self) -> str:
        """Without its path."""
        return self.arn.rsplit("/", 1)[-1]

    @property
    def by_aws(self) -> bool:
        """Is it one of AWS's own?"""
        return self.arn.split(":", 5)[4] == "aws"


@dataclass(frozen=True)
class Details:
    """The authorization details of an account, complete."""

    account_id: str
    partition: str
    collected_at: datetime
    digest: str
    """SHA-256 of the file, in hex. "" where AWS was asked directly."""
    users: Mapping[str, DetailsUser]
    groups: Mapping[str, DetailsGroup]
    roles: Mapping[str, DetailsGroup]
    policies: Mapping[str, ManagedPolicy]
    """By ARN."""
    documents: Mapping[str, str]
    """Policy documents as JSON, by their SHA-256, which doesn't depend on the order of names."""
