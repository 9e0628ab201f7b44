"""What a certificate contains, and whether it is valid. Reading one takes a library: see `certificates`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

EXPIRES_SOON = timedelta(days=30)
"""How long before a certificate ends there's a warning."""


@dataclass(frozen=True)
class Certificate:
    """What a certificate contains. Anyone can write anything into one, so its texts are shown as text only."""

    pem: str
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    """Both UTC, aware."""
    key: str
    """"RSA, 2048 bits"."""
    sha256: str
    """"AB:CD:…", of the whole certificate, as OpenSSL shows it."""
    was_binary: bool = False
    """It came as DER, and is PEM now."""

    def share_over(self, now: datetime) -> int:
        """Return how much of its validity is over at this moment (UTC), 0 to 100."""
        whole = (self.not_after - self.not_before).total_seconds()
        over = (now - self.not_before).total_seconds()
        return max(0, min(100, round(100 * over / whole))) if whole > 0 else 100

    @property
    def self_signed(self) -> bool:
        """Does it name itself as its issuer?"""
        return self.subject == self.issuer


def validity(certificate: Certificate, now: datetime) -> str:
    """Return "expired", "expires soon", "not valid yet" or "". now: UTC."""
    if now > certificate.not_after:
        return "expired"
    if now < certificate.not_before:
        return "not valid yet"
    return "expires soon" if certificate.not_after - now < EXPIRES_SOON else ""
