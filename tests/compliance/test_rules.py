"""Every rule as a table: what is known of someone, and what the rule says of that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compliance.rules.rule import UNITS
from app.compliance.rules.sources import ForcedFacts, RequestFacts
from app.compliance.rules.subjects import Account, Credential, Key, Seen, Source, Subject, Terms
from app.compliance.rules.table import (
    BY_ID,
    GROUPS,
    OF_ACCOUNT,
    OF_PEOPLE,
    RULES,
    applying,
    covering,
    demanded,
    judged,
    rules_in,
)
from app.compliance.rules.verdicts import State
from app.settings.parsers import THRESHOLDS
from tests.compliance.conftest import Aws

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
TERMS = Terms(NOW, others_at_most=3)
P, F, U = State.PASS, State.FAIL, State.UNKNOWN


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


DETAILS = {"policies": Seen(Source.DETAILS, ago(1))}


def told(state: str, via: str = "user", session: str = "key") -> ForcedFacts:
    """What the details say of alice."""
    request: RequestFacts = {
        "action": "s3:DeleteBucket", "resource": "*", "session": session, "context": {}, "statement": "Backup",
        "policy": "Backups", "arn": "", "via": via,
    }  # fmt: skip
    return {
        "user_id": "AIDAALICE", "created": None, "state": state,
        "unexplored": ["policy-missing:arn:aws:iam::aws:policy/Gone"] if state == "unknown" else [],
        "request": request if state == "fail" else None, "direct": [],
    }  # fmt: skip


NOBODY = Subject("alice", "/", ago(400), None, False, None, None, False, None, None, None, None, {})
"""Nothing is known but the name."""


def key(made: float, used: float | None = None, *, active: bool = True, known: bool = True) -> Key:
    return Key(active, ago(made), None if used is None else ago(used), known)


def said(rule: str, terms: Terms = TERMS, **known: Any) -> State | None:
    verdict = judged(NOBODY._replace(**known), terms).get(rule)
    return verdict.state if verdict else None


@pytest.mark.parametrize(
    ("rule", "known", "expected"),
    [
        ("mfa", {}, U),
        ("mfa", {"mfa": True}, P),
        ("mfa", {"mfa": False}, F),
        ("mfa", {"no_virtual_device": True}, U),
        ("mfa-console", {}, U),
        ("mfa-console", {"password": False, "mfa": False}, None),
        ("mfa-console", {"password": True, "mfa": False}, F),
        ("mfa-console", {"password": True, "mfa": True}, P),
        ("mfa-console", {"password": None, "mfa": True}, P),
        ("mfa-console", {"password": None, "mfa": False}, U),
        ("mfa-console", {"password": None, "mfa": False, "password_last_used": ago(3)}, F),
        ("key-age", {}, U),
        ("key-age", {"keys": ()}, None),
        ("key-age", {"keys": (key(400, active=False),)}, None),
        ("key-age", {"keys": (key(90),)}, P),
        ("key-age", {"keys": (key(90.001),)}, F),
        ("key-age", {"keys": (key(1), key(91))}, F),
        ("key-age", {"keys": (key(1), key(91, active=False))}, P),
        ("key-age", {"keys": (Key(True, None, None, True),)}, U),
        ("one-active-key", {}, U),
        ("one-active-key", {"keys": ()}, None),
        ("one-active-key", {"keys": (key(1), key(2, active=False))}, P),
        ("one-active-key", {"keys": (key(1), key(2))}, F),
        ("unused", {}, U),
        ("unused", {"password": False, "keys": ()}, None),
        ("unused", {"password": False, "keys": (key(300, 45),)}, P),
        ("unused", {"password": False, "keys": (key(300, 46),)}, F),
        ("unused", {"password": False, "keys": (key(46),)}, F),
        ("unused", {"password": False, "keys": (key(44),)}, P),
        ("unused", {"password": False, "keys": (key(300, active=False),)}, None),
        ("unused", {"password": False, "keys": (key(300, known=False),)}, U),
        ("unused", {"password": False, "keys": (key(44, known=False),)}, P),
        ("unused", {"password": True, "keys": (), "password_last_used": ago(10), "password_use_known": True}, P),
        ("unused", {"password": True, "keys": (), "password_last_used": ago(46), "password_use_known": True}, F),
        ("unused", {"password": True, "keys": (), "password_use_known": True, "password_changed_at": ago(46)}, F),
        ("unused", {"password": True, "keys": (), "password_use_known": True, "password_changed_at": ago(44)}, P),
        ("unused", {"password": True, "keys": (), "password_use_known": True}, U),
        ("unused", {"password": True, "keys": (), "created_at": ago(10)}, P),
        ("unused", {"password": True, "keys": (key(300, 46),), "password_last_used": ago(1)}, F),
        ("unused", {"password": None, "keys": (), "password_last_used": ago(46)}, U),
        ("unused", {"password": None, "keys": (), "password_last_used": ago(4)}, P),
        ("unused", {"password": None, "keys": None, "password_last_used": ago(4)}, U),
        ("key-at-creation", {}, U),
        ("key-at-creation", {"password": False}, None),
        ("key-at-creation", {"password": True, "keys": ()}, P),
        ("key-at-creation", {"password": True, "keys": (key(400),)}, F),
        ("key-at-creation", {"password": True, "keys": (key(400, active=False),)}, P),
        ("key-at-creation", {"password": True, "keys": (key(400, 20),)}, P),
        ("key-at-creation", {"password": True, "keys": (key(399),)}, P),
        ("key-at-creation", {"password": True, "keys": (key(400, known=False),)}, U),
        ("key-at-creation", {"password": True, "keys": (key(400),), "created_at": None}, U),
        ("signed-in", {}, U),
        ("signed-in", {"password": False}, None),
        ("signed-in", {"password_last_used": ago(300)}, P),
        ("signed-in", {"password": True, "password_use_known": True}, F),
        ("signed-in", {"password": True, "password_use_known": True, "created_at": ago(29)}, P),
        ("signed-in", {"password": True}, U),
        ("certificate-age", {}, U),
        ("certificate-age", {"certificates": ()}, None),
        ("certificate-age", {"certificates": (Credential(True, ago(365)),)}, P),
        ("certificate-age", {"certificates": (Credential(True, ago(366)),)}, F),
        ("certificate-age", {"certificates": (Credential(True, ago(5), ago(0)),)}, F),
        ("certificate-age", {"certificates": (Credential(True, ago(5), ago(-1)),)}, P),
        ("certificate-age", {"certificates": (Credential(True, None),)}, U),
        ("ssh-key-age", {}, U),
        ("ssh-key-age", {"ssh_keys": (Credential(False, ago(900)),)}, None),
        ("ssh-key-age", {"ssh_keys": (Credential(True, ago(900)),)}, F),
        ("mfa-forced", {}, U),
        ("mfa-forced", {"forced": told("pass")}, U),
        ("mfa-forced", {"forced": told("pass"), "seen": DETAILS}, P),
        ("mfa-forced", {"forced": told("fail"), "seen": DETAILS}, F),
        ("mfa-forced", {"forced": told("fail", via="group:devs", session="password"), "seen": DETAILS}, F),
        ("mfa-forced", {"forced": told("unknown"), "seen": DETAILS}, U),
        ("mfa-forced", {"seen": DETAILS}, U),
        ("mfa-forced", {"forced": told("pass"), "seen": {"policies": Seen(Source.DETAILS, ago(91))}}, U),
        ("within-reach", {}, None),
        ("within-reach", {"path": "/eng/"}, P),
    ],
)  # fmt: skip
def test_of_people(rule: str, known: dict[str, Any], expected: State | None) -> None:
    assert said(rule, **known) == expected
    verdict = judged(NOBODY._replace(**known), TERMS).get(rule)
    assert verdict is None or (verdict.sentence.endswith((".",)) and "{" not in verdict.sentence)


def test_what_works_without_mfa_is_named() -> None:
    failing = judged(NOBODY._replace(forced=told("fail", via="group:devs"), seen=DETAILS), TERMS)[
        "mfa-forced"
    ].sentence
    assert "s3:DeleteBucket on *" in failing and "statement Backup of policy Backups" in failing and "devs" in failing
    assert "request has" not in failing
    office = told("fail")
    assert office["request"]
    office["request"] |= {
        "session": "password",
        "context": {"aws:MultiFactorAuthPresent": "false", "aws:SourceIp": "192.0.2.0"},
    }
    sentence = judged(NOBODY._replace(forced=office, seen=DETAILS), TERMS)["mfa-forced"].sentence
    assert sentence.endswith("The request has aws:SourceIp=192.0.2.0."), "what works only from the office says so"
    office["request"]["context"] = {"aws:TagKeys": ["a", "b"], "aws:SourceVpce": []}
    sentence = judged(NOBODY._replace(forced=office, seen=DETAILS), TERMS)["mfa-forced"].sentence
    assert sentence.endswith("The request has aws:TagKeys=a, b; no aws:SourceVpce.")
    unknown = judged(NOBODY._replace(forced=told("unknown"), seen=DETAILS), TERMS)["mfa-forced"].sentence
    assert "arn:aws:iam::aws:policy/Gone" in unknown


def test_a_path_under_a_blind_policy() -> None:
    assert said("within-reach", TERMS._replace(path_blind=True), path="/eng/") is F
    assert said("within-reach", TERMS._replace(path_blind=True)) is None


def test_other_kinds_of_mfa_are_bounded_and_said() -> None:
    verdict = judged(NOBODY._replace(no_virtual_device=True), TERMS)["mfa"]
    assert verdict.state is U and " 3 " in verdict.sentence


def made_from_scratch(aws: Aws, now: datetime) -> dict[str, dict[str, str]]:
    """What the rules must say of every user, read off the sandbox's state. A new rule about users needs a line."""
    answers = {}
    for name, user in aws.state.iam.users.items():
        says: dict[str, str] = {}
        password, device = bool(user.password), bool(user.mfa_devices)
        keys = [key for key in user.access_keys if key.status == "Active"]
        age = {key.access_key_id: now - key.create_date.replace(tzinfo=UTC) for key in keys}
        says["mfa"] = "pass" if device else "fail"
        if password:
            says["mfa-console"] = says["mfa"]
        if keys:
            says["key-age"] = "fail" if max(age.values()) > timedelta(days=90) else "pass"
            says["one-active-key"] = "fail" if len(keys) > 1 else "pass"
        idle = []
        if password:
            idle.append(now - (aws.state.password_last_used.get(name) or aws.state.password_set_at[name]))
        for key in keys:
            used = aws.state.key_last_used.get(key.access_key_id)
            idle.append(now - used[0] if used else age[key.access_key_id])
        if idle:
            says["unused"] = "fail" if max(idle) > timedelta(days=45) else "pass"
        if password:
            with_user = [
                key for key in keys
                if abs(key.create_date - user.create_date) < timedelta(seconds=60)
                and key.access_key_id not in aws.state.key_last_used
            ]  # fmt: skip
            says["key-at-creation"] = "fail" if with_user else "pass"
            never = name not in aws.state.password_last_used
            fresh = now - user.create_date.replace(tzinfo=UTC) <= timedelta(days=30)
            says["signed-in"] = "fail" if never and not fresh else "pass"
        for certificate in user.signing_certificates.values():
            old = now - certificate.upload_date.replace(tzinfo=UTC) > timedelta(days=365)
            says["certificate-age"] = "fail" if old else "pass"
        if user.path != "/":
            says["within-reach"] = "pass"
        says["ssh-key-age"] = says["mfa-forced"] = says["policies-through-groups"] = "unknown"
        answers[name] = says
    return answers


KNOWN = Account(False, True, False, None, True, 14, 24, "The summary was not read yet.", "", {})


@pytest.mark.parametrize(
    ("rule", "known", "expected"),
    [
        ("root-key", {}, P),
        ("root-key", {"root_keys": True}, F),
        ("root-key", {"root_keys": None}, U),
        ("root-mfa", {}, P),
        ("root-mfa", {"root_mfa": False}, F),
        ("root-mfa", {"root_mfa": None}, U),
        ("root-hardware-mfa", {}, P),
        ("root-hardware-mfa", {"root_virtual_mfa": True}, F),
        ("root-hardware-mfa", {"root_mfa": False}, F),
        ("root-hardware-mfa", {"root_virtual_mfa": None}, U),
        ("root-use", {}, P),
        ("root-use", {"root_used_at": ago(30)}, F),
        ("root-use", {"root_used_at": ago(31)}, P),
        ("root-use", {"root_use_known": False}, U),
        ("password-length", {}, P),
        ("password-length", {"password_length": 13}, F),
        ("password-length", {"password_length": None, "why_no_password_policy": "Not allowed."}, U),
        ("password-reuse", {}, P),
        ("password-reuse", {"password_reuse": 23}, F),
        ("password-reuse", {"password_reuse": 0}, F),
        ("password-reuse", {"password_reuse": None, "why_no_password_policy": "Not allowed."}, U),
    ],
)
def test_of_the_account(rule: str, known: dict[str, Any], expected: State) -> None:
    verdict = judged(KNOWN._replace(**known), TERMS, None, OF_ACCOUNT)[rule]
    assert verdict.state is expected
    assert verdict.sentence.endswith(".") and "{" not in verdict.sentence


def test_requirements_name_the_accounts_numbers() -> None:
    assert " 60 " in demanded(BY_ID["key-age"], TERMS._replace(key_days=60))
    assert {name.replace("-", "_") for name in THRESHOLDS} == set(UNITS) < set(Terms._fields)


def test_rows_of_the_table_fit_together() -> None:
    assert {rule.group for rule in RULES if rule.group} == set(GROUPS)
    for name, group in GROUPS.items():
        assert group.first in rules_in(name) and BY_ID[group.first].fix
    for rule in OF_PEOPLE:
        assert rule.short, "a list of users names its findings"
    for rule in BY_ID.values():
        assert rule.threshold in ("", *UNITS) and len(rule.id + ("-3650" if rule.threshold else "") + "-e3650") <= 32
        assert "{" not in demanded(rule, TERMS)


LAST = timedelta(microseconds=1)
"""An exception still counts this long before its end, and at its end no more."""


def test_an_exception_covers_what_does_not_pass_until_its_end() -> None:
    someone, until = NOBODY._replace(mfa=False, keys=(key(10),)), ago(-5)
    excepted = judged(someone, TERMS, {"mfa": until, "key-age": until})
    assert excepted["mfa"].state is State.EXCEPTED and excepted["mfa"].until == until - LAST
    assert excepted["key-age"].state is P, "what passes needs none"
    over = judged(someone, TERMS._replace(now=until), {"mfa": until})
    assert over["mfa"].state is F


days = st.floats(0, 1000)
keys = st.builds(key, days, st.none() | days, active=st.booleans(), known=st.booleans())
moments = st.none() | days.map(ago)
certificates = st.builds(Credential, st.booleans(), moments, moments)
subjects = st.builds(
    NOBODY._replace,
    created_at=st.none() | days.map(ago),
    mfa=st.sampled_from([None, True, False]),
    password=st.sampled_from([None, True, False]),
    password_last_used=st.none() | days.map(ago),
    password_use_known=st.booleans(),
    password_changed_at=st.none() | days.map(ago),
    keys=st.none() | st.lists(keys, max_size=2).map(tuple),
    certificates=st.none() | st.lists(certificates, max_size=2).map(tuple),
)


@settings(max_examples=60)
@given(subjects, st.floats(0, 1000))
def test_a_verdict_stands_until_the_time_it_names(someone: Subject, later: float) -> None:
    after = NOW + timedelta(days=later)
    for rule, verdict in judged(someone, TERMS).items():
        if verdict.until is None or after <= verdict.until:
            again = judged(someone, TERMS._replace(now=after))[rule]
            assert again.state is verdict.state, rule


VARIED = TERMS._replace(variants=(("unused", (("unused_days", 90),)), ("signed-in", (("evidence_days", 40),))))


@settings(max_examples=100)
@given(subjects, st.lists(days, min_size=3, max_size=3))
def test_a_later_use_ends_failures_of_rules_that_ask_for_it_and_changes_nothing_else(
    someone: Subject, further: list[float]
) -> None:
    def later(used: datetime | None, by: float) -> datetime | None:
        return used and used + timedelta(days=by)

    everything = {"user", "mfa", "password", "password_last_used", "keys", "key_use", "certificates"}
    someone = someone._replace(
        password=bool(someone.password),  # a report says whether there is one
        seen={name: Seen(Source.REPORT, ago(1)) for name in everything},
    )
    used = someone._replace(
        password_last_used=later(someone.password_last_used, further[0]),
        keys=someone.keys
        and tuple(
            each._replace(used_at=later(each.used_at, by))
            for each, by in zip(someone.keys, further[1:], strict=False)
        ),
    )
    rules = applying(OF_PEOPLE, VARIED)
    before, after = judged(someone, VARIED, None, rules), judged(used, VARIED, None, rules)
    assert before.keys() == after.keys()
    for rule, verdict in before.items():
        if verdict.state is P or not BY_ID[rule].by_last_use:
            again = after[rule]
            assert again.state is verdict.state, rule
            assert again.until is None or (verdict.until and verdict.until <= again.until), "never due too late"


@settings(max_examples=60)
@given(subjects)
def test_whatever_is_known_every_rule_answers_in_a_sentence(someone: Subject) -> None:
    for verdict in judged(someone, TERMS).values():
        assert verdict.sentence[0].isupper() and verdict.sentence.endswith(".")
    assert {rule.id for rule in OF_PEOPLE} >= judged(someone, TERMS).keys()


def test_an_exception_covers_the_narrower_rule() -> None:
    """Nobody needs a second exception for the console where all of a user's MFA is excepted."""
    seen = {"mfa": Seen(Source.REPORT, ago(1)), "password": Seen(Source.REPORT, ago(1))}
    alice = NOBODY._replace(mfa=False, password=True, seen=seen)
    until, later = ago(-10), ago(-20)

    def states(exceptions: dict[str, datetime]) -> tuple[State, State]:
        verdicts = judged(alice, TERMS, exceptions)
        return verdicts["mfa"].state, verdicts["mfa-console"].state

    assert states({}) == (F, F)
    assert states({"mfa": until}) == (State.EXCEPTED, State.EXCEPTED)
    assert states({"mfa-console": until}) == (F, State.EXCEPTED), "but not the other way round"
    assert judged(alice, TERMS, {"mfa": until, "mfa-console": later})["mfa-console"].until == later - LAST
    assert covering({"mfa": later, "mfa-console": until, "gone": until}, lambda end: end) == {
        "mfa": later, "mfa-console": later, "gone": until,
    }  # fmt: skip
    for rule in RULES:
        assert set(rule.covers) <= {each.id for each in RULES if each.part_of == rule.id}, rule.id
