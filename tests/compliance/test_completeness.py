"""Is everyone there? The sources of an account side by side, with who is missing in which."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from flask import Flask

from app.sandbox.operations.credential_report import HEADER
from tests.compliance.conftest import Aws, Command
from tests.compliance.test_formats import Page, take
from tests.compliance.test_report import BOB, ROOT, WHOLE


def manifest(command: Command, folder: Path) -> dict[str, Any]:
    """What a pack says of itself."""
    done = command("export", "--format", "pack", "--output", str(folder / "pack.zip"))
    assert done.exit_code == 0, done.output
    with ZipFile(folder / "pack.zip") as packed:
        found: dict[str, Any] = json.loads(packed.read("manifest.json"))
        found["report"] = packed.read("report.html").decode()
        return found


def test_one_source_alone_lacks_nobody(command: Command, portal: Flask, tmp_path: Path) -> None:
    take(command, tmp_path, WHOLE)
    told = manifest(command, tmp_path)["completeness"]
    assert told == {
        "users_in_account_summary": None, "users_with_results": 2, "complete": True, "users_not_in": {},
    }  # fmt: skip


def test_who_is_in_the_lists_but_not_in_the_report_is_named(
    command: Command, portal: Flask, aws: Aws, tmp_path: Path
) -> None:
    assert command("refresh", "--report", "--quiet").exit_code == 0
    found = manifest(command, tmp_path)
    count = len(aws.users)
    lists, report = found["sources"]
    assert (lists["source"], lists["users"]) == ("refresh", found["completeness"]["users_in_account_summary"])
    assert report["users"] == lists["users"] >= count and len(lists["sha256"]) == 64
    assert found["completeness"]["complete"] and set(found["completeness"]["users_not_in"]) == {
        "refresh", "credential-report",
    }  # fmt: skip


def names_in(command: Command) -> list[str]:
    done = command("export", "--format", "json", "--rule", "mfa")
    return sorted({row["user_name"] for row in json.loads(done.output)})


def report_on(names: list[str]) -> str:
    """A report on these users, which doesn't say when they were created."""
    rows = [BOB.replace("bob", name).replace("2026-01-02T10:00:00Z", "N/A") for name in names]
    return "\n".join([HEADER, ROOT, *rows])


def test_who_is_only_in_the_report_is_named_everywhere(command: Command, portal: Flask, tmp_path: Path) -> None:
    """A user was created after the lists were read."""
    assert command("refresh", "--quiet").exit_code == 0
    take(command, tmp_path, report_on([*names_in(command), "zoe"]), later=1)
    found = manifest(command, tmp_path)
    told = found["completeness"]
    assert told["complete"] is False and told["users_with_results"] == told["users_in_account_summary"] + 1
    assert told["users_not_in"] == {"credential-report": [], "refresh": ["zoe"]}
    assert "zoe" in Page(found["report"]).text.split("<h2>")[0]


def test_who_is_only_in_the_lists_is_named(command: Command, portal: Flask, tmp_path: Path) -> None:
    """A user was created after the report, and before the lists were read."""
    assert command("refresh", "--quiet").exit_code == 0
    names = names_in(command)
    take(command, tmp_path, report_on(names[1:]), later=1)
    told = manifest(command, tmp_path)["completeness"]
    assert told["complete"] is False, "whom a newer report doesn't name counts as deleted: the numbers differ"
    assert command("refresh", "--quiet").exit_code == 0
    told = manifest(command, tmp_path)["completeness"]
    assert told["complete"] is False and names[0] in told["users_not_in"]["credential-report"]
