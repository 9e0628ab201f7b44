"""The form of templates and style sheets: what a page names is there, and both can be read."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jinja2 import Environment, meta, nodes

from app import public_keys
from app.factory import create_app
from app.text.dates import WAYS, written
from config import from_env
from tests.support.databases import GOOD
from tests.support.sandbox import ROOT

SIGN_IN = ROOT / "app" / "sandbox" / "signin"
"""The sandbox's pages: a package of its own has them with their style sheet."""
PORTAL = sorted((ROOT / "templates").rglob("*.html"))
TEMPLATES = [*PORTAL, *sorted((SIGN_IN / "templates").rglob("*.html"))]
SCRIPTS = sorted((ROOT / "static").glob("*.js"))
OURS, BOOTSTRAP = (ROOT / "static" / f"{name}.css" for name in ("latchkey", "bootstrap"))
SANDBOX = SIGN_IN / "static" / "sandbox.css"
SERVER_SIDE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def classes(style_sheet: Path) -> set[str]:
    """All that its selectors name."""
    text = re.sub(r"/\*.*?\*/|url\(.*?\)(?=[;}])", "", style_sheet.read_text(), flags=re.DOTALL)
    return set(re.findall(r"\.([A-Za-z][\w-]*)", text))


def used(file: Path) -> set[str]:
    """Classes a template or script names in full; their beginning where the rest is put together ("alert-")."""
    text = file.read_text()
    if file.suffix == ".js":
        strings = r"""(?:className = |classList\.\w+\()["']([^"']+)"""
        return {name for found in re.findall(strings, text) for name in found.split()}
    values = re.findall(r'\sclass="((?:[^"{]|\{\{.*?\}\}|\{%.*?%\})*)"', text, re.DOTALL)
    put_together = {name for value in values for name in re.findall(r"([\w-]+-)\{\{", value)}
    in_expressions = {
        name
        for value in values
        for expression in SERVER_SIDE.findall(value)
        for literal in re.findall(r"""["']([\w -]+)["']""", expression)
        for name in literal.split()
        if name.startswith(("lk-", "btn-"))
    }
    plain = {name for value in values for name in SERVER_SIDE.sub(" ", value).split() if not name.endswith("-")}
    return plain | put_together | in_expressions


@pytest.mark.parametrize("file", [*TEMPLATES, *SCRIPTS], ids=lambda file: str(file.relative_to(ROOT)))
def test_every_class_is_in_a_style_sheet_its_page_loads(file: Path) -> None:
    known = classes(SANDBOX) if file.is_relative_to(SIGN_IN) else classes(OURS) | classes(BOOTSTRAP)
    for style in re.findall(r"<style>(.*?)</style>", file.read_text(), re.DOTALL):  # mails have their own
        known = known | set(re.findall(r"\.([a-z][\w-]*)", style))
    unknown = {
        name
        for name in used(file)
        if name not in known and not (name.endswith("-") and any(each.startswith(name) for each in known))
    }
    assert not unknown


@pytest.mark.parametrize("style_sheet", [OURS, SANDBOX], ids=lambda file: file.name)
def test_classes_of_our_own_have_our_prefix(style_sheet: Path) -> None:
    others = {name for name in classes(style_sheet) if not name.startswith("lk-")}
    assert others <= classes(BOOTSTRAP)
    assert not any(name.startswith("lk-") for name in classes(BOOTSTRAP))


def test_every_class_of_our_own_is_used() -> None:
    named = {name for file in [*TEMPLATES, *SCRIPTS] for name in used(file)}
    named |= {name for file in (ROOT / "app").rglob("*.py") for name in re.findall(r"lk-[\w-]+", file.read_text())}
    beginnings = tuple(name for name in named if name.endswith("-"))
    ours = {name for name in classes(OURS) | classes(SANDBOX) if name.startswith("lk-")}
    assert {name for name in ours - named if not name.startswith(beginnings)} == set()


def test_every_page_gets_its_errors_summed_up_by_the_frame() -> None:
    """The frame puts the summary, with its links to the fields, above the `heading` of a page."""
    pages = {file: file.read_text() for file in PORTAL}
    framed = {file: text for file, text in pages.items() if 'extends "base.html"' in text}
    assert len(framed) > 40
    assert [file.name for file, text in framed.items() if "{% block heading %}" not in text] == []


def described(file: Path) -> list[str]:
    """Return the texts a page's meta description can be: one, or one for each case that the page tells apart."""
    tree = Environment(extensions=["jinja2.ext.i18n"]).parse(file.read_text())
    blocks = [block for block in tree.find_all(nodes.Block) if block.name == "description"]
    calls = [call for block in blocks for call in block.find_all(nodes.Call)]
    written_here = [
        str(call.args[0].as_const()) for call in calls if isinstance(call.node, nodes.Name) and call.node.name == "_"
    ]
    of_types = {part.attr for block in blocks for part in block.find_all(nodes.Getattr) if is_texts(part.node)}
    return written_here + [getattr(pages.texts, name) for pages in public_keys.types() for name in sorted(of_types)]


def is_texts(node: nodes.Node) -> bool:
    """Is it what a template calls the texts of a type of public key (`app.public_keys.shared_pages.PageTexts`)?"""
    return isinstance(node, nodes.Name) and node.name == "texts"


def test_every_page_has_a_description_that_no_other_page_has() -> None:
    framed = [file for file in PORTAL if 'extends "base.html"' in file.read_text()]
    of_pages = {file.name: described(file) for file in framed}
    assert len(framed) > 40
    assert [name for name, texts in of_pages.items() if not texts] == []
    every = [text for file in framed for text in described(file)]
    assert len(described(ROOT / "templates" / "public_keys" / "deactivate_or_delete.html")) == 2 * len(
        public_keys.types()
    )
    assert [text for text, number in Counter(every).items() if number > 1] == []
    for text in every:
        longest = text.replace("%(name)s", 64 * "n").replace("%(title)s", 60 * "n").replace("%(rule)s", 90 * "n")
        assert len(text) > 20 and len(longest) <= 160, text


def test_bootstrap_keeps_its_licence_at_the_top() -> None:
    first, _, _ = BOOTSTRAP.read_text().partition("*/")
    assert first.startswith("/*!") and "The Bootstrap Authors" in first and "Licensed under MIT" in first


def test_templates_write_dates_and_tokens_in_one_place_each() -> None:
    macros = ROOT / "templates" / "_macros.html"
    by_hand = {
        (file.name, found)
        for file in TEMPLATES
        for found in ("strftime", "isoformat", "csrf_token")
        if found in file.read_text() and (file != macros or found != "csrf_token")
    }
    assert by_hand == set(), "dates are written by the filter `date`, a form's token by the macro `csrf`"
    assert macros.read_text().count("csrf_token()") == 1


def test_every_date_is_written_in_a_way_there_is() -> None:
    ways = {way for file in TEMPLATES for way in re.findall(r"""\| date\(["'](.+?)["']\)""", file.read_text())}
    assert ways <= set(WAYS)
    moment = datetime(2026, 5, 3, 9, 5, 7, tzinfo=UTC)
    assert written(moment) == "3 May 2026" == written(moment.date())
    assert written(moment, "minute") == "3 May 2026, 09:05 UTC"


@pytest.mark.parametrize("file", [*TEMPLATES, OURS, SANDBOX], ids=lambda file: str(file.relative_to(ROOT)))
def test_lines_can_be_read(file: Path) -> None:
    drawn = r"url\(.data:image|<path d=|\bd=\""  # pictures are one word
    long = [line for line in file.read_text().splitlines() if len(line) > 120 and not re.search(drawn, line)]
    assert long == []


def imported(template: nodes.Template, *, with_context: bool) -> set[str]:
    """Names of the templates whose macros it imports, with its context or without."""
    found: list[nodes.Import | nodes.FromImport] = [
        *template.find_all(nodes.Import),
        *template.find_all(nodes.FromImport),
    ]
    return {
        str(each.template.value)
        for each in found
        if isinstance(each.template, nodes.Const) and each.with_context is with_context
    }


def test_macros_that_all_pages_share_contain_nothing_of_one_request() -> None:
    """They are made once. What a request has, they would show to everyone: it is given to them instead."""
    app = create_app(from_env({**GOOD, "DATABASE_URL": "sqlite://"}))
    environment = app.jinja_env
    parsed = {file.relative_to(ROOT / "templates").as_posix(): environment.parse(file.read_text()) for file in PORTAL}
    shared = {name for template in parsed.values() for name in imported(template, with_context=False)}
    assert {"_macros.html", "_components.html", "overview/_glance.html"} <= shared
    for name in shared:
        for node in parsed[name].body:
            blank = isinstance(node, nodes.Output) and all(
                isinstance(part, nodes.TemplateData) for part in node.nodes
            )
            assert blank or isinstance(node, nodes.Macro | nodes.Import | nodes.FromImport), f"{name}:{node.lineno}"
        unknown = meta.find_undeclared_variables(parsed[name]) - set(environment.globals) - {"_trans"}
        assert not unknown, f"{name}: {unknown}"
        assert not imported(parsed[name], with_context=True), name


def test_pages_at_the_same_time_get_the_same_macros_and_their_own_readers() -> None:
    app = create_app(from_env({**GOOD, "DATABASE_URL": "sqlite://"}))
    macros = app.jinja_env.get_template("mfa/_parts.html")
    page = app.jinja_env.from_string('{% from "_macros.html" import csrf %}{{ csrf() }}')
    with app.test_request_context():
        first = page.render()
    with app.test_request_context():
        second = page.render()
    assert "csrf_token" in first and first != second, "each has the token of its own session"
    assert macros._get_default_module() is macros._get_default_module()
