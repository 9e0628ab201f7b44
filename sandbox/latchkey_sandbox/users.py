"""Who asks the sandbox: an IAM user with their secrets, and the credentials they get."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latchkey_sandbox.phone import Phone
    from latchkey_sandbox.running import Sandbox

NOT_YET = "AccessDenied MultiFactorAuthentication failed, unable to validate MFA code"
"""What STS says of a device that it doesn't know, or doesn't know yet. It then uses no code up."""


@dataclass(frozen=True)
class Credentials:
    """What signs requests: a user's access key, or a session."""

    sandbox: Sandbox = field(repr=False)
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    """Empty for an access key."""

    def client(self, service: str) -> Any:
        """Return a boto3 client of the sandbox that signs with them."""
        return self.sandbox.client(service, self)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which a program uses the sandbox as AWS, with these credentials."""
        signed = {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key}
        token = {"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {}
        return self.sandbox.environment | signed | token


@dataclass(frozen=True)
class User:
    """An IAM user of the sandbox."""

    sandbox: Sandbox = field(repr=False)
    name: str
    arn: str
    groups: tuple[str, ...] = ()
    password: str = field(default="", repr=False)
    """The console password, empty for users without one."""
    access_key: Credentials | None = None

    def client(self, service: str) -> Any:
        """Return a boto3 client that signs with the plain access key, so without MFA."""
        return self._key().client(service)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which a program uses the sandbox as this user, without MFA."""
        return self._key().environment

    def with_mfa(self, phone: Phone) -> Credentials:
        """Get a session with MFA from the access key (GetSessionToken). It lasts twelve hours, so keep it.

        With `--consistency-delay-s` STS doesn't know a new device at once: the session is returned when it does.
        Raises botocore's ClientError if AWS refuses it.
        """
        ask = self.client("sts").get_session_token
        given = self.sandbox.until_known(NOT_YET, ask, SerialNumber=phone.serial_number, TokenCode=phone.code())
        made = given["Credentials"]
        return Credentials(self.sandbox, made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])

    def sign_in(self, phone: Phone | None = None) -> Credentials:
        """Sign in with the password on AWS Sign-In's pages, as `aws login` does. The session lasts 15 minutes.

        phone: asked for a code, which makes it a session with MFA. Raises SandboxError if the user is not let in.
        """
        if not self.password:
            raise ValueError(f"{self.name} has no console password. Create the user with password=True.")
        given = self.sandbox.sign_in(self, phone.code if phone else str)
        return Credentials(
            self.sandbox, given["aws_access_key_id"], given["aws_secret_access_key"], given["aws_session_token"]
        )

    def _key(self) -> Credentials:
        if self.access_key is None:
            raise ValueError(f"{self.name} has no access key. Create the user with key=True, or use sign_in().")
        return self.access_key
