"""Every text of a page passes through gettext, and without a translation it is what it is in English."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask, render_template_string

from app.factory import create_app
from app.text.messages import N_, _, administrator, ask_admin, ngettext
from config import from_env
from tests.support.databases import GOOD
from tests.support.sandbox import ROOT
from tests.support.untranslated import untranslated

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
NOT_YET: set[str] = set()
"""Templates with texts that no translator would see. The list only gets shorter."""


def portal(**settings: str) -> Flask:
    return create_app(from_env({**GOOD, "DATABASE_URL": "sqlite://", **settings}))


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: str(file.relative_to(ROOT / "templates")))
def test_a_page_says_everything_through_gettext(file: Path) -> None:
    found = untranslated(file)
    if str(file.relative_to(ROOT / "templates")) in NOT_YET:
        assert found, "all of it is said through gettext: take it out of NOT_YET"
    else:
        assert found == []


def test_pages_hand_gettext_nothing_but_words_of_their_own() -> None:
    """`_()` in a template marks its text as safe, so a variable in its place would not be escaped."""
    for file in TEMPLATES:
        for call in file.read_text().split("_(")[1:]:
            assert call.lstrip()[:1] in ("'", '"', "s"), f"{file.name}: _({call[:40]}"


def test_a_text_is_the_same_however_its_lines_are_broken() -> None:
    """A text of several lines is a `{% trans %}` block: there, unlike in `_()`, breaks and indents don't count."""
    for file in TEMPLATES:
        broken = re.findall(r"""_\(\s*(?:"[^"]*\n[^"]*"|'[^']*\n[^']*')""", file.read_text())
        assert broken == [], file.name


def test_words_need_neither_request_nor_application() -> None:
    assert _("Sign in") == "Sign in" and _("100 %") == "100 %"
    assert _("Hello, %(name)s", name="100 %") == "Hello, 100 %"
    assert [ngettext("%(num)d key", "%(num)d keys", number) for number in (0, 1, 2)] == ["0 keys", "1 key", "2 keys"]
    assert N_("MFA") == "MFA"


def test_a_text_for_a_number_of_things_can_name_them() -> None:
    def said() -> list[str]:
        return [ngettext("The key %(id)s", "%(num)d keys, 100%% of %(id)s", number, id="1 %") for number in (1, 2)]

    outside = said()
    with portal().test_request_context():
        assert said() == outside == ["The key 1 %", "2 keys, 100% of 1 %"]


def test_what_people_typed_is_escaped_within_a_text() -> None:
    with portal().test_request_context():
        page = render_template_string(
            "{{ _('Hello, %(name)s', name=name) }}|{% trans name=name %}Hello, {{ name }}{% endtrans %}|"
            "{{ ngettext('%(num)d of %(name)s', '%(num)d of %(name)s', 2, name=name) }}|{{ name | translated }}",
            name="<b>",
        )
    assert page == "Hello, &lt;b&gt;|Hello, &lt;b&gt;|2 of &lt;b&gt;|&lt;b&gt;"


@pytest.mark.parametrize(
    ("setting", "in_text", "on_a_page"),
    [
        ("", "your administrator", "your administrator"),
        ("IT help desk", "IT help desk", "IT help desk"),
        (
            "IT & co <help@example.com>",
            "IT & co (help@example.com)",
            'IT &amp; co (<a href="mailto:help@example.com">help@example.com</a>)',
        ),
        (
            "IT <https://help.example.com/?a=1&b=2>",
            "IT (https://help.example.com/?a=1&b=2)",
            '<a href="https://help.example.com/?a=1&amp;b=2" rel="noreferrer">IT</a>',
        ),
    ],
)
def test_ask_your_administrator_says_whom(setting: str, in_text: str, on_a_page: str) -> None:
    with portal(SUPPORT_CONTACT=setting).test_request_context():
        assert (administrator(), ask_admin()) == (in_text, f"Ask {in_text}")
        assert render_template_string("{{ administrator() }}|{{ ask_admin() }}") == f"{on_a_page}|Ask {on_a_page}"
        trans = "{% trans ask=ask_admin() %}{{ ask }} to add it.{% endtrans %}"
        assert render_template_string(trans) == f"Ask {on_a_page} to add it."


def test_a_command_that_says_little_imports_no_translations() -> None:
    asked = "import sys, app.policy.cli, app.commands, app.text.messages; print('babel' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


def test_translators_get_all_texts(tmp_path: Path) -> None:
    collected = tmp_path / "messages.pot"
    extract = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "pyproject.toml"]
    subprocess.run([*extract, "-o", str(collected), "."], cwd=ROOT, check=True, capture_output=True)
    text = collected.read_text()
    for said in (
        "Skip to content",
        "Sign-in security",
        "your administrator",
        "%(num)d days old, over the limit of",
        "Access keys are rotated every 90 days",
    ):
        assert said in text
