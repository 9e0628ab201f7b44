"""Style sheets and scripts as browsers get them, without the comments and indentation that are for developers.

A first visit loads at most 90 kB (`tests/browser/test_page_weight.py`). Files that begin with a licence are sent as
they are. Pages name each file with its version, so browsers keep it and don't ask for it again on the next page.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from rcssmin import cssmin
from rjsmin import jsmin
from werkzeug.http import generate_etag

_SHORTER: Mapping[str, Callable[[str], str]] = {".css": cssmin, ".js": jsmin}


def register(app: Flask) -> None:
    """Send the application's own style sheets and scripts in their short form. Their addresses get a version."""
    send_as_it_is = app.view_functions["static"]
    short = {file.name: _short(file) for file in Path(app.static_folder or "").glob("*") if file.suffix in _SHORTER}
    versions = {name: _version(content) for name, content in short.items()}

    def send(filename: str) -> ResponseReturnValue:
        if filename not in short:
            return cast("ResponseReturnValue", send_as_it_is(filename=filename))
        content = short[filename]
        mimetype = "text/css" if filename.endswith(".css") else "text/javascript"
        response = Response(content, mimetype=mimetype)
        response.set_etag(generate_etag(content))
        if request.args.get("v") == versions[filename]:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        else:  # of another release, or imported by a script
            response.cache_control.no_cache = True
        response.make_conditional(request)
        return response

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and values.get("filename") in versions:
            values["v"] = versions[values["filename"]]

    app.view_functions["static"] = send


def _version(content: bytes) -> str:
    """Return 5 characters, because each one counts on every page."""
    return urlsafe_b64encode(sha256(content).digest()).decode()[:5]


def _short(file: Path) -> bytes:
    text = file.read_text()
    return (text if text.startswith("/*!") else _SHORTER[file.suffix](text)).encode()
