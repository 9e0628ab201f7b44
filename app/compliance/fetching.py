"""Fetching the credential report for a command: AWS makes it, which takes seconds to minutes."""

from __future__ import annotations

from collections.abc import Callable

from app.aws.credential_report import CredentialReportGateway, MadeReport
from app.errors import PortalError, Throttled
from app.text.messages import N_

PAUSES = (1, 2, 3, 5, 10, 15, 15, 15, 30, 30, 30, 30, 30, 30, 30)
"""Seconds between two questions whether the report is there: about five minutes in all."""


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
