"""The condition keys that AWS sends with a request of an IAM user.

`policy check`, explain, the portal and the sandbox all use these. Source: IAM User Guide, AWS global condition
context keys; Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from math import floor
from types import MappingProxyType

MFA_PRESENT = "aws:MultiFactorAuthPresent"
MFA_AGE = "aws:MultiFactorAuthAge"
ISSUE_TIME = "aws:TokenIssueTime"

EXAMPLE_ADDRESS = "198.51.100.10"
"""Where a request comes from if nobody says: one that RFC 5737 keeps for examples, so it is in nobody's network."""
EXAMPLE_USER_ID = "AIDACKCEVSQ6C2EXAMPLE"
"""The unique ID of a made-up user, as the IAM User Guide writes it."""
FRESH = 60
"""Seconds since the code, in a session with MFA that has just begun."""

HOME_REGIONS: Mapping[str, str] = MappingProxyType(
    {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-eusc": "eusc-de-east-1"}
)
"""Partition to the region of its global services: what aws:RequestedRegion says for IAM."""
GLOBAL_SERVICES = frozenset(
    {
        "account",
        "artifact",
        "aws-portal",
        "billing",
        "budgets",
        "ce",
        "cloudfront",
        "globalaccelerator",
        "health",
        "iam",
        "importexport",
        "organizations",
        "route53",
        "route53domains",
        "shield",
        "support",
        "trustedadvisor",
        "waf",
    }
)
"""Services with one endpoint a partition."""


@dataclass(frozen=True)
class IamUser:
    """The IAM user who makes the request. arn: with the IAM path. unique_id: "AIDA..."."""

    account_id: str
    user_name: str
    arn: str
    unique_id: str = EXAMPLE_USER_ID

    @property
    def partition(self) -> str:
        """Return the partition of the ARN."""
        return self.arn.split(":", 2)[1]


@dataclass(frozen=True)
class Session:
    """The credentials a request is made with.

    mfa: aws:MultiFactorAuthPresent, None if absent (a plain access key). mfa_age: seconds since the MFA code. AWS
    sends it if and only if mfa is True. token_age: seconds since temporary credentials were issued, None for a plain
    access key. signed_in: whether it comes from AWS Sign-In (aws login).
    """

    mfa: bool | None
    mfa_age: int = FRESH
    token_age: int | None = FRESH
    signed_in: bool = False

    @classmethod
    def of(cls, mfa: bool | None, age: int = FRESH) -> Session:
        """Return the usual session of each kind. mfa: as in the class. age: seconds since it began."""
        return cls(mfa, age, None if mfa is None else age)


PLAIN_KEY = Session.of(None)
PASSWORD = Session.of(mfa=False)
WITH_MFA = Session.of(mfa=True)


@dataclass(frozen=True)
class Circumstances:
    """The rest of a request.

    region: of the endpoint, None for the partition's home region. user_agent: None sends none.
    """

    now: datetime
    address: str = EXAMPLE_ADDRESS
    region: str | None = None
    user_agent: str | None = None
    secure: bool = True


def request_context(
    user: IamUser, session: Session, action: str, circumstances: Circumstances | None = None
) -> dict[str, str]:
    """Return the condition keys of a user's direct request, in AWS's spelling, to their values. Absent keys are left
    out.

    action: "iam:ListUsers". circumstances: default to now and EXAMPLE_ADDRESS.
    """
    here = circumstances or Circumstances(datetime.now(UTC))
    now = floor(here.now.timestamp())
    context = {
        "aws:ViaAWSService": "false",
        "aws:PrincipalIsAWSService": "false",
        "aws:PrincipalType": "User",
        "aws:PrincipalAccount": user.account_id,
        "aws:PrincipalArn": user.arn,
        "aws:userid": user.unique_id,
        "aws:username": user.user_name,
        "aws:SecureTransport": str(here.secure).lower(),
        "aws:RequestedRegion": requested_region(action, user.partition, here.region),
        "aws:CurrentTime": _moment(now),
        "aws:EpochTime": str(now),
        "aws:SourceIp": here.address,
    }
    if here.user_agent is not None:
        context["aws:UserAgent"] = here.user_agent
    if session.mfa is not None:
        context[MFA_PRESENT] = str(session.mfa).lower()
    if session.mfa:
        context[MFA_AGE] = str(int(session.mfa_age))
    if session.token_age is not None:
        context[ISSUE_TIME] = _moment(now - session.token_age)
    if session.signed_in:
        context["aws:SignInSessionArn"] = f"arn:{user.partition}:signin:::session/{user.unique_id}"
    return context


def requested_region(action: str, partition: str, region: str | None = None) -> str:
    """Return aws:RequestedRegion of a request. region: of the endpoint. A global service has only one region."""
    home = HOME_REGIONS.get(partition, HOME_REGIONS["aws"])
    service = action.partition(":")[0].lower()
    return home if region is None or service in GLOBAL_SERVICES else region


@lru_cache(maxsize=64)
def _moment(epoch: int) -> str:
    return f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%dT%H:%M:%SZ}"


class Presence(StrEnum):
    """When a direct request of an IAM user has a condition key."""

    ALWAYS = "always"
    """With a value that is known: see `request_context`."""
    SESSION = "by the session"
    """With some kinds of credentials; known as well."""
    SOMETIMES = "sometimes"
    """It depends on what is asked, from where, and on tags and the organization."""
    NEVER = "never"
    """Only in requests of roles, of federated users, or of services."""


class ValueType(StrEnum):
    """The type of a key's values."""

    ARN = "ARN"
    BOOL = "truth value"
    DATE = "date"
    IP = "IP address"
    NUMBER = "number"
    STRING = "text"


@dataclass(frozen=True)
class Key:
    """A condition key. name: in AWS's spelling. chosen: whether the client chooses its value. several: whether it is
    a list.
    """

    name: str
    presence: Presence
    value_type: ValueType = ValueType.STRING
    chosen: bool = False
    several: bool = False
    person: bool = False
    """Does it tell people apart?"""


def _all(
    presence: Presence, value_type: ValueType, *names: str, chosen: bool = False, several: bool = False
) -> list[Key]:
    return [Key(f"aws:{name}", presence, value_type, chosen, several) for name in names]


_KEYS = (
    *_all(Presence.ALWAYS, ValueType.BOOL, "ViaAWSService", "PrincipalIsAWSService"),
    *_all(Presence.ALWAYS, ValueType.STRING, "PrincipalType", "PrincipalAccount"),
    *_all(Presence.ALWAYS, ValueType.BOOL, "SecureTransport", chosen=True),
    *_all(Presence.ALWAYS, ValueType.STRING, "RequestedRegion", chosen=True),
    *_all(Presence.ALWAYS, ValueType.DATE, "CurrentTime", "EpochTime"),
    *_all(Presence.ALWAYS, ValueType.IP, "SourceIp"),
    Key("aws:PrincipalArn", Presence.ALWAYS, ValueType.ARN, person=True),
    Key("aws:userid", Presence.ALWAYS, person=True),
    Key("aws:username", Presence.ALWAYS, person=True),
    *_all(Presence.SESSION, ValueType.BOOL, "MultiFactorAuthPresent"),
    *_all(Presence.SESSION, ValueType.NUMBER, "MultiFactorAuthAge"),
    *_all(Presence.SESSION, ValueType.DATE, "TokenIssueTime"),
    *_all(Presence.SESSION, ValueType.ARN, "SignInSessionArn"),
    *_all(Presence.SOMETIMES, ValueType.STRING, "UserAgent", "Referer", "SourceIdentity", chosen=True),
    *_all(Presence.SOMETIMES, ValueType.STRING, "TagKeys", chosen=True, several=True),
    *_all(Presence.SOMETIMES, ValueType.STRING, "SourceVpc", "SourceVpce", "VpceAccount", "VpceOrgID"),
    *_all(Presence.SOMETIMES, ValueType.ARN, "SourceVpcArn"),
    *_all(Presence.SOMETIMES, ValueType.IP, "VpcSourceIp"),
    *_all(Presence.SOMETIMES, ValueType.STRING, "PrincipalOrgID", "ResourceAccount", "ResourceOrgID"),
    *_all(
        Presence.SOMETIMES, ValueType.STRING, "PrincipalOrgPaths", "ResourceOrgPaths", "VpceOrgPaths", several=True
    ),
    *_all(Presence.NEVER, ValueType.STRING, "CalledVia", "PrincipalServiceNamesList", several=True),
    *_all(Presence.NEVER, ValueType.STRING, "CalledViaFirst", "CalledViaLast", "PrincipalServiceName"),
    *_all(Presence.NEVER, ValueType.STRING, "FederatedProvider", "SourceAccount", "SourceOrgID"),
    *_all(Presence.NEVER, ValueType.STRING, "Ec2InstanceSourceVpc", "ChatbotSourceArn"),
    *_all(Presence.NEVER, ValueType.STRING, "SourceOrgPaths", several=True),
    *_all(Presence.NEVER, ValueType.IP, "Ec2InstanceSourcePrivateIPv4"),
    *_all(Presence.NEVER, ValueType.ARN, "SourceArn"),
    *_all(Presence.NEVER, ValueType.BOOL, "AssumedRoot"),
    Key("ec2:SourceInstanceArn", Presence.NEVER, ValueType.ARN),
    Key("lambda:SourceFunctionArn", Presence.NEVER, ValueType.ARN),
    Key("ec2:RoleDelivery", Presence.NEVER, ValueType.NUMBER),
)
KEYS: Mapping[str, Key] = MappingProxyType({key.name.lower(): key for key in _KEYS})
"""Name in lower case to the key, for keys whose name is fixed."""
_WITH_A_TAG = {
    "aws:principaltag/": Key("aws:PrincipalTag/", Presence.SOMETIMES, person=True),
    "aws:requesttag/": Key("aws:RequestTag/", Presence.SOMETIMES, chosen=True),
    "aws:resourcetag/": Key("aws:ResourceTag/", Presence.SOMETIMES),
}


def condition_key(name: str) -> Key | None:
    """Return the key of this name, in any letter case. None for a service's own key, or a misspelt one.

    For keys of services (ec2:InstanceType), neither presence nor value is known.
    """
    lower = name.lower()
    known = KEYS.get(lower) or next((key for start, key in _WITH_A_TAG.items() if lower.startswith(start)), None)
    return (
        known
        if known is None or not known.name.endswith("/")
        else Key(
            known.name + name[len(known.name) :],
            known.presence,
            known.value_type,
            known.chosen,
            known.several,
            known.person,
        )
    )
