"""What every request must meet, and the headers of every answer."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, redirect, request
from flask.typing import ResponseReturnValue
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
from werkzeug.exceptions import Forbidden

from app.aws.clients import SIGN_IN_HOSTS
from app.oidc.addresses import origin_of
from app.sessions.contents import Way
from app.web.responses import here


def sign_in_origins(signin_url: str) -> list[str]:
    """Return where a form that begins a sign-in may end: AWS redirects between hosts of its sign-in domain."""
    parts = urlsplit(signin_url)
    origins = [f"{parts.scheme}://{parts.netloc}"]
    domains = [domain for domain in SIGN_IN_HOSTS.values() if (parts.hostname or "").endswith(f".{domain}")]
    return origins + [f"https://{name}" for domain in domains for name in (domain, f"*.{domain}")]


def security_headers(https: bool, form_targets: list[str]) -> Secure:
    """Return the headers of every answer. Scripts and styles come from our own files, forms go to our own pages.

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


def prepare(app: Flask, signin_url: str) -> None:
    """Compute the headers once: they are the same for every answer. signin_url: of AWS Sign-In."""
    offered = Way.AWS_SIGN_IN in app.config["SIGN_IN_METHODS"]
    targets = sign_in_origins(signin_url) if offered else []
    if issuer := app.config["OIDC_ISSUER"]:
        targets.append(origin_of(issuer))
    app.extensions["security-headers"] = security_headers(app.config["SESSION_COOKIE_SECURE"], targets).headers


def add_headers(response: Response) -> Response:
    """Give an answer the security headers, and let neither browser nor proxy keep a page."""
    response.headers.update(current_app.extensions["security-headers"])
    # Where a file is missing, the answer is a page.
    if request.endpoint not in ("static", "branding.logo") or response.status_code not in (200, 206, 304):
        response.headers["Cache-Control"] = "no-store"
    return response


class FromElsewhere(Forbidden):
    """The form was sent by a page that isn't ours."""


def from_our_own_pages() -> None:
    """Refuse forms of other origins, in addition to the CSRF token. Raises FromElsewhere.

    On one machine every port is the same site, so a page on another port sends our cookie along.
    """
    origin = request.headers.get("Origin")
    if request.method == "POST" and origin not in (None, current_app.config["PUBLIC_URL"]):
        raise FromElsewhere


def one_name() -> ResponseReturnValue | None:
    """Lead from `localhost` to 127.0.0.1, the only name AWS's redirect and the cookie know."""
    if request.host.split(":")[0] == "localhost" and "localhost" not in current_app.config["PUBLIC_URL"]:
        return redirect(current_app.config["PUBLIC_URL"] + here(), 308)
    return None


_FORMS = ("", "application/x-www-form-urlencoded", "multipart/form-data")


def only_text() -> None:
    """Refuse what isn't a form (415), and a NUL anywhere (400), which PostgreSQL can't store."""
    if request.method == "POST" and request.mimetype not in _FORMS:
        abort(415)
    sent = (*request.args.items(multi=True), *request.form.items(multi=True))
    # A part of a form may have no name at all, which is None then.
    if any(text is None or "\0" in text for text in (request.path, *(text for pair in sent for text in pair))):
        abort(400)
