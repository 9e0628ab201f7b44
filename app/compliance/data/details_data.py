"""What is stored of authorization details: an account's latest ones, each policy document once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from app.compliance.data.details_rows import Details, DetailsGroup, DetailsUser, Inline, ManagedPolicy
from app.compliance.data.models import ComplianceDetails, CompliancePolicyDocument

_AT_ONCE = 200
"""Documents in one statement."""


def store(connection: Connection, details: Details) -> None:
    """Store the details in place of earlier ones."""
    account_id = details.account_id
    connection.execute(delete(ComplianceDetails).where(ComplianceDetails.account_id == account_id))
    content = {
        "partition": details.partition,
        "digest": details.digest,
        "users": [_user(user) for user in details.users.values()],
        "groups": [_group(group) for group in details.groups.values()],
        "roles": [_group(role) for role in details.roles.values()],
        # Beside the roles: release 0.2.0 reads these as lists of exactly four.
        "tagged_roles": {role.name: role.tagged for role in details.roles.values() if role.tagged is not None},
        "policies": [list(policy) for policy in details.policies.values()],
    }
    row = {"account_id": account_id, "collected_at": details.collected_at, "content": content}
    connection.execute(insert(ComplianceDetails).values(row))
    mine = CompliancePolicyDocument.account_id == account_id
    known = set(connection.execute(select(CompliancePolicyDocument.digest).where(mine)).scalars())
    gone = sorted(known - details.documents.keys())
    for start in range(0, len(gone), _AT_ONCE):
        some = CompliancePolicyDocument.digest.in_(gone[start : start + _AT_ONCE])
        connection.execute(delete(CompliancePolicyDocument).where(mine, some))
    new = [
        {"account_id": account_id, "digest": digest, "document": text}
        for digest, text in details.documents.items()
        if digest not in known
    ]
    if new:
        connection.execute(insert(CompliancePolicyDocument), new)


def _user(user: DetailsUser) -> list[Any]:
    created = user.created_at.isoformat() if user.created_at else None
    inline = [list(each) for each in user.inline]
    return [*user[:4], created, user.groups, user.attached, inline, user.boundary, user.tags]


def _group(group: DetailsGroup) -> list[Any]:
    return [group.name, group.arn, group.attached, [list(each) for each in group.inline]]


def read(connection: Connection, account_id: str) -> Details | None:
    """Return an account's details, None before the first ones."""
    query = select(ComplianceDetails.collected_at, ComplianceDetails.content)
    found = connection.execute(query.where(ComplianceDetails.account_id == account_id)).first()
    if found is None:
        return None
    documents = select(CompliancePolicyDocument.digest, CompliancePolicyDocument.document).where(
        CompliancePolicyDocument.account_id == account_id
    )
    content = found.content
    tagged = content.get("tagged_roles", {})  # release 0.2.0 stores none
    return Details(
        account_id,
        content["partition"],
        found.collected_at,
        content["digest"],
        {user[0]: _as_user(user) for user in content["users"]},
        {group[0]: _as_group(group) for group in content["groups"]},
        {role[0]: _as_group(role, tagged.get(role[0])) for role in content["roles"]},
        {policy[0]: ManagedPolicy(*policy) for policy in content["policies"]},
        {row.digest: row.document for row in connection.execute(documents)},
    )


def _as_user(stored: list[Any]) -> DetailsUser:
    name, user_id, arn, path, created, groups, attached, inline, boundary, tags = stored
    made = datetime.fromisoformat(created) if created else None
    own = tuple(Inline(*each) for each in inline)
    return DetailsUser(name, user_id, arn, path, made, tuple(groups), tuple(attached), own, boundary, tags)


def _as_group(stored: list[Any], tagged: bool | None = None) -> DetailsGroup:
    name, arn, attached, inline, *in_place = stored  # versions between 0.2.0 and 1.0.0 stored the tags here
    return DetailsGroup(name, arn, tuple(attached), tuple(Inline(*each) for each in inline), *(in_place or [tagged]))
