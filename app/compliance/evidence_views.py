"""The page with evidence for an auditor: files in every format, and their sources."""

from __future__ import annotations

from flask import Blueprint, Response, current_app
from flask.typing import ResponseReturnValue

from app.compliance.data.kept_sources import kept
from app.compliance.views import bp as dashboard
from app.compliance.views import shown, watched
from app.db import db
from app.places import VERIFIER
from app.text.messages import N_
from app.web.guards import auditors_too

bp = Blueprint("compliance_evidence", __name__, url_prefix=f"{dashboard.url_prefix}/evidence")
LABELS = {
    "pack": N_("Signed pack of all formats"),
    "html": N_("HTML report"),
    "csv": N_("CSV"),
    "json": N_("JSON"),
    "ocsf": N_("OCSF"),
    "asff": N_("ASFF (Security Hub)"),
}
"""In the order of the page."""


LISTED_AT_MOST = 100
"""Names on the page. The manifest of a pack has all."""


@bp.get("")
@auditors_too
def index() -> ResponseReturnValue:
    """The files, the sources, and the key that verifies a pack."""
    from app.compliance.evidence import pack  # noqa: PLC0415 # with all formats, which few requests need
    from app.compliance.evidence.about import sources_of  # noqa: PLC0415 # as above
    from app.compliance.evidence.completeness import completeness  # noqa: PLC0415 # as above
    from app.compliance.evidence.files import FORMATS  # noqa: PLC0415 # as above
    from app.compliance.evidence.signing import as_pem, key_id, signing_key  # noqa: PLC0415 # as above

    account, key = watched(), signing_key(current_app.config).public_key()
    stored = account.stored
    with db.engine.connect() as connection:
        complete = completeness(connection, stored) if stored else None
        sources = kept(connection, account.account_id)
    endings = {name: each.ending for name, each in FORMATS.items()} | {pack.NAME: pack.ENDING}
    return shown(
        "compliance/evidence.html",
        account,
        files=[(label, endings[name]) for name, label in LABELS.items()],
        sources=sources_of(stored) if stored else [],
        complete=complete,
        kept=sources,
        listed_at_most=LISTED_AT_MOST,
        public_key=as_pem(key).strip(),
        key_id=key_id(key),
    )


@bp.get("/latchkey.pem")
@auditors_too
def public_key() -> ResponseReturnValue:
    """The public key that checks packs, as a file."""
    from app.compliance.evidence.signing import as_pem, signing_key  # noqa: PLC0415 # as above

    answer = Response(as_pem(signing_key(current_app.config).public_key()), mimetype="application/x-pem-file")
    answer.headers["Content-Disposition"] = 'attachment; filename="latchkey.pem"'
    return answer


@bp.get("/verify-pack.py")
@auditors_too
def verifier() -> ResponseReturnValue:
    """The program that checks packs, as a file. It uses nothing of the portal."""
    answer = Response(VERIFIER.read_bytes(), mimetype="text/x-python")
    answer.headers["Content-Disposition"] = f'attachment; filename="{VERIFIER.name}"'
    return answer
