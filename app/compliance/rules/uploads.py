"""How the age of SSH keys and signing certificates is judged: what users upload, and replace in time. Pure."""

from __future__ import annotations

from app.compliance.rules.sentences import UploadSentences
from app.compliance.rules.subjects import Credential, Seen, Terms
from app.compliance.rules.verdicts import FAIL, PASS, UNKNOWN, Verdict, aged, fresh, worst


def judge_uploads(
    uploaded: tuple[Credential, ...] | None,
    seen: Seen | None,
    days: int,
    terms: Terms,
    sentences: UploadSentences,
    unknown: str,
) -> Verdict | None:
    """Return the worst verdict on the active ones. None: the user has no active one.

    uploaded: None where nobody knows what the user has. seen: when and where they were seen. days: the age at which
    one is too old. unknown: the sentence for when nobody knows, marked for translation.
    """
    if uploaded is None:
        return Verdict(UNKNOWN, unknown)
    found = worst([_credential(each, seen, days, terms, sentences) for each in uploaded if each.active])
    return fresh(found, terms, seen)


def _credential(each: Credential, seen: Seen | None, days: int, terms: Terms, sentences: UploadSentences) -> Verdict:
    if each.expires_at and terms.now >= each.expires_at:
        if seen and seen.at < each.expires_at:
            return Verdict(UNKNOWN, sentences.expired_since, (each.expires_at, seen.at))
        return Verdict(FAIL, sentences.expired, (each.expires_at,))
    if each.created_at is None:
        return Verdict(UNKNOWN, sentences.time_unknown)
    verdict = aged(each.created_at, days, terms.now, sentences.uploaded, sentences.too_old, seen)
    ends = [moment for moment in (verdict.until, each.expires_at) if moment]
    return verdict._replace(until=min(ends)) if verdict.state is PASS else verdict
