"""Texts in another language: what a translator's catalog is for. The portal comes without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from flask import Flask, render_template_string, request

from app.text import messages
from app.text.messages import _, ngettext
from app.web import translations

PAGE = """{{ _("Sign in") }} {{ _("Hello, %(name)s", name="<Ada>") }} {{ ngettext("%(num)d key", "%(num)d keys", 2) }}
{% trans %}Save{% endtrans %} {{ "Sign in" | translated }}"""
GERMAN: dict[str | tuple[str, ...], str | tuple[str, ...]] = {
    "Sign in": "Anmelden",
    "Hello, %(name)s": "Hallo, %(name)s",
    ("%(num)d key", "%(num)d keys"): ("%(num)d Schlüssel", "%(num)d Schlüssel"),
    "Save": "Speichern",
}


@pytest.fixture
def bilingual(tmp_path: Path) -> Iterator[Flask]:
    """Pages in German for `?in=de`, otherwise in English."""
    catalog = Catalog(locale="de")
    for text, translated in GERMAN.items():
        catalog.add(text, translated)
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "messages.mo").open("wb") as file:
        write_mo(file, catalog)
    before = (messages._says.gettext, messages._says.ngettext, messages._says.contact)
    app = Flask(__name__)
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(tmp_path)
    translations.register(app)
    app.extensions["babel"].locale_selector = lambda: request.args.get("in")
    app.add_url_rule("/", view_func=lambda: render_template_string(PAGE))
    app.add_url_rule("/python", "python", lambda: f"{_('Sign in')}, {ngettext('%(num)d key', '%(num)d keys', 1)}")
    yield app
    messages.say_with(*before)


def test_each_reader_gets_their_own_language(bilingual: Flask) -> None:
    browser = bilingual.test_client()
    english = "Sign in Hello, &lt;Ada&gt; 2 keys\nSave Sign in"
    german = "Anmelden Hallo, &lt;Ada&gt; 2 Schlüssel\nSpeichern Anmelden"
    assert [browser.get(f"/{query}").text for query in ("", "?in=de", "", "?in=de")] == [english, german] * 2
    assert [browser.get(f"/python{query}").text for query in ("?in=de", "")] == [
        "Anmelden, 1 Schlüssel",
        "Sign in, 1 key",
    ]


def test_an_application_that_translates_nothing_says_texts_as_they_are(bilingual: Flask) -> None:
    other = Flask(__name__)
    with other.app_context():
        assert (_("Sign in"), ngettext("%(num)d key", "%(num)d keys", 2)) == ("Sign in", "2 keys")
    assert _("Sign in") == "Sign in"
