"""What looks back: no page without a story, no route without its guard."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from werkzeug.routing import Map

from app.policy.documents import read
from app.policy.portal_actions import allowed_actions, live_actions
from tests.conftest import POLICIES
from tests.support.asked import NO_PAGE, all_asked
from tests.support.inspection import FILES
from tests.support.sandbox import ROOT

NOT_PAGES = {
    "static",
    "aws_signin.callback",  # always redirects
    "compliance_audit.choose_rule",  # always redirects
    "company_signin.callback",  # always redirects
    "branding.logo",  # a picture
    "security_txt.security_txt",  # a text for programs
    *FILES,
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
    assert not allowed_actions(read(under)) - done, "no story has AWS do these through the portal"


@pytest.mark.looks_back
@pytest.mark.skipif("TESTS_SEEN" not in os.environ, reason="looks back on the whole suite, which was not run")
def test_what_every_portal_wrote_was_searched_for_secrets() -> None:
    sizes = [int(file.read_text()) for file in Path(os.environ["TESTS_SEEN"]).glob("*.searched")]
    assert len(sizes) > 20 and sum(sizes) > 1_000_000


ANY_PAGE = "any page"
TEXT = (ROOT / "docs" / "actions.md").read_text()


def its_pages() -> list[tuple[str, str, str]]:
    """Rows of the first table: action, page, story."""
    return re.findall(r"^\| `(iam:\w+)` \| `(/[\w/-]*)` \| `(tests/\S+\.py)` \|$", TEXT, re.MULTILINE)


def asked_besides() -> set[tuple[str, str]]:
    """Action and page of the second table, whose rows hold several actions."""
    rows = re.findall(r"^\| (\S.*?) \| (`\w+:\w+`(?:, `\w+:\w+`)*) \|$", TEXT, re.MULTILINE)
    return {(action, page.strip("`")) for page, several in rows for action in re.findall(r"[\w:]+", several)}


@pytest.mark.looks_back
def test_the_tables_of_actions_name_what_there_is(url_map: Map) -> None:
    assert sorted(action for action, _, _ in its_pages()) == sorted(live_actions())
    there = {rule.rule for rule in url_map.iter_rules() if "GET" in (rule.methods or ())} | {ANY_PAGE, NO_PAGE}
    assert {page for _, page, _ in its_pages()} | {page for _, page in asked_besides()} <= there
    assert all((ROOT / story).is_file() for _, _, story in its_pages())


@pytest.mark.looks_back
@pytest.mark.skipif("TESTS_SEEN" not in os.environ, reason="looks back on the whole suite, which was not run")
def test_the_tables_of_actions_are_true() -> None:
    asked, besides = all_asked(), asked_besides()
    done = {(each.action, each.page, each.story) for each in asked if each.status == 200}
    missed = set(its_pages()) - done
    assert not missed, "the story does not see AWS do this for the page"
    pairs = {(each.action, each.page) for each in asked}
    unseen = besides - pairs - {(action, ANY_PAGE) for action, _ in pairs}
    assert not unseen, "no story has the page ask this"
    named = besides | {(action, page) for action, page, _ in its_pages()}
    untold = {(action, page) for action, page in pairs - named if (action, ANY_PAGE) not in named}
    assert not untold, "pages ask this, and no table says so"
