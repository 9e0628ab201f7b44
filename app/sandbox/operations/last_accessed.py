"""Service last accessed details: a job, done at once, that reports the last use of access keys."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.policy.evaluation import compiled
from app.policy.reference.actions import all_actions
from app.sandbox.api import Call, Refusal, operation
from app.sandbox.auth.judge import documents_of, documents_of_holder, in_force
from app.sandbox.auth.resources import Target, by_arn, things
from app.sandbox.auth.users import unique_id
from app.sandbox.state import State

Members = Mapping[str, Any]
SERVICES = {
    "ec2": "Amazon EC2",
    "iam": "AWS Identity and Access Management",
    "s3": "Amazon S3",
    "sts": "AWS Security Token Service",
}
"""What the sandbox emulates: nothing else can have been used."""


@operation("iam", "GenerateServiceLastAccessedDetails")
def generate(state: State, call: Call) -> Members:
    """Start a job for a user, group, role or policy. Its result is ready at once."""
    target = by_arn(state, call.parameters["Arn"])
    if target.resource_type not in ("user", "group", "role", "policy"):
        raise Refusal("InvalidInput", f"{target.arn} is not the ARN of a user, group, role or policy.", 400)
    if target.thing is None:
        raise Refusal("NoSuchEntity", f"{target.arn} cannot be found.", 404)
    job = str(uuid.uuid4())
    state.last_accessed_jobs[job] = (call.now, target.arn, call.parameters.get("Granularity", "SERVICE_LEVEL"))
    return {"JobId": job}


def _job(state: State, call: Call) -> tuple[Target, dict[str, Any], str]:
    found = state.last_accessed_jobs.get(call.parameters["JobId"])
    if found is None:
        raise Refusal("NoSuchEntity", "The job cannot be found.", 404)
    at, arn, granularity = found
    return by_arn(state, arn), {"JobStatus": "COMPLETED", "JobCreationDate": at, "JobCompletionDate": at}, granularity


def _documents(state: State, target: Target) -> list[str]:
    if target.thing is None:
        return []
    if target.resource_type == "user":
        return documents_of(state, target.thing)
    return [in_force(target.thing)] if target.resource_type == "policy" else list(documents_of_holder(target.thing))


def _users_of(state: State, target: Target) -> list[Any]:
    """Return the users whose use counts for it."""
    if target.thing is None or target.resource_type == "role":
        return []
    if target.resource_type == "user":
        return [target.thing]
    if target.resource_type == "group":
        return list(target.thing.users)
    direct = [user for user in things(state, "user") if target.arn in user.managed_policies]
    groups = [group for group in things(state, "group") if target.arn in group.managed_policies]
    members = [user for group in groups for user in group.users]
    return list({user.name: user for user in (*direct, *members)}.values())


def _used(state: State, user: Any, service: str) -> datetime | None:
    """Return when one of the user's keys was last used, if it was for this service."""
    uses = (state.key_last_used.get(key.access_key_id) for key in user.access_keys)
    return max((use[0] for use in uses if use is not None and use[1] == service), default=None)


@operation("iam", "GetServiceLastAccessedDetails")
def details(state: State, call: Call) -> Members:
    """Return the emulated services that the policies allow something of, and when they were last used."""
    target, job, granularity = _job(state, call)
    allows = [
        statement
        for text in _documents(state, target)
        for statement in compiled(json.loads(text)).statements
        if not statement.denies
    ]
    found = []
    for service, name in SERVICES.items():
        if not any(each.names_action(action) for action in all_actions(service) for each in allows):
            continue
        uses = {user.arn: at for user in _users_of(state, target) if (at := _used(state, user, service))}
        latest = max(uses, key=lambda arn: uses[arn], default=None)
        found.append(
            {
                "ServiceName": name,
                "ServiceNamespace": service,
                "TotalAuthenticatedEntities": len(uses),
                "LastAuthenticated": uses.get(latest) if latest else None,
                "LastAuthenticatedEntity": latest,
                "LastAuthenticatedRegion": state.region if latest else None,
            }
        )
    return job | {"JobType": granularity, "ServicesLastAccessed": found}


@operation("iam", "GetServiceLastAccessedDetailsWithEntities")
def entities(state: State, call: Call) -> Members:
    """Return the users who used a service with what the job is about."""
    target, job, _ = _job(state, call)
    service = call.parameters["ServiceNamespace"]
    found = [
        {
            "EntityInfo": {
                "Arn": user.arn,
                "Name": user.name,
                "Type": "USER",
                "Id": unique_id(user),
                "Path": user.path,
            },
            "LastAuthenticated": _used(state, user, service),
        }
        for user in _users_of(state, target)
    ]
    return job | {"EntityDetailsList": found}
