"""Fetching the credential report and the authorization details, for a command.

AWS makes the report, which takes seconds to minutes. Details are a page for each thousand users and policies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.aws.authorization_details import AuthorizationDetailsGateway, DetailsPage
from app.aws.credential_report import CredentialReportGateway, MadeReport
from app.errors import PortalError, Throttled
from app.text.messages import N_

PAUSES = (1, 2, 3, 5, 10, 15, 15, 15, 30, 30, 30, 30, 30, 30, 30)
"""Seconds between two questions whether the report is there: about five minutes in all."""


SLOWED = (0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30)
"""Seconds to wait where AWS throttles, beyond what botocore itself waits."""


class ReportTookTooLong(PortalError):
    """AWS is still making the report."""

    code = "report-took-too-long"
    message = N_(
        "AWS is still creating the credential report. Run the command again in some minutes. The report we had still "
        "counts."
    )


def fetched(gateway: CredentialReportGateway, wait: Callable[[float], object]) -> MadeReport:
    """Have AWS make the account's report, wait for it, and return it. It is at most four hours old.

    wait: how to let seconds pass. Raises ReportTookTooLong and the errors of the gateway.
    """
    for pause in (*PAUSES, 0):
        try:
            if gateway.generate() and (report := gateway.report()):
                return report
        except Throttled:
            if not pause:
                raise
        wait(pause)
    raise ReportTookTooLong


def fetched_details(gateway: AuthorizationDetailsGateway, wait: Callable[[float], object]) -> list[Mapping[str, Any]]:
    """Return all pages of the account's authorization details, or raise what the gateway raised: never a part."""
    found: list[Mapping[str, Any]] = []
    marker = ""
    while True:
        page = _patiently(gateway, marker, wait)
        found.append(page.answer)
        marker = page.next
        if not marker:
            return found


def _patiently(gateway: AuthorizationDetailsGateway, marker: str, wait: Callable[[float], object]) -> DetailsPage:
    for pause in SLOWED:
        try:
            return gateway.page(marker)
        except Throttled:
            wait(pause)
    return gateway.page(marker)
