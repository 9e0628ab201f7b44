"""Every gateway to AWS, opened once per process."""

from __future__ import annotations

from dataclasses import dataclass

from app.aws.access_keys import AccessKeyGateway
from app.aws.account import AccountGateway
from app.aws.certificates import CertificateGateway
from app.aws.clients import Clients
from app.aws.iam import IamGateway
from app.aws.passwords import PasswordGateway
from app.aws.roster import RosterGateway
from app.aws.signin import SignInGateway
from app.aws.ssh_keys import SshKeyGateway
from app.aws.sts import StsGateway


@dataclass(frozen=True)
class Gateways:
    """The gateways to AWS, shared by all requests."""

    iam: IamGateway
    keys: AccessKeyGateway
    passwords: PasswordGateway
    account: AccountGateway
    roster: RosterGateway
    ssh_keys: SshKeyGateway
    certificates: CertificateGateway
    sts: StsGateway
    signin: SignInGateway

    @classmethod
    def of(cls, clients: Clients) -> Gateways:
        """All of them, over the same clients."""
        return cls(
            IamGateway(clients),
            AccessKeyGateway(clients),
            PasswordGateway(clients),
            AccountGateway(clients),
            RosterGateway(clients),
            SshKeyGateway(clients),
            CertificateGateway(clients),
            StsGateway(clients),
            SignInGateway(clients),
        )
