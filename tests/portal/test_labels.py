"""Names of devices and notes about keys: kept for their owner only, and never a secret."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import flask_migrate
import pyotp
import pytest
from flask import Flask
from sqlalchemy import event, text

from app.aws.iam import MfaDevice
from app.credentials.labels import LONGEST, Labels, Type, problem, tidied
from app.credentials.observed import report_observed
from app.db import db
from app.sessions.contents import Person
from tests.support import postgres
from tests.support.databases import empty_portal

postgresql = postgres.postgresql
NOW = datetime(2026, 5, 3, 12, tzinfo=UTC)
PHONE, TABLET = (f"arn:aws:iam::123456789012:mfa/nadia{more}" for more in ("", "/device-2"))


@pytest.fixture(params=["sqlite", "postgresql"])
def portal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with empty_portal(request, tmp_path) as app:
        flask_migrate.upgrade()
        yield app


def of(user_id: str, account_id: str = "123456789012") -> Labels:
    return Labels(db.engine, account_id, user_id)


def test_a_label_is_kept_changed_and_removed(portal: Flask) -> None:
    mine = of("AIDANADIA")
    assert mine.all_of(Type.MFA_DEVICE) == {}
    mine.put(Type.MFA_DEVICE, PHONE, "iPhone 15", NOW)
    mine.put(Type.MFA_DEVICE, TABLET, "テーブル 📱" * 9, NOW)
    mine.put(Type.ACCESS_KEY, "AKIA1", "build server", NOW)
    mine.put(Type.MFA_DEVICE, PHONE, "iPhone 16", NOW)
    assert mine.all_of(Type.MFA_DEVICE) == {PHONE: "iPhone 16", TABLET: "テーブル 📱" * 9}
    assert mine.all_of(Type.ACCESS_KEY) == {"AKIA1": "build server"}
    mine.put(Type.MFA_DEVICE, TABLET, "", NOW)
    mine.remove(Type.ACCESS_KEY, "AKIA1")
    mine.remove(Type.ACCESS_KEY, "AKIA1")
    assert mine.all_of(Type.MFA_DEVICE) == {PHONE: "iPhone 16"}
    assert mine.all_of(Type.ACCESS_KEY) == {}


def test_nobody_else_has_them_namesakes_included(portal: Flask) -> None:
    of("AIDANADIA").put(Type.MFA_DEVICE, PHONE, "iPhone 15", NOW)
    for other in (of("AIDANADIA2"), of("AIDANADIA", "999988887777"), of("")):
        assert other.all_of(Type.MFA_DEVICE) == {}
        other.put(Type.MFA_DEVICE, PHONE, "mine now", NOW, existing=[])
        other.remove(Type.MFA_DEVICE, PHONE)
    assert of("AIDANADIA").all_of(Type.MFA_DEVICE) == {PHONE: "iPhone 15"}


def test_what_is_gone_at_aws_loses_its_label(portal: Flask) -> None:
    mine = of("AIDANADIA")
    mine.put(Type.MFA_DEVICE, PHONE, "iPhone 15", NOW)
    mine.put(Type.ACCESS_KEY, "AKIA1", "build server", NOW)
    mine.put(Type.MFA_DEVICE, TABLET, "tablet", NOW, existing=[TABLET])
    assert mine.all_of(Type.MFA_DEVICE) == {TABLET: "tablet"}
    assert mine.all_of(Type.ACCESS_KEY) == {"AKIA1": "build server"}
    with db.engine.connect() as connection:
        assert connection.execute(text("select count(*) from credential_labels")).scalar() == 2


def test_what_aws_no_longer_lists_loses_its_label(portal: Flask) -> None:
    nadia = Person("123456789012", "nadia", "/", "aws", True, NOW, user_id="AIDANADIA")
    long_ago, now = NOW - timedelta(days=1), datetime.now(UTC)
    mine = of(nadia.user_id)
    for serial_number, at in ((PHONE, long_ago), (TABLET, long_ago), (f"{PHONE}-new", now)):
        mine.put(Type.MFA_DEVICE, serial_number, "a name", at)
    mine.put(Type.ACCESS_KEY, "AKIA1", "build server", long_ago)
    of("AIDAOLGA").put(Type.MFA_DEVICE, TABLET, "of someone else", long_ago)
    with portal.app_context():
        report_observed(nadia, has_password=True)
        assert len(mine.all_of(Type.MFA_DEVICE)) == 3, "AWS gave no list"
        report_observed(nadia, mfa_devices=[MfaDevice(PHONE, long_ago)])
    assert set(mine.all_of(Type.MFA_DEVICE)) == {PHONE, f"{PHONE}-new"}, "AWS’s list may not have the new one yet"
    assert mine.all_of(Type.ACCESS_KEY) == {"AKIA1": "build server"}, "its list was not read"
    assert of("AIDAOLGA").all_of(Type.MFA_DEVICE) == {TABLET: "of someone else"}
    with portal.app_context():
        report_observed(nadia, access_keys=[])
    assert mine.all_of(Type.ACCESS_KEY) == {}


def test_what_a_page_listed_is_compared_with_all_labels_at_once(portal: Flask) -> None:
    nadia = Person("123456789012", "nadia", "/", "aws", True, NOW, user_id="AIDANADIA")
    mine, long_ago = of(nadia.user_id), NOW - timedelta(days=1)
    asked: list[str] = []
    for credential_type, one in ((Type.MFA_DEVICE, PHONE), (Type.MFA_DEVICE, TABLET), (Type.ACCESS_KEY, "AKIA1")):
        mine.put(credential_type, one, "a name", long_ago)
    event.listen(db.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    with portal.app_context():
        report_observed(
            nadia, mfa_devices=[MfaDevice(serial, long_ago) for serial in (PHONE, TABLET)], access_keys=[]
        )
        about_labels = [statement.split()[0] for statement in asked if "credential_labels" in statement]
        assert about_labels == ["SELECT", "DELETE"], "each overview reads them"
    assert set(mine.all_of(Type.MFA_DEVICE)) == {PHONE, TABLET} and mine.all_of(Type.ACCESS_KEY) == {}


def test_a_later_device_of_the_same_serial_number_has_no_name(portal: Flask) -> None:
    mine = of("AIDANADIA")
    mine.put(Type.MFA_DEVICE, PHONE, "iPhone 15", NOW)
    just_before, long_after = NOW - timedelta(seconds=20), NOW + timedelta(hours=1)
    assert mine.all_of(Type.MFA_DEVICE, {PHONE: just_before}) == {PHONE: "iPhone 15"}
    assert mine.all_of(Type.MFA_DEVICE, {PHONE: long_after}) == {}
    assert mine.all_of(Type.MFA_DEVICE, {}) == {}


@pytest.mark.parametrize(
    "typed",
    [
        "iPhone 15",
        "Nadia’s tablet",
        "arn:aws:iam::123456789012:mfa/nadia",
        "日本語",
        "📱",
        "<b>&amp;",
        "x" * LONGEST,
        "",
        "  ",
        "Work phone, blue case, top drawer",
        "TerraformStateBackendRunnerOfTheDataTeam",
        "AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_texts_of_people_can_be_labels(typed: str) -> None:
    assert problem(tidied(typed)) is None


def test_what_cannot_be_one_is_named() -> None:
    assert tidied("  a\u200b \t b\u202e\n") == "a b"
    wrong = {"x" * (LONGEST + 1): "too-long", "a\x07b": "not-printable", "a\ud800": "not-printable"}
    assert {typed: (problem(tidied(typed)) or ("",))[0] for typed in wrong} == wrong


def test_secrets_are_refused_and_never_stored(portal: Flask) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/+"
    for _ in range(50):
        key = "".join(secrets.choice(alphabet) for _ in range(37)) + "aA0"
        random = pyotp.random_base32(63)
        seed = f"{random[:31]}7{random[31:]}"  # small letters without a digit may be words
        grouped = " ".join(seed[at : at + 4] for at in range(0, 48, 4))
        for secret in (
            key,
            f"key {key}",
            f"{key[:20]} {key[20:]}",
            f"{key[:25]}-{key[26:]}",
            seed,
            seed.lower(),
            seed[:32],
            grouped,
            grouped.lower(),
            "otpauth://totp/x",
        ):
            assert (problem(secret) or ("",))[0] == "secret", secret
            with pytest.raises(ValueError, match="can't be a label"):
                of("AIDANADIA").put(Type.ACCESS_KEY, "AKIA1", secret, NOW)
    assert of("AIDANADIA").all_of(Type.ACCESS_KEY) == {}
