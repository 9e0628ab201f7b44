"""Service-specific credentials: names and passwords for one AWS service, and API keys (IAM API reference)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.sandbox import generated_secrets
from app.sandbox.api import Call, Refusal, operation
from app.sandbox.auth.users import target
from app.sandbox.operations.access_keys import usable_status
from app.sandbox.operations.quotas import limit
from app.sandbox.state import ServiceCredential, State

Members = Mapping[str, Any]
WITH_PASSWORD = ("codecommit.amazonaws.com", "cassandra.amazonaws.com")
API_KEYS = ("bedrock.amazonaws.com", "logs.amazonaws.com")
"""Services whose credential is one API key, which may expire."""


def _supported(name: str) -> str:
    if name not in WITH_PASSWORD + API_KEYS:
        raise Refusal("NotSupportedService", f"No such service {name} is supported for this operation", 404)
    return name


def _of(state: State, user: Any) -> list[ServiceCredential]:
    return [credential for credential in state.service_credentials.values() if credential.user_id == str(user.id)]


def _find(state: State, call: Call) -> tuple[Any, ServiceCredential]:
    user, wanted = target(state, call), call.parameters["ServiceSpecificCredentialId"]
    found = next((credential for credential in _of(state, user) if credential.id == wanted), None)
    if found is None:
        raise Refusal("NoSuchEntity", f"No such credential {wanted} exists", 404)
    return user, found


def _members(user_name: str, credential: ServiceCredential) -> dict[str, Any]:
    alias = "ServiceCredentialAlias" if credential.service_name in API_KEYS else "ServiceUserName"
    return {
        "UserName": user_name,
        "ServiceSpecificCredentialId": credential.id,
        "ServiceName": credential.service_name,
        "Status": credential.status,
        "CreateDate": credential.created_at,
        "ExpirationDate": credential.expires_at,
        alias: credential.alias,
    }


def _with_secret(state: State, user_name: str, credential: ServiceCredential) -> Members:
    """Return the credential with a new secret, which is shown once and not kept, because no service here uses it."""
    name = "ServiceCredentialSecret" if credential.service_name in API_KEYS else "ServicePassword"
    secret = generated_secrets.secret_access_key(state.settings)
    return {"ServiceSpecificCredential": _members(user_name, credential) | {name: secret}}


@operation("iam", "CreateServiceSpecificCredential")
def create(state: State, call: Call) -> Members:
    """Create one, at most two for each service."""
    user, service = target(state, call), _supported(call.parameters["ServiceName"])
    same = [credential for credential in _of(state, user) if credential.service_name == service]
    limit(len(same), 2, "ServiceSpecificCredentialsPerUser")
    days = call.parameters.get("CredentialAgeDays")
    if days is not None and service not in API_KEYS:
        raise Refusal("ValidationError", f"CredentialAgeDays is not supported for {service}", 400)
    alias = f"{user.name}+{len(same) + 1}-at-{state.account_id}"
    made = ServiceCredential(
        id=f"ACCA{secrets.token_hex(8).upper()}",
        user_id=str(user.id),
        service_name=service,
        alias=alias,
        created_at=call.now.replace(microsecond=0),
        expires_at=call.now.replace(microsecond=0) + timedelta(days=int(days)) if days is not None else None,
    )
    state.service_credentials[made.id] = made
    return _with_secret(state, user.name, made)


@operation("iam", "ListServiceSpecificCredentials")
def listed(state: State, call: Call) -> Members:
    """List one user's, or with AllUsers everyone's. Never with a secret."""
    everybody = call.parameters.get("AllUsers")
    if everybody and "UserName" in call.parameters:
        raise Refusal("InvalidInput", "UserName cannot be specified when AllUsers is true", 400)
    service = call.parameters.get("ServiceName")
    if service is not None:
        _supported(service)
    users = sorted(state.iam.users.values(), key=lambda user: str(user.name)) if everybody else [target(state, call)]
    return {
        "ServiceSpecificCredentials": [
            _members(user.name, credential)
            for user in users
            for credential in _of(state, user)
            if service in (None, credential.service_name)
        ]
    }


@operation("iam", "UpdateServiceSpecificCredential")
def update(state: State, call: Call) -> Members:
    """Set Active or Inactive."""
    _, credential = _find(state, call)
    credential.status = usable_status(call)
    return {}


@operation("iam", "ResetServiceSpecificCredential")
def reset(state: State, call: Call) -> Members:
    """Replace the secret. The former one is lost."""
    user, credential = _find(state, call)
    return _with_secret(state, user.name, credential)


@operation("iam", "DeleteServiceSpecificCredential")
def delete(state: State, call: Call) -> Members:
    """Delete one for good."""
    _, credential = _find(state, call)
    del state.service_credentials[credential.id]
    return {}
