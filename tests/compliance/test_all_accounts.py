"""The table of all accounts: names, units and ages of sources, and totals of all pages."""

from __future__ import annotations

from flask import Flask

from app.compliance.all_accounts import PAGE, all_accounts
from app.db import db
from tests.compliance.conftest import Aws, Command
from tests.compliance.many_accounts import rows


def test_accounts_have_names_units_and_sources_and_totals_are_of_all(
    portal: Flask, command: Command, aws: Aws
) -> None:
    aws.state.credential_report = None
    assert command("refresh", "--report", "--quiet").exit_code == 0
    [[people]] = rows(portal, "select count(*) from compliance_people")
    ids = sorted([*(f"2222{number:08d}" for number in range(PAGE + 5)), aws.state.account_id])
    with portal.app_context(), db.engine.connect() as connection:
        first = all_accounts(connection, ids, 1)
        second = all_accounts(connection, ids, 2)
        by_users = all_accounts(connection, ids[::-1], 1, "users")
        beyond = all_accounts(connection, ids, 99)
    assert (len(first.shown), len(second.shown), first.last) == (PAGE, 6, 2)
    assert beyond == second, "a page beyond the last is the last"
    assert first.people == second.people == people and first.known == 1
    ours = first.shown[0]
    assert by_users.shown[0] == ours, "the largest first, those without data last"
    assert ours.account_id == aws.state.account_id and ours.lists_at and ours.report_at and ours.day
    assert first.without_mfa == ours.figures.of("mfa").failed > 0
    assert second.shown[0].day is None and second.shown[0].figures.people == 0
