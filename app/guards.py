"""Who may open a page: signed in is the rule, `@public` the marked exception, `@with_mfa` above it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import abort, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    """Mark a view that anyone may open."""
    view.is_public = True  # type: ignore[attr-defined]  # a mark on a function, read by is_public
    return view


def is_public(endpoint: str | None) -> bool:
    """True for views marked `@public`, static files and pages that do not exist."""
    view = current_app.view_functions.get(endpoint or "")
    return (
        view is None
        or endpoint == "static"
        or bool(getattr(view, "is_public", False))
        or (endpoint == "bootstrap.static")
    )


def require_sign_in() -> ResponseReturnValue | None:
    """Before every request: nobody gets past this without a session, save to public views."""
    if current_user.is_authenticated or is_public(request.endpoint):
        return None
    return current_app.login_manager.unauthorized()  # type: ignore[attr-defined, no-any-return]  # Flask-Login adds it


def with_mfa(view: View) -> View:
    """Only for sessions AWS has seen a code for; others are led to the overview, which says how to."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if not current_user.with_mfa:
            return redirect(url_for("overview.index"))
        return view(*args, **kwargs)  # type: ignore[no-any-return]  # views are typed where they stand

    guarded.needs_mfa = True  # type: ignore[attr-defined]  # a mark, read by the test that walks the URL map
    return guarded  # type: ignore[return-value]  # same signature by construction


def accounts_to_watch() -> list[str]:
    """Accounts whose people the person may look at: those ADMINS names them for, with MFA."""
    if not current_user.is_authenticated or not current_user.with_mfa:
        return []
    return sorted(account for account, arns in current_app.config["ADMINS"].items() if current_user.arn in arns)


def admins_only(view: View) -> View:
    """Only for those ADMINS names, with MFA; to others the page does not exist."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if not accounts_to_watch():
            abort(404)
        return view(*args, **kwargs)  # type: ignore[no-any-return]  # views are typed where they stand

    guarded.needs_admin = True  # type: ignore[attr-defined]  # a mark, read by the test that walks the URL map
    return guarded  # type: ignore[return-value]  # same signature by construction
