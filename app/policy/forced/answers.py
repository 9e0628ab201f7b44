"""The question and its answer: a user, their policies, and what works for them without MFA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from app.policy.parsed import ParsedPolicy
from app.policy.reference.request_context import IamUser

State = Literal["pass", "fail", "unknown"]
SessionKind = Literal["key", "password"]
SESSIONS: Mapping[SessionKind, bool | None] = {"key": None, "password": False}
"""How a request is made without MFA, to its aws:MultiFactorAuthPresent: with a plain access key there is none."""


class Named(NamedTuple):
    """A policy of a user, and how the user gets it.

    arn: "" for an inline policy. via: "user", "group:NAME" or "boundary". policy: judged by `ParsedPolicy.source`,
    which is what AWS evaluates. None for a document that couldn't be read, which makes the answer unknown.
    """

    name: str
    arn: str
    via: str
    policy: ParsedPolicy | None


class Person(NamedTuple):
    """An IAM user. path: "/" or "/engineering/". user_id: "AIDA...", "" if unknown. tags: of the user."""

    account_id: str
    partition: str
    user_name: str
    path: str
    user_id: str
    tags: Mapping[str, str]

    @property
    def arn(self) -> str:
        """Return the ARN, with the path."""
        return f"arn:{self.partition}:iam::{self.account_id}:user{self.path}{self.user_name}"

    @property
    def user(self) -> IamUser:
        """Return the user for `request_context`."""
        return IamUser(self.account_id, self.user_name, self.arn, self.user_id)


class Counterexample(NamedTuple):
    """A request that the policies allow without MFA.

    session: "key" for a plain access key, "password" for a console session without a code. statement: Sid or index,
    in its policy, of the Allow that decides. context: the condition keys that matter, in AWS's spelling, with their
    values. () marks a key that most requests have and this one must not have.
    """

    action: str
    resource: str
    session: SessionKind
    statement: str
    policy: Named
    context: Mapping[str, str | tuple[str, ...]]


class Judgement(NamedTuple):
    """The answer. unexplored: what wasn't explored, as "code:name". Each entry turns a pass into unknown."""

    state: State
    counterexample: Counterexample | None
    unexplored: tuple[str, ...]
