"""Every change a page can make: how AWS is made ready for it, which form makes it, and whether it happened.

A new page is added by a line in CHANGES; `test_matrix.py` does the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.scenes import (
    Scene,
    certificates,
    enrolling,
    in_step,
    key_ids,
    new_password,
    no_certificate,
    no_other_key,
    no_password,
    no_ssh_key,
    one_certificate,
    one_other_key,
    one_ssh_key,
    opens,
    other_key,
    out_of_step,
    password,
    second_device,
    ssh_keys,
    token,
    token_typed,
    with_password,
    with_two_devices,
    without_devices,
    without_token,
)
from tests.support.marks import BETTER_PASSWORD, PASSWORD
from tests.support.public_keys import openssh
from tests.support.visitor import Visitor


@dataclass(frozen=True, kw_only=True)
class Change:
    """One form. Functions of a scene: `ready` sets the stage, `typed` fills in, `happened` looks at AWS."""

    action: str
    event: str
    path: Callable[[Scene], str] | str
    form: str
    """The address that the form is sent to."""
    happened: Callable[[Scene], bool]
    ready: Callable[[Scene], None]
    typed: Callable[[Scene], dict[str, str]] = lambda scene: {}
    with_mfa: bool = True
    what: str = ""
    """Tells it from others by the same action."""
    told_later: str = ""
    """The page at which an open outcome is asked of AWS; "" where AWS does not tell."""

    def send(self, scene: Scene) -> Visitor:
        """Open the page and send the form."""
        scene.page.open(self.path if isinstance(self.path, str) else self.path(scene))
        return scene.page.submit(self.form, **self.typed(scene))


CHANGES = [
    Change(
        action="iam:CreateVirtualMFADevice",
        event="mfa-device-created",
        path="/mfa/enroll",
        form="/mfa/enroll/begin",
        happened=lambda scene: scene.who.leftover(),
        ready=without_devices,
        with_mfa=False,
        told_later="/",
    ),
    Change(
        action="iam:EnableMFADevice",
        event="mfa-device-enabled",
        path="/mfa/enroll",
        form="/mfa/enroll",
        happened=lambda scene: scene.who.devices() != [],
        ready=enrolling,
        typed=lambda scene: scene.codes(scene.page.seed()),
        with_mfa=False,
        told_later="/",
    ),
    Change(
        action="iam:EnableMFADevice",
        event="mfa-device-enabled",
        path="/mfa/hardware",
        form="/mfa/hardware",
        happened=lambda scene: scene.who.devices() == [token(scene)[0]],
        ready=without_token,
        typed=token_typed,
        with_mfa=False,
        what=", a hardware token",
        told_later="/",
    ),
    Change(
        action="iam:DeleteVirtualMFADevice",
        event="mfa-device-deleted",
        path="/mfa/enroll",
        form="/mfa/enroll/cancel",
        happened=lambda scene: not scene.who.leftover(),
        ready=enrolling,
        with_mfa=False,
        told_later="/",
    ),
    Change(
        action="iam:DeactivateMFADevice",
        event="mfa-device-deactivated",
        path=lambda scene: f"/mfa/remove?id={second_device(scene)}",
        form="/mfa/remove",
        happened=lambda scene: second_device(scene) not in scene.who.devices(),
        ready=with_two_devices,
        told_later="/mfa",
    ),
    Change(
        action="iam:ResyncMFADevice",
        event="mfa-device-resynced",
        path="/mfa/resync",
        form="/mfa/resync",
        happened=in_step,
        ready=out_of_step,
        typed=lambda scene: scene.codes(),
    ),
    Change(
        action="iam:CreateAccessKey",
        event="access-key-created",
        path="/access-keys",
        form="/access-keys/create",
        happened=lambda scene: bool(key_ids(scene)),
        ready=no_other_key,
        told_later="/access-keys",
    ),
    Change(
        action="iam:UpdateAccessKey",
        event="access-key-deactivated",
        path=lambda scene: f"/access-keys/deactivate?id={other_key(scene)}",
        form="/access-keys/deactivate",
        happened=lambda scene: key_ids(scene)[other_key(scene)] == "Inactive",
        ready=one_other_key,
        told_later="/access-keys",
    ),
    Change(
        action="iam:DeleteAccessKey",
        event="access-key-deleted",
        path=lambda scene: f"/access-keys/delete?id={other_key(scene)}",
        form="/access-keys/delete",
        happened=lambda scene: not key_ids(scene),
        ready=one_other_key,
        told_later="/access-keys",
    ),
    Change(
        action="iam:UploadSSHPublicKey",
        event="ssh-key-uploaded",
        path="/ssh-keys/new",
        form="/ssh-keys/new",
        happened=lambda scene: bool(ssh_keys(scene)),
        ready=no_ssh_key,
        typed=lambda scene: {"pasted": openssh()},
        told_later="/ssh-keys",
    ),
    Change(
        action="iam:UpdateSSHPublicKey",
        event="ssh-key-deactivated",
        path=lambda scene: f"/ssh-keys/deactivate?id={next(iter(ssh_keys(scene)))}",
        form="/ssh-keys/deactivate",
        happened=lambda scene: "Inactive" in ssh_keys(scene).values(),
        ready=one_ssh_key,
        told_later="/ssh-keys",
    ),
    Change(
        action="iam:DeleteSSHPublicKey",
        event="ssh-key-deleted",
        path=lambda scene: f"/ssh-keys/delete?id={next(iter(ssh_keys(scene)))}",
        form="/ssh-keys/delete",
        happened=lambda scene: not ssh_keys(scene),
        ready=one_ssh_key,
        told_later="/ssh-keys",
    ),
    Change(
        action="iam:UploadSigningCertificate",
        event="certificate-uploaded",
        path="/certificates/new",
        form="/certificates/new/upload",
        happened=lambda scene: bool(certificates(scene)),
        ready=no_certificate,
        told_later="/certificates",
    ),
    Change(
        action="iam:UpdateSigningCertificate",
        event="certificate-deactivated",
        path=lambda scene: f"/certificates/deactivate?id={next(iter(certificates(scene)))}",
        form="/certificates/deactivate",
        happened=lambda scene: "Inactive" in certificates(scene).values(),
        ready=one_certificate,
        told_later="/certificates",
    ),
    Change(
        action="iam:DeleteSigningCertificate",
        event="certificate-deleted",
        path=lambda scene: f"/certificates/delete?id={next(iter(certificates(scene)))}",
        form="/certificates/delete",
        happened=lambda scene: not certificates(scene),
        ready=one_certificate,
        told_later="/certificates",
    ),
    Change(
        action="iam:ChangePassword",
        event="password-changed",
        path="/password",
        form="/password",
        happened=lambda scene: opens(scene, BETTER_PASSWORD),
        ready=with_password,
        typed=lambda scene: {"old": PASSWORD, **new_password(scene)},
    ),
    Change(
        action="iam:CreateLoginProfile",
        event="password-set",
        path="/password/new",
        form="/password/new",
        happened=password,
        ready=no_password,
        typed=new_password,
    ),
    Change(
        action="iam:UpdateLoginProfile",
        event="password-set",
        path="/password/new",
        form="/password/new",
        happened=lambda scene: opens(scene, BETTER_PASSWORD),
        ready=with_password,
        typed=new_password,
    ),
    Change(
        action="iam:DeleteLoginProfile",
        event="password-removed",
        path="/password/remove",
        form="/password/remove",
        happened=lambda scene: not password(scene),
        ready=with_password,
    ),
]
