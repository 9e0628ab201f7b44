"""AWS Organizations, read only: accounts and organizational units. Only the management account is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.sandbox.api import Call, Refusal, operation
from app.sandbox.organization import Member, Organization, Unit
from app.sandbox.state import State

Members = Mapping[str, Any]
PAGE = 20
"""What a list answers at most (Organizations API reference)."""


def _own(state: State) -> Organization:
    """Return the organization that the account manages. Raises Refusal."""
    if state.organization is None:
        raise Refusal("AWSOrganizationsNotInUse", "Your account is not a member of an organization.", 400)
    if state.organization.management_account_id != state.account_id:
        raise Refusal("AccessDenied", "You don't have permissions to access this resource.", 400)
    return state.organization


def _arn(state: State, kind: str, rest: str) -> str:
    found = _own(state)
    return f"arn:{state.partition}:organizations::{found.management_account_id}:{kind}/{rest}"


def _account(state: State, member: Member) -> dict[str, Any]:
    return {
        "Id": member.account_id,
        "Arn": _arn(state, "account", f"{_own(state).id}/{member.account_id}"),
        "Email": member.email,
        "Name": member.name,
        "Status": member.status,
        "State": member.status,
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": member.joined_at,
    }


def _unit(state: State, unit: Unit) -> dict[str, Any]:
    return {"Id": unit.id, "Arn": _arn(state, "ou", f"{_own(state).id}/{unit.id}"), "Name": unit.name}


def _paged(call: Call, name: str, items: Sequence[Mapping[str, Any]]) -> Members:
    """Return a page. Raises Refusal InvalidInput for a token that isn't ours."""
    token, size = str(call.parameters.get("NextToken", "0")), int(call.parameters.get("MaxResults", PAGE))
    if not token.isdecimal():
        raise Refusal("InvalidInput", "You provided an invalid pagination token.", 400)
    start, end = int(token), int(token) + size
    return {name: list(items[start:end])} | ({"NextToken": str(end)} if end < len(items) else {})


def _container(state: State, parent: str) -> str:
    organization = _own(state)
    if parent != organization.root_id and parent not in organization.units:
        raise Refusal("ParentNotFound", "We can't find a root or OU with the ParentId that you specified.", 400)
    return parent


@operation("organizations", "DescribeOrganization")
def describe(state: State, call: Call) -> Members:
    """Return the organization. Members may also ask."""
    organization = state.organization
    if organization is None:
        raise Refusal("AWSOrganizationsNotInUse", "Your account is not a member of an organization.", 400)
    managing = organization.management_account_id
    prefix = f"arn:{state.partition}:organizations::{managing}"
    return {
        "Organization": {
            "Id": organization.id,
            "Arn": f"{prefix}:organization/{organization.id}",
            "FeatureSet": "ALL",
            "MasterAccountArn": f"{prefix}:account/{organization.id}/{managing}",
            "MasterAccountId": managing,
            "MasterAccountEmail": organization.members[managing].email,
        }
    }


@operation("organizations", "ListAccounts")
def accounts(state: State, call: Call) -> Members:
    """List all accounts, including closed ones."""
    return _paged(call, "Accounts", [_account(state, each) for each in _own(state).members.values()])


@operation("organizations", "DescribeAccount")
def account(state: State, call: Call) -> Members:
    """Return one account."""
    found = _own(state).members.get(call.parameters["AccountId"])
    if found is None:
        raise Refusal("AccountNotFound", "You specified an account that doesn't exist.", 400)
    return {"Account": _account(state, found)}


@operation("organizations", "ListRoots")
def roots(state: State, call: Call) -> Members:
    """List the only root."""
    root = _own(state).root_id
    arn = _arn(state, "root", f"{_own(state).id}/{root}")
    return _paged(call, "Roots", [{"Id": root, "Arn": arn, "Name": "Root", "PolicyTypes": []}])


@operation("organizations", "ListOrganizationalUnitsForParent")
def units(state: State, call: Call) -> Members:
    """List the units directly below a unit or the root."""
    parent = _container(state, call.parameters["ParentId"])
    below = [_unit(state, each) for each in _own(state).units.values() if each.parent == parent]
    return _paged(call, "OrganizationalUnits", below)


@operation("organizations", "ListAccountsForParent")
def accounts_in(state: State, call: Call) -> Members:
    """List the accounts directly below a unit or the root."""
    parent = _container(state, call.parameters["ParentId"])
    below = [_account(state, each) for each in _own(state).members.values() if each.parent == parent]
    return _paged(call, "Accounts", below)


@operation("organizations", "ListParents")
def parents(state: State, call: Call) -> Members:
    """List the unit or root directly above an account or unit."""
    organization, child = _own(state), call.parameters["ChildId"]
    found: Member | Unit | None = organization.members.get(child) or organization.units.get(child)
    if found is None:
        raise Refusal("ChildNotFound", "We can't find an organizational unit (OU) or AWS account with the ID.", 400)
    kind = "ROOT" if found.parent == organization.root_id else "ORGANIZATIONAL_UNIT"
    return _paged(call, "Parents", [{"Id": found.parent, "Type": kind}])


@operation("organizations", "DescribeOrganizationalUnit")
def unit(state: State, call: Call) -> Members:
    """Return one unit."""
    found = _own(state).units.get(call.parameters["OrganizationalUnitId"])
    if found is None:
        raise Refusal("OrganizationalUnitNotFound", "We can't find an OU with the ID that you specified.", 400)
    return {"OrganizationalUnit": _unit(state, found)}


@operation("organizations", "CloseAccount")
def close(state: State, call: Call) -> Members:
    """Suspend the account at once. At AWS it is PENDING_CLOSURE first."""
    organization, wanted = _own(state), call.parameters["AccountId"]
    if wanted not in organization.members:
        raise Refusal("AccountNotFound", "You specified an account that doesn't exist.", 400)
    organization.members[wanted] = replace(organization.members[wanted], status="SUSPENDED")
    return {}
