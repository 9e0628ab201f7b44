"""Style sheets and scripts as browsers get them: without the comments and indentation that are for us.

A first visit loads at most 90 kB (`tests/browser/test_page_weight.py`). Files that are compressed already stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from werkzeug.http import generate_etag

_CSS_COMMENT = re.compile(r"""("[^"\n]*"|'[^'\n]*')|/\*.*?\*/""", re.DOTALL)
_CSS_TOKEN = re.compile(r"""("[^"\n]*"|'[^'\n]*')|\s*;?\s*(})\s*|\s*([{;,])\s*|(:)\s+|\s+""")
_CSS_ZERO = re.compile(r"(?<=[\s:(,-])0(?=\.\d)")
"""Of 0.5, which is .5 also within drawings."""
_JS_COMMENT = re.compile(
    r"""^[ \t]*(?://[^\n]*|/\*.*?\*/[ \t]*)\n|^[ \t]+|(?<=[;,{})\]])[ \t]+//[^\n"'`]*$""", re.DOTALL | re.MULTILINE
)
"""On lines of their own, or at the end of one, where no quotation mark follows that could make it a text."""


def of_style_sheet(text: str) -> str:
    """Return CSS without comments, and with blanks only where they count. Strings stay as they are."""
    short = _CSS_TOKEN.sub(_shorter_token, _CSS_COMMENT.sub(lambda found: found[1] or "", text)).strip()
    return _CSS_ZERO.sub("", short)


def _shorter_token(found: re.Match[str]) -> str:
    return next((part for part in found.groups() if part), " ")


def of_script(text: str) -> str:
    """Return JavaScript without indentation and, as a rule, without comments.

    No text in it may span lines: its indentation would be lost.
    """
    return _JS_COMMENT.sub("", text)


_SHORTER: Mapping[str, Callable[[str], str]] = {".css": of_style_sheet, ".js": of_script}


def register(app: Flask) -> None:
    """Send the application's own style sheets and scripts in their short form."""
    send_as_it_is = app.view_functions["static"]
    short = {file.name: _short(file) for file in Path(app.static_folder or "").glob("*") if file.suffix in _SHORTER}

    def send(filename: str) -> ResponseReturnValue:
        if filename not in short:
            return cast("ResponseReturnValue", send_as_it_is(filename=filename))
        content = short[filename]
        kind = "text/css" if filename.endswith(".css") else "text/javascript"
        response = Response(content, mimetype=kind)
        response.set_etag(generate_etag(content))
        response.cache_control.no_cache = True
        response.make_conditional(request)
        return response

    app.view_functions["static"] = send


def _short(file: Path) -> bytes:
    text = file.read_text()
    return (text if text.startswith("/*!") else _SHORTER[file.suffix](text)).encode()
