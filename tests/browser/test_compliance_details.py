"""An admin uploads authorization details, sees on whom MFA isn't forced, and forces it."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from werkzeug.routing import Map

from app.compliance.data.details_formats import NotDetails
from tests.browser.conftest import Surfing, surfers_of
from tests.support.asked import Notebook
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, Phone, hire
from tests.support.portal import Portal
from tests.support.profiles import Profiles
from tests.support.programs import with_aws
from tests.support.sandbox import ROOT, Sandbox
from tests.support.visitor import Reader

GROUP = "developers"
POLICY = "Developing"


@pytest.fixture(scope="module")
def works(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(scratch / "works", clock) as running:
        yield running


@pytest.fixture(scope="module")
def portal(scratch: Path, works: Sandbox, url_map: Map) -> Iterator[Portal]:
    with Portal(scratch / "works-portal", works, ADMINS=works.user("Administrator")["arn"]) as running:
        yield running
        Notebook(running, works, url_map).write(Path(__file__))


@pytest.fixture(scope="module")
def surfers(profiles: Profiles, portal: Portal, url_map: Map, clock: Clock, seen: set[str]) -> Iterator[Surfing]:
    yield from surfers_of(profiles, portal.url, url_map, clock, seen)


@pytest.fixture(scope="module")
def admin(surfers: Surfing, works: Sandbox, clock: Clock) -> Surfer:
    user = works.user("Administrator")
    surfer = surfers()
    surfer.sign_in(Employee(works, "Administrator", user["access_key_id"], user["secret_access_key"]))
    phone = Phone(clock, f"otpauth://totp/Administrator?secret={user['mfa']['seed']}")
    surfer.submit("/sign-in/code", code=phone.next())
    return surfer


@pytest.fixture(scope="module")
def developers(works: Sandbox) -> list[Employee]:
    """Three people who may do everything in S3, with MFA or without. One of them is in EC2MFA as well."""
    iam = works.as_administrator("iam")
    iam.create_group(GroupName=GROUP)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    arn = iam.create_policy(PolicyName=POLICY, PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    iam.attach_group_policy(GroupName=GROUP, PolicyArn=arn)
    hired = [hire(works, name, group=GROUP) for name in ("ada", "bea", "cleo")]
    iam.add_user_to_group(GroupName="EC2MFA", UserName=hired[-1].name)
    return hired


def as_administrator(works: Sandbox) -> dict[str, str]:
    """The environment of a shell with Administrator's profile."""
    user = works.user("Administrator")
    key = {"AWS_ACCESS_KEY_ID": user["access_key_id"], "AWS_SECRET_ACCESS_KEY": user["secret_access_key"]}
    programs = f"{with_aws()}:{os.environ['PATH']}"
    return {**os.environ, **key, "AWS_ENDPOINT_URL": works.url, "AWS_DEFAULT_REGION": "us-east-1", "PATH": programs}


def run(works: Sandbox, script: str) -> bytes:
    """Run in a shell what a page gives to copy."""
    ran = subprocess.run(
        ["sh", "-c", script], env=as_administrator(works), cwd=ROOT, capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def upload(admin: Surfer | Reader, content: bytes) -> None:
    admin.open("/compliance/report")
    admin.choose_file("report", "details.json", content, "application/json")
    admin.submit("/compliance/report")


def may_list_buckets(employee: Employee) -> bool:
    """At AWS, with the plain key."""
    try:
        employee.client("s3").list_buckets()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied"
        return False
    return True


def failing(admin: Reader) -> set[str]:
    admin.open("/compliance/people?rule=mfa-forced&state=fail")
    return set(admin.data("user"))


def test_an_admin_sees_on_whom_mfa_is_not_forced_and_forces_it(
    admin: Surfer, works: Sandbox, portal: Portal, developers: list[Employee]
) -> None:
    ada, bea, cleo = developers
    admin.open("/compliance/policies")
    assert not admin.data("policy"), "nothing is known yet"
    admin.follow("/compliance/report")
    command = admin.at("#cli-details").partition(" > ")[0]
    reader = admin.reader()
    details = run(works, command)

    for content, why in (
        (details[: len(details) // 2], "cut-short"),
        (details.replace(works.account_id.encode(), b"210987654321"), "other-account"),
        (run(works, f"{command} --max-items 3"), "more-pages"),
    ):
        upload(reader, content)
        assert reader.refused_as == f"{NotDetails.code}:{why}"
        assert not portal.rows("select details_at from compliance_accounts where details_at is not null")

    upload(admin, details)
    assert admin.path == "/compliance/policies" and admin.notices == ["success"]
    free = {ada.name, bea.name}
    assert free <= failing(reader) and cleo.name not in failing(reader)
    assert [may_list_buckets(each) for each in developers] == [True, True, False], "so it is at AWS"

    admin.open(f"/compliance/people/{ada.name}")
    ((action, device),) = admin.attributes("[data-works]", "data-action", "data-with")
    assert action.startswith("s3:") and device == "key"
    assert f":policy/{POLICY}" in admin.at("[data-works]"), "the policy's ARN"
    admin.click("[data-works] a")
    assert admin.heading == POLICY
    assert len(admin.data("no-mfa")) == 1 and "mfa-not-demanded" not in admin.data("finding"), "it need not force MFA"
    assert set(admin.data("user")) == {each.name for each in developers}
    with admin.page.expect_download() as started:
        admin.page.locator("main a[data-download]").first.click()
    rows = list(csv.DictReader(io.StringIO(started.value.path().read_text())))
    told = {row["user_name"]: (row["under"], row["via"], row["mfa_forced"]) for row in rows}
    assert told[ada.name] == ("yes", f"group:{GROUP}", "fail") and told[cleo.name][2] == "pass"
    reader.open(admin.page.url.removeprefix(admin.url))
    reader.click("main a[href*='under=no']")
    assert "KeyUser" in reader.data("user") and not free & set(reader.data("user"))

    admin.open("/compliance/policies")
    assert counted(admin, f":policy/{POLICY}") == 3
    admin.type(group=GROUP)
    admin.click("form[action='/compliance/policies/group'] button")
    assert admin.attributes("[data-change]", "data-people") == [["3"]]
    assert [states(admin, state) for state in ("pass", "fail", "unknown")] == [(1, 3), (2, 0), (0, 0)]
    ((lost, actions),) = admin.attributes("[data-loss]", "data-loss", "data-actions")
    assert lost == "2" and "s3:ListAllMyBuckets" in actions.split()
    assert may_list_buckets(ada), "looking changes nothing"
    run(works, admin.at("#attach-commands"))
    assert not any(map(may_list_buckets, developers))
    assert free <= failing(reader), "the details are of before"

    upload(reader, run(works, command))
    assert not free & failing(reader)
    reader.open(f"/compliance/people/{ada.name}")
    assert reader.attributes("[data-finding=mfa-forced]", "data-state") == [["pass"]]
    assert not reader.is_there("[data-works]")
    reader.open("/compliance/policies/group?group=developers&document=recommended")
    assert [states(reader, state) for state in ("pass", "fail")] == [(3, 3), (0, 0)]
    assert not reader.is_there("[data-loss]")


def counted(admin: Surfer, ending: str) -> int:
    """How many users the list of policies shows under one."""
    ((users,),) = admin.attributes(f"[data-policy$='{ending}']", "data-users")
    return int(users)


def states(admin: Surfer | Reader, state: str) -> tuple[int, int]:
    """How many users of the group have it now, and would have it then."""
    ((now, then),) = admin.attributes(f"[data-change] [data-state={state}]", "data-now", "data-then")
    return int(now), int(then)


def test_addresses_of_what_is_not_there_are_not_found(admin: Surfer) -> None:
    reader = admin.reader()
    for address in (
        "/compliance/policies/one?id=arn:aws:iam::aws:policy/Nothing",
        "/compliance/policies/group?group=nobody",
        "/compliance/policies/people.csv",
    ):
        assert reader.open(address).status == 404, address
