"""What every page shares: how a form is done or refused, local redirects, headers, error pages."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from datetime import timedelta
from math import ceil
from typing import Any, NoReturn, cast
from urllib.parse import quote, urlsplit

from flask import (
    Flask,
    Response,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError
from limits.errors import StorageError
from secure import (
    ContentSecurityPolicy,
    CrossOriginOpenerPolicy,
    CrossOriginResourcePolicy,
    CustomHeader,
    PermissionsPolicy,
    ReferrerPolicy,
    Secure,
    StrictTransportSecurity,
    XContentTypeOptions,
    XFrameOptions,
)
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException, InternalServerError, SecurityError
from werkzeug.routing import IntegerConverter, Map

from app.aws.clients import SIGN_IN_HOSTS
from app.errors import CredentialsRefused, NotAllowed, PortalError, SignInExpired
from app.monitoring.logs import request_id
from app.sessions import current
from app.sessions.contents import Way
from app.sessions.stores import StoreDown, StoreFull
from app.sessions.stores.database import is_full
from app.web import refused
from app.web.forms import Form
from app.web.rate_limits import limiter

LARGEST_NUMBER = 2**63 - 1
"""That a database takes."""
_MOST_PAGES = 1_000_000


class Number(IntegerConverter):
    """A part of an address that is a whole number and fits a database: `<number:seq>`."""

    regex = "[0-9]{1,19}"

    def __init__(self, map: Map) -> None:  # noqa: A002 # werkzeug's name
        super().__init__(map, min=1, max=LARGEST_NUMBER)


def whole_number(sent: MultiDict[str, str], name: str) -> int | None:
    """A field or parameter as a whole number from 1 that fits a database; None for anything else."""
    number = sent.get(name, type=int)
    return number if number is not None and 0 < number <= LARGEST_NUMBER else None


def page_number() -> int:
    """Which page of a list the address asks for, from 1; what is beyond any list is beyond its end as well."""
    return min(whole_number(request.args, "page") or 1, _MOST_PAGES)


def refuse(form: FlaskForm, refusal: PortalError) -> None:
    """Put a refusal beside its field, or above the form; a missing permission with its name."""
    sentence = str(refusal)
    if isinstance(refusal, NotAllowed) and refusal.action:
        sentence += f" The permission that is missing is {refusal.action}."
    if refusal.field and refusal.field in form:
        form[refusal.field].errors = [*form[refusal.field].errors, sentence]
    else:
        form.form_errors.append(sentence)
    if isinstance(form, Form):
        form.refused_as = refusal.code


def page(template: str, form: FlaskForm | None = None, **context: Any) -> ResponseReturnValue:
    """Render; status 422 when the form on it was refused, so that refusals can be told from successes.

    The answer to a refused form that was sent is a redirect to its page, which then says what was wrong: a page that
    answered a form itself could not be shown again by Back or reload.
    """
    if form is not None and form.errors and request.method == "POST":
        back = where_they_were()
        refused.keep(form, back)
        return redirect(back, 303)
    if form is not None and request.method == "GET":
        refused.put_back(form, here())
    refused_before = form is not None and bool(form.errors)
    return render_template(template, form=form, **context), 422 if refused_before else 200


def wants_part() -> bool:
    """True where a page that waits asks only for what changed of it (`static/live.js`): elements with `data-part`.

    Such an answer holds no secret. Where there is nothing to wait for any more, it is the redirect a form would get.
    """
    return request.headers.get("Latchkey-Part") == "yes"


def done(sentence: str, endpoint: str, category: str = "success", **values: Any) -> ResponseReturnValue:
    """Say what was done and go on; always by redirect, so that a reload repeats nothing."""
    if sentence:
        flash(sentence, category)
    return redirect(url_for(endpoint, **values), 303)


def here() -> str:
    """The address of this request, within the site and in ASCII."""
    query = request.query_string.decode("ascii", "replace")
    return local_path(quote(request.path, safe="/:@!$&'()*+,;=~") + (f"?{query}" if query else ""), "/")


def no_longer_there(noun: str, named: str, was_deleted: bool, index: str) -> NoReturn:
    """Answer 404 in words that fit: a thing of the user's that the address names is not there.

    noun: like "access key". named: by the address. was_deleted: as the audit log says. index: endpoint of the list.
    """
    if was_deleted:
        title, sentence = (
            f"This {noun} was deleted",
            f"{named} was deleted. Your activity shows when, and from where.",
        )
    else:
        title = f"You have no such {noun}"
        sentence = "AWS doesn’t list it as yours. It may have been deleted elsewhere, or the address isn’t complete."
    told = render_template("error.html", title=title, sentence=sentence, list_of=noun, index=url_for(index))
    abort(make_response(told, 404))


def local_path(target: str | None, otherwise: str) -> str:
    """The target if it stays on this site, read as suspiciously as a browser reads it kindly."""
    return target if target and re.fullmatch(r"/(?![/\\])[!-\[\]-~]*", target) else otherwise


def came_from(otherwise: str = "") -> str:
    """Return the address of the page whose link led here, for a link back, else `otherwise`.

    A form on this page sends it along, so an error doesn't lose it. Browsers name the page before to our own origin
    only (Referrer-Policy). Whatever was made up leads to a page of ours.
    """
    if kept := refused.came_from():
        return _page_before(kept) or otherwise
    said, ours = urlsplit(request.referrer or ""), urlsplit(current_app.config["PUBLIC_URL"])
    if (said.scheme, said.netloc) != (ours.scheme, ours.netloc):
        return otherwise
    return _page_before(said.path + (f"?{said.query}" if said.query else "")) or otherwise


def _page_before(address: str) -> str:
    """The address if a link back may lead there, else "".

    It must be another page of ours, and no sign-in page for a person who is signed in: they passed that on the way.
    """
    endpoint = page_at(address)
    passed = current_user.is_authenticated and endpoint.startswith(("signin.", "aws_signin."))
    if not endpoint or passed or urlsplit(address).path == request.path:
        return ""
    return local_path(address, "")


def page_at(address: str) -> str:
    """Return the endpoint that opens at an address of ours, "" where there is none."""
    path, adapter = urlsplit(address).path, current_app.create_url_adapter(request)
    return str(adapter.match(path, "GET")[0]) if adapter and adapter.test(path, "GET") else ""


def sign_in_origins(signin_url: str) -> list[str]:
    """Where a form that begins a sign-in may end: AWS redirects between hosts of its sign-in domain."""
    parts = urlsplit(signin_url)
    origins = [f"{parts.scheme}://{parts.netloc}"]
    domains = [domain for domain in SIGN_IN_HOSTS.values() if (parts.hostname or "").endswith(f".{domain}")]
    return origins + [f"https://{name}" for domain in domains for name in (domain, f"*.{domain}")]


def security_headers(https: bool, form_targets: list[str]) -> Secure:
    """Headers of every answer. Scripts and styles come from files of ours only; forms go to ourselves.

    form_targets: origins that the redirect after a form may also lead to.
    """
    policy = (
        ContentSecurityPolicy()
        .default_src("'none'")
        .script_src("'self'")
        .style_src("'self'")
        .img_src("'self'", "data:")  # Bootstrap's arrows and ticks are data: images in its style sheet
        .font_src("'self'")
        .connect_src("'self'")
        .form_action("'self'", *form_targets)
        .base_uri("'none'")
        .object_src("'none'")
        .frame_ancestors("'none'")
    )
    return Secure(
        csp=policy,
        coop=CrossOriginOpenerPolicy().same_origin(),
        corp=CrossOriginResourcePolicy().same_origin(),
        permissions=PermissionsPolicy().camera().geolocation().microphone().payment().usb(),
        referrer=ReferrerPolicy().same_origin(),
        xcto=XContentTypeOptions().nosniff(),
        xfo=XFrameOptions().deny(),
        hsts=StrictTransportSecurity().max_age(31536000).include_subdomains() if https else None,
        custom=[CustomHeader("X-Permitted-Cross-Domain-Policies", "none")],
    )


def protect(app: Flask, signin_url: str) -> None:
    """Security headers on every answer, and no page kept by browser or proxy."""
    app.url_map.converters["number"] = Number
    offered = Way.AWS_SIGN_IN in app.config["SIGN_IN_METHODS"]
    headers = security_headers(
        https=app.config["SESSION_COOKIE_SECURE"], form_targets=sign_in_origins(signin_url) if offered else []
    ).headers  # the same for every answer

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers.update(headers)
        # Where a file is missing, the answer is a page.
        if request.endpoint != "static" or response.status_code not in (200, 206, 304):
            response.headers["Cache-Control"] = "no-store"
        return response

    @app.before_request
    def known_to_the_log() -> None:
        request.environ["latchkey.endpoint"] = request.endpoint or ""
        request.environ["latchkey.session"] = current.known_label()

    @app.before_request
    def with_a_session() -> None:
        if current.session_unavailable() and request.endpoint != "static":
            raise StoreDown("no session to work with")

    @app.before_request
    def from_our_own_pages() -> None:
        # Beside the CSRF token: on one machine every port is the same site, and sends our cookie along.
        origin = request.headers.get("Origin")
        if request.method == "POST" and origin not in (None, app.config["PUBLIC_URL"]):
            abort(403)

    @app.before_request
    def one_name() -> ResponseReturnValue | None:
        # AWS's redirect and the cookie know this machine as 127.0.0.1 only.
        if request.host.split(":")[0] == "localhost" and "localhost" not in app.config["PUBLIC_URL"]:
            return redirect(app.config["PUBLIC_URL"] + here(), 308)
        return None


_FORMS = ("", "application/x-www-form-urlencoded", "multipart/form-data")


def only_text() -> None:
    """Forms are forms, whatever else a request can hold; and nothing has a NUL, of which PostgreSQL keeps none."""
    if request.method == "POST" and request.mimetype not in _FORMS:
        abort(415)
    sent = (*request.args.items(multi=True), *request.form.items(multi=True))
    # A part of a form may have no name at all, which is None then.
    if any(text is None or "\0" in text for text in (request.path, *(text for pair in sent for text in pair))):
        abort(400)


SIGNED_OUT = (
    "AWS no longer accepts the credentials of your session, so you were signed out. Sign in again; "
    "if your access key is refused, it was deactivated or deleted."
)


def where_they_were() -> str:
    """The page to come back to after signing in; a form that was sent is opened, not sent again."""
    adapter, path = current_app.create_url_adapter(request), request.path
    if adapter is None or adapter.test(path, "GET"):
        return here()
    while path and not adapter.test(path, "GET"):
        path = path.rpartition("/")[0]  # the page the button stands on
    return local_path(path, "/")


MAYBE_DONE = "A change that you sent may have been made: the overview shows what AWS has."

NO_ROOM = "Latchkey can’t take new sign-ins right now. If you’re already signed in, you can keep working."
FULL = "Latchkey’s storage is full, so it can’t save changes. Tell your Latchkey administrator."

FOR_ADMINISTRATORS = (
    "This page is for the administrators of this portal, signed in with MFA. If you should see it, ask one of them."
)
FROM_ELSEWHERE = "This did not come from a page of this portal, so nothing was done. Go back to the overview."
TITLES = {
    400: "This page is out of date",
    403: "Not allowed",
    404: "There is no such page",
    405: "That is not how this page works",
    413: "That is too large",
    429: "Too many attempts",
    503: "Latchkey is not ready",
}


def _wait() -> timedelta:
    """How long until the limit that was reached lets the next request pass, at least a second."""
    with suppress(StorageError):  # gone since it counted
        if reached := limiter.current_limit:
            return max(timedelta(seconds=1), timedelta(seconds=ceil(reached.reset_at - time.time())))
    return timedelta(minutes=5)


def _in_words(wait: timedelta) -> str:
    minutes = ceil((wait.total_seconds() - 1) / 60)
    return f"Wait {minutes} minutes" if minutes > 1 else "Wait a minute"


def _headers_of(error: HTTPException) -> list[tuple[str, str]]:
    """What the status needs beside a page, like Allow of 405. The page has a type of its own."""
    return [(name, value) for name, value in error.get_headers() if name != "Content-Type"]


def register_error_pages(app: Flask) -> None:
    """One page for everything that goes wrong, saying what happened and what to do."""
    app.jinja_env.globals.update(
        session_left=current.session_left, return_address=where_they_were, came_from=came_from
    )

    @app.errorhandler(CredentialsRefused)
    def signed_out_by_aws(error: CredentialsRefused) -> ResponseReturnValue:
        back = where_they_were()
        current.sign_out()
        told = str(error) if isinstance(error, SignInExpired) else SIGNED_OUT
        return done(told, "signin.sign_in", "warning", **({"next": back} if back != "/" else {}))

    @app.errorhandler(PortalError)
    def told(error: PortalError) -> ResponseReturnValue:
        missing = error.action if error.status == 403 else ""
        return (
            render_template("error.html", title="That did not work", sentence=str(error), missing=missing),
            error.status,
        )

    @app.errorhandler(StoreDown)
    @app.errorhandler(StorageError)
    @app.errorhandler(SQLAlchemyError)
    def not_ready(error: Exception) -> ResponseReturnValue:
        if not current.session_unavailable():  # of which was logged why
            app.logger.error("what the portal keeps cannot be reached", exc_info=error)
        before = current.session_unavailable() or isinstance(error, StorageError)  # of rate limits, counted first
        known = "Nothing was done." if before or request.method != "POST" else MAYBE_DONE
        current.leave_session_alone()
        return _not_ready(known, error)

    def _not_ready(known: str, error: BaseException) -> ResponseReturnValue:
        why = "Latchkey cannot reach what it needs to work right now."
        if isinstance(error, StoreFull):
            why = NO_ROOM
            known = "Nothing was done." if not current_user.is_authenticated else known
        elif isinstance(error, SQLAlchemyError) and is_full(error):
            why = FULL
        sentence = f"{why} {known}" if why == FULL else f"{why} {known} Try again in a moment."
        return render_template("error.html", title=TITLES[503], sentence=sentence), 503

    @app.errorhandler(CSRFError)
    def out_of_date(error: CSRFError) -> ResponseReturnValue:
        if current.session_was_lost():
            return cast("ResponseReturnValue", app.login_manager.unauthorized())  # type: ignore[attr-defined]  # Flask-Login adds it
        sentence = "Your session changed since this page was opened, so nothing was done. Open it again."
        return render_template("error.html", title=TITLES[400], sentence=sentence, again=True), 400

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> ResponseReturnValue:
        if isinstance(error, SecurityError):
            # Without a host of ours no address can be built, so no page of ours either.
            told = f"This is not the address of this portal. Reference: {request_id()}\n"
            return Response(told, 400, mimetype="text/plain")
        if isinstance(error, InternalServerError) and isinstance(error.original_exception, StoreDown):
            known = MAYBE_DONE if request.method == "POST" else ""
            return _not_ready(known, error.original_exception)  # at the end of a request, saving
        status = error.code or 500
        if status == 429:
            wait = _wait()
            sentence = f"There were many attempts in a short time. {_in_words(wait)}, then try again."
            page_of_429 = render_template("error.html", title=TITLES[429], sentence=sentence)
            return page_of_429, 429, {"Retry-After": str(int(wait.total_seconds()))}
        sentence = {
            403: FOR_ADMINISTRATORS if error.description == FOR_ADMINISTRATORS else FROM_ELSEWHERE,
            404: "Check the address, or go back to the overview.",
            405: "Go back to the overview and start from there.",
            413: "What you sent is larger than anything this page needs.",
            500: "This is our mistake, and it has been written to the log. Go back to the overview and try again.",
        }.get(status, "The request could not be understood. Go back to the overview and start from there.")
        return (
            render_template("error.html", title=TITLES.get(status, "Something went wrong"), sentence=sentence),
            status,
            _headers_of(error),
        )
