"""Every page that a story opened is valid HTML by the W3C's checker, as the server sent it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.sandbox import ROOT

CHECKER = ROOT / "build" / "markup" / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"


def complaints(pages: list[Path]) -> list[str]:
    """Return the errors the Nu Html Checker finds in these files: "PAGE:LINE: MESSAGE (EXTRACT)"."""
    command = [
        "java",
        "-jar",
        str(CHECKER),
        "--exit-zero-always",
        "--errors-only",
        "--format",
        "json",
        *map(str, pages),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [
        f"{Path(each['url']).name}:{each.get('lastLine', 0)}: {each['message']} ({each.get('extract', '')!r})"
        for each in json.loads(done.stderr)["messages"]
    ]


@pytest.mark.looks_back
@pytest.mark.skipif("TESTS_SEEN" not in os.environ, reason="looks back on the whole suite, which was not run")
def test_every_page_is_valid_html(tmp_path: Path) -> None:
    pages = sorted(Path(os.environ["TESTS_SEEN"]).glob("*.html"))
    assert len(pages) > 100, "the stories open more than a hundred pages and states"
    wrong = tmp_path / "wrong.html"
    wrong.write_text("<!doctype html><html lang=en><title>It can tell</title><p aria-label=no>This is wrong.")
    found = complaints([*pages, wrong])
    assert [each for each in found if each.startswith("wrong.html")], "the checker works"
    assert not (bad := [each for each in found if not each.startswith("wrong.html")]), "\n".join(bad)
