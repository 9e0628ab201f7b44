"""What an operation of the sandbox gets and returns: a `Call`, and members of the answer or a `Refusal`.

`app.sandbox.sandbox_app` turns an HTTP request into a `Call` after it is authenticated and allowed. The modules of
`app.sandbox.operations` register what happens next. Other actions go to moto.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from app.sandbox.state import State


class Refusal(Exception):
    """An error that AWS answers, rendered in the error shape of the service's protocol.

    `code` and `status` are as in the error table of the IAM API reference, e.g. ("NoSuchEntity", 404).
    """

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def not_emulated(service: str, action: str) -> Refusal:
    """Return the error for an action that AWS has and the sandbox doesn't, with a code that clients don't retry.

    IAM and STS have no code for it. EC2's and S3's are AWS's own.
    """
    words = f"The sandbox does not emulate {service}:{action}."
    if service == "ec2":
        return Refusal("UnsupportedOperation", words, 400)
    return Refusal("NotImplemented", words, 501 if service == "s3" else 400)


@dataclass(frozen=True)
class Caller:
    """The user or role that signed the request, as AWS sees it at this moment."""

    account_id: str
    arn: str
    unique_id: str
    user_name: str | None
    """Stored spelling, without path; None for root."""
    access_key_id: str
    session_token: str | None = field(default=None, repr=False)
    mfa_present: bool | None = None
    """aws:MultiFactorAuthPresent: None (absent) for long-term keys, else False or True."""
    mfa_at: datetime | None = None
    """When the code was given; aws:MultiFactorAuthAge counts from here."""
    issued_at: datetime | None = None
    """When temporary credentials were issued; None for long-term keys."""
    signed_in: bool = False
    """Through AWS Sign-In."""
    role_id: str | None = None
    """moto's id of the role whose session it is; None for users."""

    @property
    def is_session(self) -> bool:
        """Return whether the credentials are temporary ("ASIA...")."""
        return self.session_token is not None


@dataclass(frozen=True)
class Call:
    """One authenticated, authorized request, read once."""

    service: str
    """Signing name: "iam", "sts", "ec2", "s3"."""
    action: str
    """As in the API model: "EnableMFADevice"."""
    parameters: Mapping[str, Any]
    """Members of the operation's input shape, parsed and typed as botocore's model says."""
    caller: Caller
    request_id: str
    now: datetime
    """Time of the request, UTC, aware: the only clock an operation reads."""


class PassOn:
    """Returned by an operation that only checked or prepared the request, to let moto do the rest."""


PASS_ON: Final = PassOn()

Operation = Callable[["State", Call], "Mapping[str, Any] | PassOn"]
"""Returns the members of the operation's output shape ({} where it has none), or PASS_ON; raises Refusal."""

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {}


def operation(service: str, *actions: str) -> Callable[[Operation], Operation]:
    """Register an operation for actions of a service: `@operation("iam", "EnableMFADevice")`.

    Raises ValueError if one is registered already.
    """

    def register(behaviour: Operation) -> Operation:
        for action in actions:
            if (service, action) in OPERATIONS:
                raise ValueError(f"{service}:{action} is registered twice")
            OPERATIONS[service, action] = behaviour
        return behaviour

    return register
