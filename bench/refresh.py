"""A refresh of 5,000 users against bare botocore.

The upstream is a process of its own that answers from memory: only our side of the wire counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
from botocore.config import Config
from sqlalchemy import Engine, create_engine, event, text

from app.aws.account import AccountGateway
from app.aws.clients import AwsCredentials, Clients
from app.aws.iam import IamGateway
from app.aws.passwords import PasswordGateway
from app.aws.user_list import READS, UserListGateway
from app.compliance.data import refresh_runs
from app.compliance.refresh import Gateways, Refresh
from app.db import Base
from app.db.opening import patient_sqlite
from bench import Row, medians
from bench._accounts import ACCOUNT, terms_of
from config import engine_options

USERS = 5000
KEY = AwsCredentials("AKIABENCHBENCHBENCH1", "s" * 40)
TABLES = ("people", "accounts", "days", "runs", "changes")
SAMPLE = 300
"""Users asked one by one; the time for all follows."""


@contextmanager
def upstream() -> Iterator[str]:
    """Its address."""
    process = subprocess.Popen([sys.executable, "-m", "bench._lists", str(USERS)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()


def bare(url: str, **options: Any) -> Any:
    """A client as most code makes it."""
    return boto3.client(
        "iam",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=KEY.access_key_id,
        aws_secret_access_key=KEY.secret_access_key,
        **options,
    )


def database(folder: Path) -> Engine:
    """SQLite as the portal opens it."""
    url = f"sqlite:///{folder / 'bench.db'}"
    engine = create_engine(url, **engine_options(url))
    event.listen(engine, "connect", patient_sqlite)
    Base.metadata.create_all(engine)
    return engine


def measure() -> list[Row]:
    """The refresh, and the refresh beside a call per user and fact."""
    with upstream() as url, TemporaryDirectory() as folder:
        os.environ["AWS_ENDPOINT_URL_IAM"] = url
        clients = Clients(READS, "us-east-1")
        gateways = Gateways(
            UserListGateway(clients), AccountGateway(clients), IamGateway(clients), PasswordGateway(clients)
        )
        engine = database(Path(folder))
        iam = bare(url)

        def calls() -> int:
            with urllib.request.urlopen(url) as answer:
                return int(answer.read())

        def paginators() -> None:
            size = {"PageSize": 1000}
            for page in iam.get_paginator("list_users").paginate(PaginationConfig=size):
                len(page["Users"])
            for page in iam.get_paginator("list_virtual_mfa_devices").paginate(
                AssignmentStatus="Assigned", PaginationConfig=size
            ):
                len(page["VirtualMFADevices"])
            iam.get_account_summary()
            iam.get_account_password_policy()
            iam.list_account_aliases()

        def empty() -> None:
            with engine.begin() as connection:
                for table in TABLES:
                    connection.execute(text(f"delete from compliance_{table}"))

        def refresh() -> None:
            run = refresh_runs.claim(engine, ACCOUNT, "bench", datetime.now(UTC))
            problem = Refresh(engine, gateways, ACCOUNT, run, KEY, terms_of).run()
            if problem:
                raise RuntimeError(problem)

        def first() -> None:
            empty()
            refresh()

        def one_by_one() -> None:
            asking = bare(url, config=Config(max_pool_connections=10))

            def ask(name: str) -> None:
                asking.list_mfa_devices(UserName=name)
                asking.list_access_keys(UserName=name)
                asking.get_login_profile(UserName=name)

            with ThreadPoolExecutor(10) as pool:
                list(pool.map(ask, [f"employee-{each:05d}" for each in range(SAMPLE)]))

        before = calls()
        refresh()
        ours = calls() - before
        theirs, to_empty, again, singly = medians(paginators, first, refresh, one_by_one, repeats=5)
        engine.dispose()
        del os.environ["AWS_ENDPOINT_URL_IAM"]
        whole = singly * USERS / SAMPLE
        return [
            Row(f"refresh, {USERS} new users", f"botocore's paginators, {ours} calls each", to_empty, theirs, 0.6),
            Row(f"refresh, {USERS} known users", f"botocore's paginators, {ours} calls each", again, theirs, 0.6),
            Row("the same", f"{3 * USERS + 5} calls by 10 threads, from {SAMPLE} users", again, whole, 0.1),
        ]
