"""Texts through Flask-Babel: English is the only language so far (`app.text.messages`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flask_babel
from babel.support import NullTranslations
from flask import Flask, current_app, g, has_app_context
from markupsafe import Markup, escape

from app.text import messages
from app.text.messages import Contact
from app.web.compiling import settle_once


def _contact() -> Contact | None:
    return current_app.config.get("SUPPORT_CONTACT") if has_app_context() else None


def _translations() -> NullTranslations:
    """Into the language of this request. Flask-Babel looks for it at each text, of which a page has a hundred."""
    found: NullTranslations | None = g.get("translations")
    if found is None:
        # A process may have several applications, and not each of them translates.
        translates = "babel" in current_app.extensions
        found = g.translations = flask_babel.get_translations() if translates else NullTranslations()
    return found


def _gettext(text: str) -> str:
    return _translations().ugettext(text) if has_app_context() else text


def _ngettext(one: str, more: str, number: int) -> str:
    # Flask-Babel's own ngettext would fill in the number, and fail for a text with more than that in it.
    return (
        _translations().ungettext(one, more, number) if has_app_context() else messages.in_english(one, more, number)
    )


def administrator() -> Markup:
    """Return whom users ask, for the middle of a sentence on a page, with a link where SUPPORT_CONTACT has one."""
    contact = _contact()
    if contact is None:
        return escape(messages.administrator())
    if not contact.link:
        return escape(contact.name)
    if contact.link == contact.address:
        return Markup('<a href="{}" rel="noreferrer">{}</a>').format(contact.link, contact.name)
    return Markup('{} (<a href="{}">{}</a>)').format(contact.name, contact.link, contact.address)


def ask_admin() -> Markup:
    """Return "Ask IT help desk", with a link, or "Ask your administrator": the beginning of a sentence on a page."""
    return escape(messages._("Ask %(administrator)s")) % {"administrator": administrator()}


def _as_it_is(text: str, /, **values: Any) -> Markup:
    """A text of a template in English, as Jinja's own function returns it. Values are escaped."""
    return Markup(text) % values  # noqa: S704 # of our templates


def _as_they_are(one: str, more: str, number: int, /, **values: Any) -> Markup:
    values.setdefault("num", number)
    return Markup(messages.in_english(one, more, number)) % values  # noqa: S704 # as above


def register(app: Flask) -> None:
    """Let templates and Python say every text through Flask-Babel, or as it is where there is no translation."""
    flask_babel.Babel(app, default_locale="en")
    environment = app.jinja_env
    environment.policies["ext.i18n.trimmed"] = True  # how a template's lines are broken is no part of a text
    environment.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]  # of its extension
    if _has_catalogs(app):
        messages.say_with(_gettext, _ngettext, _contact)
    else:
        messages.say_with(str, messages.in_english, _contact)
        environment.globals.update(gettext=_as_it_is, ngettext=_as_they_are)
        settle_once(environment, "gettext", _as_it_is)
        settle_once(environment, "_", _as_it_is)
    environment.globals["_"] = environment.globals["gettext"]  # Jinja's own looks for it at each call
    environment.filters["translated"] = messages._
    environment.globals.update(administrator=administrator, ask_admin=ask_admin)


def _has_catalogs(app: Flask) -> bool:
    """Is there a translation into any language?"""
    with app.app_context():
        folders = flask_babel.get_babel().translation_directories
    return any(catalog for folder in folders for catalog in Path(folder).glob("*/LC_MESSAGES/*.mo"))
