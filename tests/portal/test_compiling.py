"""What is settled when templates are compiled, and addresses that are kept, are what each page would say."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, render_template_string, url_for
from jinja2 import Environment, UndefinedError, pass_context, pass_eval_context
from markupsafe import Markup

from app.factory import create_app
from app.web.compiling import Calls, settle_once
from config import from_env
from tests.support.databases import GOOD


def environment(calls: list[str]) -> Environment:
    def shout(text: str, end: str = "!") -> Markup:
        calls.append(text)
        return Markup("<b>") + text.upper() + end + Markup("</b>")

    made = Environment(autoescape=True)
    made.context_class = Calls
    made.globals["shout"] = shout
    settle_once(made, "shout", shout)
    return made


def test_a_call_with_constants_is_made_once() -> None:
    calls: list[str] = []
    template = environment(calls).from_string('{{ shout("a & b") }} {{ shout("c", end="?") if yes }}')
    assert sorted(calls) == ["a & b", "c"]
    said = "<b>A &amp; B!</b> "
    assert [template.render(yes=yes) for yes in (True, False)] == [f"{said}<b>C?</b>", said]
    assert sorted(calls) == ["a & b", "c"]


@pytest.mark.parametrize(
    "source", ["{{ shout(name) }}", "{{ shout(*[name]) }}", "{{ shout(**{'text': name}) }}", "{{ shout(text=name) }}"]
)
def test_what_a_page_is_about_is_asked_for_each_page(source: str) -> None:
    template = environment([]).from_string(source)
    assert [template.render(name=name) for name in ("<", "x")] == ["<b>&lt;!</b>", "<b>X!</b>"]


@pytest.mark.parametrize(
    "source",
    [
        '{% set shout = other %}{{ shout("a") }}',
        '{% macro say(shout) %}{{ shout("a") }}{% endmacro %}{{ say(other) }}',
        '{% for shout in [other] %}{{ shout("a") }}{% endfor %}',
    ],
)
def test_a_function_of_the_same_name_is_another_one(source: str) -> None:
    assert environment([]).from_string(source).render(other=lambda text: f"{text}, quietly") == "a, quietly"


def test_where_nothing_is_escaped_nothing_is_settled() -> None:
    made = environment([])
    made.autoescape = False
    calls: list[str] = []
    made.globals["shout"] = calls.append
    assert made.from_string('{{ shout("a") }}').render() == "None" and calls == ["a"]


class Shouted(str):
    """Text that knows how it looks as HTML."""

    def __html__(self) -> str:
        return f"<b>{self}</b>"


def test_all_that_is_not_html_is_escaped() -> None:
    source = "{{ a }}|{{ b }}|{{ c }}|{{ d }}|{{ e }}|{% autoescape false %}{{ a }}{% endautoescape %}"
    values = {"a": "<&", "b": Markup("<b>") + "<", "c": Shouted("x"), "d": None, "e": 1.5}
    expected = "&lt;&amp;|<b>&lt;|<b>x</b>|None|1.5|<&"
    assert environment([]).from_string(source).render(values) == expected
    assert Environment(autoescape=True).from_string(source).render(values) == expected


def test_what_fails_fails_on_the_page() -> None:
    template = environment([]).from_string('{% if yes %}{{ shout("a", loud=1) }}{% endif %}')
    assert template.render() == ""
    with pytest.raises(TypeError):
        template.render(yes=True)


def test_everything_is_called_as_jinja_calls_it() -> None:
    """Macros, their callers, methods, classes, and functions that ask for Jinja's context or environment."""
    source = """{% macro box(a, b="-") %}{{ a }}{{ b }}{{ caller(a) if caller }}{% endmacro -%}
    {% for n in (1, 2) %}{% set ns = namespace(x=n) %}{{ box("<", b=ns.x) }}{{ here() }}{% endfor -%}
    {% call(a) box("&") %}{{ a }}{{ "a,b".split(",") | length }}{% endcall -%}
    {{ range(2) | list }}{{ dict(a=1).a }}{{ autoescaped() }}{{ joiner(", ")() }}"""
    functions = {
        "here": pass_context(lambda context: context.get("n", "?")),
        "autoescaped": pass_eval_context(lambda context: context.autoescape),
    }
    plain = Environment(autoescape=True)
    plain.globals.update(functions)
    ours = environment([])
    ours.globals.update(functions)
    assert ours.from_string(source).render() == plain.from_string(source).render()
    with pytest.raises(UndefinedError):
        ours.from_string("{{ missing() }}").render()


def portal() -> Flask:
    return create_app(from_env({**GOOD, "DATABASE_URL": "sqlite://"}))


ADDRESSES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("overview.index", {}),
    ("access_keys.delete", {"id": "AKIA1"}),
    ("static", {"filename": "latchkey.css"}),
    ("static", {"filename": "latchkey.css", "_external": True}),
    ("mfa.devices", {"_anchor": "x"}),
)


@pytest.mark.parametrize(("endpoint", "values"), ADDRESSES)
def test_templates_get_the_addresses_of_flask(endpoint: str, values: dict[str, Any]) -> None:
    app = portal()
    for prefix in ("", "/below", ""):
        with app.test_request_context(environ_overrides={"SCRIPT_NAME": prefix}):
            expected = url_for(endpoint, **values)
            said = render_template_string("{{ url_for(endpoint, **values) }}", endpoint=endpoint, values=values)
            assert said == str(Markup.escape(expected)) and prefix in said


def test_no_address_with_a_value_of_a_user_is_kept() -> None:
    app = portal()
    with app.test_request_context():
        render_template_string("{{ url_for('access_keys.delete', id='AKIA1') }}{{ url_for('overview.index') }}")
    assert list(app.extensions["known_addresses"]) == [("overview.index", None)]
