"""What a document grants by which people get more than they were given, or around MFA: through others, or for good.

Self-service is about one's own credentials, so none of it belongs into a Force_MFA. It is an error where whoever has
given a code once is free of the policy from then on, or acts as somebody who is not under it; a warning where that
takes more than this document (a role that trusts them). A deny counts only where it surely stands in the way: names
of the judge's choosing could be named in one. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.policy.actions import may_name
from app.policy.features import WITHOUT_MFA
from app.policy.findings import Finding, Severity
from app.policy.patterns import Pattern
from app.policy.permits import Permits
from app.policy.ruling import Ruling, client_chooses, counted, texts


@dataclass(frozen=True)
class Danger:
    """Some actions, and what people can do by them. kinds: action to the type of what it is done to."""

    code: str
    severity: Severity
    sentence: str
    remedy: str
    kinds: dict[str, str]
    own: bool = False
    """Also on one's own user."""
    open_only: bool = False
    """Only where no name is given: named ones are meant."""


def _of(kind: str, *names: str) -> dict[str, str]:
    return {name if ":" in name else f"iam:{name}": kind for name in names}


DANGERS = (
    Danger(
        "can-escalate",
        Severity.ERROR,
        "give themselves more, or free themselves of this policy and of MFA",
        "Take it out; administrators have it by a policy of their own.",
        _of(
            "user",
            "PutUserPolicy",
            "AttachUserPolicy",
            "DeleteUserPolicy",
            "DetachUserPolicy",
            "PutUserPermissionsBoundary",
            "DeleteUserPermissionsBoundary",
        )
        | _of(
            "group",
            "AddUserToGroup",
            "RemoveUserFromGroup",
            "PutGroupPolicy",
            "AttachGroupPolicy",
            "DeleteGroupPolicy",
            "DetachGroupPolicy",
            "DeleteGroup",
        )
        | _of(
            "role",
            "PutRolePolicy",
            "AttachRolePolicy",
            "UpdateAssumeRolePolicy",
            "PutRolePermissionsBoundary",
            "DeleteRolePermissionsBoundary",
        )
        | _of("policy", "CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicy")
        | _of("saml-provider", "UpdateSAMLProvider")
        | _of("oidc-provider", "UpdateOpenIDConnectProviderThumbprint", "AddClientIDToOpenIDConnectProvider")
        | _of("root", "sts:AssumeRoot"),
        own=True,
    ),
    Danger(
        "others-credentials",
        Severity.ERROR,
        "get hold of what others sign in with, or shut them out",
        "Name user/${aws:username} as the resource.",
        _of(
            "user",
            "CreateAccessKey",
            "UpdateAccessKey",
            "DeleteAccessKey",
            "CreateLoginProfile",
            "UpdateLoginProfile",
            "DeleteLoginProfile",
            "EnableMFADevice",
            "DeactivateMFADevice",
            "UploadSSHPublicKey",
            "UploadSigningCertificate",
            "CreateServiceSpecificCredential",
            "ResetServiceSpecificCredential",
            "UpdateServiceSpecificCredential",
            "UpdateSigningCertificate",
            "DeleteSSHPublicKey",
            "UpdateUser",
            "DeleteUser",
        ),
    ),
    Danger(
        "any-role",
        Severity.WARNING,
        "take, or hand to a service, any role that trusts the account or the service",
        "Name the roles that are meant.",
        _of("role", "iam:PassRole", "sts:AssumeRole"),
        open_only=True,
    ),
)

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_OWN_NAME = "\ue000"
"""Stands for ${aws:username}, so that a name written out is nobody's own."""


def escalations(rulings: Sequence[Ruling], permits: Permits) -> Iterator[Finding]:
    """A finding a statement and danger. permits: whose account it is about."""
    denies = [each for each in rulings if each.statement.denies and not each.keys]
    for allow in rulings:
        if allow.statement.denies:
            continue
        for danger in DANGERS:
            granted: dict[str, frozenset[bool | None]] = {}
            named = [action for action in danger.kinds if allow.names(action)]
            for kind in dict.fromkeys(danger.kinds[action] for action in named):
                targets = _targets(allow, kind, danger)
                shields = [(deny, _shielded(deny, kind, targets, permits)) for deny in denies] if targets else []
                for action in [each for each in named if danger.kinds[each] == kind]:
                    if kinds := _granted(allow, action, targets, shields):
                        granted[action] = kinds
            if granted:
                yield _finding(danger, allow, granted)


def _finding(danger: Danger, allow: Ruling, granted: dict[str, frozenset[bool | None]]) -> Finding:
    early = [action for action, kinds in granted.items() if kinds & set(WITHOUT_MFA)]
    within = f", as far as {counted(allow.keys)} {'allow' if allow.keys[1:] else 'allows'}" if allow.keys else ""
    sooner = f"; even without MFA {counted(early)}" if early else ""
    return Finding(
        danger.code,
        Severity.ERROR if early else danger.severity,
        allow.place(),
        f"By this statement people can {danger.sentence}{within}: it allows {counted(list(granted), 4)}{sooner}.",
        danger.remedy,
        (early or list(granted))[0],
    )


def _granted(
    allow: Ruling, action: str, targets: frozenset[str], shields: Sequence[tuple[Ruling, frozenset[str]]]
) -> frozenset[bool | None]:
    """With which credentials something is left that no deny covers."""
    asked = frozenset([action])
    covering = [(deny.kinds, covered) for deny, covered in shields if covered and not deny.escaping(asked)]
    return frozenset(
        kind for kind in allow.kinds if targets.difference(*[covered for kinds, covered in covering if kind in kinds])
    )


def _targets(allow: Ruling, kind: str, danger: Danger) -> frozenset[str]:
    """What of this type a statement covers, a pattern a resource; not one's own where that is no danger."""
    named = ["*"] if allow.statement.not_resources else texts(allow.written["Resource"])
    return frozenset(
        each
        for each in _below(named, kind)
        if (danger.own or not _own(each)) and (not danger.open_only or _open(each, kind))
    )


def _shielded(deny: Ruling, kind: str, targets: frozenset[str], permits: Permits) -> frozenset[str]:
    """Those targets that a deny surely covers: all, all but one's own, or just what is written in the same way."""
    if deny.everywhere:
        return targets
    if deny.statement.not_resources:
        spared = _below(texts(deny.written["NotResource"]), kind)
        if not all(_own(each) for each in spared):
            return frozenset()
        return frozenset(each for each in targets if not (spared and _own(each)))
    here = [
        each
        for each in texts(deny.written["Resource"])
        if each.split(":")[1] in ("*", permits.partition) and each.split(":")[4] in ("*", permits.account_id)
    ]
    covered = _below(here, kind)
    return targets if _all_of(kind) in covered else targets & covered


def _below(resources: Sequence[str], kind: str) -> set[str]:
    """What stands after the account in ARNs of this type, as patterns in which _OWN_NAME is one's own name."""
    found = set()
    for resource in resources:
        parts = resource.split(":", 5)
        if resource == "*":
            found.add(_all_of(kind))
        elif parts[2] == "iam":
            below = _VARIABLE.sub(_value, parts[5])
            if below in ("*", f"{kind}*"):
                found.add(_all_of(kind))
            elif may_name(below, _all_of(kind)):
                found.add(below)
    return found


def _value(variable: re.Match[str]) -> str:
    key = variable[1].partition(",")[0].strip()
    if key.lower() == "aws:username":
        return _OWN_NAME
    return "*" if client_chooses(key) else "x"


def _all_of(kind: str) -> str:
    return kind if kind == "root" else f"{kind}/*"


def _own(below: str) -> bool:
    return below.rpartition("/")[2] == _OWN_NAME


def _open(below: str, kind: str) -> bool:
    """Does a pattern leave the name open?"""
    pattern = Pattern(below, variables=False)
    return all(pattern.matches(_all_of(kind).replace("*", name), {}) for name in ("any", "Z0"))
