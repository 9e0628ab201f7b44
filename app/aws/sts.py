"""STS: who a user is, and MFA sessions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from app.aws.clients import AwsCredentials, Clients, translate_errors

_ARN = re.compile(r"arn:(?P<partition>[\w-]+):(?P<service>iam|sts)::(?P<account>\d{12}):(?P<resource>.+)")


@dataclass(frozen=True)
class Identity:
    """What GetCallerIdentity returns."""

    account_id: str
    arn: str
    user_id: str

    @property
    def partition(self) -> str:
        """ "aws", "aws-cn", ..."""
        return self.arn.split(":")[1]

    @property
    def principal_type(self) -> str:
        """ "user", "root", "assumed-role", "federated-user"."""
        found = _ARN.fullmatch(self.arn)
        return found["resource"].split("/")[0] if found else "unknown"

    @property
    def user_name(self) -> str:
        """The name without the path. Only for users."""
        return self.arn.rsplit("/", 1)[-1]

    @property
    def path(self) -> str:
        """ "/" or "/engineering/". Only for users."""
        folders = self.arn.split(":user/", 1)[-1].split("/")[:-1]
        return "/".join(["", *folders, ""])


class StsGateway:
    """The two STS calls that authenticate. Raises PortalErrors only."""

    def __init__(self, clients: Clients) -> None:
        self._reads = clients.sts_reads
        self._once = clients.sts_once

    def caller(self) -> Identity:
        """Return whose credentials these are (GetCallerIdentity). It needs no permission, and shows no MFA."""
        with translate_errors("sts:GetCallerIdentity"):
            said = self._reads.get_caller_identity()
        return Identity(said["Account"], said["Arn"], said["UserId"])

    def mfa_session(self, serial_number: str, code: str, duration: timedelta) -> AwsCredentials:
        """Get an MFA session for a long-term key and a code (GetSessionToken). AWS is asked exactly once.

        duration: 15 minutes to 36 hours. Raises WrongMfaCode, MfaNotRecognized (device unknown to STS, not yet
        propagated, or too many tries), CredentialsRefused.
        """
        with translate_errors("sts:GetSessionToken"):
            made = self._once.get_session_token(
                SerialNumber=serial_number, TokenCode=code, DurationSeconds=int(duration.total_seconds())
            )["Credentials"]
        return AwsCredentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"], made["Expiration"])
