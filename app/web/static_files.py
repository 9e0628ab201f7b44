"""Style sheets and scripts as browsers get them, without the comments and indentation that are for developers.

A first visit loads at most 90 kB (`tests/browser/test_page_weight.py`). Files that begin with a licence are sent as
they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from rcssmin import cssmin
from rjsmin import jsmin
from werkzeug.http import generate_etag

_SHORTER: Mapping[str, Callable[[str], str]] = {".css": cssmin, ".js": jsmin}


def register(app: Flask) -> None:
    """Send the application's own style sheets and scripts in their short form."""
    send_as_it_is = app.view_functions["static"]
    short = {file.name: _short(file) for file in Path(app.static_folder or "").glob("*") if file.suffix in _SHORTER}

    def send(filename: str) -> ResponseReturnValue:
        if filename not in short:
            return cast("ResponseReturnValue", send_as_it_is(filename=filename))
        content = short[filename]
        mimetype = "text/css" if filename.endswith(".css") else "text/javascript"
        response = Response(content, mimetype=mimetype)
        response.set_etag(generate_etag(content))
        response.cache_control.no_cache = True
        response.make_conditional(request)
        return response

    app.view_functions["static"] = send


def _short(file: Path) -> bytes:
    text = file.read_text()
    return (text if text.startswith("/*!") else _SHORTER[file.suffix](text)).encode()
