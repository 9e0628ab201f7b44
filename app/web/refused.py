"""A refused form waits for the GET of its page, with what was wrong and what was typed.

Every form is answered with a redirect. Browsers don't keep pages, so a page that answered a form itself couldn't be
shown again: Back and reload would only offer to send the form again. What waits is kept in the session, encrypted,
and shown once within some minutes. For visitors it is in a cookie (`app.sessions.visitors`). Secrets never wait.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from flask import g, request
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import MultiDict
from wtforms import Field, HiddenField, PasswordField

from app.monitoring.logs import request_id
from app.sessions.current import current_session
from app.web.forms import Form
from app.web.sentences import Sentence, code_of, code_of_notices, reference_of_notices, tell

WAITS = timedelta(minutes=5)
KEPT_FOR = timedelta(minutes=15)
"""How long a page that shows what was pasted can be reloaded."""
MOST = 3
"""Pages that wait at once; one browser rarely has more forms open."""
LONGEST = 20_000
"""Characters of a field that wait: more than any page takes of what it shows again."""
LONGEST_OF_VISITORS = 128
LONGEST_ADDRESS = 256
"""Characters of the address of the page before that wait."""


def keep(form: FlaskForm, address: str) -> None:
    """Let a refused form wait for this page."""
    errors = {field.name: [(str(error), code_of(error)) for error in field.errors] for field in form if field.errors}
    _put(
        "refused",
        address,
        WAITS,
        {
            "form": type(form).__name__,
            "code": form.refused_as if isinstance(form, Form) else "",
            "reference": request_id(),
            "errors": errors,
            "form_errors": [str(error) for error in form.form_errors],
            "typed": {field.name: typed for field in form if (typed := _typed(form, field))},
            "came_from": request.form.get("came_from", "")[:LONGEST_ADDRESS],
        },
    )


def _typed(form: FlaskForm, field: Field) -> list[str]:
    """As it was typed; nothing of what is secret, and nothing that the view took out of the form."""
    kept = isinstance(form, Form) and form.may_wait(field.name)
    if not kept or isinstance(field, PasswordField | FileField | HiddenField) or field.data == "":
        return []
    longest = LONGEST_OF_VISITORS if current_session().of_visitor else LONGEST
    # Text as the form has it: what it cut off may have been a secret. Whatever else it could not read, as it came.
    typed = [field.data] if isinstance(field.data, str) else request.form.getlist(field.name)
    return typed if sum(map(len, typed)) <= longest else []


def waits(address: str) -> bool:
    """Does a refused form wait for this page?"""
    return _get("refused", address) is not None


def put_back(form: FlaskForm, address: str) -> None:
    """Put what waits for this page into the form that it is about to show, once.

    If the page shows another form by now, that still says what was wrong.
    """
    found = _get("refused", address)
    if not found:
        return
    _drop("refused", address)
    g.came_from = found.get("came_from", "")
    g.refused_as = found.get("code", "")  # none in a session of the release before
    g.reference = found.get("reference", "")  # likewise
    if found["form"] != type(form).__name__:
        of_fields = (_sentence(one) for errors in found["errors"].values() for one in errors)
        for sentence in (*found["form_errors"], *of_fields):
            tell(sentence, "danger")
        return
    if isinstance(form, Form):
        form.refused_as = g.refused_as
    for field in form:
        if typed := found["typed"].get(field.name):
            field.process(MultiDict((field.name, text) for text in typed))
            field.process_errors = []
        field.errors = [_sentence(one) for one in found["errors"].get(field.name, ())]
    form.form_errors = list(found["form_errors"])


def _sentence(kept: str | Sequence[str]) -> Sentence:
    """An error of a field, as a session keeps it: with its code, or, in one of the release before, without."""
    return Sentence(kept) if isinstance(kept, str) else Sentence(*kept)


def came_from() -> str:
    """Return the page before, as the refused form that was put back on this page sent it; "" where none did."""
    return str(g.get("came_from", ""))


def refused_as() -> str:
    """Return the code of what this page shows: its form was refused, or a message at the top says so; else ""."""
    return str(g.get("refused_as", "")) or code_of_notices()


def code_to_give() -> str:
    """Return the code that this page shows to its reader, who finds it in docs/errors.md; "" for none.

    It is that of a refused form, or of a warning or error at the top. Messages that only inform have none to give.
    """
    return str(g.get("refused_as", "")) or code_of_notices(serious=True)


def reference() -> str:
    """Return the ID of the request that this page refuses: the one that sent the form, or else this one."""
    return str(g.get("reference", "")) or reference_of_notices() or request_id()


def remember(address: str, pasted: str | bytes) -> None:
    """Store what was pasted or uploaded for the page that shows it, so that the page can be reloaded."""
    _put("pasted", address, KEPT_FOR, {"text": pasted})


def remembered(address: str) -> str | bytes | None:
    """Return what was pasted or uploaded for this page, None where nothing was."""
    found = _get("pasted", address)
    text: str | bytes | None = found["text"] if found else None
    return text


def keep_error_page(address: str, shown: Mapping[str, Any]) -> None:
    """Let an error page wait for this address, as its parts: words, no secret."""
    _put("error_pages", address, WAITS, shown)


def take_error_page(address: str) -> Mapping[str, Any] | None:
    """Return what waits for this address and forget it, None where nothing does."""
    found = _get("error_pages", address)
    if found:
        _drop("error_pages", address)
    return found


def drop_what_is_over() -> None:
    """Before a request: drop what has waited too long."""
    session, now = current_session(), datetime.now(UTC)
    for key in ("refused", "pasted", "error_pages"):
        if any(each["until"] <= now for each in session.get(key, {}).values()):
            left = {at: each for at, each in session.pop(key).items() if each["until"] > now}
            session.update({key: left} if left else {})


def _put(key: str, address: str, waits: timedelta, what: Mapping[str, Any]) -> None:
    now, session = datetime.now(UTC), current_session()
    at = _short(address)
    others = [(other, each) for other, each in session.get(key, {}).items() if each["until"] > now and other != at]
    others.sort(key=lambda other: other[1]["number"])  # the session keeps no order, and times by the second
    number = others[-1][1]["number"] + 1 if others else 0
    session[key] = {**dict(others[1 - MOST :]), at: {**what, "until": now + waits, "number": number}}


def _drop(key: str, address: str) -> None:
    others = {at: each for at, each in current_session().pop(key).items() if at != _short(address)}
    if others:
        current_session()[key] = others


def _get(key: str, address: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = current_session().get(key, {}).get(_short(address))
    return found if found and found["until"] > datetime.now(UTC) else None


def _short(address: str) -> str:
    """Names a page, however its address is written."""
    parts = urlsplit(address)
    query = urlencode(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    return hashlib.sha256(f"{unquote(parts.path)}?{query}".encode()).hexdigest()[:16]
