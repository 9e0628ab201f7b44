"""What the documents contain: lines of their `sh` blocks, commands within sentences, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.support.sandbox import ROOT

DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{file.name}" for file in (ROOT / "docs").glob("*.md")),
    *sorted(str(file.relative_to(ROOT)) for file in (ROOT / "sandbox").rglob("README.md")),
)

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(r"(?:make|aws|flask|(?:/opt/latchkey/bin/)?latchkey|\.venv/bin/\S+|docker|pg_\w+|python3?) \S")


class Line(NamedTuple):
    """A line to type into a terminal."""

    document: str
    number: int
    command: str
    remark: str
    """The comment after it."""

    def __str__(self) -> str:
        return f"{self.document}:{self.number}: {self.command}"


def languages() -> dict[str, set[str]]:
    """Languages of each document's blocks, "" for a block that names none."""
    return {name: {found[2] for found in _BLOCK.finditer(text(name))} for name in DOCUMENTS}


def text(document: str) -> str:
    """A document, by its path in the project."""
    return (ROOT / document).read_text()


def lines(document: str) -> Iterator[Line]:
    """What the document's `sh` blocks tell a reader to type, from top to bottom."""
    whole = text(document)
    for block in _BLOCK.finditer(whole):
        first = whole.count("\n", 0, block.start(3)) + 1
        for offset, line in enumerate(block[3].splitlines()):
            command, _, remark = line.strip().partition("  #")
            if block[2] == "sh" and command and not command.startswith("#"):
                yield Line(document, first + offset, command.strip(), remark.strip())


def mentioned(document: str) -> Iterator[Line]:
    """Commands within sentences and tables."""
    blocks_left_out = _BLOCK.sub(lambda block: "\n" * block[0].count("\n"), text(document))
    for found in _INLINE.finditer(blocks_left_out):
        if _COMMAND.match(found[1]):
            number = blocks_left_out.count("\n", 0, found.start()) + 1
            yield Line(document, number, found[1].replace("\\|", "|"), "")
