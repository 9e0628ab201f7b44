"""What looks back: no page without a story, no route without its guard."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from werkzeug.routing import Map

from app.policy.documents import live_actions
from tests.conftest import POLICIES
from tests.support.sandbox import ROOT

NOT_PAGES = {
    "static",
    "bootstrap.static",
    "aws_signin.callback",  # always redirects
    "activity.export",  # a file
    "access_keys.download",  # a file
    "policies.download",  # a file
    "compliance.export",  # a file
    "compliance.progress",  # for programs
}


@pytest.mark.looks_back
def test_every_page_was_opened_and_inspected(url_map: Map, seen: set[str]) -> None:
    pages = {
        rule.endpoint
        for rule in url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.endpoint not in NOT_PAGES
    }
    assert pages <= seen, f"no story opens {sorted(pages - seen)}"


@pytest.mark.looks_back
@pytest.mark.skipif("TESTS_SEEN" not in os.environ, reason="looks back on the whole suite, which was not run")
@pytest.mark.parametrize("under", POLICIES)
def test_every_action_was_done_for_somebody(under: str) -> None:
    files = Path(os.environ["TESTS_SEEN"]).glob(f"*.{under}")
    done = {action for file in files for action in file.read_text().splitlines()}
    assert not live_actions() - done, "no story has AWS do these through the portal"


@pytest.mark.looks_back
@pytest.mark.skipif("TESTS_SEEN" not in os.environ, reason="looks back on the whole suite, which was not run")
def test_what_every_portal_wrote_was_searched_for_secrets() -> None:
    sizes = [int(file.read_text()) for file in Path(os.environ["TESTS_SEEN"]).glob("*.searched")]
    assert len(sizes) > 20 and sum(sizes) > 1_000_000


@pytest.mark.looks_back
def test_the_table_of_actions_is_true(url_map: Map) -> None:
    text = (ROOT / "docs" / "actions.md").read_text()
    rows = re.findall(r"^\| `(iam:\w+)` \| `(/[\w/-]*)` \| `(tests/\S+\.py)` \|$", text, re.MULTILINE)
    assert sorted(action for action, _, _ in rows) == sorted(live_actions())
    pages = url_map.bind("127.0.0.1")
    for action, page, story in rows:
        assert pages.test(page, "GET"), f"{action}: there is no page {page}"
        assert (ROOT / story).is_file(), f"{action}: there is no {story}"
