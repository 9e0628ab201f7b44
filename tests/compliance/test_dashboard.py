"""Trends, charts, what people show themselves, and how a refresh ends with the session it was lent."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.aws.account import AccountGateway
from app.aws.clients import AwsCredentials, Clients
from app.aws.iam import IamGateway, MfaDevice
from app.aws.passwords import PasswordGateway
from app.aws.ssh_keys import SshKey
from app.aws.user_list import READS, UserListGateway
from app.compliance import charts, labels, tables
from app.compliance.data import daily, queries, refresh_runs
from app.compliance.data.daily import Count, Figures
from app.compliance.data.rows import PersonRow
from app.compliance.refresh import Gateways, Refresh, RefreshSessionExpired
from app.compliance.rules.subjects import Key, Seen, Source, Terms
from app.compliance.rules.table import BY_ID
from app.compliance.rules.verdicts import State, Verdict
from app.compliance.thresholds import terms_for
from app.credentials.labels import Labels, Type
from app.credentials.observed import report_observed
from app.db import db
from app.sandbox.auth.users import unique_id
from app.sessions.contents import Person
from config import from_env
from tests.compliance.conftest import Aws, Command, act_as
from tests.compliance.test_rules import NOBODY, NOW, ago, key
from tests.support.clock import Clock
from tests.support.databases import GOOD

ACCOUNT = "123456789012"


def week(number: int, passed: int, failed: int) -> tuple[date, Figures]:
    ages = (passed, 0, failed, number)
    return date(2026, 3, 2) + timedelta(weeks=number), Figures(
        passed + failed, {"mfa": Count(passed, failed)}, 0, ages
    )


def test_trends_look_back_a_week_at_least() -> None:
    history = [week(0, 1, 9), week(1, 4, 6), week(2, 8, 2)]
    assert daily.a_week_before(history) == history[1]
    late = [*history, (history[-1][0] + timedelta(days=3), history[-1][1])]
    assert daily.a_week_before(late) == history[1], "three days are no week"
    assert daily.a_week_before(history[:1]) is None
    assert daily.a_week_before([]) is None


def test_charts_stay_within_their_frame_and_say_the_same_as_their_table() -> None:
    history = [week(number, number, 20 - number) for number in range(12)]
    adoption, ages = charts.adoption(history), charts.key_ages(history)
    assert adoption and ages
    for x, y in (map(float, point.split(",")) for point in adoption.line.split()):
        assert charts.LEFT <= x <= charts.WIDTH - charts.RIGHT and charts.TOP <= y <= charts.HEIGHT - charts.BOTTOM
    for box in ages.boxes:
        assert box.x >= charts.LEFT and box.x + box.width <= charts.WIDTH - charts.RIGHT + 0.1
        assert box.y >= charts.TOP and box.y + box.height <= charts.HEIGHT - charts.BOTTOM + 0.3
    assert adoption.rows[0] == (history[-1][0], ("55.0%", "11", "20"))
    assert ages.rows[0][1] == ("11", "0", "9", "11") and len(charts.age_words()) == 4
    alone = charts.adoption(history[:1])
    assert alone and alone.dots and not alone.line
    assert charts.adoption([]) is None and charts.key_ages([(date(2026, 1, 1), Figures(5))]) is None


def test_messages_lead_to_the_exact_fix(portal: Flask) -> None:
    def finding(rule: str, why: str) -> queries.RuleFinding:
        return queries.RuleFinding(BY_ID[rule], Verdict(State.FAIL, why), ())

    def unused(**known: Any) -> queries.RuleFinding:
        someone = NOBODY._replace(**{"password": True, "keys": (), **known})
        (found,) = queries.findings(someone, Terms(NOW), (), [BY_ID["unused"]])
        assert found.verdict.state is State.FAIL
        return found

    with portal.test_request_context("/", base_url="http://127.0.0.1:8000"):
        told = labels.message(
            "alice",
            ACCOUNT,
            [
                finding("mfa", "Has no MFA device."),
                finding("mfa-console", "Has no MFA device."),
                unused(keys=(key(300, 46),), password_last_used=ago(1)),
                finding("within-reach", "The path keeps the policy from reaching them."),
            ],
        )
        assert told.count(BY_ID["mfa"].message) == 1 and BY_ID["mfa-console"].message not in told, (
            "one device fixes both"
        )
        assert "http://127.0.0.1:8000/access-keys" in told
        assert told.count("http://") == 2 and BY_ID["within-reach"].message in told, (
            "what only an administrator can fix has no page"
        )
        assert labels.message("alice", ACCOUNT, []) == ""
        told = labels.message("alice", ACCOUNT, [unused(password_last_used=ago(46))])
        assert "http://127.0.0.1:8000/password" in told and "access-keys" not in told
        for fix in {rule.fix for rule in BY_ID.values() if rule.fix}:
            assert labels.address(fix).startswith("http://127.0.0.1:8000/")
        for rule, page in (("public-keys-all", "/ssh-keys"), ("key-age-cis", "/access-keys"), ("", "/")):
            assert f"http://127.0.0.1:8000{page}" in labels.announcement(rule, ACCOUNT).split(), (
                "once, for all of them"
            )
        for rule in ("mfa-all", "unused", "key-age"):
            assert ACCOUNT in labels.announcement(rule, ACCOUNT), "a message without it looks like one from a thief"
        assert "/password" not in labels.announcement("unused", ACCOUNT), "some of them have a key they don't use"


def test_a_user_is_told_each_credential_once(portal: Flask) -> None:
    """What to do with one key or password doesn't contradict itself."""

    def told(*rules: str, **known: Any) -> list[tuple[str, str]]:
        someone = NOBODY._replace(**{"password": True, "keys": (), "created_at": ago(400), **known})
        found = queries.findings(someone, Terms(NOW), (), [BY_ID[rule] for rule in rules])
        return [(each.rule.id, each.fix.action) for each in labels.advice(found) if each.fix]

    never = Key(active=True, created_at=ago(400), used_at=None, use_known=True)
    seen = {name: Seen(Source.REPORT, NOW) for name in ("keys", "key_use", "password", "password_last_used")}
    rules = ("key-age", "unused", "key-at-creation", "signed-in")
    found = told(*rules, keys=(never,), password_last_used=ago(1), password_use_known=True, seen=seen)
    assert found == [
        ("key-age", "Rotate it if you still use it"),
        ("unused", "Delete the access key you don’t use"),
    ], "not a second time for having been created with the user"
    found = told(*rules, password_use_known=True, password_changed_at=ago(400), seen=seen)
    assert [rule for rule, _fix in found] == ["signed-in"], "a password never used is one thing to do"


def test_own_visits_are_kept_and_cost_little(portal: Flask, clock: Clock) -> None:
    alice = Person(ACCOUNT, "alice", "/eng/", "aws", True, datetime.now(UTC), "AKIA", user_id="AIDAALICE")
    device = MfaDevice(f"arn:aws:iam::{ACCOUNT}:u2f/user/alice/KEY", datetime.now(UTC))

    def own() -> str:
        with db.engine.connect() as connection:
            return str(connection.execute(text("select own from compliance_people")).scalar())

    with portal.app_context():
        ssh_key = SshKey("APKA", True, datetime.now(UTC))
        report_observed(alice, mfa_devices=[device], has_password=True, ssh_keys=[ssh_key])
        first = own()
        assert "SECURITY_KEY" in first and "ssh_keys" in first
        report_observed(alice, mfa_devices=[device])
        assert own() == first, "nothing new, and soon: nothing is written"
        clock.move(301)
        report_observed(alice, mfa_devices=[device])
        assert own() != first, "its time is brought up to date"
        report_observed(alice, mfa_devices=[])
        with db.engine.connect() as connection:
            row = queries.person(connection, ACCOUNT, "alice")
        assert row and " mfa=fail " in row.verdicts and row.path == "/eng/"


def test_a_refresh_stops_when_the_lent_session_ends(portal: Flask, aws: Aws, command: Command) -> None:
    clients = Clients(READS, "us-east-1")
    gateways = Gateways(
        UserListGateway(clients), AccountGateway(clients), IamGateway(clients), PasswordGateway(clients)
    )
    over = AwsCredentials("ASIA", "s", "t", datetime.now(UTC) - timedelta(seconds=1))
    before = aws.last_call()
    with portal.app_context():
        terms = terms_for(portal.config, ACCOUNT)
        run = refresh_runs.claim(db.engine, ACCOUNT, "arn", datetime.now(UTC))
        work = Refresh(db.engine, gateways, ACCOUNT, run, over, terms)
        assert "s" * 4 not in repr(work) and GOOD["SECRET_KEY"] not in repr(work)
        assert work.run() == RefreshSessionExpired.message
        with db.engine.connect() as connection:
            found = refresh_runs.latest(connection, ACCOUNT, datetime.now(UTC))
        assert (
            found and found.state is refresh_runs.RunState.FAILED and found.problem == RefreshSessionExpired.message
        )
        content = db.engine.url.database or ""
    assert aws.last_call() == before, "nobody was asked with it"
    with open(content, "rb") as file:  # noqa: PTH123 # a path as SQLAlchemy has it
        assert b"ASIA" not in file.read(), "credentials are kept nowhere"
    assert command("refresh").exit_code == 0, "the account is free again"


def test_a_refresh_removes_the_labels_of_users_who_are_gone(
    portal: Flask, aws: Aws, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with portal.app_context():
        alive = next(unique_id(user) for user in aws.state.iam.users.values() if user.name == "MFAUser")
        now, before = datetime.now(UTC), datetime.now(UTC) - timedelta(days=1)

        def labelled() -> set[str]:
            with db.engine.connect() as connection:
                found = connection.execute(text("select account_id || ' ' || user_id from credential_labels"))
                return {str(each) for each in found.scalars()}

        for user_id, account_id, at in (
            (alive, ACCOUNT, before),
            ("AIDAGONE", ACCOUNT, before),
            ("AIDANEWER", ACCOUNT, now),
            ("AIDAGONE", "999988887777", before),
        ):
            Labels(db.engine, account_id, user_id).put(Type.MFA_DEVICE, "device", "iPhone 15", at)
        everyone = labelled()
        act_as(monkeypatch, aws, "KeyUser")
        denied = command("refresh")
        assert denied.exit_code != 0 and "iam:ListUsers" in denied.output
        assert labelled() == everyone, "without the list nothing is certain"
        act_as(monkeypatch, aws, "Administrator")
        assert command("refresh").exit_code == 0
        assert everyone - labelled() == {f"{ACCOUNT} AIDAGONE"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("unused-days=30", {"": {"unused_days": 30}}),
        (f"key-days=60, {ACCOUNT}:key-days=30", {"": {"key_days": 60}, ACCOUNT: {"key_days": 30}}),
    ],
)
def test_thresholds_per_account(value: str, expected: dict[str, dict[str, int]]) -> None:
    config = from_env({**GOOD, "COMPLIANCE_THRESHOLDS": value})
    assert config["COMPLIANCE_THRESHOLDS"] == expected
    chosen = expected.get(ACCOUNT, {}) or expected[""]
    made = terms_for(config, ACCOUNT)(None)
    assert all(getattr(made, name) == number for name, number in chosen.items())


@pytest.mark.parametrize(
    "value", ["unused-days", "moon-days=3", "unused-days=0", "999999999999:key-days=3", "key-days=x"]
)
def test_wrong_thresholds_are_told(value: str) -> None:
    with pytest.raises(SystemExit, match="COMPLIANCE_THRESHOLDS"):
        from_env({**GOOD, "COMPLIANCE_THRESHOLDS": value})


def test_other_thresholds_are_other_verdicts_at_once(
    portal: Flask, aws: Aws, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("refresh", "--quiet")
    long_ago = command("export", "--rule", "signed-in", "--state", "fail").output
    monkeypatch.setitem(portal.config, "COMPLIANCE_THRESHOLDS", {"": {"password_length": 6}})
    assert "password-length" in command("export").output
    with portal.app_context(), db.engine.connect() as connection:
        figures = daily.days(connection, ACCOUNT, datetime.now(UTC))[-1][1]
    assert figures.of("password-length").passed == 1
    assert long_ago.count("\n") == 1, "the user list alone fails nobody for never signing in"


def test_what_only_a_visit_shows_is_said_once_for_the_page() -> None:
    """Most users never sign in here, so a badge for each of them would tell nothing."""

    def row(name: str, verdicts: str) -> PersonRow:
        return PersonRow(ACCOUNT, name, verdicts=f" {verdicts} ")

    people = [
        row("alice", "mfa=fail ssh-key-age=unknown"),
        row("bob", "mfa=pass ssh-key-age=unknown"),
        row("carol", "mfa=unknown ssh-key-age=pass"),
        row("dave", "mfa=pass"),
    ]
    found = tables.problems(people, ())
    topic = BY_ID["ssh-key-age"].topic
    assert (found.unknown_until_visit, found.unknown_for_all) == ([topic], [])
    assert {name: len(badges) for name, badges in found.of_user.items()} == {
        "alice": 1, "bob": 0, "carol": 1, "dave": 0
    }  # fmt: skip
    assert found.silent == {"alice", "bob"}, "they aren't said to have no problems"
    asked = tables.problems(people, ("ssh-key-age",))
    assert asked.unknown_until_visit == [] and len(asked.of_user["alice"]) == 2, "a page about them has the badges"
    alone = tables.problems(people[:2], ())
    assert (alone.unknown_until_visit, alone.unknown_for_all) == ([topic], []), "once, not twice"
