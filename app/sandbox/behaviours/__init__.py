"""What the sandbox does itself because moto lacks it or gets it wrong. Importing this registers it all."""

from app.sandbox.behaviours import (
    access_keys,
    accounts,
    certificates,
    credential_report,
    mfa,
    passwords,
    quotas,
    ssh_keys,
    sts,
)

__all__ = [
    "access_keys",
    "accounts",
    "certificates",
    "credential_report",
    "mfa",
    "passwords",
    "quotas",
    "ssh_keys",
    "sts",
]
