"""Who may open a page: users who are signed in. `@public` is the exception, `@with_mfa` requires more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, TypeVar

from flask import current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import Forbidden

from app.sessions import current
from app.sessions.contents import Confirming
from app.text.messages import _
from app.web.responses import where_they_were
from app.web.told import tell

View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    """Mark a view that anyone may open."""
    view.is_public = True  # type: ignore[attr-defined]  # a mark on a function, read by is_public
    return view


def is_public(endpoint: str | None) -> bool:
    """True for views marked `@public`, static files and pages that don't exist."""
    view = current_app.view_functions.get(endpoint or "")
    return view is None or endpoint == "static" or bool(getattr(view, "is_public", False))


def require_sign_in() -> ResponseReturnValue | None:
    """Before a request: only public views open without a session."""
    if current_user.is_authenticated or is_public(request.endpoint):
        return None
    return current_app.login_manager.unauthorized()  # type: ignore[attr-defined, no-any-return]  # Flask-Login adds it


def _guarded(view: View, mark: str, instead: Callable[[], ResponseReturnValue | None]) -> View:
    """Return the view behind a question: it opens where `instead` answers None. mark: an attribute that says so."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        answer = instead()
        return view(*args, **kwargs) if answer is None else answer

    setattr(guarded, mark, True)  # read by the test that walks the URL map
    return guarded  # type: ignore[return-value]  # same signature by construction


def with_mfa(view: View) -> View:
    """Open a view only in an MFA session. Other users are led to the overview, which says how to get one."""
    return _guarded(view, "needs_mfa", _how_to_get_mfa)


def _how_to_get_mfa() -> ResponseReturnValue | None:
    if current_user.with_mfa:
        return None
    tell(_("This page needs MFA. Here is how you get it."), "info", "needs-mfa")
    return redirect(url_for("overview.index"))


GRACE = timedelta(minutes=10)
"""A form that was opened in time may be sent this much later, and its answer looked at."""
_ANSWERS = ("access_keys.new", "access_keys.download")
"""Pages that show what a form has just made."""


def recently_confirmed(view: View) -> View:
    """Open a view only soon after signing in. Others sign in once more and come back to the form, not its answer."""
    return _guarded(view, "needs_confirmation", _sign_in_once_more)


def _sign_in_once_more() -> ResponseReturnValue | None:
    late = request.method == "POST" or request.endpoint in _ANSWERS
    within = current_app.config["REAUTH_WITHIN"] + (GRACE if late else timedelta(0))
    recent = datetime.now(UTC) - current_user.signed_in_at <= within
    return None if recent else ask_to_confirm(where_they_were())


def ask_to_confirm(back: str, why: Confirming = Confirming.WHO) -> ResponseReturnValue:
    """Lead to a new sign-in, and to `back` afterwards."""
    current.confirm_before(back, why)
    return redirect(url_for("signin.sign_in"), 303)


def accounts_to_watch() -> list[str]:
    """Return the accounts whose users the administrator may look at: those in ADMINS, with MFA.

    By unique ID, or by ARN where ADMINS has no ID: then a later user of the same name is taken for the administrator.
    """
    if not current_user.is_authenticated or not current_user.with_mfa:
        return []
    me = {current_user.arn, current_user.user_id}
    return sorted(account for account, named in current_app.config["ADMINS"].items() if me & named)


def may_have_an_heir() -> bool:
    """Does ADMINS name the user by ARN only? Then a later user of that name is taken for them."""
    return any(current_user.arn in named for named in current_app.config["ADMINS"].values())


class ForAdministrators(Forbidden):
    """The page is only for administrators in ADMINS, with MFA."""


def admins_only(view: View) -> View:
    """Open a view only to administrators in ADMINS, with MFA. Raises ForAdministrators for others."""
    return _guarded(view, "needs_admin", _refuse_others)


def _refuse_others() -> None:
    if not accounts_to_watch():
        raise ForAdministrators
