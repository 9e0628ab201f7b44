"""`compliance sync`: many accounts in one process, each whole or not at all, and taken up where it was killed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.policy.audit_role import DETAILS, LISTS, REPORT, trust
from tests.compliance.conftest import Aws, Command, act_as
from tests.compliance.many_accounts import (
    begin_sync,
    done,
    endpoints,
    figures,
    organization,
    refreshed_directly,
    role_of,
    rows,
)
from tests.support.clock import Clock
from tests.support.waiting import wait_until

Accounts = dict[str, dict[str, Any]]
REPORTS = "select account_id from compliance_accounts where report_at is not null"
LISTED = "select account_id from compliance_accounts where roster_at is not null"


@pytest.fixture
def accounts(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Accounts]:
    """Five accounts beside the first. The environment leads to all of them."""
    aws.state.credential_report = None
    for name, value in endpoints(aws).items():
        monkeypatch.setenv(name, value)
    with organization(aws, 5) as made:
        yield made


def written(folder: Path, *lines: str) -> str:
    file = folder / "accounts.csv"
    file.write_text("\n".join(lines))
    return str(file)


def test_a_list_of_accounts_is_read_and_each_is_as_if_refreshed_directly(
    portal: Flask, command: Command, aws: Aws, accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, ids = aws.last_call(), list(accounts)
    lines = [
        f'{account_id},"{facts["name"]}, Berlin",Teams/{account_id[-1]}' for account_id, facts in accounts.items()
    ]
    told = command("sync", "--accounts", written(tmp_path, "account,name", "# ours", "", *lines))
    assert told.exit_code == 0, told.output
    assert "5 of 5 accounts synced" in told.output and "222200000002 (team-02, Berlin): " in told.output
    asked = Counter((call["action"], call["principal"].split(":")[4]) for call in aws.calls(before))
    for account_id in ids:
        of_it = {action for action, account in asked if account == account_id}
        assert of_it == {*LISTS, *REPORT}, "the audit role's own actions, all of them"
    assert done(portal) == set(ids)
    for direct in refreshed_directly(aws, monkeypatch, tmp_path / "direct", ids[:2]):
        assert [figures(portal, each) for each in ids[:2]] == [figures(direct, each) for each in ids[:2]]
    named = dict(rows(portal, "select account_id, name from compliance_syncs"))
    assert named["222200000001"] == "team-01, Berlin"
    units = dict(rows(portal, "select account_id, unit from compliance_syncs"))
    assert units["222200000003"] == "Teams/3"


def test_the_organization_names_accounts_and_units(
    portal: Flask, command: Command, aws: Aws, accounts: Accounts
) -> None:
    told = command("sync", "--organization", "--quiet")
    assert (told.exit_code, told.output) == (0, "")
    assert done(portal) == {aws.state.account_id, *accounts}, "its own account without a role"
    known = dict(rows(portal, "select account_id, unit from compliance_syncs"))
    assert known["222200000001"] == "Workloads/Development" and known["222200000002"] == "Platform"
    assert known["222200000003"] == "Workloads/Production" and known[aws.state.account_id] == ""


def test_details_are_stored_with_the_rest_or_nothing_is(
    portal: Flask, command: Command, aws: Aws, accounts: Accounts, tmp_path: Path
) -> None:
    one, two, *_ = accounts
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": list(DETAILS), "Resource": "*"}]}
    role_of(aws, two)[1].policies["no"] = json.dumps(deny)
    file = written(tmp_path, one, two)
    told = command("sync", "--accounts", file, "--details")
    assert told.exit_code == 1 and f"{two}: AWS didn’t allow iam:GetAccountAuthorizationDetails" in told.output
    assert rows(portal, "select account_id from compliance_details") == rows(portal, REPORTS) == [(one,)]
    assert command("sync", "--accounts", file).exit_code == 0, "without them it works, and the first was done"
    role_of(aws, two)[1].policies.pop("no")
    told = command("sync", "--accounts", file, "--details")
    assert "1 account was synced today already" in told.output, "the second without its details"
    assert len(rows(portal, "select account_id from compliance_details")) == 2


def test_what_was_done_today_is_not_done_again_unless_asked(
    portal: Flask, command: Command, aws: Aws, accounts: Accounts, tmp_path: Path
) -> None:
    first = written(tmp_path, *list(accounts)[:2])
    assert command("sync", "--accounts", first).exit_code == 0
    before = aws.last_call()
    (tmp_path / "more").mkdir()
    told = command("sync", "--accounts", written(tmp_path / "more", *list(accounts)[:3]))
    assert told.exit_code == 0 and "2 accounts were synced today already" in told.output
    assert "1 of 1 accounts synced" in told.output
    assumed = [call["resource"] for call in aws.calls(before) if call["action"] == "sts:AssumeRole"]
    assert assumed == [accounts["222200000003"]["audit_role_arn"]]
    assert (
        "3 of 3 accounts" in command("sync", "--again", "--accounts", written(tmp_path, *list(accounts)[:3])).output
    )


def test_each_account_that_fails_has_a_line_that_says_why_and_the_others_are_stored(
    portal: Flask, command: Command, aws: Aws, accounts: Accounts
) -> None:
    first, second, third, fourth, fifth = accounts
    state, role = role_of(aws, first)
    state.iam.roles.pop(role.id)
    role_of(aws, second)[1].assume_role_policy_document = json.dumps(trust("arn:aws:iam::999999999999:root"))
    for which, action in ((third, "iam:ListUsers"), (fourth, "iam:GetCredentialReport")):
        deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}]}
        role_of(aws, which)[1].policies["no"] = json.dumps(deny)
    assert aws.state.organization
    members = aws.state.organization.members
    members[fifth] = replace(members[fifth], status="SUSPENDED")
    told = command("sync", "--organization")
    assert told.exit_code == 1
    lines = dict(line.split(": ", 1) for line in told.output.splitlines() if line.startswith("2222"))
    assert "Either there’s no such role, or its trust policy" in lines[f"{first} (team-01)"]
    assert lines[f"{first} (team-01)"].replace(first, second) == lines[f"{second} (team-02)"], (
        "AWS doesn't tell which"
    )
    assert "iam:ListUsers" in lines[f"{third} (team-03)"]
    assert "iam:GetCredentialReport" in lines[f"{fourth} (team-04)"]
    assert "suspended" in lines[f"{fifth} (team-05)"]
    assert done(portal) == {aws.state.account_id} and "1 of 6 accounts synced" in told.output
    assert rows(portal, LISTED) == [(aws.state.account_id,)], "not even the lists of the fourth were stored"
    assert len(rows(portal, "select 1 from compliance_syncs where problem <> ''")) == 5

    role_of(aws, fourth)[1].policies.pop("no")
    again = command("sync", "--organization")
    assert again.exit_code == 1 and done(portal) == {aws.state.account_id, fourth}, "only what failed is tried again"
    assert "1 account was synced today already" in again.output


def test_an_external_id_and_another_name_of_the_role(
    portal: Flask, command: Command, aws: Aws, accounts: Accounts, tmp_path: Path
) -> None:
    (one, *_) = accounts
    _, role = role_of(aws, one)
    role.name = "theirs"
    role.assume_role_policy_document = json.dumps(trust(f"arn:aws:iam::{aws.state.account_id}:root", "audit-7"))
    file = written(tmp_path, one)
    assert command("sync", "--accounts", file, "--role-name", "theirs").exit_code == 1
    told = command("sync", "--accounts", file, "--role-name", "theirs", "--external-id", "audit-7")
    assert told.exit_code == 0, told.output


def test_who_may_assume_nothing_is_told_so(
    portal: Flask, command: Command, aws: Aws, accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    act_as(monkeypatch, aws, "KeyUser")
    told = command("sync", "--accounts", written(tmp_path, *accounts))
    assert told.exit_code == 1 and "isn’t allowed to assume" in told.output and done(portal) == set()
    told = command("sync", "--organization")
    assert told.exit_code == 1 and "AWS didn’t allow organizations:ListAccounts for arn:aws" in told.output
    aws.state.organization = None
    act_as(monkeypatch, aws, "Administrator")
    told = command("sync", "--organization")
    assert told.exit_code == 1 and "belongs to no organization" in told.output


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "The list has no accounts"),
        (["# nobody", "account,name"], "The list has no accounts"),
        (["22220000001"], "Line 1: 22220000001 has fewer than 12 digits. A spreadsheet may have removed zeros"),
        (["222200000001", "", "222200000001"], "Line 3: 222200000001 is listed twice."),
        (["222200000001", "arn:aws:iam::1:root"], "Line 2: 'arn:aws:iam::1:root' is not an account ID"),
        (["２２２２０００００００１"], "is not an account ID of 12 digits"),
        (["# ours", '222200000001,"Team 1', "222200000002,Team 2"], "Line 2: it isn’t CSV (unexpected end of data)"),
        (["222200000001," + "x" * 140_000], "Line 1: it isn’t CSV (field larger than field limit (131072))"),
        (["222200000001," + "x" * 257], "Line 1: the name has more than 256 characters."),
        ([str(number) for number in range(30)], "And 20 more lines."),
        ([f"222200000001,team,{'x' * 1025}"], "Line 1: the unit has more than 1024 characters."),
    ],
)
def test_a_wrong_list_is_refused_whole_with_its_lines(
    portal: Flask, command: Command, aws: Aws, tmp_path: Path, lines: list[str], said: str
) -> None:
    before = aws.last_call()
    told = command("sync", "--accounts", written(tmp_path, *lines))
    assert told.exit_code == 1 and said in told.output
    assert aws.last_call() == before and rows(portal, "select * from compliance_syncs") == []


def test_exactly_one_source_is_chosen(portal: Flask, command: Command, tmp_path: Path) -> None:
    assert command("sync").exit_code == 2
    assert command("sync", "--organization", "--accounts", written(tmp_path, "222200000001")).exit_code == 2
    utf16 = tmp_path / "list.txt"
    utf16.write_bytes("1".encode("utf-16"))
    assert "'1' is not an account ID" in command("sync", "--accounts", str(utf16)).output
    utf16.write_bytes(b"\xe9\xe9")
    assert "isn’t UTF-8 text" in command("sync", "--accounts", str(utf16)).output


def test_aws_slows_one_account_down_and_it_is_read_all_the_same(
    portal: Flask, command: Command, aws: Aws, accounts: Accounts, tmp_path: Path
) -> None:
    slow = {"fault": "throttle", "occurrences": [1, 2, 3, 4]}
    aws.faults(
        {"action": "iam:ListUsers", **slow}, {"action": "sts:AssumeRole", "fault": "throttle", "occurrences": [1]}
    )
    told = command("sync", "--accounts", written(tmp_path, *list(accounts)[:2]))
    assert told.exit_code == 0, told.output
    assert done(portal) == set(list(accounts)[:2])


def test_a_sync_that_is_killed_is_taken_up(
    portal: Flask,
    aws: Aws,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """12 accounts, and 60 in `make soak`. No account is ever there in part."""
    many = request.config.getoption("--whole-matrix")
    for name, value in endpoints(aws).items():
        monkeypatch.setenv(name, value)
    with organization(aws, 60 if many else 12, 5 if many else 1) as made:
        ids = list(made)
        options = ("--accounts", written(tmp_path, *ids))
        killed = begin_sync(aws, tmp_path, *options)
        wait_until(lambda: len(done(portal)) >= len(ids) // 4, 120, while_runs=killed)
        killed.kill()
        killed.wait()
        first = done(portal)
        assert len(ids) // 4 <= len(first) < len(ids)
        assert {each for [each] in rows(portal, LISTED)} == {each for [each] in rows(portal, REPORTS)} == first
        clock.move(21)  # what was running counts as killed
        before = aws.last_call()
        again = begin_sync(aws, tmp_path, *options)
        output = again.communicate(timeout=300)[0]
        assert again.returncode == 0, output
        assumed = [call["resource"].split(":")[4] for call in aws.calls(before) if call["action"] == "sts:AssumeRole"]
        assert sorted(assumed) == sorted(set(ids) - first), "each of the others once, none of those that were done"
        assert done(portal) == set(ids)
        compared = ids if many else [min(first), min(set(ids) - first)]
        for direct in refreshed_directly(aws, monkeypatch, tmp_path / "direct", compared):
            assert [figures(portal, each) for each in compared] == [figures(direct, each) for each in compared]
