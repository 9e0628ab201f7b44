"""An organization beside the first account of the tests' sandbox, and portals that know all of its accounts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.commands import compliance
from app.db import db
from app.factory import create_app
from app.policy.audit_role import ROLE
from app.sandbox.members import ADMIN_ROLE, add_members
from app.sandbox.state import State
from config import from_env
from tests.compliance.conftest import Aws
from tests.support.databases import GOOD, make_database
from tests.support.sandbox import ROOT

FACTS = "user_name, arn, report, virtual_devices, password_last_used, verdicts, failed"


@contextmanager
def organization(aws: Aws, count: int, employees: int = 3) -> Iterator[dict[str, dict[str, Any]]]:
    """Accounts beside the first, which are gone afterwards. Gives the `accounts` of sandbox.json."""
    try:
        yield add_members(aws.state, count, employees, datetime.now(UTC))
    finally:
        aws.state.organization = None
        for account_id in set(aws.state.accounts) - {aws.state.account_id}:
            aws.state.accounts.pop(account_id).iam.reset()


def endpoints(aws: Aws) -> dict[str, str]:
    return {f"AWS_ENDPOINT_URL_{name}": aws.url for name in ("IAM", "STS", "SIGNIN", "ORGANIZATIONS", "S3")}


def settings(folder: Path, **more: str) -> dict[str, str]:
    return {**GOOD, "DATABASE_URL": f"sqlite:///{folder / 'portal.db'}", **more}


@contextmanager
def another_portal(folder: Path, **more: str) -> Iterator[Flask]:
    """A portal with an empty database of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    make_database(folder / "portal.db")
    made = create_app(from_env(settings(folder, **more)))
    try:
        yield made
    finally:
        with made.app_context():
            db.engine.dispose()


def rows(portal: Flask, query: str, **values: Any) -> list[tuple[Any, ...]]:
    with portal.app_context(), db.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), values)]


def figures(portal: Flask, account_id: str) -> tuple[Any, ...]:
    """What is stored of an account: users with their facts and verdicts, and the day's counts."""
    people = rows(portal, f"select {FACTS} from compliance_people where account_id = :id order by 1", id=account_id)
    [[day]] = rows(portal, "select figures from compliance_days where account_id = :id", id=account_id)
    counts = {name: value for name, value in json.loads(day).items() if name not in ("at", "changes_at")}
    [account] = rows(portal, "select report, roster from compliance_accounts where account_id = :id", id=account_id)
    # The hash is also of the moment at which the lists were read, as is the time of the TLS certificates.
    facts = [
        {name: value for name, value in json.loads(told).items() if name not in ("digest", "tls_at")}
        for told in account
    ]
    return people, counts, facts


def done(portal: Flask) -> set[str]:
    return {row[0] for row in rows(portal, "select account_id from compliance_syncs where done_at is not null")}


def role_of(aws: Aws, account_id: str, name: str = ROLE) -> tuple[State, Any]:
    state = aws.state.accounts[account_id]
    return state, state.iam.get_role(name)


def refreshed_directly(aws: Aws, monkeypatch: pytest.MonkeyPatch, folder: Path, ids: list[str]) -> Iterator[Flask]:
    """A portal in which each account was read by `compliance refresh --report`, as its administrators' role."""
    with another_portal(folder, ACCOUNTS=",".join(ids)) as portal:
        for account_id in ids:
            for name, value in credentials_in(aws, account_id).items():
                monkeypatch.setenv(name, value)
            told = portal.test_cli_runner().invoke(compliance, args=["refresh", "--report", "--quiet"])
            assert told.exit_code == 0, told.output
        yield portal


def credentials_in(aws: Aws, account_id: str) -> Mapping[str, str]:
    import boto3  # noqa: PLC0415 # only here

    administrator = aws.users["Administrator"]
    sts = boto3.client(
        "sts",
        endpoint_url=aws.url,
        region_name="us-east-1",
        aws_access_key_id=administrator["access_key_id"],
        aws_secret_access_key=administrator["secret_access_key"],
    )
    arn = f"arn:aws:iam::{account_id}:role/{ADMIN_ROLE}"
    made = sts.assume_role(RoleArn=arn, RoleSessionName="direct")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
        "AWS_SESSION_TOKEN": made["SessionToken"],
    }


def begin_sync(aws: Aws, folder: Path, *options: str) -> subprocess.Popen[str]:
    """`flask compliance sync` as a process of its own, as Administrator, on the portal's database in a folder."""
    administrator = aws.users["Administrator"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    own = {
        "AWS_ACCESS_KEY_ID": administrator["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": administrator["secret_access_key"],
        "AWS_CONFIG_FILE": str(folder / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
    }
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "compliance", "sync", *options]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**kept, **endpoints(aws), **own, **settings(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
