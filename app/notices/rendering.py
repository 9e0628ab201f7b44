"""Notices as text and as HTML, with the brand. Workers render them, so nothing here needs a request."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from app import places
from app.notices.content import Brand, Content, Fact, Section
from app.notices.kinds import compose
from app.notices.messages import Parts
from app.text.messages import _

TEMPLATES = places.TEMPLATES / "notices"
WIDTH = 72
"""Characters of a line of text. Addresses and names may be longer."""


def render(kind: str, data: Mapping[str, Any], language: str, brand: Brand) -> Parts:
    """Return a notice as subject, text and HTML.

    data: as documented in the kind's module in `app.notices.texts`. language: of the reader, like "en".
    Raises KeyError for an unknown kind, or if its data lacks a number.
    """
    content = compose(kind, data, brand)
    return Parts(content.subject, as_text(content, brand), as_html(content, language, brand))


@cache
def _layout() -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("mail.html")


def as_html(content: Content, language: str, brand: Brand) -> str:
    """Return a whole page for mail programs: without scripts, and without anything to be loaded."""
    return _layout().render(content=content, language=language, brand=brand, small_print=_small_print(content, brand))


def as_text(content: Content, brand: Brand) -> str:
    """Return the same as plain text."""
    return "\n\n".join(_blocks(content, brand)) + "\n"


def _blocks(content: Content, brand: Brand) -> Iterator[str]:
    yield _wrapped(content.heading)
    yield from map(_wrapped, content.paragraphs)
    if content.facts:
        yield _lines(content.facts)
    if content.link:
        yield f"{content.link.label}:\n{content.link.address}"
    for section in (*content.sections, *([content.warning] if content.warning else [])):
        yield "\n\n".join(_section(section))
    yield "-- \n" + "\n".join(map(_wrapped, _small_print(content, brand)))


def _section(section: Section) -> Iterator[str]:
    yield f"{section.heading}\n{'-' * min(len(section.heading), WIDTH)}"
    yield from map(_wrapped, section.paragraphs)
    if section.facts:
        yield _lines(section.facts)
    for link in section.links:
        yield f"{link.label}:\n{link.address}"


@lru_cache(maxsize=1024)  # most sentences are the same in thousands of notices
def _wrapped(text: str) -> str:
    return "\n".join(
        textwrap.fill(line, WIDTH, break_long_words=False, break_on_hyphens=False) for line in text.splitlines()
    )


def _lines(facts: tuple[Fact, ...]) -> str:
    return "\n".join(_("%(label)s: %(value)s", label=fact.label, value=fact.value) for fact in facts)


def _small_print(content: Content, brand: Brand) -> tuple[str, ...]:
    """Return why readers get it, who can help, and a warning about phishing."""
    return (
        *content.small_print,
        _("Questions? Ask %(administrator)s.", administrator=brand.administrator),
        _("%(brand)s never asks for a password or a code in a message.", brand=brand.name),
    )
