"""Gateways for tests: they answer by themselves. Any other call fails."""

from __future__ import annotations

from app.aws.iam import IamGateway
from app.aws.sts import Identity, StsGateway


class Caller(StsGateway):
    """Answers who the caller is; nothing else may be asked."""

    def __init__(self, arn: str, account: str) -> None:
        self._identity = Identity(account, arn, f"AIDA{arn.rpartition('/')[2].upper()}")

    def caller(self) -> Identity:
        """Always the same user."""
        return self._identity


class NoIam(IamGateway):
    """Nothing may be asked."""

    def __init__(self) -> None:
        """Without clients."""
