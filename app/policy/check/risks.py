"""What a document lets through that it should not, and whom it shuts out: asked of the judge. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.policy.check.exempted_actions import spared
from app.policy.check.findings import DOCUMENT, Finding, Place, Severity
from app.policy.check.mfa_enforcement import locked_out, spared_services, unforced
from app.policy.check.mfa_probes import unproven
from app.policy.check.privilege_escalation import escalations
from app.policy.check.remedies import place_of
from app.policy.check.statement_scope import Ruling, rulings
from app.policy.features import BY_CODE, WITHOUT_MFA, missing
from app.policy.permits import Permits

PATH = "/engineering/"


def dangers(statements: Sequence[Mapping[str, Any]], permits: Permits) -> Iterator[Finding]:
    """All of them, worst first. permits: of someone without a path."""
    iam = f"arn:{permits.partition}:iam::{permits.account_id}"

    def deciding(action: str, resource: str, mfas: Sequence[bool | None]) -> Place | None:
        """The statement that allows it, with one of these credentials; None where none does."""
        for mfa in mfas:
            decision = permits.decision(action, resource, mfa=mfa)
            if decision.allowed:
                return place_of(statements, decision.statement)
        return None

    ruled = rulings(statements, permits.policy, permits.account_id, permits.partition)
    denies = [each for each in ruled if each.statement.denies]
    yield from undemanding(denies, permits)
    yield from locked_out(denies)
    passwords = [
        (action, place)
        for action in ("iam:CreateLoginProfile", "iam:UpdateLoginProfile")
        if (place := deciding(action, permits.arn, WITHOUT_MFA))
    ]
    if passwords:
        yield Finding(
            "key-makes-password",
            Severity.WARNING,
            passwords[0][1],
            f"{' and '.join(action for action, _ in passwords)} {'work' if passwords[1:] else 'works'} without MFA: "
            "whoever steals an access key sets a console password, without the old one.",
            "Do not spare them in the deny.",
            passwords[0][0],
        )
    if place := deciding("iam:DeactivateMFADevice", permits.arn, WITHOUT_MFA):
        yield Finding(
            "device-removable",
            Severity.WARNING,
            place,
            "One’s MFA device can be given up without MFA. Since April 2023 AWS’s service refuses that itself.",
            "Do not spare iam:DeactivateMFADevice in the deny.",
            "iam:DeactivateMFADevice",
        )
    if place := deciding("iam:DeleteVirtualMFADevice", f"{iam}:mfa/somebody-else", (*WITHOUT_MFA, True)):
        yield Finding(
            "others-devices",
            Severity.WARNING,
            place,
            "Everyone can delete virtual devices of others that are not in use yet, and so spoil their enrollment.",
            "Name mfa/${aws:username} as the resource of iam:DeleteVirtualMFADevice.",
            "iam:DeleteVirtualMFADevice",
        )
    if missing(BY_CODE["change-password"], permits, False):
        yield Finding(
            "first-sign-in",
            Severity.WARNING,
            DOCUMENT,
            "Who must change the password at the first sign-in, or whose password has expired, is stuck: "
            "iam:ChangePassword does not work before MFA.",
            "Give people passwords they need not change at the first sign-in, and set a new one for somebody who is "
            "stuck.",
            "iam:ChangePassword",
        )
    yield from _paths(permits)
    yield from escalations(ruled, permits)


def undemanding(denies: Sequence[Ruling], permits: Permits) -> Iterator[Finding]:
    """Why a document does not demand MFA of a plain key and of a password; warnings where it nearly does not."""
    reasons = [*unforced(denies), *spared(denies)]
    yield from reasons
    if not any(each.severity is Severity.ERROR for each in reasons):
        yield from filter(None, [unproven(denies, permits)])  # whatever it seems: this is what counts
    yield from spared_services(denies)


def _paths(permits: Permits) -> Iterator[Finding]:
    """People below an IAM path against people without one."""
    below = replace(permits, arn=permits.arn.replace(":user/", f":user{PATH}"))
    for code in ("see-devices", "enroll"):
        if not missing(BY_CODE[code], permits, False) and (lacks := missing(BY_CODE[code], below, False)):
            need = lacks[0].need
            yield Finding(
                "path-shut-out",
                Severity.WARNING,
                DOCUMENT,
                f"People whose IAM user has a path (user{PATH}alice) are shut out: their ARN does not match.",
                f'Beside "{need.on.pattern(permits)}", name "{need.on.pattern(below)}" for what getting MFA takes. '
                "Name it for the rest, too, once the document forces MFA.",
                need.action,
            )
            return
