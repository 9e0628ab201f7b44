"""The documents hang together: links lead somewhere, the index is complete, pictures are small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app import __version__
from app.aws.clients import ALWAYS_ALLOWED
from app.policy.portal_actions import live_actions
from tests.docs.pages import DOCUMENTS, text
from tests.support.sandbox import ROOT

LINKED = (*DOCUMENTS, "CHANGELOG.md")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_PICTURE = re.compile(r"(?:src|srcset)=\"([^\"]+)\"")
MAX_PICTURES = 1_500_000
"""Bytes of all pictures together: everyone who clones the repository downloads them."""


def anchors(document: Path) -> set[str]:
    """What `#...` can name in a document: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", LINKED)
def test_every_link_leads_somewhere(document: str) -> None:
    here = (ROOT / document).parent
    whole = re.sub(r"```.*?```|`[^`\n]*`", "", text(document), flags=re.DOTALL)
    for target in _LINK.findall(whole) + _PICTURE.findall(whole):
        if target.startswith(("https://", "http://127.0.0.1")):
            continue
        path, _, anchor = target.partition("#")
        file = (here / path).resolve() if path else ROOT / document
        assert file.exists(), f"{document}: {target}"
        assert not anchor or anchor in anchors(file), f"{document}: {target}"


def test_the_index_names_every_document_once() -> None:
    named = re.findall(r"^\| \[[^\]]+\]\(([^)]+)\)", text("docs/index.md"), re.MULTILINE)
    pages = {f"{file.name}" for file in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert sorted(named) == sorted({*pages, "../CHANGELOG.md"})


def test_every_picture_is_shown_and_all_are_small() -> None:
    pictures = [file for file in (ROOT / "docs").rglob("*") if file.suffix in {".png", ".webp", ".svg", ".gif"}]
    shown = " ".join(text(document) for document in DOCUMENTS)
    assert [file.name for file in pictures if file.name not in shown] == []
    assert sum(file.stat().st_size for file in pictures) < MAX_PICTURES


def test_the_changelog_has_versions_newest_first_and_ends_with_no_empty_section() -> None:
    whole = text("CHANGELOG.md")
    versions = re.findall(r"^## (.+)$", whole, re.MULTILINE)
    released = [re.fullmatch(r"(\d+)\.(\d+)\.(\d+) - (\d{4}-\d\d-\d\d)", each) for each in versions[1:]]
    assert versions[0] == "Unreleased" and all(released)
    numbers = [tuple(map(int, found.groups()[:3])) for found in released if found]
    assert numbers == sorted(numbers, reverse=True)
    assert __version__ == ".".join(map(str, numbers[0])), "the newest released version is the project's"
    sections = re.findall(r"^### (\w+)\n\n(.)", whole, re.MULTILINE)
    assert {name for name, _ in sections} <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert len(sections) == whole.count("\n### "), "a section without entries"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_button_a_document_names_is_on_a_page(document: str) -> None:
    """Documents name few buttons, and each as “press **Label**”. Where quotes are typographic, both forms count."""
    pages = "".join(file.read_text() for folder in ("templates", "app") for file in _texts(ROOT / folder))
    named = re.findall(r"\bpress\s+\*\*([^*]+)\*\*", text(document), re.IGNORECASE)
    assert [label for label in named if label not in pages.replace("’", "'")] == []


def test_what_the_portal_may_call_is_counted_right() -> None:
    for document in ("README.md", "docs/security-review.md"):
        assert f"{len(live_actions())} IAM actions" in text(document), document
    review = text("docs/security-review.md")
    assert [action for action in ALWAYS_ALLOWED if f"`{action}`" not in review] == []
    assert len(ALWAYS_ALLOWED) == 3 and "three of AWS STS and AWS" in text("README.md")


def _texts(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.suffix in {".html", ".py"}]
