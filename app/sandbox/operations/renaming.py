"""Change names and paths, together with everything that belongs to a user, group or certificate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.sandbox.api import Call, Refusal, operation
from app.sandbox.auth.resources import arn_of, name_of, things
from app.sandbox.auth.users import unique_id
from app.sandbox.operations.tagging import there
from app.sandbox.state import State

Members = Mapping[str, Any]


def _free(state: State, call: Call, resource_type: str, thing: Any, new: str) -> None:
    taken = any(name_of(each).lower() == new.lower() for each in things(state, resource_type) if each is not thing)
    if taken:
        raise Refusal("EntityAlreadyExists", f"{resource_type.capitalize()} with name {new} already exists.", 409)


@operation("iam", "UpdateUser")
def user(state: State, call: Call) -> Members:
    """Rename a user, who keeps keys, sessions, password, tags and groups."""
    found = there(state, call).thing
    name, new = str(found.name), str(call.parameters.get("NewUserName", found.name))
    _free(state, call, "user", found, new)
    if len(new) > 64:
        raise Refusal("ValidationError", "The specified value for newUserName is invalid: over 64 characters.", 400)
    iam, arn = state.iam, str(found.arn)
    found.path = call.parameters.get("NewPath", found.path)
    found.name = new
    iam.users = {each.name: each for each in iam.users.values()}
    if found.arn != arn and arn in iam.tagger.tags:
        iam.tagger.tags[found.arn] = iam.tagger.tags.pop(arn)
    for by_name in (state.passwords, state.unhashed, state.password_last_used, state.password_set_at):
        _move(by_name, name, new)
    _move(state.login_profiles, name, new)
    for key in found.access_keys:
        key.user_name = new
    for session in state.sessions.values():
        if session.user_id == unique_id(found):
            session.user_name = new
    state.signin.rename(str(found.id), new)
    return {}


def _move(by_name: dict[str, Any], name: str, new: str) -> None:
    if name in by_name:
        by_name[new] = by_name.pop(name)


@operation("iam", "UpdateGroup")
def group(state: State, call: Call) -> Members:
    """Rename a group, which keeps members and policies."""
    found = there(state, call).thing
    new = str(call.parameters.get("NewGroupName", found.name))
    _free(state, call, "group", found, new)
    found.path, found.name = call.parameters.get("NewPath", found.path), new
    state.iam.groups = {each.name: each for each in state.iam.groups.values()}
    return {}


@operation("iam", "UpdateServerCertificate")
def server_certificate(state: State, call: Call) -> Members:
    """Rename a server certificate, which keeps its tags."""
    found = there(state, call).thing
    new, arn = str(call.parameters.get("NewServerCertificateName", found.cert_name)), arn_of(found)
    _free(state, call, "server-certificate", found, new)
    found.path, found.cert_name = call.parameters.get("NewPath", found.path), new
    state.iam.certificates = {each.cert_name: each for each in state.iam.certificates.values()}
    if arn in state.tags and found.arn != arn:
        state.tags[arn_of(found)] = state.tags.pop(arn)
    return {}
