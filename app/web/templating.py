"""The filters and functions of templates."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from functools import cache

from flask import Flask, g
from flask_login import current_user
from flask_wtf import FlaskForm
from flask_wtf.csrf import generate_csrf
from heroicons.jinja import heroicon_micro, heroicon_mini, heroicon_outline, heroicon_solid
from jinja2 import Template
from jinja2.environment import TemplateModule
from jinja2.ext import Extension
from jinja2.runtime import Context
from markupsafe import Markup, escape

from app import __version__
from app.text.browser_names import browser_name, device_kind
from app.text.dates import ago, written
from app.text.messages import _
from app.web.compiling import Calls, settle_once
from app.web.guards import accounts_to_administer, accounts_to_watch


def grouped(seed: str) -> str:
    """Return "ABCD EFGH ...": groups of four are easier to type."""
    return " ".join(seed[start : start + 4] for start in range(0, len(seed), 4))


def machine_time(moment: datetime) -> str:
    """Return a moment as the `datetime` of HTML's `<time>`: to the second, since it has no microseconds."""
    return moment.isoformat(timespec="seconds")


def whole_options(text: str) -> Markup:
    """Return a command as HTML in which no line ends inside an option like `--serial-number`."""
    parts = re.sub(r"--[a-z][a-z-]{1,30}(?![\w-])", r'<span class="lk-nowrap">\g<0></span>', str(escape(text)))
    return Markup(parts)  # noqa: S704 # escaped before the spans, which hold letters and hyphens only


_ATTRIBUTES = {"aria-hidden": "true", "class": "lk-icon"}
_IN_STYLE_SHEET = (' stroke-linecap="round"', ' stroke-linejoin="round"')
"""What Heroicons repeats in each line it draws. `.lk-icon` says it for all of them."""


@cache
def icon(name: str, size: int = 20, style: str = "outline") -> Markup:
    """Return a picture of Heroicons (https://heroicons.com) in the colour of the text, hidden from screen readers.

    size: in pixels. style: "outline", "solid", "mini" or "micro". Raises IconDoesNotExist for an unknown name.
    """
    draw = {"outline": heroicon_outline, "solid": heroicon_solid, "mini": heroicon_mini, "micro": heroicon_micro}
    drawn = re.sub(r"(?<=>)\s+(?=<)| (?=/>)", "", draw[style](name, size=size, **_ATTRIBUTES))
    for said in _IN_STYLE_SHEET:
        drawn = drawn.replace(said, "")
    return Markup(drawn)  # noqa: S704 # drawn by the package from its own files


def takes_focus(wanted: object) -> bool:
    """Return whether a field gets `autofocus`: only the first of a page that wants it does (HTML allows one)."""
    if not wanted or g.get("focus_is_taken"):
        return False
    g.focus_is_taken = True
    return True


def first_sentence(text: str) -> str:
    """Return a text up to the end of its first sentence."""
    return re.split(r"(?<=[.?!])\s", text, maxsplit=1)[0]


def error_links(form: FlaskForm) -> list[tuple[str, str]]:
    """Return the fields of a form that have errors: the ID to link to, and the first sentence of the error.

    The field itself shows the whole error. A sentence that several fields share has the field's label before it.
    """
    wrong = [field for field in form if field.errors and field.id]
    sentences = [first_sentence(str(field.errors[0])) for field in wrong]
    often = Counter(sentences)
    return [
        (
            f"{field.id}-0" if field.type == "RadioField" else field.id,
            f"{_(field.label.text)}: {sentence}" if often[sentence] > 1 else sentence,
        )
        for field, sentence in zip(wrong, sentences, strict=True)
    ]


def csrf_token() -> str:
    """Return the token of this page's forms. Flask-WTF makes it once, but looks up its settings for each form."""
    return str(g.get("csrf_token") or generate_csrf())


class SharedMacros(Template):
    """A template whose macros are made once. All pages that import it without their context share them.

    They know the functions and filters below, and what they are given. Nothing in them belongs to one request.
    """

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:
        # Jinja compares the names of all globals at each import, in case templates had globals of their own.
        return super()._get_default_module()


class Unindented(Extension):
    """Leaves the indentation of templates out of pages. Line breaks stay, and count as a blank, as before.

    Only `<pre>` would show a difference, and templates don't indent there.
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Return the source with as many lines, so that errors name the right one."""
        return re.sub(r"\n[ \t]+", "\n", source)


def register(app: Flask) -> None:
    """Add the filters and functions to Jinja."""
    app.jinja_env.add_extension(Unindented)
    app.jinja_env.template_class = SharedMacros
    app.jinja_env.context_class = Calls
    settle_once(app.jinja_env, "icon", icon)
    app.jinja_env.filters["date"] = written
    app.jinja_env.filters["grouped"] = grouped
    app.jinja_env.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    app.jinja_env.filters["ago"] = lambda moment: ago(moment, datetime.now(UTC))
    app.jinja_env.filters["browser_name"] = browser_name
    app.jinja_env.filters["device_kind"] = device_kind
    app.jinja_env.filters["whole_options"] = whole_options
    app.jinja_env.filters["machine_time"] = machine_time
    app.jinja_env.globals["version"] = __version__
    app.jinja_env.globals["current_user"] = current_user  # for macros, which don't get what Flask-Login gives pages
    app.jinja_env.globals["accounts_to_watch"] = accounts_to_watch
    app.jinja_env.globals["accounts_to_administer"] = accounts_to_administer
    app.jinja_env.globals["csrf_token"] = csrf_token
    app.jinja_env.globals["error_links"] = error_links
    app.jinja_env.globals["icon"] = icon
    app.jinja_env.globals["takes_focus"] = takes_focus
    app.jinja_env.globals["now"] = lambda: datetime.now(UTC)
