"""The texts that people read in TOML files, for `make messages` (Babel's interface of extraction methods)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any, BinaryIO

READ = ("name", "short", "section", "title", "note")
"""The keys whose values pages show in the reader's language."""


def extract(file: BinaryIO, keywords: Any, tags: Any, options: Any) -> Iterator[tuple[int, str, str, list[str]]]:
    """Yield line, function, text and comments of each text. Lines aren't known, so they are all 1."""
    for text in _texts(tomllib.load(file)):
        yield 1, "", text, []


def _texts(table: dict[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        if key in READ and isinstance(value, str):
            yield value
        for row in value if isinstance(value, list) else ():
            if isinstance(row, dict):
                yield from _texts(row)
