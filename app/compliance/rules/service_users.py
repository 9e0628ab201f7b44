"""Which users are programs: the patterns of SERVICE_USERS. Pure.

Case makes no difference, because no two IAM users have names that differ by case only.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal

from app.compliance.rules.subjects import Subject, Terms
from app.compliance.rules.verdicts import UNKNOWN, Verdict
from app.text.messages import N_

_PASSWORD_UNKNOWN = Verdict(
    UNKNOWN, N_("Only a credential report shows whether this service user has a console password.")
)


def is_service_user(user_name: str, path: str, terms: Terms) -> bool:
    """Return whether a pattern matches the user's name or path."""
    of = {"name": user_name.lower(), "path": path.lower()}
    return any(fnmatchcase(of[kind], pattern.lower()) for kind, pattern in terms.service_users)


def exempt(someone: Subject, terms: Terms) -> Verdict | Literal[False] | None:
    """Return False for everyone whom rules about MFA judge as usual.

    None: the rule isn't about service users without a password. A verdict: it isn't known whether they have one.
    """
    if not terms.service_users or someone.password or not is_service_user(someone.user_name, someone.path, terms):
        return False
    return None if someone.password is False else _PASSWORD_UNKNOWN
