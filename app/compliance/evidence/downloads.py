"""A file of evidence as the answer to a request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from flask import Response, current_app, stream_with_context
from werkzeug.wsgi import FileWrapper

from app.compliance.evidence import pack
from app.compliance.evidence.files import FORMATS, Export
from app.compliance.evidence.signing import signing_key
from app.web.exports import attachment

BY_ENDING = {each.ending: each for each in FORMATS.values()}


def download(export: Export, ending: str) -> Response:
    """Return a file to download. ending: of a format, which says what is in it."""
    content: Iterable[str] | Iterable[bytes]
    if ending == pack.ENDING:
        content, mimetype = _parts(pack.packed_file(export, signing_key(current_app.config))), pack.MIMETYPE
    else:
        form = BY_ENDING[ending]
        content, mimetype = stream_with_context(form.text(export)), form.mimetype
    answer = Response(content, mimetype=mimetype)
    chosen = export.chosen
    part = "selection" if chosen.text or chosen.kind else ""
    about = "compliance", export.about.account_id, export.only, chosen.rule, chosen.state, part
    answer.headers["Content-Disposition"] = attachment(*about, ending=ending)
    return answer


def _parts(file: IO[bytes]) -> Iterable[bytes]:
    return FileWrapper(file, 64 * 1024)
