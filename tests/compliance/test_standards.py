"""Standards as data: what the shipped ones say, and whom they fail by their own numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from app.compliance.data.daily import Count, Figures
from app.compliance.rules.subjects import Account, Terms
from app.compliance.rules.table import BY_ID, OF_ACCOUNT, OF_PEOPLE, RULES, applying, judged
from app.compliance.rules.variants import CIS_NUMBERS
from app.compliance.rules.verdicts import State
from app.compliance.standard_results import JUDGED, ItemState, result_of
from app.compliance.standards.reading import read
from app.compliance.standards.shipped import CIS, ids, shipped
from app.compliance.standards.standard import Assessment, Standard, asked_by, items_by_rule, variants_of
from tests.compliance.standards_tables import TABLES
from tests.compliance.test_rules import KNOWN, NOBODY, NOW, F, P, U, key

ACCOUNT = "123456789012"
NUMBERS = {
    "root-key": ("1.4", "1.3", "2.3", "2.4"),
    "root-mfa": ("1.5", "1.4", "2.4", "2.5"),
    "root-hardware-mfa": ("1.6", "1.5", "2.5", "2.6"),
    "root-use": ("1.7", "1.6", "2.6", "2.7"),
    "password-length": ("1.8", "1.7", "2.7", "2.8"),
    "password-reuse": ("1.9", "1.8", "2.8", "2.9"),
    "mfa-console": ("1.10", "1.9", "2.9", "2.10"),
    "key-at-creation": ("1.11", "1.10", "2.10", ""),
    "unused": ("1.12", "1.11", "2.11", "2.11"),
    "one-active-key": ("1.13", "1.12", "2.12", ""),
    "key-age": ("1.14", "1.13", "2.13", "2.12"),
}
"""Of the benchmark's items, by rule: until 4.0.1, 5.0, 6.0, 7.0. The audit of the rules compared them one by one."""
ITEMS = {"1.4": 21, "1.5": 21, "2.0": 22, "3.0": 22, "4.0.1": 22, "5.0": 21, "6.0": 21, "7.0": 26}


def terms_under(*names: str, **own: Any) -> Terms:
    """The terms of an account with numbers of its own that follows the shipped standards of these names."""
    terms, standards = Terms(NOW, **own), [shipped(name) for name in names]
    return terms._replace(variants=variants_of(standards, terms), asked=asked_by(standards, terms))


def numbers_in(standard: Standard) -> dict[str, str]:
    """The items that the rules answer, by rule."""
    return {rule: control.number for control in standard.controls for rule in control.rules}


@pytest.mark.parametrize("version", CIS)
def test_each_version_of_the_benchmark_has_its_own_numbers(version: str) -> None:
    place = {"5.0": 1, "6.0": 2, "7.0": 3}.get(version, 0)
    standard = shipped(f"cis-{version}")
    assert len(standard.controls) == ITEMS[version]
    judged_here = {rule: numbers[place] for rule, numbers in NUMBERS.items() if numbers[place]}
    assert {rule: number for rule, number in numbers_in(standard).items() if rule in NUMBERS} == judged_here
    for control in standard.controls:
        assert control.level in (1, 2)
        assert control.thresholds.items() <= CIS_NUMBERS.items(), "variants with other numbers have other ids"
    assert {name for control in standard.controls for name in control.thresholds} == set(CIS_NUMBERS)


def test_other_standards_have_numbers_of_their_own() -> None:
    pci = {control.number: control for control in shipped("pci-dss-4.0.1").controls}
    assert [pci[number].thresholds for number in ("8.3.6", "8.3.7", "8.2.6")] == [
        {"password_length": 12}, {"password_reuse": 4}, {"unused_days": 90},
    ]  # fmt: skip
    hub = {control.number: control for control in shipped("security-hub").controls}
    assert hub["IAM.22"].thresholds == {"unused_days": 45} and hub["IAM.8"].thresholds == {"unused_days": 90}
    assert [number for number, control in hub.items() if "mfa" in control.rules] == ["IAM.19"]
    guideline = shipped("nist-800-63b-4").controls
    assert [control.thresholds for control in guideline if "password-length" in control.rules] == [
        {"password_length": 15}, {"password_length": 8},
    ]  # fmt: skip
    assert not any("key-age" in control.rules for control in guideline), "it asks for no forced rotation"


@pytest.mark.parametrize("name", ids())
def test_every_item_tells_where_it_is_from_and_what_is_left_out(name: str) -> None:
    for control in shipped(name).controls:
        assert control.source and control.checked.year >= 2026
        assert control.rules or control.note
        assert not control.title.startswith("Ensure "), "in our words"
        assert control.title[0].isupper() and not control.title.endswith(".")
        assert not control.note or control.note.endswith(".")


def test_what_is_uncertain_is_said() -> None:
    for name in ("pci-dss-4.0.1", "nist-800-53-r5", "nist-800-63b-4", "fsbp", "cis-1.4", "cis-2.0", "cis-3.0"):
        assert shipped(name).note


# -- the same person, the same account, several standards


@pytest.mark.parametrize(
    ("standard", "expected"),
    [("cis-5.0", {"unused": F}), ("pci-dss-4.0.1", {"unused-90": P}), ("fsbp", {"unused-90": P})],
)
def test_sixty_idle_days_are_too_many_for_one_standard_only(standard: str, expected: dict[str, State]) -> None:
    idle = NOBODY._replace(password=False, keys=(key(300, 60),))
    terms = terms_under(standard)
    verdicts = judged(idle, terms, None, applying(OF_PEOPLE, terms))
    items = items_by_rule([shipped(standard)], terms)
    found = {rule: verdict.state for rule, verdict in verdicts.items() if rule in items and rule.startswith("unused")}
    assert found == expected


@pytest.mark.parametrize(
    ("standard", "length", "remembered", "expected"),
    [
        ("cis-7.0", 12, 4, {"2.8": F, "2.9": F}),
        ("cis-7.0", 14, 24, {"2.8": P, "2.9": P}),
        ("pci-dss-4.0.1", 12, 4, {"8.3.6": P, "8.3.7": P, "8.3.9": F}),
        ("pci-dss-4.0.1", 11, 3, {"8.3.6": F, "8.3.7": F, "8.3.9": F}),
        ("nist-800-63b-4", 14, 0, {"3.1.1-single": F, "3.1.1-mfa": P, "3.1.1-composition": F, "3.1.1-expiry": P}),
        ("nist-800-63b-4", 15, 0, {"3.1.1-single": P, "3.1.1-mfa": P, "3.1.1-composition": F, "3.1.1-expiry": P}),
        ("fsbp", 8, 0, {"IAM.7": P}),
        ("fsbp", 7, 0, {"IAM.7": F}),
    ],
)
def test_one_password_policy_under_several_standards(
    standard: str, length: int, remembered: int, expected: dict[str, State]
) -> None:
    account = KNOWN._replace(password_length=length, password_reuse=remembered)
    account = account._replace(password_classes=ALL_CLASSES, password_expiry=0)
    assert _of_passwords(account, standard) == expected


ALL_CLASSES = ("uppercase", "lowercase", "digits", "symbols")


def _of_passwords(account: Account, standard: str) -> dict[str, State]:
    """The worst verdict on each item about the password policy."""
    terms = terms_under(standard)
    verdicts = judged(account, terms, None, applying(OF_ACCOUNT, terms))
    found: dict[str, State] = {}
    for rule, items in items_by_rule([shipped(standard)], terms).items():
        for _, control in items:
            if rule.startswith("password"):
                states = (found.get(control.number, P), verdicts[rule].state)
                found[control.number] = next(state for state in (F, U, P) if state in states)
    return found


@pytest.mark.parametrize(
    ("classes", "days", "expected"),
    [
        (ALL_CLASSES, 90, {"IAM.7": P, "IAM.10": P, "IAM.11": P, "IAM.12": P, "IAM.13": P, "IAM.14": P, "IAM.17": P}),
        (("lowercase", "digits"), 0, {
            "IAM.7": F, "IAM.10": F, "IAM.11": F, "IAM.12": P, "IAM.13": F, "IAM.14": P, "IAM.17": F,
        }),
        (("3 of 4",), 91, {
            "IAM.7": F, "IAM.10": F, "IAM.11": F, "IAM.12": F, "IAM.13": F, "IAM.14": F, "IAM.17": F,
        }),
        (None, None, {"IAM.7": U, "IAM.10": U, "IAM.11": U, "IAM.12": U, "IAM.13": U, "IAM.14": U, "IAM.17": U}),
    ],
)  # fmt: skip
def test_kinds_of_characters_and_expiry_are_judged_where_a_standard_asks(
    classes: tuple[str, ...] | None, days: int | None, expected: dict[str, State]
) -> None:
    account = KNOWN._replace(password_length=14, password_reuse=24, password_classes=classes, password_expiry=days)
    found = _of_passwords(account, "security-hub")
    assert {number: found[number] for number in expected} == expected
    assert not {rule.id for rule in applying(RULES, terms_under("cis-5.0"))} & {
        "password-uppercase", "password-expiry", "password-no-classes",
    }, "the benchmark asks for none of them"  # fmt: skip


@pytest.mark.parametrize(
    ("classes", "expected"),
    [(("digits", "uppercase"), P), (("digits", "lowercase"), P), (("digits",), F), (("lowercase",), F), ((), F)],
)
def test_pci_asks_for_a_letter_of_either_kind_and_a_digit(classes: tuple[str, ...], expected: State) -> None:
    account = KNOWN._replace(password_length=12, password_classes=classes, password_expiry=90)
    assert _of_passwords(account, "pci-dss-4.0.1")["8.3.6"] is expected


def test_passwords_need_not_expire_while_everyone_has_mfa() -> None:
    terms = terms_under("pci-dss-4.0.1")
    for counted, expected in ((Count(3), ItemState.NOT_APPLICABLE), (Count(2, 1), ItemState.FAIL)):
        figures = figures_of(mfa_console=counted, password_expiry=Count(0, 1))
        assert states_of("pci-dss-4.0.1", figures, terms)["8.3.9"] is expected


def test_the_same_numbers_are_judged_once() -> None:
    everything = terms_under(*ids())
    rules = [rule.id for rule in applying(RULES, everything)]
    assert len(rules) == len(set(rules))
    assert {rule for rule in rules if BY_ID[rule].variant_of} == {
        "unused-90", "password-length-7", "password-length-8", "password-length-12", "password-length-15",
        "password-reuse-4",
    }  # fmt: skip
    asked_of_all = [rule for rule in RULES if not rule.on_demand or rule.id == "tls-expired"]
    assert applying(RULES, terms_under("cis-1.4", "cis-5.0", "cis-6.0", "cis-7.0")) == asked_of_all, "nothing twice"
    assert applying(RULES, Terms(NOW)) == [rule for rule in RULES if not rule.on_demand]
    assert terms_under("cis-5.0", key_days=60).variants == (("key-age", (("key_days", 90),)),)
    remaining = terms_under("pci-dss-4.0.1", key_days=60, unused_days=90, password_length=12)
    assert [rule for rule, _ in remaining.variants] == ["password-reuse"]
    shorter = terms_under("pci-dss-4.0.1", password_expiry=60)
    assert "password-expiry" not in shorter.asked and "password-expiry-90" in {
        rule.id for rule in applying(RULES, shorter)
    }, "only by the standard's number"


def test_an_id_says_which_rule_is_judged_by_which_number() -> None:
    for rule_id in ("key-age-cis", "unused-90", "password-length-15", "root-use-cis-e30", "ssh-key-age-e7"):
        assert BY_ID[rule_id].id == rule_id and BY_ID[rule_id].variant_of
        assert rule_id in BY_ID and BY_ID[rule_id].name != _title_of(rule_id)
    for rule_id in ("key-age-90", "mfa-90", "mfa-cis", "ssh-key-age-cis", "unused-0", "unused-090", "unused-", "x-9"):
        assert rule_id not in BY_ID, "one id for one thing"
    loose = judged(NOBODY._replace(keys=(key(100),)), Terms(NOW), None, [BY_ID["key-age-120"], BY_ID["key-age-cis"]])
    assert [verdict.state for verdict in loose.values()] == [P, F]


def _title_of(rule_id: str) -> str:
    return BY_ID[BY_ID[rule_id].variant_of].name


# -- the account's figures, item by item


def figures_of(**counts: Count) -> Figures:
    return Figures(5, {rule.replace("_", "-"): count for rule, count in counts.items()}, 0)


def states_of(standard: str, figures: Figures, terms: Terms | None = None) -> dict[str, ItemState]:
    result = result_of(shipped(standard), terms or terms_under(standard), figures)
    return {item.control.number: item.state for item in result.items}


def test_items_that_no_rule_answers_are_listed_with_the_reason() -> None:
    result = result_of(shipped("cis-5.0"), terms_under("cis-5.0"), figures_of(mfa=Count(5)))
    assert result.all == 21
    for item in result.items:
        if not item.control.rules:
            manual = item.control.assessment is Assessment.MANUAL
            assert item.state is (ItemState.MANUAL if manual else ItemState.NOT_COVERED)
            assert item.control.note
        else:
            assert item.state in JUDGED
    assert result.judged == sum(item.state in JUDGED for item in result.items) == 16


def test_what_a_person_must_assess_is_said_beside_the_rules_verdict() -> None:
    result = result_of(shipped("cis-5.0"), terms_under("cis-5.0"), figures_of(key_at_creation=Count(0, 2)))
    by_number = {item.control.number: item for item in result.items}
    for number in ("1.5", "1.6", "1.10"):
        assert by_number[number].manual and by_number[number].state in JUDGED
    assert by_number["1.10"].state is ItemState.FAIL and not by_number["1.13"].manual
    assert by_number["1.1"].state is ItemState.MANUAL


def test_before_anything_is_known_nothing_passes() -> None:
    assert {*states_of("cis-5.0", Figures()).values()} == {
        ItemState.UNKNOWN, ItemState.MANUAL, ItemState.NOT_COVERED,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (Count(3, 1, 1, 1), ItemState.FAIL),
        (Count(3, 0, 1, 1), ItemState.UNKNOWN),
        (Count(3, 0, 0, 1), ItemState.EXCEPTED),
        (Count(3), ItemState.PASS),
        (Count(), ItemState.PASS),
    ],
)
def test_the_worst_verdict_is_the_items(count: Count, expected: ItemState) -> None:
    figures = figures_of(one_active_key=count, mfa=Count(1))
    assert states_of("cis-5.0", figures)["1.12"] is expected


def test_an_item_of_several_rules_passes_when_all_do() -> None:
    passing = {"password-length-7": Count(1), "password-reuse-4": Count(1)}
    assert states_of("security-hub", Figures(1, passing))["IAM.10"] is ItemState.PASS
    failing = passing | {"password-reuse-4": Count(0, 1)}
    assert states_of("security-hub", Figures(1, failing))["IAM.10"] is ItemState.FAIL


def test_what_a_version_dropped_is_no_item_of_it() -> None:
    terms = terms_under("cis-6.0", "cis-7.0")
    items = items_by_rule([shipped("cis-7.0")], terms)
    assert "one-active-key" not in items and "key-at-creation" not in items
    assert "one-active-key" in items_by_rule([shipped("cis-6.0")], terms)
    assert "1.3" in states_of("cis-4.0.1", Figures()) and "2.21" in states_of("cis-7.0", Figures())


def test_in_govcloud_the_items_about_roots_mfa_do_not_apply() -> None:
    gov = terms_under("cis-5.0", partition="aws-us-gov")
    states = states_of("cis-5.0", figures_of(mfa=Count(1)), gov)
    assert states["1.4"] is states["1.5"] is ItemState.NOT_APPLICABLE
    usual = result_of(shipped("cis-5.0"), terms_under("cis-5.0"), Figures())
    here = result_of(shipped("cis-5.0"), gov, Figures())
    assert (here.all, here.judged) == (usual.all - 2, usual.judged - 2)
    assert not items_by_rule([shipped("cis-5.0")], gov).keys() & {"root-mfa", "root-hardware-mfa"}


@pytest.mark.parametrize(
    ("console", "expected"),
    [(Count(4), ItemState.NOT_APPLICABLE), (Count(3, 1), ItemState.FAIL), (Count(3, 0, 1), ItemState.FAIL)],
)
def test_fifteen_characters_are_needed_while_a_password_is_the_only_factor(
    console: Count, expected: ItemState
) -> None:
    figures = Figures(4, {"mfa-console": console, "password-length-15": Count(0, 1), "password-length-8": Count(1)})
    states = states_of("nist-800-63b-4", figures)
    assert (states["3.1.1-single"], states["3.1.1-mfa"]) == (expected, ItemState.PASS)


@pytest.mark.parametrize("name", TABLES)
def test_the_docs_have_the_tables_that_follow_from_the_files(name: str) -> None:
    text = (Path(__file__).parents[2] / "docs/compliance.md").read_text()
    assert TABLES[name]() in text, "print them again: python -m tests.compliance.standards_tables"


def test_the_docs_explain_how_many_items_there_are_and_which_are_left_out() -> None:
    told = " ".join((Path(__file__).parents[2] / "docs/compliance.md").read_text().split())
    paragraph = told.partition("**What is counted.**")[2].partition("**Each standard")[0]
    newer, older = shipped("cis-5.0").controls, shipped("cis-4.0.1").controls
    assert f"CIS 5.0 has {len(newer)} of them" in paragraph and f"4.0.1 with its {len(older)} still has" in paragraph
    left_out = [control.number for control in newer if not control.rules]
    assert re.findall(r"\((1\.\d+)\)", paragraph) == left_out and len(left_out) == 5
    assert {control.title for control in older} - {control.title for control in newer} == {
        "The account has security questions"
    }


def test_the_example_in_the_docs_is_a_standard() -> None:
    text = (Path(__file__).parents[2] / "docs/compliance.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert [control.number for control in read(example.encode(), "house.toml").controls] == ["4.1", "4.2", "4.3"]
