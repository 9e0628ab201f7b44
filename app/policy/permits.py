"""What the configured Force_MFA document lets a person do: so that only what can work is offered. Pure.

Other policies of the person may allow or deny more; AWS has the last word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from app.policy.documents import rendered
from app.policy.evaluation import Decision, Policy, Request, compiled, decide
from app.policy.request_context import IamUser, Session, request_context


@lru_cache(maxsize=64)
def _compiled(document: str, account_id: str, partition: str) -> Policy:
    """Every page asks of the same few, and a text makes a key that is cheap to compare."""
    return compiled(rendered(json.loads(document), account_id, partition))


@dataclass(frozen=True)
class Permits:
    """One person under a document. arn: of the IAM user."""

    document: Mapping[str, Any]
    account_id: str
    partition: str
    user_name: str
    arn: str

    @classmethod
    def of_user(
        cls, document: Mapping[str, Any], account_id: str, partition: str, user_name: str, path: str = "/"
    ) -> Permits:
        """An IAM user by name and path, "/" or "/engineering/"."""
        return cls(
            document, account_id, partition, user_name, f"arn:{partition}:iam::{account_id}:user{path}{user_name}"
        )

    @cached_property
    def policy(self) -> Policy:
        """The document, compiled for their account."""
        return _compiled(json.dumps(self.document), self.account_id, self.partition)

    def context(self, action: str, *, mfa: bool | None = True) -> dict[str, str]:
        """The condition keys of their request in a fresh session. mfa: as for `allows`."""
        return request_context(IamUser(self.account_id, self.user_name, self.arn), Session.of(mfa), action)

    def decision(self, action: str, resource: str, *, mfa: bool | None = True) -> Decision:
        """What the document decides, and by which statement. mfa: as for `allows`."""
        return decide([self.policy], Request(action, resource, self.context(action, mfa=mfa)))

    def names(self, action: str) -> bool:
        """Does any Allow statement name it, for whatever resource?"""
        return any(not each.denies and each.names_action(action) for each in self.policy.statements)

    def allows(self, action: str, resource: str, *, mfa: bool | None = True) -> bool:
        """Would the document allow it? mfa: aws:MultiFactorAuthPresent; None where it is absent (a plain key)."""
        return self.decision(action, resource, mfa=mfa).allowed
