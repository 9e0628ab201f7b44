"""Find what users can do without MFA, what they can do to other users' devices, and whom the document locks out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.policy.check.findings import Finding, Severity
from app.policy.check.portal_features import example_user
from app.policy.check.remedies import place_of
from app.policy.features import BY_CODE, WITHOUT_MFA, missing
from app.policy.parsed import ParsedPolicy
from app.policy.places import DOCUMENT, Place
from app.text.messages import _, ngettext

PATH = "/engineering/"


def _allowing(policy: ParsedPolicy, action: str, resource: str, mfas: Sequence[bool | None]) -> Place | None:
    """Return the statement that allows an action with one of these kinds of credentials, or None."""
    permits = example_user(policy)
    for mfa in mfas:
        decision = permits.decision(action, resource, mfa=mfa)
        if decision.allowed:
            return place_of(policy, decision.statement)
    return None


def password_without_mfa(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield a finding if a stolen access key is enough to set a console password."""
    arn = example_user(policy).arn
    passwords = [
        (action, place)
        for action in ("iam:CreateLoginProfile", "iam:UpdateLoginProfile")
        if (place := _allowing(policy, action, arn, WITHOUT_MFA))
    ]
    if passwords:
        yield Finding(
            "key-makes-password",
            Severity.WARNING,
            passwords[0][1],
            ngettext(
                "%(actions)s works without MFA. Anyone with a stolen access key can set a console password without "
                "knowing the old one.",
                "%(actions)s work without MFA. Anyone with a stolen access key can set a console password without "
                "knowing the old one.",
                len(passwords),
                actions=", ".join(action for action, _place in passwords),
            ),
            _("The deny must apply to them. Don’t name them in its NotAction."),
            passwords[0][0],
        )


def device_without_mfa(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield a finding if users can deactivate their MFA device without MFA."""
    if place := _allowing(policy, "iam:DeactivateMFADevice", example_user(policy).arn, WITHOUT_MFA):
        yield Finding(
            "device-removable",
            Severity.WARNING,
            place,
            _(
                "The policy lets users deactivate their MFA device without MFA. AWS itself has refused that "
                "since April 2023."
            ),
            _("The deny must apply to it. Don’t name iam:DeactivateMFADevice in its NotAction."),
            "iam:DeactivateMFADevice",
        )


def devices_of_others(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield a finding if users can delete other users' virtual MFA devices."""
    of_another = f"arn:{policy.partition}:iam::{policy.account_id}:mfa/another-user"
    if place := _allowing(policy, "iam:DeleteVirtualMFADevice", of_another, (*WITHOUT_MFA, True)):
        yield Finding(
            "others-devices",
            Severity.WARNING,
            place,
            _(
                "Every user can delete other users’ virtual devices that are not in use yet, so they "
                "can’t set up MFA."
            ),
            _("Name mfa/${aws:username} as the resource of iam:DeleteVirtualMFADevice."),
            "iam:DeleteVirtualMFADevice",
        )


def first_sign_in(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield a finding if users who must change their password first can't get to MFA."""
    if missing(BY_CODE["change-password"], example_user(policy), False):
        yield Finding(
            "first-sign-in",
            Severity.WARNING,
            DOCUMENT,
            _(
                "Users who must change their password at the first sign-in, or whose password has "
                "expired, are stuck: iam:ChangePassword doesn’t work before MFA."
            ),
            _(
                "Give users passwords that they don’t have to change at the first sign-in. If a user is "
                "stuck, set a new one."
            ),
            "iam:ChangePassword",
        )


def users_with_a_path(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield a finding if something works only for users without an IAM path."""
    permits = example_user(policy)
    below = replace(permits, arn=permits.arn.replace(":user/", f":user{PATH}"))
    for code in ("see-devices", "enroll"):
        if not missing(BY_CODE[code], permits, False) and (lacks := missing(BY_CODE[code], below, False)):
            need = lacks[0].need
            yield Finding(
                "path-shut-out",
                Severity.WARNING,
                DOCUMENT,
                _(
                    "Users with an IAM path (user%(path)salice) are locked out, because their ARN doesn’t match.",
                    path=PATH,
                ),
                _(
                    'Beside "%(arn)s", name "%(other)s" for what users need to get MFA. Once the document '
                    "forces MFA, "
                    "name it everywhere.",
                    arn=need.on.pattern(permits),
                    other=need.on.pattern(below),
                ),
                need.action,
            )
            return
