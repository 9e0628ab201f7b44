"""What the sandbox does itself because moto lacks it or gets it wrong. Importing this registers it all."""

from app.sandbox.behaviours import (
    access_keys,
    accounts,
    boundaries,
    certificates,
    credential_report,
    deleting,
    mfa,
    passwords,
    quotas,
    renaming,
    ssh_keys,
    sts,
    tagging,
)

__all__ = [
    "access_keys",
    "accounts",
    "boundaries",
    "certificates",
    "credential_report",
    "deleting",
    "mfa",
    "passwords",
    "quotas",
    "renaming",
    "ssh_keys",
    "sts",
    "tagging",
]
