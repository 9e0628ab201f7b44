"""An account's authorization details. Only a command asks for them, with the profile of the user who runs it.

The portal's allow-list doesn't have the action, and no page can import this module (a contract in pyproject.toml).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from app.aws.clients import Clients, translate_errors

GET_DETAILS = "iam:GetAccountAuthorizationDetails"
MOST = 1000
"""Entries of all lists in a page."""


class DetailsPage(NamedTuple):
    """A page as AWS answers it (IAM API reference), with policy documents decoded, and the marker of the next one."""

    answer: Mapping[str, Any]
    next: str
    """"" after the last page."""


class AuthorizationDetailsGateway:
    """What users with the permissions ask about the whole account. Raises PortalErrors only (`translate_errors`)."""

    def __init__(self, clients: Clients) -> None:
        self._reads = clients.iam_reads

    def page(self, marker: str = "") -> DetailsPage:
        """Return a page of users, groups, roles and policies (GetAccountAuthorizationDetails)."""
        with translate_errors(GET_DETAILS):
            asked = self._reads.get_account_authorization_details
            answer = asked(MaxItems=MOST, Marker=marker) if marker else asked(MaxItems=MOST)
        return DetailsPage(answer, answer.get("Marker", "") if answer["IsTruncated"] else "")
