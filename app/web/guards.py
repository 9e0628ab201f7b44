"""Who may open a page: users who are signed in. `@public` is the exception, `@with_mfa` requires more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
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
from app.web.sentences import tell

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
    if current_user.is_authenticated and not current_user.is_iam_user:
        return _keep_to_their_pages()
    if current_user.is_authenticated or is_public(request.endpoint):
        return None
    return current_app.login_manager.unauthorized()  # type: ignore[attr-defined, no-any-return]  # Flask-Login adds it


class ForIamUsers(Forbidden):
    """The page is for IAM users, and the person signed in with their company account."""


FOR_COLLEAGUES = ("static", "security_txt.security_txt", "signin.sign_out", "signin.stay", "company_signin.callback")
"""What people who aren't IAM users may open besides pages about others: nothing that asks AWS."""
_FIRST_PAGES = ("overview.index", "signin.sign_in")


def _keep_to_their_pages() -> ResponseReturnValue | None:
    """Let people who aren't IAM users open pages about others only. Raises ForIamUsers."""
    endpoint, view = request.endpoint, current_app.view_functions.get(request.endpoint or "")
    about_others = getattr(view, "needs_admin", False) or getattr(view, "needs_auditor", False)
    if view is None or about_others or endpoint in FOR_COLLEAGUES or (endpoint or "").startswith("branding."):
        return None
    if endpoint in _FIRST_PAGES and request.method != "POST":
        return redirect(url_for("compliance.index"))
    raise ForIamUsers


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
"""How much later a form that was opened in time may be sent, and its answer opened."""
_ANSWERS = ("access_keys.new", "access_keys.download")
"""Pages that show what a form has just made."""


def recently_confirmed(view: View) -> View:
    """Open a view only soon after signing in. Others sign in again, and come back to the form, not its answer."""
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


def _named_in(setting: str) -> list[str]:
    """Return the accounts for which a setting (ADMINS or AUDITORS) names the person, if they have MFA.

    By unique ID, or by ARN where the setting has no ID: then a later user with the same name counts as well.
    """
    me = current_user._get_current_object()  # a page asks this five times, and the proxy looks for it each time
    if not me.is_authenticated or not me.with_mfa:
        return []
    if not me.is_iam_user:
        return accounts_of_groups(me.groups, setting)
    names = {me.arn, me.user_id}
    return sorted(account for account, named in current_app.config[setting].items() if names & named)


def accounts_of_groups(groups: Collection[str], setting: str) -> list[str]:
    """Return the accounts for which the counterpart of ADMINS or AUDITORS names one of the groups of a company."""
    by_account: Mapping[str, Collection[str]] = current_app.config[_GROUPS[setting]]
    return sorted(account for account, named in by_account.items() if set(groups).intersection(named))


def accounts_to_administer() -> list[str]:
    """Return the accounts that the person is an administrator of."""
    return _named_in("ADMINS")


def accounts_to_watch() -> list[str]:
    """Return the accounts that the person may look at, as their administrator or auditor."""
    return sorted({*accounts_to_administer(), *_named_in("AUDITORS")})


def accounts_here() -> list[str]:
    """Return the accounts that the page of this request may be about: on pages for administrators fewer."""
    view = current_app.view_functions.get(request.endpoint or "")
    return accounts_to_administer() if getattr(view, "needs_admin", False) else accounts_to_watch()


def setting_with_heirs() -> str:
    """Return the setting that names the user by ARN only, "" if none does.

    A later user with that name would count as well.
    """
    named = {name: any(current_user.arn in who for who in current_app.config[name].values()) for name in _SETTINGS}
    return next((name for name in _SETTINGS if named[name]), "")


_SETTINGS = ("ADMINS", "AUDITORS")
_GROUPS = {"ADMINS": "OIDC_ADMIN_GROUPS", "AUDITORS": "OIDC_AUDITOR_GROUPS"}
"""Their counterparts for people who aren't IAM users."""


class ForAdministrators(Forbidden):
    """The page is for administrators of some account, with MFA."""


class ForAuditors(ForAdministrators):
    """The page is for auditors and administrators of some account, with MFA."""


def admins_only(view: View) -> View:
    """Only for administrators, with MFA, not for auditors. Raises ForAdministrators.

    Each page about other users has this mark or `auditors_too`.
    """
    return _guarded(view, "needs_admin", _refuse_all_but_administrators)


def auditors_too(view: View) -> View:
    """For administrators and auditors, with MFA: the page only reads. Raises ForAuditors."""
    return _guarded(view, "needs_auditor", _refuse_others)


def _refuse_all_but_administrators() -> None:
    if not accounts_to_administer():
        raise ForAdministrators


def _refuse_others() -> None:
    if not accounts_to_watch():
        raise ForAuditors
