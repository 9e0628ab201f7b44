"""AWS's credential report. Only a command asks for it, with the profile of the user who runs it: no page does.

The portal's allow-list has neither action. The command has an allow-list of its own (`READS_WITH_REPORT`).
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from botocore.exceptions import ClientError

from app.aws.clients import Clients, translate_errors
from app.aws.user_list import READS

GENERATE, GET = "iam:GenerateCredentialReport", "iam:GetCredentialReport"
READS_WITH_REPORT = READS | {GENERATE, GET}
"""All that `compliance refresh --report` asks of AWS."""
NOT_THERE = ("ReportInProgress", "ReportNotPresent", "ReportExpired")
"""AWS's codes where there is no report to get, not yet or no longer (IAM API reference, GetCredentialReport)."""


class MadeReport(NamedTuple):
    """A report as AWS hands it out."""

    content: bytes
    """CSV."""
    made_at: datetime
    """UTC, aware. AWS makes a new one at most once every four hours."""


class CredentialReportGateway:
    """What users with the permissions ask about the whole account. Raises PortalErrors only (`translate_errors`)."""

    def __init__(self, clients: Clients) -> None:
        self._reads = clients.iam_reads

    def generate(self) -> bool:
        """Ask AWS to make a report (GenerateCredentialReport). Is one there already? Asking again changes nothing."""
        with translate_errors(GENERATE):
            return self._reads.generate_credential_report().get("State") == "COMPLETE"

    def report(self) -> MadeReport | None:
        """The report that AWS made (GetCredentialReport). None: it isn't there, so ask AWS to make one."""
        with translate_errors(GET):
            try:
                answer = self._reads.get_credential_report()
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in NOT_THERE:
                    return None
                raise
        return MadeReport(answer["Content"], answer["GeneratedTime"])
