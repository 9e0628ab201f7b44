"""More accounts of the sandbox, in one organization that the first account manages."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from app.policy.audit_role import ROLE, permissions, trust
from app.sandbox.organization import Member, Organization, Unit
from app.sandbox.seed import administrator_access, hire_employees
from app.sandbox.state import State

ADMIN_ROLE = "OrganizationAccountAccessRole"
"""The role that Organizations makes in each account it creates: the management account has full access by it."""
LIFE = "3600"
_UNITS = (("ou-sand-workload", "Workloads", ""), ("ou-sand-production", "Production", "ou-sand-workload"),
          ("ou-sand-develops", "Development", "ou-sand-workload"), ("ou-sand-platform", "Platform", ""))  # fmt: skip
_IN = ("ou-sand-production", "ou-sand-develops", "ou-sand-platform")


def account_id_of(number: int) -> str:
    """Return the ID of the member account with this number, counted from 1."""
    return f"{222200000000 + number}"


def add_members(management: State, count: int, employees: int, now: datetime) -> dict[str, dict[str, Any]]:
    """Create an organization with this many more accounts, each with synthetic employees and the audit role.

    Returns the `accounts` of sandbox.json. The roles trust the management account.
    """
    organization = Organization(management.account_id)
    joined = now - timedelta(days=400)
    root = organization.root_id
    for unit_id, name, parent in _UNITS:
        organization.units[unit_id] = Unit(unit_id, name, parent or root)
    management.organization = organization
    organization.members[management.account_id] = Member(management.account_id, "Management", root, joined)
    added = {}
    for number in range(1, count + 1):
        account_id, name = account_id_of(number), f"team-{number:02d}"
        unit = _IN[number % len(_IN)]
        organization.members[account_id] = Member(account_id, name, unit, joined)
        state = State(
            settings=management.settings,
            account_id=account_id,
            region=management.region,
            partition=management.partition,
            lock=management.lock,
            accounts=management.accounts,
            organization=organization,
        )
        state.iam.create_account_alias(name)
        administrator_access(state, now)
        hire_employees(state, employees + number % 3, now)
        trusted = f"arn:{state.partition}:iam::{management.account_id}:root"
        audit = _role(state, ROLE, trusted)
        audit.put_policy(ROLE, json.dumps(permissions()))
        admin = _role(state, ADMIN_ROLE, trusted)
        state.iam.attach_role_policy(f"arn:{state.partition}:iam::aws:policy/AdministratorAccess", ADMIN_ROLE)
        added[account_id] = {"name": name, "audit_role_arn": audit.arn, "admin_role_arn": admin.arn}
    return added


def _role(state: State, name: str, trusted: str) -> Any:
    return state.iam.create_role(name, json.dumps(trust(trusted)), "/", None, "", [], LIFE)
