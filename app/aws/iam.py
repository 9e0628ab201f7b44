"""IAM as the signed-in person may use it: a method per permitted action, frozen records out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from app.aws.clients import Clients, all_pages, translate_errors
from app.errors import NotAllowed, NotFound


class DeviceType(Enum):
    """The type of an MFA device, as its serial number shows (IAM User Guide; Service Authorization Reference)."""

    VIRTUAL = "virtual MFA device"
    HARDWARE = "hardware token"
    SECURITY_KEY = "security key or passkey"
    SMS = "text message (retired by AWS)"


@dataclass(frozen=True)
class MfaDevice:
    """A device assigned to a user."""

    serial_number: str
    enabled_at: datetime

    @property
    def device_type(self) -> DeviceType:
        """Return the type of the device, as its serial number shows it."""
        if ":u2f/" in self.serial_number:
            return DeviceType.SECURITY_KEY
        if ":sms-mfa/" in self.serial_number:
            return DeviceType.SMS
        return DeviceType.VIRTUAL if self.serial_number.startswith("arn:") else DeviceType.HARDWARE

    @property
    def gives_codes(self) -> bool:
        """Does GetSessionToken accept its codes? True for virtual devices and hardware TOTP tokens."""
        return self.device_type in (DeviceType.VIRTUAL, DeviceType.HARDWARE)


@dataclass(frozen=True)
class NewVirtualMfaDevice:
    """What CreateVirtualMFADevice returns, once."""

    serial_number: str
    seed: str = field(repr=False)
    """Base32 text without padding."""


class IamGateway:
    """What one signed-in person may ask of IAM. Raises PortalErrors only (`translate_errors`)."""

    def __init__(self, clients: Clients) -> None:
        self._reads = clients.iam_reads
        self._changes = clients.iam_changes

    def mfa_devices(self, user_name: str) -> list[MfaDevice]:
        """The user's MFA devices of all kinds (ListMFADevices)."""
        with translate_errors("iam:ListMFADevices"):
            pages = all_pages(self._reads, "list_mfa_devices", UserName=user_name)
            found = [device for page in pages for device in page["MFADevices"]]
        return [MfaDevice(device["SerialNumber"], device["EnableDate"]) for device in found]

    def session_has_mfa(self, user_name: str, no_device: str) -> bool:
        """Was the session started with MFA? Only for users who have a device.

        no_device: the serial number of a device that doesn't exist. No API says it, so the answer to
        DeactivateMFADevice for that device shows it: NoSuchEntity to an MFA session, AccessDenied to any other
        (observed; AWS-2023-001). Raises RuntimeError if the device existed; Throttled, NoResponse.
        """
        try:
            with translate_errors("iam:DeactivateMFADevice"):
                self._changes.deactivate_mfa_device(UserName=user_name, SerialNumber=no_device)
        except NotFound:
            return True
        except NotAllowed:
            return False
        raise RuntimeError(f"{no_device} was not to exist")

    def account_alias(self) -> str | None:
        """The account's alias, or None where it has none (ListAccountAliases)."""
        with translate_errors("iam:ListAccountAliases"):
            aliases = self._reads.list_account_aliases()["AccountAliases"]
        return aliases[0] if aliases else None

    def unassigned_virtual_mfa_devices(self) -> list[str]:
        """Serial numbers of the account's virtual devices that nobody uses (ListVirtualMFADevices)."""
        with translate_errors("iam:ListVirtualMFADevices"):
            pages = all_pages(self._reads, "list_virtual_mfa_devices", AssignmentStatus="Unassigned")
            return [device["SerialNumber"] for page in pages for device in page["VirtualMFADevices"]]

    def create_virtual_mfa_device(self, name: str, path: str = "/") -> NewVirtualMfaDevice:
        """Make an unassigned device (CreateVirtualMFADevice). path: "/" or "/alice/".

        Raises AlreadyExists where a device of this name exists, assigned or left over.
        """
        with translate_errors("iam:CreateVirtualMFADevice"):
            made = self._changes.create_virtual_mfa_device(VirtualMFADeviceName=name, Path=path)["VirtualMFADevice"]
        # The blob holds base32 text: the SDK undoes only the transport's base64 (IAM's model).
        return NewVirtualMfaDevice(made["SerialNumber"], bytes(made["Base32StringSeed"]).decode("ascii"))

    def enable_mfa_device(self, user_name: str, serial_number: str, first: str, second: str) -> None:
        """Assign a device with two consecutive codes (EnableMFADevice).

        Raises WrongMfaCode, AlreadyExists (assigned), NotFound (no such device), MfaSessionNeeded.
        """
        with translate_errors("iam:EnableMFADevice"):
            self._changes.enable_mfa_device(
                UserName=user_name,
                SerialNumber=serial_number,
                AuthenticationCode1=first,
                AuthenticationCode2=second,
            )

    def delete_virtual_mfa_device(self, serial_number: str) -> None:
        """Delete an unassigned device (DeleteVirtualMFADevice). Raises InUse, NotFound."""
        with translate_errors("iam:DeleteVirtualMFADevice"):
            self._changes.delete_virtual_mfa_device(SerialNumber=serial_number)

    def resync_mfa_device(self, user_name: str, serial_number: str, first: str, second: str) -> None:
        """Resync a device's clock with two consecutive codes (ResyncMFADevice). A plain access key may do this.

        Raises WrongMfaCode, NotFound (not a device of the user).
        """
        with translate_errors("iam:ResyncMFADevice"):
            self._changes.resync_mfa_device(
                UserName=user_name,
                SerialNumber=serial_number,
                AuthenticationCode1=first,
                AuthenticationCode2=second,
            )

    def deactivate_mfa_device(self, user_name: str, serial_number: str) -> None:
        """Deactivate a user's device (DeactivateMFADevice). A virtual one then exists unassigned.

        Raises NotFound (not a device of the user), MfaSessionNeeded.
        """
        with translate_errors("iam:DeactivateMFADevice"):
            self._changes.deactivate_mfa_device(UserName=user_name, SerialNumber=serial_number)
