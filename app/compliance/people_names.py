"""Who added, approved or ended something, as pages name them: short where the name is clear, in full otherwise."""

from __future__ import annotations

import re

from app.text.messages import _

_IAM_USER = re.compile(r"arn:[a-z-]+:iam::(?P<account>\d{12}):user(?P<path>/(?:[!-~]+/)?)(?P<name>[\w+=,.@-]{1,128})")
"""Names have no slash at AWS, so the path ends with the last one (IAM user guide, reference_identifiers)."""
_COLLEAGUE = re.compile(r"(?P<issuer>https?://[^#]+)#(?P<subject>[^/]+)/(?P<name>[^/]+)")
"""As `app.sessions.contents.Colleague.arn` writes it. With more slashes, nothing says where the subject ends."""


def who(by: str, account_id: str) -> str:
    """Return how a page about an account names someone.

    by: as it is stored: the ARN of an IAM user, what a company account has in its place, or any other text. Only IAM
    users of this account are named by their name alone, because it is unique there. Users of other accounts have the
    account after it, people with a company account the provider and its id of them. Other texts stay as they are.
    """
    if user := _IAM_USER.fullmatch(by):
        if user["account"] == account_id:
            return user["name"]
        return _("%(name)s of account %(id)s", name=user["name"], id=user["account"])
    if person := _COLLEAGUE.fullmatch(by):
        return _(
            "%(name)s (company account %(subject)s at %(issuer)s)",
            name=person["name"],
            subject=person["subject"],
            issuer=person["issuer"],
        )
    return by
