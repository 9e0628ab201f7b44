"""What the configured Force_MFA document allows a user, so that the portal offers only what can work.

Other policies of the user may allow or deny more. AWS decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.policy.analysis.partial_evaluation import Weighed, unknown, weigh
from app.policy.evaluation import Decision, Effect, Policy, Request, decide
from app.policy.parsed import parsed
from app.policy.reference.request_context import IamUser, Session, request_context


@dataclass(frozen=True)
class Permits:
    """One user under a document. arn: of the IAM user."""

    document: Mapping[str, Any]
    account_id: str
    partition: str
    user_name: str
    arn: str

    @classmethod
    def of_user(
        cls, document: Mapping[str, Any], account_id: str, partition: str, user_name: str, path: str = "/"
    ) -> Permits:
        """Return the permits of an IAM user by name and path ("/" or "/engineering/")."""
        return cls(
            document, account_id, partition, user_name, f"arn:{partition}:iam::{account_id}:user{path}{user_name}"
        )

    @cached_property
    def policy(self) -> Policy:
        """Return the document, compiled for the user's account."""
        return parsed(self.document, self.account_id, self.partition).policy

    def context(self, action: str, *, mfa: bool | None = True) -> dict[str, str]:
        """Return the condition keys of the user's request in a new session. mfa: as in `allows`."""
        return request_context(IamUser(self.account_id, self.user_name, self.arn), Session.of(mfa), action)

    def decision(self, action: str, resource: str, *, mfa: bool | None = True) -> Decision:
        """Return the document's decision and the statement that made it. mfa: as in `allows`.

        If it depends on a key with an unknown value, like the client's address, the request counts as allowed if it
        can be.
        """
        if not self._asks_what_nobody_knows:
            return decide([self.policy], Request(action, resource, self.context(action, mfa=mfa)))
        found = self._weighed(action, resource, mfa)
        if not found.depends:
            return found.decision
        statements = self.policy.statements
        allowing = [at for at, weight in enumerate(found.weights) if weight.matches is not False]
        number = next(at for at in allowing if not statements[at].denies)
        sid = statements[number].sid
        return Decision(Effect.ALLOWED, number if sid is None else sid)

    def denies(self, action: str, resource: str, *, mfa: bool | None) -> bool:
        """Return whether the document explicitly denies it, whatever else allows it. mfa: as in `allows`."""
        context = {key.lower(): value for key, value in self.context(action, mfa=mfa).items()}
        request = Request(action, resource)
        return any(each.denies and each.covers(request, context) for each in self.policy.statements)

    def depends(self, action: str, resource: str, *, mfa: bool | None = True) -> tuple[str, ...]:
        """Return the condition keys with unknown values that the decision depends on. mfa: as in `allows`."""
        return self._weighed(action, resource, mfa).depends if self._asks_what_nobody_knows else ()

    @cached_property
    def _asks_what_nobody_knows(self) -> bool:
        """Return whether the document has a key with an unknown value. Most have none and are decided faster."""
        statements = self.policy.statements
        asked = [key for statement in statements for condition in statement.conditions for key in condition.keys]
        named = [key for statement in statements for pattern in statement.resources for key in pattern.keys]
        return any(map(unknown, (*asked, *named)))

    def _weighed(self, action: str, resource: str, mfa: bool | None) -> Weighed:
        known = {key: value for key, value in self.context(action, mfa=mfa).items() if not unknown(key)}
        return weigh(self.policy.statements, Request(action, resource, known))

    def names(self, action: str) -> bool:
        """Return whether any Allow statement names the action, on whatever resource."""
        return any(not each.denies and each.names_action(action) for each in self.policy.statements)

    def allows(self, action: str, resource: str, *, mfa: bool | None = True) -> bool:
        """Return whether the document allows it. mfa: aws:MultiFactorAuthPresent, None if absent (a plain access
        key).
        """
        return self.decision(action, resource, mfa=mfa).allowed
