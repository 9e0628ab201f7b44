"""Where the version of the portal is shown, and to whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import __version__
from tests.support.inside import get, portal_at, post


def test_probes_are_told_the_version(tmp_path: Path) -> None:
    alive = portal_at(tmp_path / "portal.db").test_client().get("/healthz", base_url="http://10.1.2.3:8000")
    assert (alive.status_code, alive.json) == (200, {"status": "ok", "version": __version__})


@pytest.mark.parametrize(("admins", "shown"), [("123456789012=AIDAALICE", True), ("123456789012=AIDAOTHER", False)])
def test_administrators_see_the_version_at_the_end_of_a_page(admins: str, shown: bool, tmp_path: Path) -> None:
    client = portal_at(tmp_path / "portal.db", ADMINS=admins).test_client()
    assert __version__ not in get(client, "/nowhere").text, "strangers don't"
    post(client, "/test/enter")
    post(client, "/test/upgrade")
    footer = get(client, "/nowhere").text.partition("<footer")[2].partition("</footer>")[0]
    assert footer and (f"Version {__version__}." in footer) == shown
