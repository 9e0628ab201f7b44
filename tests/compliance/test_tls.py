"""TLS certificates that IAM stores: judged from a list that only commands read, and the number that everyone sees."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.audit.command_line import audit_of
from app.aws.clients import Clients
from app.aws.gateways import Gateways as PortalGateways
from app.aws.profile import credentials_of
from app.compliance import service
from app.compliance.refresh import Gateways, Refresh
from app.compliance.rules.subjects import Account, Seen, Source
from app.compliance.rules.table import OF_ACCOUNT, judged
from app.compliance.rules.verdicts import State, Verdict
from app.compliance.standards.shipped import shipped
from app.compliance.thresholds import terms_for
from app.db import db
from app.policy.portal_actions import allowed_actions
from tests.compliance.conftest import Aws, Command
from tests.compliance.test_rules import KNOWN, TERMS, F, P, U, ago
from tests.support.public_keys import certificate_pem

Certificates = tuple[tuple[str, datetime], ...]


def verdict(rule: str, number: int | None, listed: Certificates | None, **more: Any) -> Verdict:
    """The lists are a day old, the certificates were read two days ago, unless `more` says otherwise."""
    counted, read = more.pop("counted", ago(1)), more.pop("read", ago(2))
    seen = {}
    if number is not None:
        seen["tls_number"] = Seen(Source.USER_LIST, counted)
    if listed is not None:
        seen["tls_certificates"] = Seen(Source.USER_LIST, read)
    account: Account = KNOWN._replace(tls_number=number, tls_certificates=listed, seen=seen, **more)
    return judged(account, TERMS, None, OF_ACCOUNT)[rule]


WEB = ("web", ago(-100))
OLD = ("old", ago(10))
SOON = ("soon", ago(-20))
SINCE = ("since", ago(1.5))
"""It expired after the list was read."""


@pytest.mark.parametrize(
    ("number", "listed", "expired", "expiring"),
    [
        (0, None, P, P),
        (0, (OLD,), P, P),
        (2, (WEB, SOON), P, F),
        (1, (WEB,), P, P),
        (2, (WEB, OLD), F, P),
        (1, (SINCE,), U, P),
        (2, (SINCE, OLD), F, P),
        (2, (WEB,), U, U),
        (1, None, U, U),
        (None, None, U, U),
        (None, (WEB,), P, P),
    ],
)
def test_what_is_known_decides(
    number: int | None, listed: Certificates | None, expired: State, expiring: State
) -> None:
    for rule, expected in (("tls-expired", expired), ("tls-expiring", expiring)):
        found = verdict(rule, number, listed)
        assert found.state is expected, (rule, found.sentence)
        assert found.sentence.endswith(".") and "{" not in found.sentence


def test_the_verdict_names_what_expires_and_ends_when_it_does() -> None:
    assert "old" in verdict("tls-expired", 1, (OLD,)).sentence
    assert "soon" in verdict("tls-expiring", 2, (WEB, SOON)).sentence
    passing = verdict("tls-expired", 2, (WEB, SOON))
    assert "soon" in passing.sentence and passing.until == SOON[1]


def test_old_evidence_does_not_count() -> None:
    assert verdict("tls-expired", 1, (WEB,), read=ago(91)).state is U
    assert verdict("tls-expired", 0, None, counted=ago(91)).state is U


def test_a_list_that_is_newer_than_the_number_counts() -> None:
    assert verdict("tls-expired", 5, (WEB,), counted=ago(3)).state is P
    assert verdict("tls-expired", 0, (OLD,), counted=ago(3)).state is F


# -- the account in the sandbox


@pytest.fixture
def store(aws: Aws) -> Iterator[Callable[[str, timedelta], None]]:
    """Puts a certificate into the account that expires after some time."""

    def put(name: str, lasts: timedelta) -> None:
        aws.state.iam.upload_server_certificate(name, certificate_pem(datetime.now(UTC) + lasts, name=name), "key")

    yield put
    aws.state.iam.certificates.clear()


Store = Callable[[str, timedelta], None]
YEAR, PAST = timedelta(days=365), timedelta(days=-2)


def result(command: Command) -> tuple[str, str]:
    """State and reason of the rule."""
    [found] = json.loads(command("export", "--format", "json", "--rule", "tls-expired").output)
    return str(found["state"]), str(found["reason"])


def test_the_command_reads_when_certificates_expire(command: Command, store: Store) -> None:
    assert command("refresh", "--quiet").exit_code == 0
    assert result(command)[0] == "pass", "the account has none"
    store("shop", YEAR)
    assert command("refresh", "--quiet").exit_code == 0
    state, reason = result(command)
    assert state == "pass" and "shop" in reason
    store("old-shop", PAST)
    assert command("refresh", "--quiet").exit_code == 0
    state, reason = result(command)
    assert state == "fail" and "old-shop" in reason


def by_page(portal: Flask, aws: Aws) -> Refresh:
    """A refresh as the page begins it: with the gateways of the portal."""
    clients = Clients(allowed_actions(portal.config["FORCE_MFA_DOCUMENT"]), "us-east-1")
    of_portal = PortalGateways.of(clients)
    asked = Gateways(of_portal.user_list, of_portal.account, of_portal.iam, of_portal.passwords)
    made = credentials_of(None)
    terms = terms_for(portal.config, aws.state.account_id)
    return service.begin_refresh(
        db.engine, asked, audit_of(aws.state.account_id), aws.state.account_id, "arn:x", made, terms
    )


def test_a_refresh_by_the_page_keeps_what_the_command_read(
    command: Command, portal: Flask, aws: Aws, store: Store
) -> None:
    store("old-shop", PAST)
    assert command("refresh", "--quiet").exit_code == 0
    since = aws.last_call()
    with portal.app_context():
        assert by_page(portal, aws).run() == ""
    asked = {call["action"] for call in aws.calls(since)}
    assert "iam:ListUsers" in asked and "iam:ListServerCertificates" not in asked
    assert result(command)[0] == "fail"
    store("new-shop", YEAR)
    with portal.app_context():
        assert by_page(portal, aws).run() == ""
    state, reason = result(command)
    assert state == "unknown" and "2" in reason, "the number has changed since"


def test_without_the_permission_it_stays_unknown_and_says_why(command: Command, aws: Aws, store: Store) -> None:
    store("shop", YEAR)
    deny = {"Effect": "Deny", "Action": "iam:ListServerCertificates", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    aws.state.iam.put_user_policy("Administrator", "no-certificates", policy)
    try:
        told = command("refresh", "--quiet")
    finally:
        aws.state.iam.delete_user_policy("Administrator", "no-certificates")
    assert told.exit_code == 0, told.output
    state, reason = result(command)
    assert state == "unknown" and "iam:ListServerCertificates" in reason
    assert command("refresh", "--quiet").exit_code == 0
    assert result(command)[0] == "pass"


@pytest.mark.parametrize(("version", "number"), [("1.4", "1.19"), ("5.0", "1.18"), ("6.0", "2.18"), ("7.0", "2.17")])
def test_the_benchmark_asks_for_it(version: str, number: str) -> None:
    found = {control.number: control for control in shipped(f"cis-{version}").controls}
    assert found[number].rules == ("tls-expired",)
