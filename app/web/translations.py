"""Texts through Flask-Babel: English is the only language so far (`app.text.messages`)."""

from __future__ import annotations

import flask_babel
from flask import Flask, current_app, has_app_context
from markupsafe import Markup, escape

from app.text import messages
from app.text.messages import Contact


def _contact() -> Contact | None:
    return current_app.config.get("SUPPORT_CONTACT") if has_app_context() else None


def _gettext(text: str) -> str:
    return flask_babel.gettext(text) if _translates() else text


def _ngettext(one: str, more: str, number: int) -> str:
    if not _translates():
        return messages.in_english(one, more, number)
    # Flask-Babel's own ngettext would fill in the number, and fail for a text with more than that in it.
    return str(flask_babel.get_domain().get_translations().ungettext(one, more, number))


def _translates() -> bool:
    """Does the application at hand translate? A process may hold several, and commands run outside of any."""
    return has_app_context() and "babel" in current_app.extensions


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


def register(app: Flask) -> None:
    """Let templates and Python say every text through Flask-Babel."""
    flask_babel.Babel(app, default_locale="en")
    app.jinja_env.policies["ext.i18n.trimmed"] = True  # how a template's lines are broken is no part of a text
    messages.say_with(_gettext, _ngettext, _contact)
    app.jinja_env.filters["translated"] = messages._
    app.jinja_env.globals.update(administrator=administrator, ask_admin=ask_admin)
