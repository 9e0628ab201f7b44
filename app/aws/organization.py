"""AWS Organizations: which accounts there are, and the units they are in. Only commands ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from app.aws.clients import Clients, translate_errors
from app.errors import Refused
from app.text.messages import N_

READS_OF_ORGANIZATION = frozenset(
    f"organizations:{name}"
    for name in ("ListAccounts", "ListRoots", "ListOrganizationalUnitsForParent", "ListAccountsForParent")
)
"""All that `compliance sync --organization` asks of Organizations."""


class NoOrganization(Refused):
    """The profile's account belongs to no organization."""

    code = "no-organization"
    message = N_("The account of this AWS profile belongs to no organization. Use --accounts FILE instead.")


class OrganizationAccount(NamedTuple):
    """An account as ListAccounts tells."""

    account_id: str
    name: str
    status: str
    """ACTIVE, SUSPENDED, PENDING_CLOSURE, PENDING_ACTIVATION or CLOSED."""


class OrganizationUnit(NamedTuple):
    """A root or an organizational unit."""

    id: str
    name: str


class OrganizationGateway:
    """What the management account or a delegated administrator may ask. Raises PortalErrors only."""

    def __init__(self, clients: Clients) -> None:
        self._client = clients.client("organizations")

    def accounts(self) -> list[OrganizationAccount]:
        """All accounts of the organization, closed ones included (ListAccounts)."""
        found = self._all("ListAccounts", self._client.list_accounts, "Accounts")
        # Status is what AWS replaces with State in September 2026.
        return [OrganizationAccount(one["Id"], one["Name"], one.get("State") or one["Status"]) for one in found]

    def roots(self) -> list[OrganizationUnit]:
        """The roots: there is one (ListRoots)."""
        return [OrganizationUnit(one["Id"], "") for one in self._all("ListRoots", self._client.list_roots, "Roots")]

    def units_in(self, parent_id: str) -> list[OrganizationUnit]:
        """The units right below a root or unit (ListOrganizationalUnitsForParent)."""
        asked = self._client.list_organizational_units_for_parent
        found = self._all("ListOrganizationalUnitsForParent", asked, "OrganizationalUnits", ParentId=parent_id)
        return [OrganizationUnit(one["Id"], one["Name"]) for one in found]

    def accounts_in(self, parent_id: str) -> list[str]:
        """Ids of the accounts right below a root or unit (ListAccountsForParent)."""
        asked = self._client.list_accounts_for_parent
        return [one["Id"] for one in self._all("ListAccountsForParent", asked, "Accounts", ParentId=parent_id)]

    @staticmethod
    def _all(action: str, ask: Callable[..., Any], name: str, **given: str) -> Iterator[Any]:
        token: dict[str, str] = {}
        while True:
            with translate_errors(f"organizations:{action}"):
                try:
                    said = ask(**given, **token)
                except ClientError as error:
                    if error.response.get("Error", {}).get("Code") == "AWSOrganizationsNotInUseException":
                        raise NoOrganization from error
                    raise
            yield from said[name]
            if not said.get("NextToken"):
                return
            token = {"NextToken": said["NextToken"]}
