"""The audit log for commands, which record who runs them."""

from __future__ import annotations

import os
import pwd

from app.audit.log import COMMAND_LINE, Audit, audit_log


def audit_of(account_id: str, user_name: str = "", user_id: str = "") -> Audit:
    """Return the audit log of an account, for the login that runs the command."""
    return Audit(audit_log(), account_id, user_name, "", login(), "", user_id)


def login() -> str:
    """Return who runs the command: "command line, carol"."""
    return f"{COMMAND_LINE}{pwd.getpwuid(os.getuid()).pw_name}"[:256]
