"""No verdict outlives its evidence: what is too old is unknown, and time alone makes nobody fail."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.compliance.rules.subjects import Credential, Seen, Source, Subject, Terms
from app.compliance.rules.table import (
    BY_ID,
    CIS_VARIANTS,
    GROUPS,
    OF_ACCOUNT,
    RULES,
    applying,
    judged,
    rules_in,
)
from app.compliance.rules.verdicts import State
from app.compliance.standards.shipped import ids, shipped
from app.compliance.standards.standard import asked_by, items_by_rule, variants_of
from app.sandbox.operations.credential_report import HEADER
from tests.compliance.conftest import Command
from tests.compliance.test_report import BOB, WHOLE
from tests.compliance.test_rules import KNOWN, NOBODY, NOW, F, P, U, ago, key, subjects
from tests.support.clock import Clock

TERMS = Terms(NOW)
FACTS = ("user", "mfa", "password", "password_last_used", "keys", "key_use", "certificates", "ssh_keys")


def told(days: float, source: Source = Source.REPORT) -> dict[str, Seen]:
    """Everything was collected so many days ago."""
    return {name: Seen(source, ago(days)) for name in FACTS}


def said(rule: str, days: float, **known: Any) -> State | None:
    verdict = judged(NOBODY._replace(**known, seen=told(days)), TERMS).get(rule)
    return verdict.state if verdict else None


USED = {"password": True, "keys": (), "password_use_known": True}


@pytest.mark.parametrize(
    ("rule", "known", "collected", "expected"),
    [
        # Last used a day before a report of 60 days ago: by now, who knows.
        ("unused", {**USED, "password_last_used": ago(61)}, 60, U),
        ("unused", {**USED, "password_last_used": ago(61)}, 15.9, F),
        ("unused", {**USED, "password_last_used": ago(61)}, 16.1, U),
        ("unused", {**USED, "password_last_used": ago(44)}, 43, P),
        ("unused", {**USED, "password_changed_at": ago(61)}, 60, U),
        ("unused", {**USED, "password_changed_at": ago(161)}, 60, F),
        ("unused", {"password": False, "keys": (key(300, 61),)}, 60, U),
        ("unused", {"password": False, "keys": (key(300, 161),)}, 60, F),
        ("unused", {"password": False, "keys": (key(61),)}, 60, U),
        ("unused", {"password": False, "keys": (key(161),)}, 60, F),
        ("key-age", {"keys": (key(100),)}, 60, U),
        ("key-age", {"keys": (key(200),)}, 60, F),
        ("key-age", {"keys": (key(89),)}, 60, P),
        ("certificate-age", {"certificates": (Credential(True, ago(370)),)}, 60, U),
        ("certificate-age", {"certificates": (Credential(True, ago(500)),)}, 60, F),
        ("certificate-age", {"certificates": (Credential(True, ago(80), ago(1)),)}, 60, U),
        ("certificate-age", {"certificates": (Credential(True, ago(80), ago(61)),)}, 60, F),
        ("ssh-key-age", {"ssh_keys": (Credential(True, ago(370)),)}, 60, U),
        ("signed-in", {**USED, "password_changed_at": ago(61)}, 60, U),
        ("signed-in", {**USED, "password_changed_at": ago(161)}, 60, F),
        # Older than the setting: nothing is known any more, good or bad.
        ("mfa", {"mfa": True}, 91, U),
        ("mfa", {"mfa": False}, 91, U),
        ("mfa", {"mfa": True}, 89, P),
        ("mfa", {"mfa": False}, 89, F),
        ("mfa-console", {"mfa": False, "password": True}, 91, U),
        ("mfa-console", {"mfa": False, "password": False}, 91, U),
        ("key-age", {"keys": (key(400),)}, 91, U),
        ("key-age", {"keys": ()}, 91, U),
        ("one-active-key", {"keys": (key(1), key(2))}, 91, U),
        ("key-at-creation", {"password": True, "keys": (key(400),)}, 91, U),
        ("unused", {**USED, "password_last_used": ago(400)}, 91, U),
        ("signed-in", {**USED, "password_last_used": ago(400)}, 91, U),
        ("signed-in", {**USED, "password_last_used": ago(400)}, 89, P),
    ],
)  # fmt: skip
def test_of_people(rule: str, known: dict[str, Any], collected: float, expected: State) -> None:
    assert said(rule, collected, **known) is expected


def test_how_old_evidence_may_be_is_a_setting() -> None:
    assert said("mfa", 20, mfa=True) is P
    verdict = judged(NOBODY._replace(mfa=True, seen=told(20)), Terms(NOW, evidence_days=19))["mfa"]
    assert verdict.state is U
    assert re.findall(r"\d+", verdict.sentence) == ["12", "2026", "19"], "when it was made, and how old is too old"


@pytest.mark.parametrize(
    ("known", "collected", "expected"),
    [
        ({"root_used_at": None}, 29, P),
        ({"root_used_at": None}, 31, U),
        ({"root_used_at": ago(70)}, 60, U),
        ({"root_used_at": ago(35)}, 20, P),
        ({"root_used_at": ago(29)}, 28, F),
    ],
)
def test_a_report_vouches_for_no_time_after_it(known: dict[str, Any], collected: float, expected: State) -> None:
    seen = {"root_used_at": Seen(Source.REPORT, ago(collected))}
    assert judged(KNOWN._replace(**known, seen=seen), Terms(NOW), None, OF_ACCOUNT)["root-use"].state is expected


@settings(max_examples=150, deadline=None)
@given(subjects, st.floats(0, 1000))
def test_time_alone_makes_nobody_fail(someone: Subject, later: float) -> None:
    someone = someone._replace(seen=told(0))
    before, after = judged(someone, TERMS), judged(someone, Terms(NOW + timedelta(days=later)))
    for rule, verdict in after.items():
        assert verdict.state is not F or before[rule].state is F, rule


@settings(max_examples=150, deadline=None)
@given(subjects, st.floats(0, 100), st.floats(0, 200))
@example(NOBODY._replace(password=True, created_at=NOW, keys=()), 46.0, 45.0)
@example(NOBODY._replace(password=False, created_at=NOW, keys=(key(0),)), 46.0, 45.0)
def test_a_verdict_with_evidence_stands_until_the_time_it_names(
    someone: Subject, collected: float, later: float
) -> None:
    someone, then = someone._replace(seen=told(collected)), NOW + timedelta(days=later)
    after = judged(someone, Terms(then))
    for rule, verdict in judged(someone, TERMS).items():
        if verdict.until is None or then <= verdict.until:
            assert after[rule].state is verdict.state, rule


def test_what_is_90_days_old_is_not_said_to_be_older_by_saying_90() -> None:

    def sentence(rule: str, **known: Any) -> list[str]:
        verdict = judged(NOBODY._replace(**known), Terms(NOW))[rule]
        assert verdict.state is F
        return verdict.sentence.split()

    older = sentence("key-age", keys=(key(91.5),))
    assert "91" in older and "400" in (oldest := sentence("key-age", keys=(key(400),)))
    barely = sentence("key-age", keys=(key(90.01),))
    assert "90" in barely and len(barely) > len(older) == len(oldest), "more than 90, in more words"
    assert judged(NOBODY._replace(keys=(key(90),)), Terms(NOW))["key-age"].state is P
    older = sentence("unused", password=False, keys=(key(300, 47.5),))
    barely = sentence("unused", password=False, keys=(key(300, 45.01),))
    assert "45" in barely and len(barely) > len(older) and "47" in older


def test_a_new_password_has_its_own_time_to_be_used() -> None:
    old_user: dict[str, Any] = {"password": True, "password_use_known": True, "created_at": ago(730)}
    assert said("signed-in", 0, **old_user, password_changed_at=ago(10)) is P
    assert said("signed-in", 0, **old_user, password_changed_at=ago(31)) is F


# -- root without credentials


@pytest.mark.parametrize("rule", ["root-mfa", "root-hardware-mfa"])
def test_a_root_user_who_cannot_sign_in_needs_no_mfa(rule: str) -> None:
    without = KNOWN._replace(root_mfa=False, root_virtual_mfa=None, root_password=False)
    verdict = judged(without, Terms(NOW), None, OF_ACCOUNT)[rule]
    usual = judged(KNOWN._replace(root_password=True), Terms(NOW), None, OF_ACCOUNT)[rule]
    assert verdict.state is P and verdict.sentence != usual.sentence, "it says that there is no password"
    for known in (None, True):
        assert judged(without._replace(root_password=known), Terms(NOW), None, OF_ACCOUNT)[rule].state is F
    assert rule not in judged(without, Terms(NOW, partition="aws-us-gov"), None, OF_ACCOUNT), (
        "left out by the benchmark"
    )
    stale = without._replace(seen={"root_password": Seen(Source.REPORT, ago(91))})
    assert judged(stale, Terms(NOW), None, OF_ACCOUNT)[rule].state is U
    key_of_root = judged(without._replace(root_keys=True), Terms(NOW), None, OF_ACCOUNT)
    assert key_of_root["root-key"].state is F


@pytest.mark.parametrize(
    ("password", "expected"), [("FALSE", "pass"), ("false", "pass"), ("TRUE", "fail"), ("not_supported", "fail")]
)
def test_what_the_report_says_of_roots_password(
    command: Command, portal: Flask, tmp_path: Path, password: str, expected: str
) -> None:
    root = (
        f"<root_account>,arn:aws:iam::123456789012:root,2020-01-01T00:00:00+00:00,{password},N/A,N/A,N/A,FALSE,"
        "FALSE,N/A,N/A,N/A,N/A,FALSE,N/A,N/A,N/A,N/A,FALSE,N/A,FALSE,N/A"
    )
    rows = exported(command, tmp_path, "\n".join([HEADER, root, BOB]))
    assert {row["state"] for row in rows if row["rule"] in ("root-mfa", "root-hardware-mfa")} == {expected}


def exported(command: Command, folder: Path, report: str, *options: str) -> list[dict[str, str]]:
    """Import a report that AWS made just now, and return the findings as the command prints them."""
    file = folder / "report.csv"
    file.write_text(report)
    done = command("import", str(file), "--made-at", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    assert done.exit_code == 0, done.output
    return list(csv.DictReader(io.StringIO(command("export", *options).output)))


# -- the benchmark's numbers, and the house's


LOOSE = {"key_days": 3650, "unused_days": 3650, "root_days": 1, "password_length": 6, "password_reuse": 1}


def test_a_number_of_the_benchmark_stands_on_its_own_threshold_only(
    command: Command, portal: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    was = exported(command, tmp_path, WHOLE)
    assert {row["rule"] for row in was} == {row["rule"] for row in was if not row["rule"].endswith("-cis")}
    strict = {row["cis_5.0"]: row["state"] for row in was if row["user_name"] in ("alice", "") and row["cis_5.0"]}
    monkeypatch.setitem(portal.config, "COMPLIANCE_THRESHOLDS", {"": LOOSE})
    rows = list(csv.DictReader(io.StringIO(command("export").output)))
    alice = {row["rule"]: row for row in rows if row["user_name"] in ("alice", "")}
    for rule, number in (("key-age", "1.13"), ("unused", "1.11"), ("password-length", "1.7"), ("root-use", "1.6")):
        assert alice[rule]["cis_5.0"] == alice[rule]["cis_3.0"] == "", f"{rule} is the house's own now"
        twin = alice[f"{rule}-cis"]
        assert twin["cis_5.0"] == number and twin["state"] == strict[number], "beside it stands CIS's, as it was"
    assert alice["key-age"]["state"] == "pass" and alice["key-age-cis"]["state"] == "fail"
    assert " 3650 " in alice["key-age"]["requirement"] and " 90 " in alice["key-age-cis"]["requirement"]
    assert json.loads(command("export", "--format", "json", "--rule", "key-age-cis").output)


@given(st.fixed_dictionaries({}, optional={name: st.integers(1, 3650) for name in LOOSE}), st.sampled_from(ids()))
def test_whatever_the_thresholds_each_item_is_answered_once_by_its_own_number(
    chosen: dict[str, Any], name: str
) -> None:
    standard, terms = shipped(name), Terms(NOW, **chosen)
    terms = terms._replace(variants=variants_of([standard], terms), asked=asked_by([standard], terms))
    items = items_by_rule([standard], terms)
    mine = [rule.id for rule in applying(RULES, terms)]
    assert set(items) <= set(mine) and len(mine) == len(set(mine))
    numbers = [control.number for rule in mine for _, control in items.get(rule, ())]
    assert sorted(numbers) == sorted(each.number for each in standard.controls for _ in each.rules)
    for rule in mine:
        for _, control in items.get(rule, ()):
            judged_by = {**terms._asdict(), **BY_ID[rule].numbers}
            threshold = BY_ID[rule].threshold
            assert judged_by.get(threshold) == control.thresholds.get(threshold, judged_by.get(threshold))


def rows_of(section: str) -> Iterator[list[str]]:
    """Cells of the rows that begin with an id, in the tables of that section of docs/compliance.md."""
    text = (Path(__file__).parents[2] / "docs/compliance.md").read_text()
    chosen = re.split(r"\n##+ ", text.split(f"{section}\n", 1)[1], maxsplit=1)[0]
    for line in chosen.splitlines():
        if line.startswith("| `"):
            yield line.strip("|").split("|")


def ids_in(cell: str) -> list[str]:
    return re.findall(r"`([a-z0-9-]+)`", cell)


def test_the_docs_name_every_id_that_export_takes(command: Command, portal: Flask) -> None:
    rules = {
        name
        for cells in (*rows_of("## Rules"), *rows_of("### Rules that only standards ask for"))
        for name in ids_in(cells[0].split("(")[0])
    }
    assert rules == {rule.id for rule in RULES}
    groups = {ids_in(group)[0]: tuple(ids_in(members)) for group, members in rows_of("### Ids for `--rule`")}
    assert groups == {name: rules_in(name) for name in GROUPS}
    section = (Path(__file__).parents[2] / "docs/compliance.md").read_text().split("### Ids for `--rule`")[1]
    items = next(line for line in section.splitlines() if line.startswith("`"))
    assert ids_in(items) == list(CIS_VARIANTS)
    told = command("export", "--rule", "key-ages")
    assert told.exit_code == 2
    assert set(re.findall(r"'([a-z-]+)'", told.output)) - {"--rule"} == {"key-ages", *rules, *ids_in(items), *groups}
    of_default = {"tls-expired"} | {rule.id for rule in RULES if not rule.on_demand}
    told = command("export", "--rule", "password-uppercase")
    assert told.exit_code == 2, "no standard of the account asks for it"
    assert set(re.findall(r"'([a-z-]+)'", told.output)) >= of_default
