"""Scripts contain no text: pages give it to them in attributes, through gettext."""

from __future__ import annotations

import pytest

from tests.support.sandbox import ROOT
from tests.support.script_texts import english, read_by, written_by

SCRIPTS = {file.name: file.read_text() for file in sorted((ROOT / "static").glob("*.js"))}
TEMPLATES = [file.read_text() for file in sorted((ROOT / "templates").rglob("*.html"))]
NOT_READ = {
    "Escape": "the name of a key",
    "Files": "a type of what is dropped",
    "alert alert-info": "classes",
    'main form[method="post"]': "a selector",
    'main form[method="post"] [name="${CSS.escape(name)}"]': "a selector",
    "minute of the year": "a way of app/text/dates.py",
    "second of the year": "a way of app/text/dates.py",
    "short minute": "a way of app/text/dates.py",
}
"""Strings that look like English, and what they are instead."""


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_contains_no_text(name: str) -> None:
    assert english(SCRIPTS[name]) - set(NOT_READ) == set()


def test_every_exception_is_in_a_script() -> None:
    assert set().union(*map(english, SCRIPTS.values())) >= set(NOT_READ)


def test_a_text_in_a_script_is_found() -> None:
    script = """
      // A comment.
      say("Copied"); say(`Your session ends in ${left} s`); say('try again'); say("Working…");
      const pattern = String.raw`[A-Z] or more`, code = "no-answer", known = /[A-Z]/;
    """
    assert english(script) == {"Copied", "Your session ends in ${left} s", "try again", "Working…"}


def test_pages_write_the_attributes_that_scripts_read() -> None:
    read = set().union(*map(read_by, SCRIPTS.values()))
    written = set().union(*map(written_by, TEMPLATES))
    assert read == written
    assert {"data-say-idle-", "data-say-no-answer", "data-say-one-more"} <= read
