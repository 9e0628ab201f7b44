"""The documents that AWS has published since its tutorial, as files of this package: 2017-12.json and so on.

Written by us from AWS's pages, with our own Sids.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.text.messages import N_

TUTORIAL = "IAM User Guide, tutorial “Enable your users to configure their own credentials and MFA settings”"
EXAMPLE = (
    "IAM User Guide, example policy “Allows MFA-authenticated IAM users to manage their own credentials on the "
    "My security credentials page”"
)


@dataclass(frozen=True)
class Published:
    """One revision. name: also the name of its file."""

    name: str
    date: str
    source: str
    change: str
    """How it differs from the one before, in sentences for `_()`."""


PUBLISHED = (
    Published(
        "2017-12",
        "December 2017",
        TUTORIAL,
        N_("The deny exempts single actions instead of iam:*. Removing a device requires MFA. SMS is gone."),
    ),
    Published("2018-02", "February 2018", TUTORIAL, N_("It grants ListVirtualMFADevices on *.")),
    Published("2018-11", "November 2018", TUTORIAL, N_("The deny no longer exempts DeleteVirtualMFADevice.")),
    Published(
        "2019-01",
        "25 January 2019",
        EXAMPLE,
        N_("It adds GetUser and Git credentials, and drops ListUsers, ListAccountAliases and setting passwords."),
    ),
    Published("2021-05", "May 2021", EXAMPLE, N_("It drops GetAccountSummary.")),
    Published(
        "2022-11", "23 November 2022", EXAMPLE, N_("Virtual devices may have any name, and users can’t delete them.")
    ),
    Published(
        "2023-11",
        "November 2023",
        EXAMPLE,
        N_(
            "It adds GetAccessKeyLastUsed, and the deny exempts GetMFADevice. It was still in the guide at the "
            "end of 2026."
        ),
    ),
)
"""In the order of time."""

RE_POST = Published(
    "re-post",
    "15 September 2021",
    "AWS re:Post Knowledge Center, “How can I require MFA authentication for IAM users that use the AWS CLI?” "
    "(knowledge-center/mfa-iam-user-aws-cli)",
    N_(
        "A deny alone, for use beside policies that grant permissions, with BoolIfExists, as at the end of the "
        "article. It exempts lists that the tutorial’s deny exempts, and what AWS services do for a user "
        "(aws:ViaAWSService)."
    ),
)
"""No revision of the others, and no Force_MFA by itself: it allows nothing."""
