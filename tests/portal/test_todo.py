"""The to-do list: what is due, from what AWS has and what waits. Worst first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.access_keys.service import Uses
from app.aws.access_keys import AccessKey, LastUse
from app.aws.iam import MfaDevice
from app.aws.passwords import LoginProfile
from app.overview.service import Credentials, Known, Limits, Unknown
from app.overview.todo import Item, Situation, Urgency, Waiting, later, to_do
from app.public_keys.certificate import Certificate
from app.public_keys.service import ListedCertificate

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOTHING = Waiting()
LONG_INACTIVE = {"AKIA1": NOW - timedelta(days=8)}
PHONE = MfaDevice("arn:aws:iam::123456789012:mfa/olga", NOW - timedelta(days=30))


def key(name: str, days: float, *, active: bool = True) -> AccessKey:
    return AccessKey(name, active, NOW - timedelta(days=days))


def listed(
    *keys: AccessKey,
    temporary: bool | None = False,
    devices: tuple[MfaDevice, ...] = (PHONE,),
    waiting: Waiting = NOTHING,
    certificates: tuple[ListedCertificate, ...] = (),
    inactive_since: dict[str, datetime] | None = None,
) -> list[str]:
    profile = None if temporary is None else LoginProfile(NOW, temporary)
    has = Credentials(devices, Known(keys), Known(profile), Known([]), Known(certificates))
    has = replace(has, inactive_since=inactive_since or {})
    return [item.code for item in to_do(Situation(has, waiting, Limits(timedelta(days=90)), NOW))]


def test_nothing_to_do() -> None:
    assert listed(key("AKIA1", 10)) == []
    assert listed(temporary=None) == []


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (75, []),
        (76, ["key-due-soon"]),
        (89.9, ["key-due-soon"]),
        (90.1, ["key-overdue"]),
        (400, ["key-overdue"]),
    ],
)
def test_a_key_is_due_by_its_age(days: float, told: list[str]) -> None:
    assert listed(key("AKIA1", days)) == told


def test_of_two_keys_it_says_when_the_one_to_go_was_last_used_if_aws_told() -> None:
    def item(use: LastUse | None, *, active: bool = True) -> Item:
        uses = Uses({"AKIA1": use} if use else {})
        keys = (key("AKIA1", 30, active=active), key("AKIA2", 1))
        has = Credentials((PHONE,), Known(keys), Known(None), Known([]), Known([]), uses, LONG_INACTIVE)
        [found] = to_do(Situation(has, NOTHING, Limits(timedelta(days=90)), NOW))
        return found

    for active in (True, False):
        used = item(LastUse(NOW - timedelta(days=2), "s3", "eu-central-1"), active=active)
        unknown, never = item(None, active=active), item(LastUse(None), active=active)
        assert (used.about, used.last_used_at) == ("AKIA1", NOW - timedelta(days=2))
        assert unknown.last_used_at is never.last_used_at is None
        assert "30 May 2026" in used.why and used.why.startswith(never.why), "it says so, and the rest is the same"
        assert unknown.why == never.why


def test_of_two_keys_the_older_goes() -> None:
    assert listed(key("AKIA1", 100), key("AKIA2", 1)) == ["key-overdue", "retire-key"]
    assert listed(key("AKIA1", 100, active=False), key("AKIA2", 1), inactive_since=LONG_INACTIVE) == ["delete-key"]
    assert listed(key("AKIA1", 5), key("AKIA2", 0), waiting=Waiting(new_key="AKIA2")) == ["save-key"]


@pytest.mark.parametrize(
    ("since", "told"), [(None, []), (0, []), (6.9, []), (7, ["delete-key"]), (90, ["delete-key"])]
)
def test_an_inactive_key_is_deleted_after_days(since: float | None, told: list[str]) -> None:
    known = {} if since is None else {"AKIA1": NOW - timedelta(days=since)}
    keys = key("AKIA1", 100, active=False), key("AKIA2", 1)
    assert listed(*keys, inactive_since=known) == told
    assert listed(keys[0], inactive_since=known) == told, "with one key it is no different"


def test_a_deletion_that_waits_is_said_with_its_day() -> None:
    keys = key("AKIA1", 100, active=False), key("AKIA2", 90, active=False), key("AKIA3", 1)
    since = {"AKIA1": NOW - timedelta(days=2), "AKIA2": NOW - timedelta(days=3), "AKIA3": NOW}
    has = Credentials((PHONE,), Known(keys), Known(None), Known([]), Known(()), inactive_since=since)
    situation = Situation(has, NOTHING, Limits(timedelta(days=90)), NOW)
    soonest_first = [("AKIA2", NOW + timedelta(days=4)), ("AKIA1", NOW + timedelta(days=5))]
    assert [(each.about, each.on) for each in later(situation)] == soonest_first
    due = replace(situation, now=NOW + timedelta(days=5))
    assert later(due) == [], "now it is a to-do"


def test_what_is_lost_if_it_waits_comes_first() -> None:
    found = listed(
        key("AKIA1", 100),
        temporary=True,
        waiting=Waiting(new_key="AKIA2", enrolling="arn:aws:iam::123456789012:mfa/olga/device-2"),
    )
    assert found == [
        "save-key",
        "finish-device",
        "temporary-password",
        "key-overdue",
    ]


def test_without_a_device_the_next_session_has_no_mfa() -> None:
    assert listed(devices=()) == ["set-up-mfa"]
    assert listed(waiting=Waiting(replaced=PHONE.serial_number)) == ["remove-old-device"]
    assert listed(waiting=Waiting(replaced="arn:aws:iam::123456789012:mfa/gone")) == []


def certificate(days_left: float, *, active: bool = True) -> ListedCertificate:
    ends = NOW + timedelta(days=days_left)
    said = Certificate("", "CN=olga", "CN=olga", NOW - timedelta(days=400), ends, "RSA, 2048 bits", "AB")
    return ListedCertificate("CERT", active, NOW - timedelta(days=300), "AB", said)


def test_a_certificate_is_due_by_its_end() -> None:
    assert listed(certificates=(certificate(40),)) == []
    assert listed(certificates=(certificate(20),)) == ["certificate-expires-soon"]
    assert listed(certificates=(certificate(-1),)) == ["certificate-expired"]
    assert listed(certificates=(certificate(-1, active=False),)) == [], "nothing uses it"


def test_what_cannot_be_read_is_nobodys_fault() -> None:
    keys, password = Unknown("iam:ListAccessKeys", denied=True), Unknown("iam:GetLoginProfile", denied=False)
    has = Credentials([PHONE], keys, password, Known([]), Known([]))
    assert to_do(Situation(has, NOTHING, Limits(timedelta(days=90)), NOW)) == []
    assert [part.action for part in has.unknown] == ["iam:ListAccessKeys", "iam:GetLoginProfile"]


def test_worst_first() -> None:
    has = Credentials([PHONE], Known([key("AKIA1", 80)]), Known(LoginProfile(NOW, True)), Known([]), Known([]))
    urgencies = [item.urgency for item in to_do(Situation(has, NOTHING, Limits(timedelta(days=90)), NOW))]
    assert urgencies == sorted(urgencies) == [Urgency.NOW, Urgency.SOON]
