"""What a rule can say: pass, fail, or unknown, with the reason. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from app.compliance.rules.subjects import Seen, Source, Terms
from app.text.messages import N_, _


class State(StrEnum):
    """What a rule says of a user or the account."""

    PASS = "pass"  # noqa: S105 # a verdict
    FAIL = "fail"
    UNKNOWN = "unknown"
    EXCEPTED = "excepted"
    """It doesn't pass, and an exception allows that until a date."""


class Fix(NamedTuple):
    """Where a user can fix a finding, and how."""

    endpoint: str
    """Of a page of the portal, as Flask names it."""
    action: str
    """What to do there, as in "Rotate the access key"."""


class Verdict(NamedTuple):
    """A state and the reason. The sentence is formatted when it is read: few of thousands are."""

    state: State
    why: str
    """Sentences, one a line, each translated by itself. "{}" is a place for what is in `about`, in order."""
    about: tuple[Any, ...] = ()
    until: datetime | None = None
    """When time alone changes the verdict."""
    fix: Fix | None = None
    """Where this finding can be fixed, if not where the rule says."""

    @property
    def sentence(self) -> str:
        """The reason as text, in the reader's language."""
        why = " ".join(_(line) for line in self.why.split("\n"))
        return why.format(*(f"{each:%-d %B %Y}" if isinstance(each, datetime) else each for each in self.about))


PASS, FAIL, UNKNOWN, EXCEPTED = State
_OVER_SINCE = N_("It has passed the limit since this was collected, on {}.")
_STALE = {
    Source.USER_LIST: N_("The last refresh was on {}, more than {} days ago. Refresh again."),
    Source.REPORT: N_("The credential report is from {}, more than {} days ago. Upload a newer one."),
    Source.DETAILS: N_("The authorization details are from {}, more than {} days ago. Collect new ones."),
    Source.SELF: N_("The user’s last visit here was on {}, more than {} days ago."),
}


def passed(since: datetime, days: int, now: datetime) -> str:
    """Return how many days have passed, which is more than `days`: "400", or "more than 90" for 90.2."""
    number = (now - since).days
    return str(number) if number > days else _("more than %(days)d", days=days)


def aged(made: datetime, days: int, now: datetime, still: str, too_old: str, seen: Seen | None = None) -> Verdict:
    """Return the verdict on a credential made at that time: it passes while it is at most `days` days old.

    still, too_old: the reasons, with {} for the date, and in `too_old` another for the age.
    seen: the source of the credential. If it became too old only after that, it may be gone by now: unknown.
    """
    limit = made + timedelta(days=days)
    if now <= limit:
        return Verdict(PASS, still, (made,), limit)
    if seen and seen.at <= limit:
        return Verdict(UNKNOWN, f"{still}\n{_OVER_SINCE}", (made, seen.at))
    return Verdict(FAIL, too_old, (made, passed(made, days, now)))


def fresh(verdict: Verdict | None, terms: Terms, *seen: Seen | None) -> Verdict | None:
    """Return the verdict while the evidence is fresh, unknown afterwards. None: the rule isn't about this user."""
    # A plain loop is faster than min(), and this runs ten times for each of thousands of users.
    if verdict and verdict.state is UNKNOWN:
        return verdict
    oldest: Seen | None = None
    for each in seen:
        if each and (oldest is None or each.at < oldest.at):
            oldest = each
    if oldest is None:
        return verdict
    ends = oldest.at + _days(terms.evidence_days)
    if terms.now > ends:
        return Verdict(UNKNOWN, _STALE[oldest.source], (oldest.at, terms.evidence_days))
    if verdict and (verdict.until is None or ends < verdict.until):
        return Verdict(verdict.state, verdict.why, verdict.about, ends, verdict.fix)
    return verdict


_days = lru_cache(timedelta)


def worst(found: Sequence[Verdict]) -> Verdict | None:
    """Return one verdict for several credentials: a fail counts most, then an unknown. It lasts until any changes."""
    if len(found) <= 1:
        return found[0] if found else None
    chosen, until = found[0], None
    for each in found:
        if each.state is FAIL:
            return each
        if each.state is UNKNOWN and chosen.state is not UNKNOWN:
            chosen = each
        if each.until and (until is None or each.until < until):
            until = each.until
    return chosen if chosen.until is until else chosen._replace(until=until)
