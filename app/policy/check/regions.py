"""Regions and account IDs in ARNs and conditions."""

from __future__ import annotations

import re

from app.policy.check.findings import Finding, Severity
from app.policy.places import Place, cut
from app.text.messages import _, ngettext

_BY_AREA = {
    "af": "south-1",
    "ap": "east-1 east-2 northeast-1 northeast-2 northeast-3 south-1 south-2 southeast-1 southeast-2 southeast-3 "
    "southeast-4 southeast-5 southeast-6 southeast-7",
    "ca": "central-1 west-1",
    "cn": "north-1 northwest-1",
    "eu": "central-1 central-2 isoe-west-1 north-1 south-1 south-2 west-1 west-2 west-3",
    "eusc": "de-east-1",
    "il": "central-1",
    "me": "central-1 south-1 west-1",
    "mx": "central-1",
    "sa": "east-1 west-1",
    "us": "east-1 east-2 west-1 west-2 gov-east-1 gov-west-1 iso-east-1 iso-west-1 isob-east-1 isob-west-1 "
    "isof-east-1 isof-south-1",
}
REGIONS = frozenset(f"{area}-{name}" for area, names in _BY_AREA.items() for name in names.split())
"""Of all partitions; a test compares them with botocore's."""


def is_region(text: str) -> bool:
    """Return whether a text is the code of a known region. Some services also write aws-global."""
    return text.lower() in REGIONS or text == "aws-global"


def miscounted(account: str) -> bool:
    """Return whether a text looks like an account ID but isn't 12 digits: too few, too many, or with hyphens or
    blanks.
    """
    return re.fullmatch(r"[0-9][0-9 -]*", account) is not None and not re.fullmatch(r"[0-9]{12}", account)


def unknown_region(place: Place, region: str) -> Finding:
    """Describe a name that isn't a known region."""
    return Finding(
        "region-unknown",
        Severity.WARNING,
        place,
        _(
            "Latchkey doesn’t know the AWS region “%(region)s”. If AWS doesn’t either, this matches nothing.",
            region=cut(region),
        ),
        _("Compare it with the region’s code, like eu-central-1."),
    )


def wrong_account(place: Place, account: str) -> Finding:
    """Describe an account ID that isn't 12 digits."""
    sentence = _(
        "“%(account)s” isn’t an AWS account ID, because it contains characters that aren’t digits. This matches "
        "nothing.",
        account=cut(account),
    )
    if account.isdigit():
        sentence = ngettext(
            "“%(account)s” isn’t an AWS account ID: it has %(num)d digit instead of 12. This matches nothing.",
            "“%(account)s” isn’t an AWS account ID: it has %(num)d digits instead of 12. This matches nothing.",
            len(account),
            account=cut(account),
        )
    return Finding(
        "account-malformed",
        Severity.ERROR,
        place,
        sentence,
        _("Write the account ID as 12 digits."),
    )
