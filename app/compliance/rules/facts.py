"""From what is stored to what the rules judge: of each fact the latest word counts. Pure.

Stored by `app.compliance.data.store`: the roster's facts as columns, the rest as JSON in the shapes of `ReportFacts`
and `OwnFacts`, times as ISO text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypedDict

from app.compliance.rules.subjects import Account, Credential, Key, Seen, Source, Subject


class ReportFacts(TypedDict):
    """A person's row of the credential report."""

    password: bool
    used: str | None
    """Last use of the password; None for never, or not since AWS keeps track."""
    changed: str | None
    mfa: bool
    other: bool | None
    """They have MFA of a kind that is not virtual: the roster showed no virtual device. None: not compared yet."""
    keys: list[list[Any]]
    """active, made or last changed, last used."""
    certificates: list[list[Any]]
    """active, made or last changed."""


class OwnFacts(TypedDict, total=False):
    """What a person's own visits showed: each with the time of the visit first."""

    mfa: tuple[str, list[str]]
    """Kinds of their devices (`app.aws.iam.DeviceKind.name`)."""
    password: tuple[str, bool]
    keys: tuple[str, list[tuple[bool, str]]]
    """active, made."""
    ssh_keys: tuple[str, list[tuple[bool, str | None, str | None]]]
    """active, made, expires."""
    certificates: tuple[str, list[tuple[bool, str | None, str | None]]]


class StoredPerson(Protocol):
    """A row of `compliance_people`."""

    user_name: str
    path: str
    created_at: datetime | None
    in_roster: bool
    password_last_used: datetime | None
    virtual_devices: int
    report: ReportFacts | None
    own: OwnFacts


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


class Others(NamedTuple):
    """MFA devices that aren't virtual ones of users: AWS tells only how many are in use."""

    at_most: int | None
    """None: not known."""
    fewer: bool = False
    """Fewer than users are taken to have, so some of them no longer have theirs."""
    more: bool = False
    """More than when the report was taken in, so someone has a new one."""


def others_of(roster: Mapping[str, Any]) -> Others:
    """From RosterFacts."""
    return Others(roster.get("others"), bool(roster.get("others_fewer")), bool(roster.get("others_more")))


def devices_told(row: StoredPerson, roster_at: datetime, report_at: datetime | None) -> tuple[int, int]:
    """How many devices of other kinds somebody is taken to have at the time of the lists: at least, at most.

    What their own visit showed since may have been there then, or not.
    """
    own, report = row.own.get("mfa"), row.report
    report_newer = bool(own and report and report_at and report_at > datetime.fromisoformat(own[0]))
    if own and not report_newer:
        number = sum(kind != "VIRTUAL" for kind in own[1])
        return (0, number) if datetime.fromisoformat(own[0]) > roster_at else (number, number)
    number = int(bool(report and report["mfa"] and report["other"] and not row.virtual_devices))
    return number, number


def subject(row: StoredPerson, roster_at: datetime | None, report_at: datetime | None, others: Others) -> Subject:
    """What is known of a person."""
    report, own = row.report, row.own
    roster_seen = Seen(Source.ROSTER, roster_at) if row.in_roster and roster_at else None
    report_seen = Seen(Source.REPORT, report_at) if report and report_at else None
    seen: dict[str, Seen] = {}
    if roster_seen or report_seen:
        seen["user"] = roster_seen or report_seen  # type: ignore[assignment]  # one of them is there

    mfa, doubt = _mfa(row, seen, roster_seen, report_seen, others)
    password, changed_at = None, None
    if report and report_seen:
        password, changed_at = report["password"], _time(report["changed"])
        seen["password"] = report_seen
    if "password" in own and _newer(own["password"][0], report_seen):
        password = own["password"][1]
        seen["password"] = Seen(Source.SELF, datetime.fromisoformat(own["password"][0]))
    used_at = row.password_last_used if roster_seen else None
    reported = _time(report["used"]) if report else None
    if reported and report_seen and (used_at is None or reported > used_at):
        used_at = reported
    sources = [each for each in (roster_seen, report_seen) if each]
    if sources:
        seen["password_last_used"] = max(sources, key=lambda each: each.at)
    return Subject(
        row.user_name,
        row.path,
        row.created_at,
        mfa,
        bool(roster_seen) and row.virtual_devices == 0,
        password,
        used_at,
        "password_last_used" in seen,
        changed_at,
        _keys(report, own, seen, report_seen),
        _credentials("certificates", report, own, seen, report_seen),
        _credentials("ssh_keys", None, own, seen, None),
        seen,
        doubt,
    )


def _newer(own: str, other: Seen | None) -> bool:
    return other is None or datetime.fromisoformat(own) >= other.at


def _mfa(
    row: StoredPerson, seen: dict[str, Seen], roster: Seen | None, report: Seen | None, others: Others
) -> tuple[bool | None, str]:
    """Have they MFA, and why that is not known although something told of it."""
    facts, own = row.report, row.own.get("mfa")
    if own and _newer(own[0], roster) and _newer(own[0], report):
        seen["mfa"] = Seen(Source.SELF, datetime.fromisoformat(own[0]))
        return bool(own[1]), ""
    if roster and (report is None or roster.at >= report.at):
        seen["mfa"] = roster
        if row.virtual_devices:
            return True, ""
        if others.at_most == 0:
            return False, ""
        # The roster shows virtual devices only. Who was known to have another kind is taken to have it still, as long
        # as there are enough of them; and who was known to have none, as long as there are not more than there were.
        if own and any(kind != "VIRTUAL" for kind in own[1]):
            if others.fewer:
                return None, FEWER
            seen["mfa"] = Seen(Source.SELF, datetime.fromisoformat(own[0]))
            return True, ""
        if facts and report and facts["mfa"] and facts["other"]:
            if others.fewer:
                return None, FEWER
            seen["mfa"] = report
            return True, ""
        if facts and report and not facts["mfa"]:
            if others.more:
                return None, MORE
            seen["mfa"] = report
            return False, ""
        return None, ""
    if facts and report:
        seen["mfa"] = report
        return facts["mfa"], ""
    return None, ""


FEWER = (
    "We can’t tell who still has a hardware MFA device: the account has fewer than its users had. Upload a newer "
    "credential report."
)
MORE = (
    "We can’t tell who has a new hardware MFA device: the account has more than its users had. Upload a newer "
    "credential report."
)


def _keys(
    report: ReportFacts | None, own: OwnFacts, seen: dict[str, Seen], report_seen: Seen | None
) -> tuple[Key, ...] | None:
    reported = (
        tuple(Key(active, _time(made), _time(used), True) for active, made, used in report["keys"])
        if report and report_seen
        else None
    )
    if reported is not None and report_seen:
        seen["key_use"] = report_seen
    if "keys" in own and _newer(own["keys"][0], report_seen):
        seen["keys"] = Seen(Source.SELF, datetime.fromisoformat(own["keys"][0]))
        known = {key.created_at: key for key in reported or ()}
        made = [(active, datetime.fromisoformat(text)) for active, text in own["keys"][1]]
        return tuple(
            known[at]._replace(active=active) if at in known else Key(active, at, None, False) for active, at in made
        )
    if reported is not None and report_seen:
        seen["keys"] = report_seen
    return reported


def _credentials(
    name: str, report: ReportFacts | None, own: OwnFacts, seen: dict[str, Seen], report_seen: Seen | None
) -> tuple[Credential, ...] | None:
    mine: tuple[str, list[tuple[bool, str | None, str | None]]] | None = own.get(name)  # type: ignore[assignment]  # both have this shape
    if mine and _newer(mine[0], report_seen):
        seen[name] = Seen(Source.SELF, datetime.fromisoformat(mine[0]))
        return tuple(Credential(active, _time(made), _time(ends)) for active, made, ends in mine[1])
    if report and report_seen:
        seen[name] = report_seen
        return tuple(Credential(active, _time(made)) for active, made in report["certificates"])
    return None


class RosterFacts(TypedDict, total=False):
    """What the roster says of the account."""

    alias: str
    root_password: bool
    root_keys: bool
    root_mfa: bool
    root_virtual_mfa: bool
    others: int
    """MFA devices in use that are not virtual ones of users, at most."""
    others_fewer: bool
    others_more: bool
    """As in `Others`."""
    password_length: int
    password_reuse: int
    why_no_password_policy: str
    why_no_summary: str


class RootFacts(TypedDict, total=False):
    """What the credential report says of the account."""

    mfa: bool
    password: bool
    """Missing where AWS does not say."""
    keys: bool
    used: str | None
    """Latest use of password or keys."""
    exact: bool
    """AWS said when it made the report; else its latest entry stands for that."""
    unexplained: int
    """MFA devices of other kinds in use beyond those the report explained, when both were first compared."""


def account(
    roster: Mapping[str, Any], roster_at: datetime | None, report: Mapping[str, Any], report_at: datetime | None
) -> Account:
    """What is known of an account, from RosterFacts and RootFacts."""
    seen: dict[str, Seen] = {}
    found: dict[str, Any] = {}
    newest_first = sorted(
        [
            *([(roster_at, Source.ROSTER, roster)] if roster_at else []),
            *(
                [(report_at, Source.REPORT, {f"root_{name}": each for name, each in report.items()})]
                if report_at
                else []
            ),
        ],
        key=lambda said: said[0],
        reverse=True,
    )
    for at, source, facts in newest_first:
        for name in ("root_keys", "root_mfa", "root_virtual_mfa", "root_password"):
            if name in facts and name not in found:
                found[name], seen[name] = facts[name], Seen(source, at)
    if report_at:
        seen["root_used_at"] = Seen(Source.REPORT, report_at)
    if roster_at and "password_length" in roster:
        seen["password_policy"] = Seen(Source.ROSTER, roster_at)
    return Account(
        found.get("root_keys"),
        found.get("root_mfa"),
        found.get("root_virtual_mfa"),
        _time(report.get("used")),
        report_at is not None,
        roster.get("password_length"),
        roster.get("password_reuse"),
        roster.get("why_no_summary") or "The account summary was not read yet.",
        roster.get("why_no_password_policy") or "The password policy was not read yet.",
        seen,
        found.get("root_password"),
    )
