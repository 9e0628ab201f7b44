"""The first page."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app import people
from app.aws.clients import both
from app.compliance.selfseen import seen
from app.current import audit, gateways, person
from app.fields import EmptyForm
from app.links import console_url, readable_alias
from app.mfa.devices import settle
from app.pages import page

bp = Blueprint("overview", __name__)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Who am I, is MFA on, what to do next."""
    me, iam = person(), gateways().iam
    settle(iam, audit(), me.user_name, datetime.now(UTC))
    devices, alias = both(lambda: iam.mfa_devices(me.user_name), lambda: readable_alias(iam))
    seen(me, mfa_devices=devices)
    return page(
        "overview.html",
        EmptyForm(formdata=None),
        devices=devices,
        alias=alias,
        console_url=console_url(me, alias),
        enrolling=people.enrollment() is not None,
        ends_at=people.session_ends_at(),
    )
