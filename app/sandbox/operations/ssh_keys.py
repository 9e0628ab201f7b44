"""SSH public keys for CodeCommit: RSA only, in OpenSSH or PEM form."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
    load_ssh_public_key,
)

from app.sandbox.api import Call, Refusal, operation
from app.sandbox.auth.users import aware, target
from app.sandbox.operations.access_keys import usable_status
from app.sandbox.operations.quotas import limit
from app.sandbox.state import State

Members = Mapping[str, Any]


def _read(body: str) -> RSAPublicKey:
    try:
        load = load_pem_public_key if body.lstrip().startswith("-----") else load_ssh_public_key
        key = load(body.strip().encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Refusal("UnrecognizedPublicKeyEncoding", "Invalid public key uploaded.", 400) from error
    if not isinstance(key, RSAPublicKey):
        raise Refusal("UnrecognizedPublicKeyEncoding", "Invalid public key uploaded.", 400)
    if not 2048 <= key.key_size <= 16384:
        raise Refusal("InvalidPublicKey", "Invalid body for public key", 400)
    return key


def _openssh(key: RSAPublicKey) -> str:
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _fingerprint(key: RSAPublicKey) -> str:
    wire = base64.b64decode(_openssh(key).split()[1])
    digest = hashlib.md5(wire, usedforsecurity=False).hexdigest()
    return ":".join(digest[place : place + 2] for place in range(0, 32, 2))


def _summary(user: Any, key: Any) -> dict[str, Any]:
    return {
        "UserName": user.name,
        "SSHPublicKeyId": key.ssh_public_key_id,
        "Status": key.status,
        "UploadDate": aware(key.upload_date),
    }


def _find(state: State, call: Call) -> tuple[Any, Any]:
    user, key_id = target(state, call), call.parameters["SSHPublicKeyId"]
    for key in user.ssh_public_keys:
        if key.ssh_public_key_id == key_id:
            return user, key
    raise Refusal("NoSuchEntity", f"The SSH Public Key with id {key_id} cannot be found.", 404)


@operation("iam", "UploadSSHPublicKey")
def upload(state: State, call: Call) -> Members:
    """Upload a key. The body is returned with its comment. The same key in the other encoding is a duplicate."""
    user, body = target(state, call), call.parameters["SSHPublicKeyBody"]
    key = _read(body)
    stored_keys = [_openssh(_read(other.ssh_public_key_body)) for other in user.ssh_public_keys]
    if _openssh(key) in stored_keys:
        raise Refusal("DuplicateSSHPublicKey", "Duplicate SSH public key uploaded.", 400)
    limit(len(stored_keys), 5, "SSHPublicKeysPerUser")
    made = user.upload_ssh_public_key(body)
    made.fingerprint = _fingerprint(key)
    return {"SSHPublicKey": _summary(user, made) | {"Fingerprint": made.fingerprint, "SSHPublicKeyBody": body}}


@operation("iam", "GetSSHPublicKey")
def get(state: State, call: Call) -> Members:
    """Return a key: as SSH without the comment, as PEM in SubjectPublicKeyInfo form."""
    user, stored = _find(state, call)
    key = _read(stored.ssh_public_key_body)
    if call.parameters["Encoding"] == "SSH":
        body = _openssh(key)
    else:
        body = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return {"SSHPublicKey": _summary(user, stored) | {"Fingerprint": _fingerprint(key), "SSHPublicKeyBody": body}}


@operation("iam", "ListSSHPublicKeys")
def listed(state: State, call: Call) -> Members:
    """List keys without body and fingerprint."""
    user = target(state, call)
    return {"SSHPublicKeys": [_summary(user, key) for key in user.ssh_public_keys]}


@operation("iam", "UpdateSSHPublicKey")
def update(state: State, call: Call) -> Members:
    """Set Active or Inactive."""
    _, key = _find(state, call)
    key.status = usable_status(call)
    return {}


@operation("iam", "DeleteSSHPublicKey")
def delete(state: State, call: Call) -> Members:
    """Delete a key for good."""
    user, key = _find(state, call)
    user.ssh_public_keys.remove(key)
    return {}
