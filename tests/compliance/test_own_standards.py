"""The choice of standards, and files that add your own: refused with the reason, or judged like any other."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from app.compliance.data import daily
from app.compliance.data.daily import Figures
from app.compliance.rules.subjects import Seen, Source, Terms
from app.compliance.rules.table import BY_ID, OF_PEOPLE, applying, judged
from app.compliance.standards.reading import MalformedStandard, read
from app.compliance.standards.shipped import shipped
from app.compliance.standards.standard import Assessment, variants_of
from app.compliance.thresholds import standards_of
from app.db import db
from config import from_env
from tests.compliance.conftest import Command
from tests.compliance.test_evidence import exported
from tests.compliance.test_report import WHOLE
from tests.compliance.test_rules import NOBODY, NOW, P, U, ago, key
from tests.support.clock import Clock
from tests.support.databases import GOOD

ACCOUNT = "123456789012"

OWN = """
id = "house"
name = "House rules"
source = "The handbook"
checked = 2026-05-03

[[control]]
number = "H1"
title = "Keys are rotated every month"
rules = ["key-age"]
thresholds = { key_days = 30 }
"""


@pytest.fixture
def own(tmp_path: Path) -> Callable[[str], str]:
    """Writes a file, and returns its path."""

    def write(text: str, name: str = "house.toml") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def test_a_file_is_a_standard_like_any_other(own: Callable[[str], str]) -> None:
    config = from_env({**GOOD, "COMPLIANCE_STANDARDS": f"{own(OWN)}, cis-5.0"})
    house, cis = standards_of(config, ACCOUNT)
    assert (house.id, house.short, cis.id) == ("house", "House rules", "cis-5.0")
    (control,) = house.controls
    assert control.source == "The handbook" and control.assessment is Assessment.AUTOMATED
    (rule,) = control.judged_by(Terms(NOW))
    assert rule.id == "key-age-30" and " 30 " in f"{rule.requirement.format(**rule.numbers)} "
    assert [each.id for each in control.judged_by(Terms(NOW, key_days=30))] == ["key-age"]


BELOW = 'number = "H1"'


@pytest.mark.parametrize(
    ("wrong", "right", "told"),
    [
        ("= [", "[control]]", "not TOML"),
        ('id = "house"', 'id = "My House"', "id: 'My House'"),
        ('id = "house"\n', "", "id: missing"),
        ('name = "House rules"\n', "", "name: missing"),
        ('name = "House rules"', "name = 3", "name: 3 is not a text"),
        ('source = "The handbook"\n', "", "item H1: source: missing"),
        ('source = "The handbook"', "source = 3", "source: 3 is not a text"),
        ("checked = 2026-05-03\n", "", "item H1: checked: missing"),
        ("checked = 2026-05-03", 'checked = "May"', "checked: 'May' is not a date"),
        ("checked = 2026-05-03", "checked = 2026-05-03T10:00:00Z", "checked: "),
        ("[[control]]", "[control]", "control: there is no item"),
        ("[[control]]", "[[controls]]", "controls: unknown. Did you mean control?"),
        (BELOW, "", "item no. 1: number: missing"),
        (BELOW, "number = 1.10", "item no. 1: number: 1.1 is not a text"),
        (BELOW, 'number = ""', "number: '' is not a text"),
        ('title = "Keys are rotated every month"\n', "", "item H1: title: missing"),
        ('["key-age"]', '["key-ages"]', "item H1: rules: there is no rule 'key-ages'. Did you mean key-age?"),
        ('["key-age"]', '["key-age-30"]', "item H1: rules: there is no rule 'key-age-30'"),
        ('["key-age"]', '["key-age", "key-age"]', "item H1: rules: a name is there twice"),
        ('["key-age"]', '"key-age"', "item H1: rules: 'key-age' is not a list"),
        ('rules = ["key-age"]\nthresholds = { key_days = 30 }', "", "item H1: note: missing"),
        ("{ key_days = 30 }", "30", "item H1: thresholds: 30 is not a table"),
        ("{ key_days = 30 }", "{ keydays = 30 }", "thresholds: keydays: unknown. Did you mean key_days?"),
        ("{ key_days = 30 }", '{ key_days = "30" }', "thresholds: key_days: '30' is not a whole number"),
        ("{ key_days = 30 }", "{ key_days = true }", "thresholds: key_days: True is not a whole number"),
        ("{ key_days = 30 }", "{ key_days = 0 }", "thresholds: key_days: 0 is not a whole number from 1 to 3650"),
        ("{ key_days = 30 }", "{ unused_days = 30 }", "unused_days: none of the item’s rules judges by this number"),
        (BELOW, f'{BELOW}\nlevel = "two"', "item H1: level: 'two' is not a whole number"),
        (BELOW, f'{BELOW}\nassessment = "by hand"', "item H1: assessment: 'by hand' is not one of automated, manual"),
        ("[[control]]", 'assessment = "x"\n[[control]]', "assessment: 'x' is not one of"),
        (BELOW, f'{BELOW}\nnot_in = ["aws-gov"]', "item H1: not_in: there is no partition 'aws-gov'"),
        (BELOW, f'{BELOW}\nunless = ["mfas"]', "item H1: unless: there is no rule 'mfas'. Did you mean mfa?"),
        (BELOW, f'{BELOW}\ncoverage = "part"', "item H1: note: missing"),
        (BELOW, f'{BELOW}\ncoverage = "half"', "item H1: coverage: 'half' is not one of full, part"),
        (BELOW, f'{BELOW}\nseverity = "high"', "item H1: severity: unknown"),
        ("= 30 }", "= 30 }\n[[control]]\nnumber = 'H1'\ntitle = 'x'\nnote = 'x'", "item H1: is there twice"),
    ],
)  # fmt: skip
def test_every_mistake_is_told_with_its_place(wrong: str, right: str, told: str, own: Callable[[str], str]) -> None:
    text = OWN.replace(wrong, right) if wrong in OWN else OWN.replace("[[control]]", right)
    assert text != OWN
    file = own(text)
    with pytest.raises(SystemExit) as stopped:
        from_env({**GOOD, "COMPLIANCE_STANDARDS": file})
    (line,) = [line for line in str(stopped.value).splitlines() if told in line]
    assert line.startswith(f"- COMPLIANCE_STANDARDS: {file}: ")


def test_all_mistakes_are_told_at_once(own: Callable[[str], str]) -> None:
    file = own(
        OWN.replace("key_days = 30", "key_days = 0").replace('"H1"', "7").replace('source = "The handbook"', "")
    )
    with pytest.raises(SystemExit) as stopped:
        from_env({**GOOD, "COMPLIANCE_STANDARDS": f"{file},cis-9.9,nowhere/x.toml"})
    said = str(stopped.value)
    for place in ("number: 7", "key_days: 0", "source: missing", "'cis-9.9'", "nowhere/x.toml"):
        assert place in said
    assert said.count("source: missing") == 1


@pytest.mark.parametrize(
    ("content", "told"), [(b"\xff\xfe", "not UTF-8"), (b"#" * 600_000, "larger"), (b"", "id: missing")]
)
def test_files_that_are_no_text(content: bytes, told: str) -> None:
    with pytest.raises(MalformedStandard, match=told):
        read(content, "x.toml")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("cis-5.0,cis-5.0", "is in the list already"),
        ("999999999999:cis-5.0", "not one of ACCOUNTS"),
        ("cis", "there is no standard 'cis'"),
        ("/", "Check the path"),
    ],
)
def test_wrong_choices(value: str, told: str) -> None:
    with pytest.raises(SystemExit, match=re.escape(told)):
        from_env({**GOOD, "COMPLIANCE_STANDARDS": value})


def test_a_file_cannot_take_the_place_of_a_shipped_standard(own: Callable[[str], str]) -> None:
    with pytest.raises(SystemExit, match="comes with the portal"):
        from_env({**GOOD, "COMPLIANCE_STANDARDS": own(OWN.replace('"house"', '"cis-5.0"'))})


def test_each_account_may_follow_others() -> None:
    config = from_env({
        **GOOD, "ACCOUNTS": f"{ACCOUNT},210987654321",
        "COMPLIANCE_STANDARDS": f"cis-5.0,{ACCOUNT}:pci-dss-4.0.1,{ACCOUNT}:fsbp",
    })  # fmt: skip
    assert [each.id for each in standards_of(config, ACCOUNT)] == ["pci-dss-4.0.1", "fsbp"]
    assert [each.id for each in standards_of(config, "210987654321")] == ["cis-5.0"]
    assert [each.id for each in standards_of(from_env(GOOD), ACCOUNT)] == ["cis-5.0"]


def test_files_say_which_items_each_row_answers(
    command: Command, portal: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = exported(command, tmp_path, WHOLE)
    columns = list(rows[0])
    assert columns[columns.index("user_name_exact") :][:2] == ["user_name_exact", "standards"], (
        "new columns come last"
    )
    assert {row["standards"] for row in rows if row["rule"] == "key-age"} == {"cis-5.0 1.13"}
    assert not any(BY_ID[row["rule"]].variant_of for row in rows)
    both = {"": (shipped("pci-dss-4.0.1"), shipped("cis-5.0"))}
    monkeypatch.setitem(portal.config, "COMPLIANCE_STANDARDS", both)
    rows = list(csv.DictReader(io.StringIO(command("export").output)))
    said = {row["rule"]: row["standards"] for row in rows}
    assert said["unused"] == "cis-5.0 1.11" and said["unused-90"] == "pci-dss-4.0.1 8.2.6"
    assert said["mfa-console"] == "pci-dss-4.0.1 8.4.2; cis-5.0 1.9"
    assert {row["cis_5.0"] for row in rows if row["rule"] == "unused-90"} == {""}, "not CIS's number"
    alone = list(csv.DictReader(io.StringIO(command("export", "--standard", "pci-dss-4.0.1").output)))
    assert {row["rule"] for row in alone} == {
        "root-mfa", "root-use", "password-length-12", "password-reuse-4", "mfa", "mfa-console",
        "mfa-forced", "key-age", "unused-90", "password-mixed", "password-expiry",
    }  # fmt: skip
    among = [row for row in rows if "pci-dss-4.0.1" in row["standards"]]
    for row in alone + among:
        del row["as_of"], row["exported_at"]  # the files were made one after the other
    assert {row["rule"] for row in alone if row["user_name"]} and alone == among


def test_only_followed_standards_can_be_asked_for(command: Command, portal: Flask) -> None:
    told = command("export", "--standard", "fsbp")
    assert told.exit_code == 2 and "'cis-5.0'" in told.output


def test_a_new_choice_is_judged_at_once_and_readable(
    command: Command, portal: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = exported(command, tmp_path, WHOLE)
    chosen = {"": (read(OWN.encode(), "house.toml"), shipped("cis-5.0"))}
    monkeypatch.setitem(portal.config, "COMPLIANCE_STANDARDS", chosen)
    rows = list(csv.DictReader(io.StringIO(command("export").output)))
    assert {row["rule"] for row in rows} - {row["rule"] for row in before} == {"key-age-30"}
    (alice,) = [row for row in rows if row["rule"] == "key-age-30" and row["user_name"] == "alice"]
    assert alice["standards"] == "house H1" and " 30 " in alice["requirement"]
    found = command("export", "--rule", "key-age-30", "--state", alice["state"]).output
    assert "alice" in found, "users are found by the stored verdict"
    monkeypatch.setitem(portal.config, "COMPLIANCE_STANDARDS", {})
    rows = list(csv.DictReader(io.StringIO(command("export").output)))
    assert {row["standards"] for row in rows} == {""} and "key-age-30" not in {row["rule"] for row in rows}
    no_longer = {row["rule"] for row in before} - {row["rule"] for row in rows}
    assert no_longer == {"tls-expired"}, "which only a standard asks for"


def test_evidence_can_have_an_age_of_its_own() -> None:
    text = OWN.replace("{ key_days = 30 }", "{ key_days = 30, evidence_days = 7 }")
    house = read(text.encode(), "house.toml")
    terms = Terms(NOW)
    terms = terms._replace(variants=variants_of([house], terms))
    (variant,) = [rule for rule in applying(OF_PEOPLE, terms) if rule.variant_of]
    assert variant.id == "key-age-30-e7"
    seen = {"keys": Seen(Source.REPORT, ago(8))}
    someone = NOBODY._replace(keys=(key(10),), seen=seen)
    assert [judged(someone, terms, None, [each])[each.id].state for each in (BY_ID["key-age"], variant)] == [P, U]


def test_figures_stay_right_while_time_passes(
    command: Command, portal: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setitem(portal.config, "COMPLIANCE_STANDARDS", {"": (shipped("pci-dss-4.0.1"),)})
    exported(command, tmp_path, WHOLE)

    def counted() -> Figures:
        command("export")
        with portal.app_context(), db.engine.connect() as connection:
            return daily.days(connection, ACCOUNT, datetime.now(UTC))[-1][1]

    before = counted()
    clock.move(timedelta(days=31).total_seconds())
    after = counted()
    assert before.rules != after.rules, "some were due"
    for rule in ("password-length-12", "password-reuse-4", "root-use"):
        assert before.of(rule).population == after.of(rule).population == 1, "of one account"
    assert before.of("unused-90").population == after.of("unused-90").population == 1
