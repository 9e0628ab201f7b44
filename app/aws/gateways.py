"""Every gateway to AWS, opened once per process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from app.aws.access_keys import AccessKeyGateway
from app.aws.account import AccountGateway
from app.aws.clients import Clients
from app.aws.iam import IamGateway
from app.aws.passwords import PasswordGateway
from app.aws.signin import SignInGateway
from app.aws.sts import StsGateway
from app.aws.user_list import UserListGateway

Opened = TypeVar("Opened")


@dataclass(frozen=True)
class Gateways:
    """The gateways to AWS, shared by all requests."""

    iam: IamGateway
    keys: AccessKeyGateway
    passwords: PasswordGateway
    account: AccountGateway
    user_list: UserListGateway
    sts: StsGateway
    signin: SignInGateway
    clients: Clients
    _opened: dict[object, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, clients: Clients) -> Gateways:
        """All of them, over the same clients."""
        return cls(
            IamGateway(clients),
            AccessKeyGateway(clients),
            PasswordGateway(clients),
            AccountGateway(clients),
            UserListGateway(clients),
            StsGateway(clients),
            SignInGateway(clients),
            clients,
        )

    def of_type(self, gateway: Callable[[Clients], Opened]) -> Opened:
        """Return the gateway of this class. It is opened once per process."""
        if gateway not in self._opened:
            self._opened.setdefault(gateway, gateway(self.clients))
        return cast("Opened", self._opened[gateway])
