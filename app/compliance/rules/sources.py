"""The facts of the sources about users and accounts, in the shapes in which they are stored as JSON. Pure.

Times are ISO 8601 text with a zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NotRequired, Protocol, TypedDict, cast


class ReportFacts(TypedDict):
    """A user's row of the credential report."""

    password: bool
    used: str | None
    """Last use of the password. None: never, or not since AWS keeps track."""
    changed: str | None
    mfa: bool
    other: bool | None
    """Their MFA device isn't virtual: the lists showed no virtual device. None: not compared yet."""
    keys: list[list[Any]]
    """Active, created or last rotated, last used."""
    certificates: list[list[Any]]
    """Active, uploaded."""


class OwnFacts(TypedDict, total=False):
    """What a user's own visits showed. Each fact is the time of the visit and a value."""

    mfa: tuple[str, list[str]]
    """The types of their devices (`app.aws.iam.DeviceType.name`)."""
    password: tuple[str, bool]
    keys: tuple[str, list[tuple[bool, str]]]
    """Active, created."""
    ssh_keys: tuple[str, list[tuple[bool, str | None, str | None]]]
    """Active, uploaded, expires."""
    certificates: tuple[str, list[tuple[bool, str | None, str | None]]]
    """As `ssh_keys`."""


class UserListFacts(TypedDict, total=False):
    """What the lists say of the account. What the policy doesn't show is missing."""

    alias: str
    root_password: bool
    root_keys: bool
    root_mfa: bool
    root_virtual_mfa: bool
    others: int
    """MFA devices in use that aren't virtual ones of users, at most."""
    others_fewer: bool
    others_more: bool
    """As in `facts.Others`."""
    password_length: int
    password_reuse: int
    password_classes: list[str]
    password_expiry: int
    """As in `subjects.Account`."""
    tls_number: int
    """How many TLS certificates IAM stores, by the summary."""
    tls_certificates: list[tuple[str, str]]
    """Name and expiry. Only a command reads them, so they stay when a page refreshes."""
    tls_at: str
    """When they were read."""
    why_no_tls: str
    """Why they weren't. A sentence."""
    why_no_password_policy: str
    """A sentence."""
    why_no_summary: str
    """A sentence."""
    users: int
    """How many users the account has by its summary."""
    listed: int
    """How many users the lists have."""
    digest: str
    """SHA-256, in hex, of what the lists say (`app.compliance.data.list_source`)."""
    how: str
    """How they came (`app.compliance.data.kept_sources.How`). Missing where an earlier release stored them."""


class RootFacts(TypedDict, total=False):
    """What the credential report says of the root user."""

    mfa: bool
    password: bool
    """Missing where AWS doesn't say."""
    keys: bool
    used: str | None
    """Latest use of the password or a key."""
    columns: str
    """The hash of the report's header."""
    number: int
    """How many users it had."""
    latest: str
    """The latest time in it."""
    exact: bool
    """AWS said when it made the report. Otherwise the latest time in it counts."""
    unexplained: int
    """MFA devices of other kinds in use beyond those the report explained, when both were first compared."""
    digest: str
    """SHA-256 of the file, in hex."""
    how: str
    """As for the lists."""


class PermissionFacts(TypedDict):
    """Which policies an account has that standards ask about. Names, in order."""

    full_access: list[str]
    """Managed policies, AWS's own included, that allow everything and are attached."""
    full_access_own: list[str]
    """Managed policies of the account that allow everything, attached or not, except for boundaries."""
    support_roles: list[str]
    """Roles with AWSSupportAccess."""
    cloudshell: list[str]
    """Who has AWSCloudShellFullAccess: "user alice", "group devs", "role ci"."""
    missing: list[str]
    """Attached policies that the details don't contain."""
    full_service_own: NotRequired[list[str]]
    """Managed policies of the account that allow every action of a service, as `full_access_own`. Missing where an
    earlier release read the details.
    """
    untagged_roles: NotRequired[list[str]]
    """Roles without tags, those of services left out. Missing as `full_service_own`."""


class DetailsFacts(TypedDict):
    """What is kept of the account's authorization details beside each user's own facts."""

    digest: str
    """SHA-256 of the file, in hex. "" where an earlier release asked AWS directly."""
    how: NotRequired[str]
    """As for the lists."""
    users: int
    groups: int
    policies: int
    permissions: PermissionFacts
    judged_by: int
    """`app.compliance.data.outdated.ENGINE`: which judge decided whether MFA is forced."""
    tag_keys: NotRequired[list[str]]
    """Keys of the tags that are kept of each user (`service_users.tag_keys`). Missing: none."""


class ForcedFacts(TypedDict):
    """What the account's authorization details say of a user: whether their policies force MFA, and their tags."""

    user_id: str
    created: str | None
    state: str
    """ "pass", "fail" or "unknown"."""
    unexplored: list[str]
    """What wasn't explored, "code:name", where it is unknown."""
    request: RequestFacts | None
    """What works without MFA, where it fails."""
    direct: list[str]
    """Names of the policies that the user has without a group."""
    tags: NotRequired[dict[str, str]]
    """Those that the settings name (`DetailsFacts.tag_keys`), by key in lower case. Missing: none."""
    tagged: NotRequired[bool]
    """The user has tags. Missing where an earlier release read the details."""


class RequestFacts(TypedDict):
    """A request that works without MFA, and what allows it."""

    action: str
    resource: str
    session: str
    """ "key": an access key, "password": the console without a code."""
    context: dict[str, Any]
    """The condition keys that matter."""
    statement: str
    """Sid, or the number from 0."""
    policy: str
    """Its name."""
    arn: str
    """"" for an inline policy."""
    via: str
    """ "user" or "group:NAME"."""


class StoredPerson(Protocol):
    """The facts of a row of `compliance_people` about a user."""

    user_name: str
    path: str
    created_at: datetime | None
    in_user_list: bool
    password_last_used: datetime | None
    virtual_devices: int
    report: ReportFacts | None
    own: OwnFacts
    user_id: str
    forced: ForcedFacts | None


def times_of(own: OwnFacts) -> dict[str, datetime]:
    """Return when the user's visits showed each fact, by its name."""
    shown = cast("Mapping[str, tuple[str, Any]]", own)
    return {name: datetime.fromisoformat(at) for name, (at, _) in shown.items()}


def since(own: OwnFacts, moment: datetime) -> OwnFacts:
    """Return the facts that visits at this moment or later showed."""
    times = times_of(own)
    return cast("OwnFacts", {name: fact for name, fact in own.items() if times[name] >= moment})
