"""Notes for users who lost an MFA device, to copy and send to an administrator. Pure."""

from __future__ import annotations

from app.aws.iam import DeviceType, MfaDevice
from app.text.messages import _


def rescue_note(user_name: str, arn: str, lost: MfaDevice, *, others: bool) -> str:
    """Return what an administrator needs to remove a lost device, and no other.

    others: does the user have further devices?
    """
    lines = [
        _("I lost one of my MFA devices.") if others else _("I lost my MFA device, and I can’t sign in."),
        _("IAM user: %(arn)s", arn=arn),
        _("Lost MFA device: %(serial)s", serial=lost.serial_number),
        "",
        _("Please check that this request is from me, then run:"),
        f"aws iam deactivate-mfa-device --user-name {user_name} --serial-number {lost.serial_number}",
    ]
    if lost.device_type is DeviceType.VIRTUAL:
        lines.append(f"aws iam delete-virtual-mfa-device --serial-number {lost.serial_number}")
    then = _("Please leave my other MFA devices.") if others else _("After that, I’ll set up MFA again.")
    return "\n".join([*lines, "", then])


def rescue_note_to_fill_in() -> str:
    """Return the same note for a user who isn't signed in: they and the administrator fill in what is in capitals."""
    lines = [
        _("I lost my MFA device, and I can’t sign in."),
        _("IAM user: %(name)s in account %(id)s", name="YOUR-USER-NAME", id="OUR-ACCOUNT-ID"),
        "",
        _("Please check that this request is from me, then run:"),
        "aws iam list-mfa-devices --user-name YOUR-USER-NAME",
        "aws iam deactivate-mfa-device --user-name YOUR-USER-NAME --serial-number SERIAL",
        "aws iam delete-virtual-mfa-device --serial-number SERIAL",
        "",
        _("After that, I’ll set up MFA again."),
    ]
    return "\n".join(lines)
