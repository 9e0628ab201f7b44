"""The features of the portal, and the permissions each needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.policy.documents import sign_in_client
from app.policy.evaluation import Decision, Effect
from app.policy.parsed import ParsedPolicy
from app.policy.permits import Permits
from app.policy.reference.listed_resources import LISTED_UNDER, listed_on
from app.text.messages import N_

WITHOUT_MFA = (None, False)
"""aws:MultiFactorAuthPresent of a plain access key, and of a console session without a code."""


class On(StrEnum):
    """What an action is authorized on, in the form a policy would write it after the ARN's account."""

    ANYTHING = "*"
    USER = "user/${aws:username}"
    DEVICE = "mfa/${aws:username}"
    FURTHER_DEVICE = "mfa/${aws:username}/*"
    CLIENT = "oauth2/public-client/*"

    def pattern(self, permits: Permits) -> str:
        """Return the resource for a statement: with the policy variable, and a star before the name if the user has a
        path.
        """
        if self is On.ANYTHING:
            return "*"
        if self is On.CLIENT:
            return f"arn:{permits.partition}:signin:*:{permits.account_id}:{self}"
        own = "user/*/${aws:username}" if self is On.USER and "/" in _below(permits) else str(self)
        return f"arn:{permits.partition}:iam::{permits.account_id}:{own}"

    def arn(self, permits: Permits) -> str:
        """Return the resource of this user."""
        if self is On.USER:
            return permits.arn
        if self is On.CLIENT:
            return sign_in_client(permits.partition, permits.account_id, "us-east-1")
        return self.pattern(permits).replace("${aws:username}", permits.user_name).replace("/*", "/device-2")


def _below(permits: Permits) -> str:
    """Return the user's path and name: "engineering/alice"."""
    return permits.arn.partition(":user/")[2]


@dataclass(frozen=True)
class Need:
    """One permission that a feature needs."""

    action: str
    on: On


@dataclass(frozen=True)
class Feature:
    """One feature of the portal. code: stable, used in reports and URLs. title: English, translated on pages."""

    code: str
    title: str
    needs: tuple[Need, ...]
    early: bool = False
    """Wanted before MFA already: it leads to MFA, or takes the old password."""
    main: bool = False
    """Without it the portal is useless."""
    and_with_mfa: tuple[Need, ...] = ()
    """Of an early feature: what it takes once there is MFA."""
    by_service: bool = False
    """Who has a device needs a session with MFA for it, whatever the policy says (AWS-2023-001)."""


def _needs(on: On, *names: str) -> tuple[Need, ...]:
    return tuple(Need(name if ":" in name else f"iam:{name}", on) for name in names)


FEATURES = (
    Feature("see-devices", N_("Sign in and see your MFA devices"), _needs(On.USER, "ListMFADevices"), True, True),
    Feature(
        "enroll",
        N_("Set up MFA"),
        _needs(On.DEVICE, "CreateVirtualMFADevice") + _needs(On.USER, "EnableMFADevice"),
        early=True,
        main=True,
    ),
    Feature(
        "restart-enrollment",
        N_("Restart an unfinished MFA setup"),
        _needs(On.DEVICE, "DeleteVirtualMFADevice"),
        early=True,
    ),
    Feature("resync", N_("Fix rejected codes"), _needs(On.USER, "ResyncMFADevice"), early=True),
    Feature(
        "aws-sign-in",
        N_("Sign in with the console password through AWS Sign-In"),
        _needs(On.CLIENT, "signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token"),
        early=True,
        # The answer to this one shows that a session has MFA.
        and_with_mfa=_needs(On.USER, "DeactivateMFADevice"),
    ),
    Feature(
        "change-password",
        N_("Change the console password with the current one"),
        _needs(On.USER, "ChangePassword"),
        early=True,
    ),
    Feature(
        "password-rules",
        N_("See the account’s password rules"),
        _needs(On.ANYTHING, "GetAccountPasswordPolicy"),
        early=True,
    ),
    Feature("account-alias", N_("See the account’s alias"), _needs(On.ANYTHING, "ListAccountAliases"), early=True),
    Feature(
        "further-device",
        N_("Add a second virtual MFA device"),
        _needs(On.FURTHER_DEVICE, "CreateVirtualMFADevice") + _needs(On.USER, "EnableMFADevice"),
        by_service=True,
    ),
    Feature(
        "give-up-device",
        N_("Remove an MFA device"),
        _needs(On.USER, "DeactivateMFADevice") + _needs(On.DEVICE, "DeleteVirtualMFADevice"),
        by_service=True,
    ),
    Feature(
        "set-password",
        N_("Set a console password without the current one"),
        _needs(On.USER, "GetLoginProfile", "CreateLoginProfile", "UpdateLoginProfile"),
    ),
    Feature(
        "remove-password",
        N_("Remove the console password"),
        _needs(On.USER, "GetLoginProfile", "DeleteLoginProfile"),
    ),
    Feature(
        "access-keys",
        N_("Manage access keys"),
        _needs(On.USER, "ListAccessKeys", "CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"),
    ),
    Feature(
        "ssh-keys",
        N_("Manage SSH keys"),
        _needs(
            On.USER,
            "ListSSHPublicKeys",
            "GetSSHPublicKey",
            "UploadSSHPublicKey",
            "UpdateSSHPublicKey",
            "DeleteSSHPublicKey",
        ),
    ),
    Feature(
        "signing-certificates",
        N_("Manage signing certificates"),
        _needs(
            On.USER,
            "ListSigningCertificates",
            "UploadSigningCertificate",
            "UpdateSigningCertificate",
            "DeleteSigningCertificate",
        ),
    ),
    Feature(
        "account-overview",
        N_("See the account’s users and MFA devices"),
        _needs(On.ANYTHING, "ListUsers", "GetAccountSummary", "ListVirtualMFADevices"),
    ),
)
EXTRAS = (
    Feature("key-last-use", N_("See when access keys were last used"), _needs(On.USER, "GetAccessKeyLastUsed")),
)
"""Shown where a document grants it. Neither the tutorial's nor ours does, so a document without it lacks nothing."""
BY_CODE = {feature.code: feature for feature in (*FEATURES, *EXTRAS)}


def resource(need: Need, permits: Permits) -> str:
    """Return the resource that AWS authorizes a permission on for this user."""
    return listed_on(need.action, permits.account_id, permits.partition) or need.on.arn(permits)


@dataclass(frozen=True)
class Missing:
    """A permission that the document doesn't give. mfa: with which credentials it is missing."""

    need: Need
    mfa: bool | None
    decision: Decision


def missing(feature: Feature, permits: Permits, mfa: bool | None) -> list[Missing]:
    """Return the permissions a feature lacks with these credentials. Empty if it works."""
    needs = feature.needs + (feature.and_with_mfa if mfa else ())
    asked = [Missing(need, mfa, permits.decision(need.action, resource(need, permits), mfa=mfa)) for need in needs]
    return [each for each in asked if not each.decision.allowed]


def ruled_out(need: Need, permits: Permits, mfa: bool | None) -> bool:
    """Return whether it is explicitly denied or named by no Allow. Otherwise another policy of the user may
    allow it.
    """
    decision = permits.decision(need.action, resource(need, permits), mfa=mfa)
    return decision.effect is Effect.EXPLICITLY_DENIED or not permits.names(need.action)


class When(StrEnum):
    """When a feature works."""

    BEFORE = "before MFA"
    WITH = "only with MFA"
    ONLY_BEFORE = "only before MFA"
    NEVER = "not at all"


@dataclass(frozen=True)
class Availability:
    """Whether a feature works for a user and, if not as it should, which permissions are missing."""

    feature: Feature
    when: When
    missing: list[Missing]
    escapes: str = ""
    """The one way to sign in without MFA with which it also works: "an access key" or "a password"."""

    @property
    def as_wanted(self) -> bool:
        """Return whether it works when the portal needs to offer it."""
        return not self.missing


def availability(feature: Feature, permits: Permits) -> Availability:
    """Return when a feature works. "Before MFA" means both with a plain access key and with a console session."""
    lacks = {mfa: missing(feature, permits, mfa) for mfa in WITHOUT_MFA}
    before = [each for found in lacks.values() for each in found]
    after = missing(feature, permits, True)
    when = {
        (True, True): When.BEFORE,
        (False, True): When.WITH,
        (True, False): When.ONLY_BEFORE,
        (False, False): When.NEVER,
    }[not before and not feature.by_service, not after]
    one_way = [words for mfa, words in ((None, "an access key"), (False, "a password")) if not lacks[mfa]]
    escapes = one_way[0] if when is When.WITH and len(one_way) == 1 and not feature.by_service else ""
    return Availability(feature, when, after + (before if feature.early else []), escapes)


def offers(permits: Permits, mfa: bool | None) -> frozenset[str]:
    """Return the codes of the features that can work with credentials of this kind (mfa as in `Permits.allows`).

    Before MFA only early features are offered, whatever the document allows.
    """
    return frozenset(
        code for code, feature in BY_CODE.items() if (mfa or feature.early) and not missing(feature, permits, mfa)
    )


def usual_resource(policy: ParsedPolicy, action: str, user_name: str, path: str) -> str:
    """Return the ARN an action of the portal is authorized on when users do it for themselves. "*" for any other
    action.
    """
    account_id, partition = policy.account_id, policy.partition
    permits = Permits.of_user(policy.source, account_id, partition, user_name, path)
    needs = [need for feature in BY_CODE.values() for need in (*feature.needs, *feature.and_with_mfa)]
    own = next((need for need in needs if need.action.lower() == action.lower()), None)
    if own:
        return resource(own, permits)
    listed = {known.lower(): known for known in LISTED_UNDER}.get(action.lower())
    return (listed and listed_on(listed, account_id, partition)) or "*"
