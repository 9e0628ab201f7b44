"""Virtual MFA devices: seeds returned once, codes checked."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.sandbox import generated_secrets
from app.sandbox.api import Call, Refusal, operation
from app.sandbox.auth.users import aware, target, unique_id
from app.sandbox.operations.picture import png_of_qr
from app.sandbox.operations.quotas import limit
from app.sandbox.operations.tagging import give
from app.sandbox.operations.totp import take_pair
from app.sandbox.state import Device, State

Members = Mapping[str, Any]


def _wrong_codes() -> Refusal:
    return Refusal("InvalidAuthenticationCode", "Authentication code for device is not valid.", 403)


def _make(state: State, name: str, path: str, now: datetime) -> Device:
    made = state.iam.create_virtual_mfa_device(device_name=name, path=path)
    made.base32_string_seed = generated_secrets.seed(state.settings)
    device = Device(made.serial_number, made.base32_string_seed, now)
    state.devices[made.serial_number] = device
    return device


def _assign(state: State, user: Any, device: Device, now: datetime) -> None:
    user.enable_mfa_device(device.serial_number, "", "")
    user.mfa_devices[device.serial_number].enable_date = now
    known = state.iam.virtual_mfa_devices.get(device.serial_number)
    if known:  # moto has no list of hardware devices
        known.enable_date, known.user = now, user
    device.assigned_at, device.known_to_sts_at = now, now + state.settings.consistency_delay


def provision(state: State, user_name: str, now: datetime) -> Device:
    """Give a user of the cast an enabled device with their name."""
    device = _make(state, user_name, "/", now)
    _assign(state, state.iam.users[user_name], device, now)
    device.known_to_sts_at = now
    return device


def hardware_tokens(state: State, now: datetime) -> dict[str, str]:
    """Create two unassigned hardware tokens of the vendor: serial number on the back to the seed inside."""
    seeds = [generated_secrets.seed(state.settings, 32) for _ in range(2)]
    tokens = [Device(f"GAHT{number:08d}", seed, now) for number, seed in enumerate(seeds, 1)]
    state.devices |= {token.serial_number: token for token in tokens}
    return {token.serial_number: token.seed for token in tokens}


def give_security_key(state: State, user_name: str, now: datetime) -> None:
    """Give a user a FIDO security key. Only the console enrolls those: it is listed and has no codes."""
    user = state.iam.users[user_name]
    key_id = secrets.token_hex(8).upper()
    serial_number = f"arn:{state.partition}:iam::{state.account_id}:u2f/user/{user_name}/{key_id}"
    user.enable_mfa_device(serial_number, "", "")
    user.mfa_devices[serial_number].enable_date = now


@operation("iam", "CreateVirtualMFADevice")
def create(state: State, call: Call) -> Members:
    """Return seed and QR code, once. If a device of the name is left over: EntityAlreadyExists."""
    name, path = call.parameters["VirtualMFADeviceName"], call.parameters.get("Path", "/")
    if not (path.startswith("/") and path.endswith("/")):
        raise Refusal("ValidationError", "The specified value for path is invalid.", 400)
    serial_number = f"arn:{state.partition}:iam::{state.account_id}:mfa{path}{name}"
    if serial_number in state.iam.virtual_mfa_devices:
        raise Refusal("EntityAlreadyExists", "MFADevice entity at the same path and name already exists.", 409)
    limit(len(state.iam.virtual_mfa_devices), 5000, "VirtualMFADevicesPerAccount")
    given = call.parameters.get("Tags") or []
    if given:
        give(state, serial_number, given)
    device = _make(state, name, path, call.now)
    account = state.iam.account_aliases[0] if state.iam.account_aliases else state.account_id
    issuer = "Amazon%20Web%20Services"
    uri = f"otpauth://totp/{issuer}:{name}@{account}?secret={device.seed}&issuer={issuer}"
    return {
        "VirtualMFADevice": {
            "SerialNumber": serial_number,
            "Base32StringSeed": device.seed.encode(),
            "QRCodePNG": png_of_qr(uri),
        }
    }


def _needs_mfa_session(call: Call, user: Any) -> None:
    """Raise Refusal if the user has a device and the session no MFA (AWS-2023-001). Acting on other users isn't
    affected (observed).
    """
    on_self = user.name == call.caller.user_name
    if on_self and user.mfa_devices and call.caller.mfa_present is not True:
        raise Refusal(
            "AccessDenied",
            "To complete this action, please ensure that you are authenticated with an MFA device that is enabled "
            "for this user.",
            403,
        )


@operation("iam", "EnableMFADevice")
def enable(state: State, call: Call) -> Members:
    """Assign a device with two consecutive codes of its seed."""
    user, serial_number = target(state, call), call.parameters["SerialNumber"]
    _needs_mfa_session(call, user)
    if serial_number in user.mfa_devices:
        raise Refusal("EntityAlreadyExists", f"MFA Device for user {user.name} already exists.", 409)
    device = state.devices.get(serial_number)
    if device is None:
        raise Refusal("NoSuchEntity", f"VirtualMFADevice with serial number {serial_number} does not exist.", 404)
    if device.assigned_at is not None:
        raise Refusal("EntityAlreadyExists", "MFA Device is already in use.", 409)
    limit(len(user.mfa_devices), 8, "MFADevicesPerUser")
    if not take_pair(
        device, call.parameters["AuthenticationCode1"], call.parameters["AuthenticationCode2"], call.now
    ):
        raise _wrong_codes()
    _assign(state, user, device, call.now)
    return {}


@operation("iam", "ResyncMFADevice")
def resync(state: State, call: Call) -> Members:
    """Resync the device's clock. Works with a plain access key (observed)."""
    user, serial_number = target(state, call), call.parameters["SerialNumber"]
    device = state.devices.get(serial_number)
    if device is None or serial_number not in user.mfa_devices:
        raise Refusal("NoSuchEntity", "MFA Device invalid for user.", 404)
    if not take_pair(
        device, call.parameters["AuthenticationCode1"], call.parameters["AuthenticationCode2"], call.now
    ):
        raise _wrong_codes()
    device.known_to_sts_at = call.now + state.settings.consistency_delay
    return {}


@operation("iam", "DeactivateMFADevice")
def deactivate(state: State, call: Call) -> Members:
    """Unassign a device. A virtual device remains, with its seed and offset."""
    user, serial_number = target(state, call), call.parameters["SerialNumber"]
    _needs_mfa_session(call, user)
    if serial_number not in user.mfa_devices:
        raise Refusal("NoSuchEntity", "MFA Device invalid for user.", 404)
    user.deactivate_mfa_device(serial_number)
    known = state.iam.virtual_mfa_devices.get(serial_number)
    if known:
        known.enable_date, known.user = None, None
    if serial_number in state.devices:
        state.devices[serial_number].assigned_at = state.devices[serial_number].known_to_sts_at = None
    return {}


@operation("iam", "DeleteVirtualMFADevice")
def delete(state: State, call: Call) -> Members:
    """Delete an unassigned device."""
    serial_number = call.parameters["SerialNumber"]
    known = state.iam.virtual_mfa_devices.get(serial_number)
    if known is None:
        raise Refusal("NoSuchEntity", f"VirtualMFADevice with serial number {serial_number} doesn't exist.", 404)
    if known.user is not None:
        raise Refusal("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.", 409)
    del state.iam.virtual_mfa_devices[serial_number]
    state.devices.pop(serial_number, None)
    state.tags.pop(serial_number, None)
    return {}


@operation("iam", "ListMFADevices")
def of_user(state: State, call: Call) -> Members:
    """List one user's devices."""
    user = target(state, call)
    return {
        "MFADevices": [
            {"UserName": user.name, "SerialNumber": device.serial_number, "EnableDate": aware(device.enable_date)}
            for device in user.mfa_devices.values()
        ]
    }


@operation("iam", "GetMFADevice")
def one_of_user(state: State, call: Call) -> Members:
    """Return a device of a user, the caller's own if no name is given."""
    user, serial_number = target(state, call), call.parameters["SerialNumber"]
    device = user.mfa_devices.get(serial_number)
    if device is None:
        raise Refusal("NoSuchEntity", f"MFA Device with serial number {serial_number} cannot be found.", 404)
    return {"UserName": user.name, "SerialNumber": serial_number, "EnableDate": aware(device.enable_date)}


@operation("iam", "ListVirtualMFADevices")
def of_account(state: State, call: Call) -> Members:
    """List the account's virtual devices, never with a seed. Assigned ones have user and date."""
    wanted = call.parameters.get("AssignmentStatus", "Any")
    found = []
    for device in state.iam.virtual_mfa_devices.values():
        if wanted != "Any" and (device.user is not None) != (wanted == "Assigned"):
            continue
        member: dict[str, Any] = {"SerialNumber": device.serial_number}
        if device.user is not None:
            user = device.user
            member["EnableDate"] = aware(device.enable_date)
            member["User"] = {
                "Path": user.path,
                "UserName": user.name,
                "UserId": unique_id(user),
                "Arn": user.arn,
                "CreateDate": aware(user.create_date),
            }
        found.append(member)
    return {"VirtualMFADevices": found}
