"""What the tests of deploy/ share."""

from __future__ import annotations

from tests.support import postgres
from tests.support.sandbox import free_port

postgresql = postgres.postgresql


class NoAws:
    """In a sandbox's place: nobody answers there."""

    account_id = "123456789012"
    url = f"http://127.0.0.1:{free_port()}"
    facts = {"signin_url": url}

    def user(self, name: str) -> dict[str, str]:
        return {"arn": f"arn:aws:iam::{self.account_id}:user/{name}"}
