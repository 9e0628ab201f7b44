"""How a view answers: a page, a redirect, a refused form; and which addresses are ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import IntegerConverter, Map

from app.errors import NotAllowed, PortalError
from app.text.messages import N_, _
from app.web import refused
from app.web.forms import Form
from app.web.sentences import Sentence, tell

LARGEST_NUMBER = 2**63 - 1
"""That a database takes."""
_MOST_PAGES = 1_000_000


class Number(IntegerConverter):
    """A part of an address that is a whole number and fits a database: `<number:seq>`."""

    regex = "[0-9]{1,19}"

    def __init__(self, map: Map) -> None:  # noqa: A002 # werkzeug's name
        super().__init__(map, min=1, max=LARGEST_NUMBER)


def whole_number(sent: MultiDict[str, str], name: str) -> int | None:
    """Return a field or parameter as a whole number from 1 that a database can store, None for anything else."""
    number = sent.get(name, type=int)
    return number if number is not None and 0 < number <= LARGEST_NUMBER else None


def page_number() -> int:
    """Return which page of a list the address asks for, from 1."""
    return min(whole_number(request.args, "page") or 1, _MOST_PAGES)


def refuse(form: FlaskForm, refusal: PortalError) -> None:
    """Put a refusal beside its field, or above the form. A missing permission is named."""
    sentence = str(refusal)
    if isinstance(refusal, NotAllowed) and refusal.action:
        sentence += " " + _("The missing permission is %(permission)s.", permission=refusal.action)
    sentence = Sentence(sentence, refusal.full_code)
    if refusal.field and refusal.field in form:
        form[refusal.field].errors = [*form[refusal.field].errors, sentence]
    else:
        form.form_errors.append(sentence)
    if isinstance(form, Form):
        form.refused_as = refusal.full_code


def page(template: str, form: FlaskForm | None = None, **context: Any) -> ResponseReturnValue:
    """Render a page, with status 422 if the form on it was refused, so that clients can tell.

    A refused form that was sent is answered with a redirect to its page, which then says what was wrong: a page that
    answered a form itself couldn't be shown again by Back or reload.
    """
    if form is not None and form.errors and request.method == "POST":
        return back_to(form)
    if form is not None and request.method == "GET":
        refused.put_back(form, here())
    refused_before = form is not None and bool(form.errors)
    return render_template(template, form=form, **context), 422 if refused_before else 200


def back_to(form: FlaskForm) -> ResponseReturnValue:
    """Lead to the page of a form that was refused. The page says what was wrong, once."""
    back = where_they_were()
    refused.keep(form, back)
    return redirect(back, 303)


def wants_part() -> bool:
    """Does a page that waits ask only for what changed of it (`static/live.js`)? These are elements with `data-part`.

    Such an answer contains no secret. If there is nothing to wait for any more, it is the redirect a form would get.
    """
    return request.headers.get("Latchkey-Part") == "yes"


@dataclass(frozen=True)
class Undo:
    """The button beside a message that says what was done. It sends a form that undoes it."""

    endpoint: str
    fields: Mapping[str, str] = field(default_factory=dict)
    """What the form sends, beside its token. No secret: it waits in the session."""
    label: str = N_("Undo")
    values: Mapping[str, Any] = field(default_factory=dict)
    """Of the address it is sent to."""


def done(
    sentence: str | PortalError, endpoint: str, category: str = "success", *, code: str = "", **values: Any
) -> ResponseReturnValue:
    """Say what was done, or why not, on the next page. The answer is a redirect, so a reload repeats nothing.

    code: of a sentence that isn't an error's and isn't about success (`app.web.sentences.tell`).
    """
    if sentence:
        tell(sentence, category, code)
    return redirect(url_for(endpoint, **values), 303)


def done_with_undo(sentence: str, undo: Undo, endpoint: str, **values: Any) -> ResponseReturnValue:
    """Like `done`, with a button beside the message that undoes it."""
    form = {"undo": url_for(undo.endpoint, **undo.values), "fields": dict(undo.fields), "label": _(undo.label)}
    flash({"text": sentence, **form}, "success")  # type: ignore[arg-type] # any value the session can hold
    return redirect(url_for(endpoint, **values), 303)


def here() -> str:
    """Return the address of this request, within the site and in ASCII."""
    query = request.query_string.decode("ascii", "replace")
    return local_path(quote(request.path, safe="/:@!$&'()*+,;=~") + (f"?{query}" if query else ""), "/")


class NoLongerThere(NotFound):
    """The user doesn't have what the address names."""

    def __init__(self, noun: str, named: str, was_deleted: bool, index: str) -> None:
        """noun: a key of `_GONE`. named: by the address. was_deleted: as the audit log says. index: endpoint."""
        super().__init__()
        not_yours, deleted, back = _GONE[noun]
        sentence = _(NOT_YOURS)
        if was_deleted:
            sentence = _("%(name)s was deleted. Your activity shows when and from where.", name=named)
        self.shown = {
            "title": _(deleted if was_deleted else not_yours),
            "sentence": sentence,
            "back_to_list": _(back),
            "index": url_for(index),
            "refused_with": "was-deleted" if was_deleted else "not-yours",
        }


_GONE = {
    "access key": (
        N_("You don’t have this access key"),
        N_("This access key was deleted"),
        N_("Go to your access keys"),
    ),
    "MFA device": (
        N_("You don’t have this MFA device"),
        N_("This MFA device was removed"),
        N_("Go to your MFA devices"),
    ),
}
"""By noun: the title if it isn't the user's, the title if it was deleted, and the way back."""
NOT_YOURS = N_("AWS doesn’t list it as yours. It may have been deleted elsewhere, or the address isn’t complete.")


def local_path(target: str | None, otherwise: str) -> str:
    """Return the target if it is on this site, else `otherwise`. Browsers accept odd spellings, so it is strict."""
    return target if target and re.fullmatch(r"/(?![/\\])[!-\[\]-~]*", target) else otherwise


def came_from(otherwise: str = "") -> str:
    """Return the address of the page whose link led here, for a link back, else `otherwise`.

    A form on this page sends it along, so an error doesn't lose it. Browsers name the page before to our own origin
    only (Referrer-Policy). A forged address leads to one of our pages.
    """
    if kept := refused.came_from():
        return _page_before(kept) or otherwise
    said, ours = _parts(request.referrer or ""), urlsplit(current_app.config["PUBLIC_URL"])
    if (said.scheme, said.netloc) != (ours.scheme, ours.netloc):
        return otherwise
    return _page_before(said.path + (f"?{said.query}" if said.query else "")) or otherwise


def _page_before(address: str) -> str:
    """The address if a link back may lead there, else "".

    It must be another page of this portal. For a user who is signed in, it can't be a sign-in page.
    """
    endpoint = page_at(address)
    passed = current_user.is_authenticated and endpoint.startswith(("signin.", "aws_signin.", "company_signin."))
    if not endpoint or passed or _parts(address).path == request.path:
        return ""
    return local_path(address, "")


def page_at(address: str) -> str:
    """Return the endpoint that opens at one of our addresses, "" where there is none or only a redirect."""
    path, adapter = _parts(address).path, current_app.create_url_adapter(request)
    if not path or adapter is None:
        return ""
    try:
        return str(adapter.match(path, "GET")[0])
    except HTTPException:  # what Werkzeug raises where no rule fits, or where another address does
        return ""


def _parts(address: str) -> SplitResult:
    """Return the parts of an address from outside, or those of "" if it isn't an address."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def where_they_were() -> str:
    """Return the page to come back to after signing in. A form that was sent is opened, not sent again."""
    if request.method == "GET" and request.url_rule:
        return here()
    adapter, path = current_app.create_url_adapter(request), request.path
    if adapter is None or adapter.test(path, "GET"):
        return here()
    while path and not adapter.test(path, "GET"):
        path = path.rpartition("/")[0]  # the page with the button
    return local_path(path, "/")
