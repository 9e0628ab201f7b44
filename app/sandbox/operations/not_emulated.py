"""What the sandbox doesn't emulate: evaluated like any request, then refused with a code that clients understand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.sandbox.api import Call, Refusal, operation
from app.sandbox.state import State

Members = Mapping[str, Any]


@operation(
    "iam",
    "ListOrganizationsFeatures",
    "EnableOrganizationsRootCredentialsManagement",
    "DisableOrganizationsRootCredentialsManagement",
    "EnableOrganizationsRootSessions",
    "DisableOrganizationsRootSessions",
)
def no_organization(state: State, call: Call) -> Members:
    """Refuse, because the account belongs to no organization."""
    raise Refusal("OrganizationNotFoundException", "The request failed because no organization was found.", 400)


@operation("iam", "GetOutboundWebIdentityFederationInfo", "DisableOutboundWebIdentityFederation")
def no_federation(state: State, call: Call) -> Members:
    """Refuse, because federation isn't turned on."""
    raise Refusal("FeatureDisabled", "Outbound web identity federation is not enabled for this account.", 404)
