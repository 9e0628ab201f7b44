"""Pages about the policy, for administrators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, abort, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.policy.documents import DIFFERENCES
from app.policy.parsed import parsed
from app.policy.portal_actions import live_actions
from app.policy_pages import service
from app.policy_pages.forms import CheckForm, TryForm, WriteForm
from app.web import refused
from app.web.guards import accounts_here, admins_only, auditors_too
from app.web.rate_limits import CHANGES, limiter, this_person
from app.web.responses import page

bp = Blueprint("policies", __name__, url_prefix="/policy")
limiter.limit(CHANGES, key_func=this_person, methods=["POST"])(bp)


def _configured() -> Mapping[str, Any]:
    document: Mapping[str, Any] = current_app.config["FORCE_MFA_DOCUMENT"]
    return document


def _partition() -> str:
    return str(current_app.config["AWS_PARTITION"])


@bp.get("")
@auditors_too
def index() -> ResponseReturnValue:
    """Show the document in force: what works under it, what is wrong with it, what it says."""
    return page(
        "policies/index.html",
        report=service.report_on(_configured()),
        words=service.in_words(parsed(_configured())),
        when=service.WHEN,
    )


@bp.get("/write")
@admins_only
def write() -> ResponseReturnValue:
    """Show steps 1 and 2 of the tutorial for an account, to copy or download."""
    form = _write_form()
    differences = DIFFERENCES if form.document.data == "recommended" else ()
    written = form.written(_configured(), _partition())
    return page("policies/write.html", form, written=written, arguments=request.args, differences=differences)


@bp.get("/write/file")
@admins_only
def download() -> ResponseReturnValue:
    """Send the same as a file."""
    written = _write_form().written(_configured(), _partition())
    if written is None:
        abort(400)
    answer = Response(written.text, mimetype=written.media_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{written.file_name}"'
    return answer


def _write_form() -> WriteForm:
    form = WriteForm(request.args)
    form.offer(accounts_here())
    return form


@bp.get("/check")
@admins_only
def check() -> ResponseReturnValue:
    """Show a form for any document, and what is wrong with the one that was sent."""
    kept = refused.remembered(url_for("policies.check"))
    text = None if kept is None else str(kept)
    form = CheckForm.blank(document=text)
    report = None if text is None else service.check(text)
    words = service.in_words(report.policy) if report and report.policy else None
    return page("policies/check.html", form, report=report, words=words, when=service.WHEN)


@bp.post("/check")
@admins_only
def check_post() -> ResponseReturnValue:
    """Check a document. It is stored only in this session, for some minutes."""
    form = CheckForm()
    form.read_file()
    if not form.validate_on_submit():
        return page("policies/check.html", form, report=None, words=None, when=service.WHEN)
    refused.remember(url_for("policies.check"), form.document.data)
    return redirect(url_for("policies.check"), 303)


@bp.get("/try")
@auditors_too
def try_it() -> ResponseReturnValue:
    """Say who may do what, and which statement decides."""
    form = TryForm(request.args)
    form.offer(accounts_here())
    found, question, asked = None, None, ""
    if form.validate():
        document = service.document_of(form.document.data, _configured())
        policy = parsed(document, form.account.data, _partition())
        name, path, action = form.user_name.data, form.path.data, form.action.data
        resource = (form.resource.data or "").strip()
        question = service.asked(policy, name, path, action, resource, form.way.data)
        asked = question.resource
        found = service.try_it(policy, question)
    return page(
        "policies/try.html", form, found=found, question=question, asked=asked, actions=sorted(live_actions())
    )
