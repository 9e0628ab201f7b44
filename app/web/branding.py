"""How the portal looks for an organization and a reader: its name, its logo, and a light or a dark theme."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Flask, Response, abort, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.web.guards import public
from app.web.rate_limits import limiter, per_address
from app.web.responses import local_path

bp = Blueprint("branding", __name__)

THEMES = ("light", "dark")
"""What a reader can choose; without a choice, pages follow the system."""
_KEPT = timedelta(days=365)


def cookie_name() -> str:
    """Return the name of the cookie with the theme. Like the session's, it has the port where hosts are shared."""
    return f"{current_app.config['SESSION_COOKIE_NAME']}-theme"


def theme() -> str:
    """Return "light" or "dark" as the reader chose, else "system"."""
    chosen = request.cookies.get(cookie_name(), "")
    return chosen if chosen in THEMES else "system"


@bp.post("/theme")
@public
@limiter.limit(per_address, methods=["POST"])
def choose_theme() -> ResponseReturnValue:
    """Store a theme in a cookie, or remove it for "system", and lead back to the page the reader is on."""
    chosen = request.form.get("theme", "")
    answer = redirect(local_path(request.form.get("back"), url_for("overview.index")), 303)
    options = {"secure": current_app.config["SESSION_COOKIE_SECURE"], "httponly": True, "samesite": "Lax"}
    if chosen in THEMES:
        answer.set_cookie(cookie_name(), chosen, max_age=_KEPT, path="/", **options)
    else:
        answer.delete_cookie(cookie_name(), path="/", **options)
    return answer


@bp.get("/logo")
@public
def logo() -> ResponseReturnValue:
    """Return the picture of BRAND_LOGO. Its address changes with it, so browsers keep it."""
    picture = current_app.config["BRAND_LOGO"]
    if picture is None:
        abort(404)
    answer = Response(picture.content, content_type=picture.content_type)
    answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return answer


def register(app: Flask) -> None:
    """Add the pages, and what templates use."""
    app.register_blueprint(bp)
    app.jinja_env.globals["theme"] = theme
