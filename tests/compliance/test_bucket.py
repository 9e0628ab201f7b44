"""Reports and details that others put into an S3 bucket: what an object is, its content says, never its name."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from flask import Flask

from app.aws.bucket import BucketGateway, StoredObject
from app.compliance import bucket as reading
from app.sandbox.operations.credential_report import report_of
from tests.compliance.conftest import Aws, Command
from tests.compliance.many_accounts import endpoints, rows
from tests.compliance.test_report import BOB, WHOLE
from tests.support.clock import Clock
from tests.support.details import user

_numbers = itertools.count(1)
OURS = "123456789012"
FOREIGN = WHOLE.replace(OURS, "999988887777").encode()


@dataclass
class Bucket:
    """A bucket of the company's, which Administrator may do anything with."""

    name: str
    s3: Any

    def put(self, key: str, content: bytes | str) -> None:
        self.s3.put_object(Bucket=self.name, Key=key, Body=content)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.name, Key=key)


@pytest.fixture
def bucket(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in endpoints(aws).items():
        monkeypatch.setenv(name, value)
    administrator = aws.users["Administrator"]
    s3 = boto3.client(
        "s3",
        endpoint_url=aws.url,
        region_name="us-east-1",
        aws_access_key_id=administrator["access_key_id"],
        aws_secret_access_key=administrator["secret_access_key"],
    )
    made = Bucket(f"reports-{next(_numbers)}", s3)
    s3.create_bucket(Bucket=made.name)
    return made


@pytest.fixture
def sync(command: Command, bucket: Bucket) -> Callable[..., Any]:
    return lambda *options: command("sync", "--bucket", bucket.name, *options)


Sync = Callable[..., Any]


def details(*names: str, at: str = "2026-01-01T10:00:00+00:00") -> str:
    listed = [user(name, UserId=f"AIDA{number:017}", CreateDate=at) for number, name in enumerate(names)]
    return json.dumps({"UserDetailList": listed, "IsTruncated": False})


def reads(aws: Aws, since: int) -> list[str]:
    """Keys of the objects that were read."""
    return [call["resource"].partition("/")[2] for call in aws.calls(since) if call["action"] == "s3:GetObject"]


def people(portal: Flask) -> set[str]:
    return {name for [name] in rows(portal, "select user_name from compliance_people")}


def test_what_an_object_is_its_content_says(portal: Flask, aws: Aws, bucket: Bucket, sync: Sync) -> None:
    bucket.put("999988887777/details.json", report_of(aws.state, datetime.now(UTC)))
    bucket.put("report.csv", details(*aws.state.iam.users))
    told = sync()
    assert told.exit_code == 0, told.output
    assert "2 objects: 2 stored, 0 older" in told.output and f"{OURS} report.csv: " in told.output
    [account] = rows(
        portal, "select account_id, report_at is not null, details_at is not null from compliance_accounts"
    )
    assert account == (OURS, 1, 1)
    assert people(portal) == set(aws.state.iam.users)
    events = rows(portal, "select event, account_id from activity where event like '%taken'")
    assert {tuple(each) for each in events} == {("credential-report-taken", OURS), ("details-taken", OURS)}


def test_an_object_is_read_again_only_when_it_changes(
    portal: Flask, aws: Aws, bucket: Bucket, sync: Sync, clock: Clock
) -> None:
    bucket.put("a", report_of(aws.state, datetime.now(UTC)))
    bucket.put("b", "no report")
    assert sync().exit_code == 1
    since = aws.last_call()
    told = sync()
    assert told.exit_code == 1 and "\nb: " in told.output, "a refusal is told until the object is gone"
    assert "0 stored, 0 older than what is stored, 1 unchanged, 1 refused" in told.output
    assert reads(aws, since) == []
    clock.move(60)
    bucket.delete("nothing")  # a report says when it was made only by the latest use of a key
    bucket.put("b", report_of(aws.state, datetime.now(UTC)))
    told = sync()
    assert told.exit_code == 0 and "1 stored" in told.output and reads(aws, since) == ["b"]
    since = aws.last_call()
    assert sync("--again").exit_code == 0 and sorted(reads(aws, since)) == ["a", "b"]
    bucket.delete("a")
    assert sync().exit_code == 0
    assert rows(portal, "select count(*) from compliance_objects") == [(1,)], "what is gone is forgotten"


def test_the_newest_report_counts_whatever_the_order(
    portal: Flask, aws: Aws, bucket: Bucket, sync: Sync, clock: Clock
) -> None:
    old = report_of(aws.state, datetime.now(UTC))
    clock.move(3600)
    aws.state.key_last_used[aws.users["Administrator"]["access_key_id"]] = (datetime.now(UTC), "s3")
    new = report_of(aws.state, datetime.now(UTC))
    bucket.put("z-new", new)
    clock.move(60)
    bucket.put("a-old", old)
    told = sync()
    assert told.exit_code == 0, told.output
    [[first]] = rows(portal, "select report_at from compliance_accounts")
    assert sync("--again").exit_code == 0
    [[second]] = rows(portal, "select report_at from compliance_accounts")
    assert second == first
    [[digest]] = rows(portal, "select json_extract(report, '$.digest') from compliance_accounts")
    assert digest == hashlib.sha256(new).hexdigest()


NO_REPORTS = {
    "empty": (b"", "isn’t a credential report"),
    "binary": (b"\x00\x01\x02" * 100, ""),
    "zip": (b"PK\x03\x04zip", ""),
    "cut": (WHOLE[: len(WHOLE) * 2 // 3].encode(), ""),
    "no-text": (BOB.encode() + b"\xff\xfe", ""),
    "cut-details": (b'{"UserDetailList": [', ""),
    "hostile-name": (b'{"UserDetailList": [{"UserName": "../x"}]}', "isn’t from AWS"),
    "deep": (("[" * 100_000).encode() + b"DetailList", ""),
    "foreign": (FOREIGN, "999988887777, which is in neither ACCOUNTS nor WATCHED_ACCOUNTS"),
}


def test_what_is_no_report_is_refused_with_a_line(portal: Flask, aws: Aws, bucket: Bucket, sync: Sync) -> None:
    for name, (content, _said) in NO_REPORTS.items():
        bucket.put(name, content)
    bucket.put("good", report_of(aws.state, datetime.now(UTC)))
    told = sync()
    assert told.exit_code == 1 and "1 stored" in told.output and f"{len(NO_REPORTS)} refused" in told.output
    for name, (_content, said) in NO_REPORTS.items():
        [line] = [line for line in told.output.splitlines() if line.startswith(f"{name}: ")]
        assert said in line and len(line) > len(f"{name}: ")
    assert people(portal) == set(aws.state.iam.users), "the good one was taken"


def test_a_key_cannot_steer_the_terminal(bucket: Bucket, sync: Sync) -> None:
    bucket.put("evil\x1b[2Jname", "x")
    told = sync()
    assert told.exit_code == 1 and "\x1b" not in told.output and "evil" in told.output


def test_an_object_that_is_too_large_is_not_read(
    aws: Aws, bucket: Bucket, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGEST", 1000)
    bucket.put("large", b"x" * 1001)
    since = aws.last_call()
    told = sync()
    assert told.exit_code == 1 and "large: This file is larger than" in told.output and reads(aws, since) == []


def test_half_an_object_is_not_taken_and_is_read_again(portal: Flask, aws: Aws, bucket: Bucket, sync: Sync) -> None:
    bucket.put("report", report_of(aws.state, datetime.now(UTC)))
    aws.faults({"action": "s3:GetObject", "fault": "truncated"})
    told = sync()
    assert told.exit_code == 1 and "\nreport: " in told.output and people(portal) == set()
    aws.faults()
    told = sync()
    assert told.exit_code == 0 and "1 stored" in told.output, "it isn't remembered as refused"


def test_a_sync_that_is_stopped_continues(
    portal: Flask, aws: Aws, bucket: Bucket, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        bucket.put(f"no-{number}", "no report")
    read = BucketGateway.content

    def stopped(self: BucketGateway, name: str, listed: StoredObject, most: int) -> bytes:
        if listed.key == "no-1":
            raise KeyboardInterrupt
        return read(self, name, listed, most)

    with monkeypatch.context() as patched:
        patched.setattr(BucketGateway, "content", stopped)
        assert sync().exit_code != 0
    assert rows(portal, "select count(*) from compliance_objects") == [(2,)]
    since = aws.last_call()
    assert "4 refused" in sync().output
    assert sorted(reads(aws, since)) == ["no-0", "no-1"], "only what wasn't read before"


def test_only_objects_below_the_prefix(portal: Flask, aws: Aws, bucket: Bucket, sync: Sync) -> None:
    bucket.put("notes/readme", "hello")
    bucket.put("reports/", "")
    bucket.put("reports/a", report_of(aws.state, datetime.now(UTC)))
    told = sync("--prefix", "reports/")
    assert told.exit_code == 0 and "1 objects: 1 stored" in told.output
    assert people(portal) == set(aws.state.iam.users)


def test_many_objects_are_listed_page_by_page(
    aws: Aws, bucket: Bucket, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        bucket.put(f"no-{number}", "no report")
    monkeypatch.setattr(BucketGateway, "PAGE", 2)
    since = aws.last_call()
    assert "5 refused" in sync().output
    assert [call["action"] for call in aws.calls(since)].count("s3:ListBucket") == 3


def test_a_bucket_that_may_not_be_read_or_is_not_there(
    aws: Aws, bucket: Bucket, sync: Sync, command: Command
) -> None:
    told = command("sync", "--bucket", "no-such-bucket-anywhere")
    assert told.exit_code == 1 and "There’s no bucket with this name." in told.output
    bucket.put("report", report_of(aws.state, datetime.now(UTC)))
    for action, said in (("s3:ListBucket", "AWS didn’t allow s3:ListBucket on the bucket"),
                         ("s3:GetObject", "report: AWS didn’t allow s3:GetObject.")):  # fmt: skip
        deny = {"Effect": "Deny", "Action": action, "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
        aws.state.iam.put_user_policy("Administrator", "no-bucket", policy)
        try:
            told = sync()
        finally:
            aws.state.iam.delete_user_policy("Administrator", "no-bucket")
        assert told.exit_code == 1 and said in told.output
    assert sync().exit_code == 0, "a denial isn't remembered"


def test_a_bucket_is_the_only_source(command: Command, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(OURS)
    for options in (
        ("--bucket", "reports", "--accounts", str(tmp_path / "list")),
        ("--bucket", "reports", "--organization"),
        ("--bucket", "reports", "--details"),
        ("--prefix", "x", "--organization"),
    ):
        assert command("sync", *options).exit_code == 2, options
