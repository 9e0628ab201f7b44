"""One page for everything that goes wrong: what happened, and what to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from math import ceil
from typing import Any, cast

from flask import Flask, Response, current_app, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from limits.errors import StorageError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError, SecurityError, TooManyRequests

from app.errors import CredentialsRefused, PortalError, SignInExpired
from app.monitoring.logs import request_id
from app.sessions import current
from app.sessions.stores import StoreDown, StoreFull
from app.sessions.stores.database import is_full
from app.text.messages import N_, _, administrator, ask_admin, ngettext
from app.web import permissions, refused
from app.web.forms import FormNotValid, accepted_form
from app.web.guards import ForAdministrators, ForAuditors, ForIamUsers
from app.web.permissions import NotOffered
from app.web.rate_limits import limiter
from app.web.responses import NoLongerThere, back_to, came_from, done, here, refuse, where_they_were
from app.web.security import FromElsewhere
from app.web.sentences import notices

Headers = Sequence[tuple[str, str]]

SIGNED_OUT = N_(
    "AWS no longer accepts the credentials of your session, so you were signed out. Sign in again. "
    "If AWS rejects your access key, it was deactivated or deleted."
)

NOTHING_DONE = N_("Nothing was changed.")
MAYBE_DONE = N_("Your change may have been made. The overview shows what AWS has now.")

UNREACHABLE = N_("This site can’t reach its own storage right now.")
NO_ROOM = N_("This site can’t accept new sign-ins right now. If you’re already signed in, you can keep working.")
FULL = N_("The storage of this site is full, so it can’t save changes. %(ask_admin)s to make room.")
TRY_AGAIN = N_("Try again in a moment.")

FOR_ADMINISTRATORS = N_(
    "Only administrators who are signed in with MFA can open this page. If you need it, ask %(administrator)s."
)
FOR_AUDITORS = N_(
    "Only administrators and auditors who are signed in with MFA can open this page. If you need it, ask "
    "%(administrator)s."
)
FOR_IAM_USERS = N_("This page is for IAM users. You’re signed in with your company account.")
FROM_ELSEWHERE = N_("This request didn’t come from a page of this site. Nothing was changed.")
OUT_OF_DATE = N_("Your session changed after you opened this page. Nothing was changed. Open the page again.")
TOO_MANY = N_("There were too many attempts in a short time.")
SENTENCES = {
    403: N_("You can’t do this here."),
    404: N_("Check the address, or start from the first page."),
    405: N_("This address can’t be used like this. Start from the overview."),
    413: N_("What you sent is too large for this page. Nothing was changed."),
    500: N_("This is our mistake. We have recorded it. Go to the overview and try again."),
}
NOT_UNDERSTOOD = N_("The request couldn’t be understood. Start from the overview.")
TITLES = {
    400: N_("This page is out of date"),
    403: N_("You can’t open this page"),
    404: N_("Page not found"),
    405: N_("This page doesn’t work like that"),
    413: N_("Too large"),
    429: N_("Too many attempts"),
    503: N_("Temporarily unavailable"),
}
SOMETHING_ELSE = N_("Something went wrong")
REFUSED = N_("That didn’t work")
NOT_OUR_ADDRESS = N_(
    "This site has another address. Ask for the right one, and give this code and reference: %(code)s %(reference)s"
)
WRONG_ADDRESS = "wrong-address"
CODES = {
    400: "bad-request",
    403: "forbidden",
    404: "no-such-page",
    405: "wrong-method",
    413: "too-large",
    415: "wrong-content-type",
    429: "too-many-attempts",
    500: "our-mistake",
    503: "not-ready",
}
"""What a page with this status has as `data-refused`, unless something narrower is known."""


def _wait() -> timedelta:
    """How long until the limit that was reached lets the next request pass, at least a second."""
    with suppress(StorageError):  # gone since it counted
        if reached := limiter.current_limit:
            return max(timedelta(seconds=1), timedelta(seconds=ceil(reached.reset_at - time.time())))
    return timedelta(minutes=5)


def in_words(wait: timedelta) -> str:
    """Return a sentence that says how long to wait, in whole minutes."""
    minutes = max(1, ceil((wait.total_seconds() - 1) / 60))
    return ngettext("Wait %(num)d minute, then try again.", "Wait %(num)d minutes, then try again.", minutes)


def answer(status: int, shown: Mapping[str, Any], headers: Headers = (), *, keep: bool = True) -> ResponseReturnValue:
    """Answer with an error page. shown: title, sentence and what else `error.html` shows (`refused_with` is the
    `PortalError.code`, or another code), or `not_offered`, an endpoint; words only, no secret.

    A browser that sent a form is redirected to the page of that form, which shows this once, with the same status:
    Back or reload couldn't show an answer to the form itself again. Other clients get it at once, and so do browsers
    whose session can't store it. keep: False if the session must not store it.
    """
    shown = {"refused_with": CODES.get(status, "failed"), **shown}
    if keep and _answers_a_form():
        back = where_they_were()
        about = {"status": status, "headers": dict(headers), "reference": request_id()}
        refused.keep_error_page(back, {**shown, **about})
        if current.store_now():
            return redirect(back, 303)
    return _rendered(shown), status, [*headers]


def _rendered(shown: Mapping[str, Any]) -> str:
    if "not_offered" in shown:
        return permissions.explanation(shown["not_offered"])
    return render_template("error.html", **shown)


def _answers_a_form() -> bool:
    """Was this sent by a form on one of our pages, in a browser that waits for the next page? Browsers say so
    themselves (Fetch Metadata), and no script can say it for them."""
    wanted = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}
    from_our_page = all(request.headers.get(name) == value for name, value in wanted.items())
    return (
        from_our_page
        and request.method == "POST"
        and request.url_rule is not None
        and not current.session_unavailable()
    )


def show_what_waits() -> ResponseReturnValue | None:
    """Before a request: answer with the error page that waits for this address, if one does."""
    waits = refused.take_error_page(here()) if request.method == "GET" else None
    if waits is None or ("not_offered" in waits and not permissions.denied(waits["not_offered"])):
        return None
    g.reference = waits.get("reference", "")  # none in a session of the release before
    about = ("status", "headers", "reference", "until")
    shown = {name: value for name, value in waits.items() if name not in about}
    return answer(waits["status"], shown, [*waits["headers"].items()])


def register(app: Flask) -> None:
    """One page for everything that goes wrong, saying what happened and what to do."""
    app.jinja_env.globals.update(
        session_left=current.session_left,
        return_address=where_they_were,
        came_from=came_from,
        refused_as=refused.refused_as,
        code_to_give=refused.code_to_give,
        reference=refused.reference,
        get_flashed_messages=notices,
    )
    for error_class, handler in HANDLERS.items():
        app.register_error_handler(error_class, handler)


def _form_not_valid(error: FormNotValid) -> ResponseReturnValue:
    return back_to(error.form)


def _signed_out_by_aws(error: CredentialsRefused) -> ResponseReturnValue:
    form = accepted_form()
    if form and (form.proves_credentials or not current_user.is_authenticated):
        return refusal_page(error)
    back = where_they_were()
    current.sign_out()
    reason = error if isinstance(error, SignInExpired) else CredentialsRefused(_(SIGNED_OUT))
    return done(reason, "signin.sign_in", "warning", **({"next": back} if back != "/" else {}))


def refusal_page(error: PortalError) -> ResponseReturnValue:
    """Answer to a refusal: the page of the form that was accepted, with it; else an error page."""
    if form := accepted_form():
        refuse(form, error)
        form.refused_by(error)
        return back_to(form)
    return error_page(error)


def error_page(error: PortalError) -> ResponseReturnValue:
    """Answer to a refusal that isn't about a form, even where one was accepted: an error page."""
    missing = error.action if error.status == 403 else ""
    shown = {"title": _(REFUSED), "sentence": str(error), "missing": missing, "refused_with": error.full_code}
    return answer(error.status, shown)


def _cannot_be_reached(error: Exception) -> ResponseReturnValue:
    if not current.session_unavailable():  # of which was logged why
        current_app.logger.error("what the portal keeps cannot be reached", exc_info=error)
    before = current.session_unavailable() or isinstance(error, StorageError)  # of rate limits, counted first
    known = NOTHING_DONE if before or request.method != "POST" else MAYBE_DONE
    current.leave_session_alone()
    return _not_ready(known, error)


def _not_ready(known: str, error: BaseException) -> ResponseReturnValue:
    said, code = [_(UNREACHABLE), _(known), _(TRY_AGAIN)], CODES[503]
    if isinstance(error, StoreFull):
        known = NOTHING_DONE if not current_user.is_authenticated else known
        said, code = [_(NO_ROOM), _(known), _(TRY_AGAIN)], "no-room"
    elif isinstance(error, SQLAlchemyError) and is_full(error):
        said, code = [_(FULL, ask_admin=ask_admin()), _(known)], "storage-full"
    sentence = " ".join(filter(None, said))
    return answer(503, {"title": _(TITLES[503]), "sentence": sentence, "refused_with": code}, keep=False)


def _out_of_date(error: CSRFError) -> ResponseReturnValue:
    if current.session_was_lost():
        return cast("ResponseReturnValue", current_app.login_manager.unauthorized())  # type: ignore[attr-defined]  # Flask-Login adds it
    shown = {"title": _(TITLES[400]), "sentence": _(OUT_OF_DATE), "again": True, "refused_with": "out-of-date"}
    return answer(400, shown)


def _for_administrators(error: ForAdministrators) -> ResponseReturnValue:
    who = FOR_AUDITORS if isinstance(error, ForAuditors) else FOR_ADMINISTRATORS
    sentence = _(who, administrator=administrator())
    return answer(403, {"title": _(TITLES[403]), "sentence": sentence, "refused_with": "for-administrators"})


def _for_iam_users(_error: ForIamUsers) -> ResponseReturnValue:
    shown = {"title": _(TITLES[403]), "sentence": _(FOR_IAM_USERS), "refused_with": "for-iam-users"}
    return answer(403, shown)


def _from_elsewhere(error: FromElsewhere) -> ResponseReturnValue:
    shown = {"title": _(REFUSED), "sentence": _(FROM_ELSEWHERE), "refused_with": "from-elsewhere"}
    return answer(403, shown, keep=False)


def _not_offered(error: NotOffered) -> ResponseReturnValue:
    return answer(403, {"not_offered": error.endpoint, "refused_with": "not-offered"})


def _no_longer_there(error: NoLongerThere) -> ResponseReturnValue:
    return answer(404, error.shown)


def _too_many(error: TooManyRequests) -> ResponseReturnValue:
    wait = _wait()
    sentence = f"{_(TOO_MANY)} {in_words(wait)}"
    headers = [("Retry-After", str(int(wait.total_seconds())))]
    return answer(429, {"title": _(TITLES[429]), "sentence": sentence}, headers)


def _not_our_address(error: SecurityError) -> ResponseReturnValue:
    # Without one of our hosts, no address can be built, so no page either.
    message = _(NOT_OUR_ADDRESS, code=WRONG_ADDRESS, reference=request_id())
    return Response(f"{message}\n", 400, mimetype="text/plain")


def _our_mistake(error: InternalServerError) -> ResponseReturnValue:
    if isinstance(error.original_exception, StoreDown):
        known = MAYBE_DONE if request.method == "POST" else ""
        return _not_ready(known, error.original_exception)  # at the end of a request, saving
    return _other(error)


def _other(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    shown = {"title": _(TITLES.get(status, SOMETHING_ELSE)), "sentence": _(SENTENCES.get(status, NOT_UNDERSTOOD))}
    # What the status needs beside a page, like Allow of 405. The page has a type of its own.
    return answer(status, shown, [(name, value) for name, value in error.get_headers() if name != "Content-Type"])


HANDLERS: Mapping[type[Exception], Callable[[Any], ResponseReturnValue]] = {
    CredentialsRefused: _signed_out_by_aws,
    PortalError: refusal_page,
    FormNotValid: _form_not_valid,
    StoreDown: _cannot_be_reached,
    StorageError: _cannot_be_reached,
    SQLAlchemyError: _cannot_be_reached,
    CSRFError: _out_of_date,
    SecurityError: _not_our_address,
    ForAdministrators: _for_administrators,
    ForIamUsers: _for_iam_users,
    FromElsewhere: _from_elsewhere,
    NotOffered: _not_offered,
    NoLongerThere: _no_longer_there,
    TooManyRequests: _too_many,
    InternalServerError: _our_mistake,
    HTTPException: _other,
}
"""What went wrong to what is answered. Of several classes that match, Flask uses the narrowest."""
