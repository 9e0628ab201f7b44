"""Accounts and administrators may be many: they can be in files, and an account that is watched lets nobody in."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import from_env
from tests.support.databases import GOOD

CAROL = "arn:aws:iam::123456789012:user/carol#AIDACAROL"
THEIRS = ("222200000001", "222200000002")


def test_watched_accounts_come_from_a_file_with_names(tmp_path: Path) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text(
        '\ufeffaccount,name\n# ours\n222200000001,"Team #1, Berlin",/Workloads # "new"\n\n222200000002 # the second\n'
    )
    found = from_env({**GOOD, "WATCHED_ACCOUNTS": f"@{file}"})
    assert found["WATCHED_ACCOUNTS"] == set(THEIRS)
    assert found["WATCHED_ACCOUNTS"].named == {THEIRS[0]: ("Team #1, Berlin", "Workloads"), THEIRS[1]: ("", "")}
    assert found["ACCOUNTS"] == {"123456789012"}, "where people may sign in, as before"


def test_an_administrator_of_all_accounts_and_administrators_in_a_file(tmp_path: Path) -> None:
    watched = {"WATCHED_ACCOUNTS": ",".join(THEIRS)}
    everywhere = {account: {"AIDACAROL"} for account in ("123456789012", *THEIRS)}
    assert from_env({**GOOD, **watched, "ADMINS": f"*={CAROL}"})["ADMINS"] == everywhere
    file = tmp_path / "admins"
    file.write_text(f"# who\n{THEIRS[0]}={CAROL}\n{THEIRS[1]}=AIDADORA # from the other team\n")
    assert from_env({**GOOD, **watched, "ADMINS": f"@{file}", "AUDITORS": f"@{file}"})["ADMINS"] == {
        THEIRS[0]: {"AIDACAROL"},
        THEIRS[1]: {"AIDADORA"},
    }
    thresholds = from_env({**GOOD, **watched, "COMPLIANCE_THRESHOLDS": f"{THEIRS[0]}:key-days=30"})
    assert thresholds["COMPLIANCE_THRESHOLDS"] == {THEIRS[0]: {"key_days": 30}}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"WATCHED_ACCOUNTS": "22220000001"}, "WATCHED_ACCOUNTS: '22220000001' is not an account ID of 12 digits."),
        ({"WATCHED_ACCOUNTS": "@/nowhere/list"}, "WATCHED_ACCOUNTS: /nowhere/list can’t be read: No such file"),
        ({"ADMINS": "@/nowhere/list"}, "ADMINS: /nowhere/list can’t be read: No such file"),
        ({"ADMINS": f"{THEIRS[0]}={CAROL}"}, "names an account that is not one of ACCOUNTS or WATCHED_ACCOUNTS."),
        (
            {"WATCHED_ACCOUNTS": THEIRS[0], "ADMINS": f"arn:aws:iam::{THEIRS[0]}:user/dora#AIDADORA"},
            "whose account is not one of ACCOUNTS, so they can’t sign in.",
        ),
    ],
)
def test_what_is_wrong_is_told(given: dict[str, str], said: str) -> None:
    with pytest.raises(SystemExit) as no:
        from_env({**GOOD, **given})
    assert said in str(no.value)


@pytest.mark.parametrize("name", ['"Sandbox of Mallory', '"Sandbox" of Mallory', "x" * 140_000])
def test_a_line_that_is_no_csv_is_told_and_hides_no_other(tmp_path: Path, name: str) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text(f"account,name\n# ours\n{THEIRS[0]},{name}\n{THEIRS[1]},Production\nnone,Payments\n")
    with pytest.raises(SystemExit) as no:
        from_env({**GOOD, "WATCHED_ACCOUNTS": f"@{file}"})
    assert f"WATCHED_ACCOUNTS: line 3, '{THEIRS[0]}," in str(no.value) and "isn’t CSV (" in str(no.value)
    assert "'none' is not an account ID" in str(no.value), "the lines after it are read"
    assert len(str(no.value)) < 1000
    watched = {"WATCHED_ACCOUNTS": f'{THEIRS[0]},"{THEIRS[1]}'}
    with pytest.raises(SystemExit, match="WATCHED_ACCOUNTS: line 1, '\"222200000002', isn’t CSV "):
        from_env({**GOOD, **watched})


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "admins"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SystemExit, match="it is not UTF-8 text"):
        from_env({**GOOD, "ADMINS": f"@{file}"})
