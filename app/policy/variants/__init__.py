"""What AWS itself has published since its tutorial, as documents of this package: 2017-12.json and so on."""

from __future__ import annotations

from dataclasses import dataclass

TUTORIAL = "IAM User Guide, tutorial “Enable your users to configure their own credentials and MFA settings”"
EXAMPLE = (
    "IAM User Guide, example policy “Allows MFA-authenticated IAM users to manage their own credentials on the "
    "My security credentials page”"
)


@dataclass(frozen=True)
class Published:
    """One revision. name: also the name of its file; written anew from the guide, with Sids of ours."""

    name: str
    date: str
    source: str
    change: str
    """What it does otherwise than the one before."""


PUBLISHED = (
    Published(
        "2017-12",
        "December 2017",
        TUTORIAL,
        "the deny spares single actions instead of iam:*; giving up a device takes MFA; no SMS",
    ),
    Published("2018-02", "February 2018", TUTORIAL, "ListVirtualMFADevices on *"),
    Published("2018-11", "November 2018", TUTORIAL, "DeleteVirtualMFADevice is no longer spared by the deny"),
    Published(
        "2019-01",
        "25 January 2019",
        EXAMPLE,
        "GetUser and Git credentials come in; ListUsers, ListAccountAliases and setting passwords go",
    ),
    Published("2021-05", "May 2021", EXAMPLE, "GetAccountSummary goes"),
    Published(
        "2022-11", "23 November 2022", EXAMPLE, "virtual devices may have any name, and are not deleted by users"
    ),
)
"""In the order of time."""
