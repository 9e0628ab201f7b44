"""The lint of our prose finds what it should, and reads prose only."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prose.__main__ import main, not_yet
from tests.prose.reading import ROOT, files, prose
from tests.prose.rules import PHRASES, terms, violations

SAID_BADLY = [
    ("Then whoever has your password could do it.", "whoever"),
    ("Who signs in again sees the page.", "Who signs in again sees the page."),
    ("What stands here is kept.", "What stands"),
    ("The key\nis not yours, so somebody\nelse has it.", "somebody"),
    ("Give it up, or go on.", "Give it up"),
    ("Then go\non.", "go on"),
    ("The report was taken in.", "taken in"),
    ("It opens nothing while it is inactive.", "opens nothing"),
    ("Nobody fits.", "Nobody fits"),
    ("Sign in anew.", "anew"),
    ("Sign out, too.", ", too."),
    ("It reads a page; then it asks AWS; then it shows the page.", "; then it asks AWS; then it shows the page"),
    ("The oldest active access key is of 3 May 2026.", "is of 3 May"),
    ("Log in to AWS.", "Log in"),
    ("Replace the name by yours.", "Replace the name by"),
    ("It ends, also if the tests are killed.", "also if"),
    ("The network has no way out.", "no way out"),
    ("That receiver gets it no more.", "gets it no more"),
    ("See the the list.", "the the"),
    ("See the audit trail.", "audit trail"),
]
"""A text and the words in it that a rule names."""

FINE = [
    "You give your key to nobody.",
    "Confirm it's you. This change affects who can sign in.",
    "You're signed in in another tab, and that that is so is fine.",
    "Who can sign in? Every user.",
    "| rule | one thing; another thing here; a third thing |",
    "`somebody stands anew`",
    "```\nsomebody stands anew\n```",
    "```sh\nsomebody stands anew  # go on\n```",
    "Understand it, and outstanding work.",
]


@pytest.mark.parametrize(("text", "words"), SAID_BADLY)
def test_a_phrase_we_do_not_write_is_found(text: str, words: str) -> None:
    assert [found.words for found in violations("page.md", f"# Page\n\n{text}\n")][:1] == [" ".join(words.split())]


@pytest.mark.parametrize("text", FINE)
def test_plain_english_and_code_pass(text: str) -> None:
    assert list(violations("page.md", f"# Page\n\n{text}\n")) == []


def test_a_violation_says_where_it_is_and_what_is_better() -> None:
    (found,) = violations("page.md", "# Page\n\nFine.\nThen sign in anew.\n")
    assert (found.line, found.words, found.better) == (4, "anew", "again, or leave it out")


@pytest.mark.parametrize(
    ("path", "content", "read"),
    [
        ("app/x.py", '"""Doc."""\nanew = f"a {b} text"  # why\n', ["Doc.", "a", "text", "why"]),
        ("tests/x.py", '"""Doc."""\nanew = "a text"  # why\n', ["Doc.", "why"]),
        ("app/x.py", 'x = (\n    "one "\n    "two"\n)\n', ["one two"]),
        ("templates/x.html", '{# why #}<p title="Tip">One <b>two</b> {{ three }}</p>', ["why", "Tip", "One two"]),
        ("templates/x.html", '{{ _("Sign in") }}', ["Sign in"]),
        ("static/x.js", "// why\nanew('a text');\n", ["why", "a text"]),
        ("Makefile", "# why\nrun:\n\techo anew\n", ["why"]),
        ("docs/x.md", "# Head\n\n[words](address) `code`\n", ["Head", "words"]),
    ],
)
def test_prose_is_what_people_read(path: str, content: str, read: list[str]) -> None:
    text = prose(path, content)
    assert len(text) == len(content) and text.count("\n") == content.count("\n")
    for words in read:
        assert words in " ".join(text.split())
    assert not {"anew", "code", "address", "three", "echo"} & set(text.split())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; ", []),
        ("It sets img-src; then it sends the page; then it waits.", ["; then it sends the page; then it waits"]),
        ("The base-uri none of us sets; then it loads; then it waits.", ["; then it loads; then it waits"]),
        ("default-src 'none'; base-uri 'none'; Sign in anew.", ["anew"]),
        ("AWS was not able to validate the provided access credentials", []),
        ("Enter your access credentials.", ["access credentials"]),
    ],
)
def test_a_security_policy_and_an_error_of_aws_are_not_our_prose(text: str, found: list[str]) -> None:
    assert [each.words for each in violations("app/x.py", f'SAID = "{text}"\n')] == found


def test_each_word_the_glossary_rules_out_is_found() -> None:
    assert len(terms()) > 15
    for wrong, right in terms().items():
        assert [found.better for found in violations("page.md", f"This is the {wrong}.\n")] == [right]


def test_no_phrase_is_what_another_advises() -> None:
    for _, better in PHRASES:
        assert list(violations("page.md", f"{better}\n")) == []


def test_the_lint_fails_for_a_file_that_breaks_a_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.prose.__main__.ROOT", tmp_path)
        (tmp_path / "page.md").write_text("# Page\n\nSign in anew.\n")
        assert main([str(tmp_path / "page.md")]) == 1
        assert "page.md:3: “anew”: again, or leave it out" in capsys.readouterr().out
        (tmp_path / "page.md").write_text("# Page\n\nSign in again.\n")
        assert main([str(tmp_path / "page.md")]) == 0


def test_no_document_is_on_the_list() -> None:
    assert not {path for path in not_yet() if path.endswith(".md")}
    assert {"README.md", "CHANGELOG.md", "templates/base.html", "app/errors.py"} <= set(files())
    assert (ROOT / "docs/glossary.md").is_file()
