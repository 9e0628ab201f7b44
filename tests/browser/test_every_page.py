"""What looks back: no page without a story, no route without its guard."""

from __future__ import annotations

import pytest
from werkzeug.routing import Map

NOT_PAGES = {
    "static",
    "bootstrap.static",
    "aws_signin.callback",  # always redirects
    "activity.export",  # a file
    "access_keys.download",  # a file
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
