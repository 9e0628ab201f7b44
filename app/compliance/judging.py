"""An account, judged as of now."""

from __future__ import annotations

from sqlalchemy import Engine

from app.compliance.data import due
from app.compliance.data.judgements import TermsOf
from app.compliance.data.outdated import are_outdated
from app.compliance.data.rows import AccountRow


def judged_now(engine: Engine, account_id: str, terms: TermsOf) -> AccountRow | None:
    """Judge every user whose verdicts are out of date, as `due.catch_up`, and stored details where they are."""
    stored = due.catch_up(engine, account_id, terms)
    if stored is None or not are_outdated(stored, terms(None)):
        return stored
    from app.compliance.data.details_updates import judge_stored  # noqa: PLC0415 # seldom: after an upgrade

    judge_stored(engine, account_id, terms)
    return due.catch_up(engine, account_id, terms)
