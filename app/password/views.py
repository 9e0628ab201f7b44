"""Pages of the console password."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.aws.passwords import LoginProfile, PasswordPolicy
from app.password import service
from app.password.forms import ChangeForm, NewPasswordForm
from app.password.rules import LONGEST, rules
from app.sessions import current
from app.sessions.contents import Way
from app.text.messages import _
from app.web.forms import EmptyForm
from app.web.guards import recently_confirmed, with_mfa
from app.web.permissions import calls, denied, may, needs, offered
from app.web.rate_limits import CHANGES, limiter, this_person
from app.web.request_context import audit, gateways, mfa_present, permitted, person
from app.web.responses import done, page

OLD_PASSWORDS = "20 per 5 minutes"
"""For one user, in all their sessions: nobody who finds one open can guess the password there."""
JUDGEMENTS = "20 per minute"
"""Of one person, in all their sessions: each costs the processor some hundredths of a second."""
bp = Blueprint("password", __name__, url_prefix="/password")
limiter.limit(CHANGES, key_func=this_person, methods=["POST"])(bp)
judging = Blueprint("strength", __name__, url_prefix="/password/strength")
limiter.limit(JUDGEMENTS, key_func=this_person)(judging)


def _policy() -> PasswordPolicy | None:
    return service.readable_policy(gateways().passwords)


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the form to change the password with the old one, also before MFA."""
    return _change_page(ChangeForm.blank(), _policy(), none="none" in request.args)


def _look() -> tuple[bool, LoginProfile | None]:
    """Return whether there is no password, and what AWS shows of one. A user who signed in through AWS has one."""
    me = person()
    may_see = permitted().allows("iam:GetLoginProfile", me.arn, mfa=mfa_present())
    if not me.with_mfa and not (me.access_key_id and may_see):
        return False, None
    return service.shown_profile(gateways().passwords, me.user_name)


def _change_page(form: ChangeForm, policy: PasswordPolicy | None, *, none: bool = False) -> ResponseReturnValue:
    """none: AWS said, when asked to change it, that there is no password."""
    without, profile = (True, None) if none else _look()
    if without and person().with_mfa and may("password.new"):
        return redirect(url_for("password.new"))
    return page(
        "password/change.html",
        form,
        rules=rules(policy) if policy else None,
        policy=policy,
        profile=profile,
        allowed="change-password" in offered(),  # some policies want MFA first, as AWS's own do since 2017
        without=without,
        settable=not denied("password.new", with_mfa=True),
    )


@judging.post("")
def strength() -> ResponseReturnValue:
    """Say how hard what is being typed would be to guess, for the page, which shows it beside the field.

    The form is judged the same way when it is sent. Nothing is stored.
    """
    found = service.strength(person(), request.form.get("new", "")[:LONGEST])
    return asdict(found)


@bp.post("")
@limiter.limit(OLD_PASSWORDS, key_func=this_person)
@needs("iam:ChangePassword")
@calls("iam:GetAccountPasswordPolicy")
def index_post() -> ResponseReturnValue:
    """Change the password."""
    form = ChangeForm()
    form.accept()
    service.examine(_policy(), person(), form.new.data, anyway=form.anyway.data)
    service.change(gateways().passwords, audit(), person(), form.old.data, form.new.data)
    return _changed(_("Password changed."))


@bp.errorhandler(service.NoPassword)
def no_password(_refusal: service.NoPassword) -> ResponseReturnValue:
    """Lead to the page that says so."""
    return redirect(url_for("password.index", none="yes"), 303)


def _changed(sentence: str) -> ResponseReturnValue:
    """Say what was done. AWS ends sessions that began with the old password: sign the user out now and say why."""
    if person().way is Way.AWS_SIGN_IN:
        current.sign_out()
        message = _(
            "%(done)s AWS signed you out because the password changed. Sign in with the new password.", done=sentence
        )
        return done(message, "signin.sign_in")
    return done(sentence, "overview.index")


@bp.get("/new")
@with_mfa
@recently_confirmed
@needs("iam:GetLoginProfile", "iam:CreateLoginProfile", "iam:UpdateLoginProfile")
def new() -> ResponseReturnValue:
    """Show the form for a password without the current one."""
    form, policy = NewPasswordForm.blank(), _policy()
    exists = gateways().passwords.exists(person().user_name)
    return page("password/new.html", form, rules=rules(policy) if policy else None, policy=policy, exists=exists)


@bp.post("/new")
@with_mfa
@recently_confirmed
@needs("iam:GetLoginProfile", "iam:CreateLoginProfile", "iam:UpdateLoginProfile")
@calls("iam:GetAccountPasswordPolicy")
def new_post() -> ResponseReturnValue:
    """Set a password without the current one."""
    form, passwords = NewPasswordForm(), gateways().passwords
    form.accept()
    service.examine(_policy(), person(), form.new.data, anyway=form.anyway.data)
    exists = passwords.exists(person().user_name)
    service.give(passwords, audit(), person(), form.new.data, exists=exists)
    return _changed(_("Password set."))


@bp.get("/remove")
@with_mfa
@recently_confirmed
@needs("iam:DeleteLoginProfile")
def remove() -> ResponseReturnValue:
    """Say what removing the password means."""
    if _look()[0]:
        return done(_("You have no console password, so there is nothing to remove."), "password.new", "info")
    return page("password/remove.html", EmptyForm.blank(), only_way=person().way is Way.AWS_SIGN_IN)


@bp.post("/remove")
@with_mfa
@recently_confirmed
@needs("iam:DeleteLoginProfile")
def remove_post() -> ResponseReturnValue:
    """Remove the password, unless it is the user's only way to sign in."""
    if person().way is Way.AWS_SIGN_IN:
        return done(_("You’re signed in with this password, so it wasn’t removed."), "password.index", "warning")
    service.remove(gateways().passwords, audit(), person())
    return done(_("Password removed. Your access keys keep working."), "overview.index")
