"""Words in templates that don't pass through gettext, and so could not be said in another language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, nodes

from tests.support.sandbox import ROOT

_ENV = Environment(loader=FileSystemLoader(ROOT / "templates"), extensions=["jinja2.ext.i18n"], autoescape=True)
_SAYS = {"_", "gettext", "ngettext", "pgettext", "npgettext"}
_SAID = re.compile("alt|aria-label|content|data-(busy|label|many|over|then|say-.*)|placeholder|title")
"""Attributes that people read or hear."""
_VERBATIM = ("code", "kbd", "samp", "script", "style", "svg")
"""Elements whose text is no language."""
_EXPRESSION = "\ue000"
"""In place of an expression: a character that no template has."""
_WORD = re.compile(r"[A-Za-z]{2,}")
_SENTENCE = re.compile(r"[A-Z][a-z]+|[a-z]{2,}[,.:…]? [a-z]")
_CLASSES = re.compile(r"(?:\s*(?:lk|btn|form|alert|visually|is|w)-[\w-]*\s*|btn|alert|\s)+")
_NAMES = {"width=device-width, initial-scale=1", "light dark"}


class _Words(HTMLParser):
    """Collects the texts of HTML whose expressions were taken out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Words in attributes."""
        if tag in _VERBATIM:
            self._inside.append(tag)
        self.found += [value for name, value in attrs if _SAID.fullmatch(name) and value and value not in _NAMES]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content."""
        self.handle_starttag(tag, attrs)
        if tag in _VERBATIM:
            self._inside.pop()

    def handle_endtag(self, tag: str) -> None:
        """The end of what is verbatim."""
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        """Words between tags."""
        if not self._inside:
            self.found += data.split(_EXPRESSION)


def _is_said(text: str) -> bool:
    return bool(_SENTENCE.search(text)) and not _CLASSES.fullmatch(text) and text not in _NAMES


def _constants(node: nodes.Node) -> Iterator[str]:
    """Sentences in expressions, outside of what is said by gettext, and outside of names of filters' ways."""
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in _SAYS:
        return
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name.startswith("local_time"):
        return
    if isinstance(node, nodes.Filter) and node.name in ("date", "selectattr", "map", "rejectattr", "groupby"):
        if node.node is not None:
            yield from _constants(node.node)
        return
    if isinstance(node, nodes.Import | nodes.FromImport | nodes.Extends | nodes.Include | nodes.Compare):
        return
    if isinstance(node, nodes.Const) and isinstance(node.value, str) and _is_said(node.value):
        yield node.value
    for child in node.iter_child_nodes():
        yield from _constants(child)


def _html(node: nodes.Node) -> str:
    """The HTML of a template with a mark for each expression."""
    if isinstance(node, nodes.Block) and node.name == "width":
        return ""  # a word for style sheets
    if isinstance(node, nodes.TemplateData):
        return node.data
    if isinstance(node, nodes.Output):
        return "".join(_html(child) for child in node.nodes)
    if isinstance(node, nodes.Stmt | nodes.Template):
        return "".join(_html(child) for child in node.iter_child_nodes())
    return _EXPRESSION if isinstance(node, nodes.Expr) else ""


def untranslated(template: Path) -> list[str]:
    """Return the texts of a template that gettext doesn't know, in no order; [] where all pass through it."""
    tree = _ENV.parse(template.read_text())
    words = _Words()
    words.feed(_html(tree))
    words.close()
    texts = [re.sub(r"\s+", " ", text.replace(_EXPRESSION, " ")).strip() for text in words.found]
    return [text for text in texts if _WORD.search(text)] + [text.strip() for text in _constants(tree)]
