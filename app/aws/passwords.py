"""A person's own console password, through IAM."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.aws.clients import Clients, translate_errors
from app.errors import NotAllowed, NotFound, PasswordPolicyViolation, WrongOldPassword

SYMBOLS = "!@#$%^&*()_+-=[]{}|'"
"""What AWS counts as a symbol (IAM User Guide, password policy)."""


@dataclass(frozen=True)
class PasswordPolicy:
    """What the account demands of a new password."""

    length: int
    uppercase: bool
    lowercase: bool
    digits: bool
    symbols: bool
    character_classes: int = 0
    """How many of the four kinds at least; only AWS's own default says so."""
    reuse: int = 0
    """Earlier passwords that may not come back."""
    max_age_days: int = 0


@dataclass(frozen=True)
class LoginProfile:
    """A user's console password, as far as AWS shows it."""

    created_at: datetime
    """When the user first had one; not when it was last changed."""
    reset_required: bool
    """A temporary one: AWS asks for another at the next sign-in to the console."""


DEFAULT_POLICY = PasswordPolicy(8, False, False, False, False, character_classes=3)
"""Where the account has none of its own (IAM User Guide)."""


class PasswordGateway:
    """What a signed-in user may ask about their console password. Raises PortalErrors only (`translate_errors`)."""

    def __init__(self, clients: Clients) -> None:
        self._reads = clients.iam_reads
        self._changes = clients.iam_changes

    def profile(self, user_name: str) -> LoginProfile | None:
        """The user's console password, or None where there is none (GetLoginProfile)."""
        try:
            with translate_errors("iam:GetLoginProfile"):
                said = self._reads.get_login_profile(UserName=user_name)["LoginProfile"]
        except NotFound:
            return None
        return LoginProfile(said["CreateDate"], said.get("PasswordResetRequired", False))

    def exists(self, user_name: str) -> bool:
        """Has the user a console password?"""
        return self.profile(user_name) is not None

    def policy(self) -> PasswordPolicy:
        """The account's password policy, or AWS's default (GetAccountPasswordPolicy). Raises NotAllowed."""
        try:
            with translate_errors("iam:GetAccountPasswordPolicy"):
                said = self._reads.get_account_password_policy()["PasswordPolicy"]
        except NotFound:
            return DEFAULT_POLICY
        return PasswordPolicy(
            said.get("MinimumPasswordLength", 6),
            said.get("RequireUppercaseCharacters", False),
            said.get("RequireLowercaseCharacters", False),
            said.get("RequireNumbers", False),
            said.get("RequireSymbols", False),
            reuse=said.get("PasswordReusePrevention", 0),
            max_age_days=said.get("MaxPasswordAge", 0),
        )

    def change(self, old: str, new: str) -> None:
        """Change the caller's own password (ChangePassword, which takes no user name).

        Raises WrongOldPassword, PasswordPolicyViolation, NotAllowed, NotFound (there is none),
        ConcurrentModification.
        """
        try:
            with translate_errors("iam:ChangePassword"):
                self._changes.change_password(OldPassword=old, NewPassword=new)
        except NotAllowed as refusal:
            # One code for both; only a denial by policy names the action (observed).
            if "iam:ChangePassword" in refusal.aws_message:
                raise
            raise WrongOldPassword(action=refusal.action, request_id=refusal.request_id) from refusal
        except PasswordPolicyViolation as refusal:
            raise PasswordPolicyViolation(_reason(refusal.aws_message), request_id=refusal.request_id) from refusal

    def create(self, user_name: str, password: str) -> None:
        """Give the user a console password where there is none (CreateLoginProfile). Raises AlreadyExists."""
        with translate_errors("iam:CreateLoginProfile"):
            self._changes.create_login_profile(UserName=user_name, Password=password)

    def replace(self, user_name: str, password: str) -> None:
        """Set another password without the old one (UpdateLoginProfile). Raises NotFound, ConcurrentModification."""
        with translate_errors("iam:UpdateLoginProfile"):
            self._changes.update_login_profile(UserName=user_name, Password=password)

    def remove(self, user_name: str) -> None:
        """Delete the console password (DeleteLoginProfile). Access keys keep working. Raises NotFound."""
        with translate_errors("iam:DeleteLoginProfile"):
            self._changes.delete_login_profile(UserName=user_name)


def _reason(aws_message: str) -> str:
    """AWS names the rule, never the password."""
    return f"AWS says that this breaks the account’s password policy: {aws_message}" if aws_message else ""
