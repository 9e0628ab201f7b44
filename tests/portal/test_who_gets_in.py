"""Good keys of the wrong people: told apart before anything else is asked of AWS."""

from __future__ import annotations

import pytest

from app.aws.clients import AwsCredentials
from app.signin.service import NotForThisPortal, present_key
from tests.support.gateways import Caller, NoIam

ACCOUNT = "123456789012"


@pytest.mark.parametrize(
    ("arn", "account", "words"),
    [
        (f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, "root user"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/x", ACCOUNT, "role or a federated user"),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/x", ACCOUNT, "role or a federated user"),
        ("arn:aws:iam::999999999999:user/alice", "999999999999", "999999999999, which this site doesn’t serve"),
    ],
)
def test_only_iam_users_of_configured_accounts(arn: str, account: str, words: str) -> None:
    with pytest.raises(NotForThisPortal, match=words):
        present_key(Caller(arn, account), NoIam(), {ACCOUNT}, AwsCredentials("AKIA", "x"))
