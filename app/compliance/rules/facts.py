"""From what the sources tell to what the rules judge: of each fact, the newest source counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from app.compliance.rules.sources import (
    DetailsFacts,
    ForcedFacts,
    OwnFacts,
    RootFacts,
    StoredPerson,
    UserListFacts,
)
from app.compliance.rules.subjects import Account, Credential, Key, Seen, Source, Subject
from app.text.messages import N_


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


class Others(NamedTuple):
    """MFA devices that aren't virtual ones of users. AWS returns only how many are in use."""

    at_most: int | None
    """None: not known."""
    fewer: bool = False
    """Fewer than users are taken to have, so some of them no longer have theirs."""
    more: bool = False
    """More than when the report was imported, so a user has a new one."""


def others_of(user_list: UserListFacts) -> Others:
    """Return what the lists say of MFA devices that aren't virtual ones of users."""
    return Others(user_list.get("others"), bool(user_list.get("others_fewer")), bool(user_list.get("others_more")))


def device_bounds(row: StoredPerson, user_list_at: datetime, report_at: datetime | None) -> tuple[int, int]:
    """Return how many devices of other kinds a user is taken to have at the time of the lists: at least, at most.

    A device that their own visit showed since may have been there then, or not.
    """
    own, report = _own(row.own, "mfa"), row.report
    if own and not (report and report_at and report_at > own.seen.at):
        number = sum(device_type != VIRTUAL for device_type in own.value)
        return (0, number) if own.seen.at > user_list_at else (number, number)
    number = int(bool(report and report["mfa"] and report["other"] and not row.virtual_devices))
    return number, number


class _Own(NamedTuple):
    """A fact that a user's own visit showed."""

    value: Any
    seen: Seen


def _own(own: OwnFacts, name: str, *others: Seen | None) -> _Own | None:
    """Return what the user's visit showed of a fact, None where it showed nothing or another source is newer."""
    fact: tuple[str, Any] | None = own.get(name)  # type: ignore[assignment]  # every fact is its time and its value
    if fact is None:
        return None
    at = datetime.fromisoformat(fact[0])
    if any(other and other.at > at for other in others):
        return None
    return _Own(fact[1], Seen(Source.SELF, at))


def subject(
    row: StoredPerson,
    user_list_at: datetime | None,
    report_at: datetime | None,
    others: Others,
    details_at: datetime | None = None,
) -> Subject:
    """Return what is known of a user."""
    user_list = Seen(Source.USER_LIST, user_list_at) if row.in_user_list and user_list_at else None
    report = Seen(Source.REPORT, report_at) if row.report and report_at else None
    seen: dict[str, Seen | None] = {"user": user_list or report}
    mfa, seen["mfa"], doubt = _mfa(row, user_list, report, others)
    password, seen["password"] = _password(row, report)
    used_at, seen["password_last_used"] = _password_use(row, user_list, report)
    keys, seen["keys"], seen["key_use"] = _keys(row, report)
    certificates, seen["certificates"] = _certificates(row, report)
    ssh_keys, seen["ssh_keys"] = _ssh_keys(row)
    seen["policies"] = Seen(Source.DETAILS, details_at) if details_at else None
    return Subject(
        row.user_name,
        row.path,
        row.created_at,
        mfa,
        bool(user_list) and row.virtual_devices == 0,
        password,
        used_at,
        seen["password_last_used"] is not None,
        _time(row.report["changed"]) if row.report and report else None,
        keys,
        certificates,
        ssh_keys,
        {name: source for name, source in seen.items() if source},
        doubt,
        detailed(row) if details_at else None,
    )


def _mfa(
    row: StoredPerson, user_list: Seen | None, report: Seen | None, others: Others
) -> tuple[bool | None, Seen | None, str]:
    """Does the user have MFA, what says so, and why it isn't known although a source reported it."""
    own = _own(row.own, "mfa", user_list, report)
    if own:
        return bool(own.value), own.seen, ""
    if user_list and (report is None or user_list.at >= report.at):
        return _mfa_by_lists(row, user_list, report, others)
    return (row.report["mfa"], report, "") if row.report and report else (None, None, "")


def _mfa_by_lists(
    row: StoredPerson, user_list: Seen, report: Seen | None, others: Others
) -> tuple[bool | None, Seen | None, str]:
    """As `_mfa`, where the lists are the newest source. They show virtual devices only.

    A user who had a device of another kind is taken to have it still, as long as there are enough of them. A user
    who had none is taken to have none still, as long as there are no more of them than before.
    """
    if row.virtual_devices:
        return True, user_list, ""
    if others.at_most == 0:
        return False, user_list, ""
    had, told_by = _other_device(row, report)
    if had is None:
        return None, user_list, ""
    if had and others.fewer:
        return None, user_list, FEWER
    if not had and others.more:
        return None, user_list, MORE
    return had, told_by, ""


def _other_device(row: StoredPerson, report: Seen | None) -> tuple[bool | None, Seen | None]:
    """Did the user have a device that isn't virtual, as an earlier visit or report says? None: neither says."""
    own = _own(row.own, "mfa")
    if own and any(device_type != VIRTUAL for device_type in own.value):
        return True, own.seen
    if row.report and report and (row.report["other"] or not row.report["mfa"]):
        return row.report["mfa"], report
    return None, None


class Named(NamedTuple):
    """A stored user, as far as the patterns of SERVICE_USERS ask (`service_users.Classed`)."""

    user_name: str
    path: str
    forced: ForcedFacts | None

    @classmethod
    def of(cls, row: StoredPerson) -> Named:
        """Return it of a stored row."""
        return cls(row.user_name, row.path, detailed(row))


def detailed(row: StoredPerson) -> ForcedFacts | None:
    """Return what the details say of a user, None where they are about a former user of that name."""
    details = row.forced
    if details is None or (row.user_id and details["user_id"] != row.user_id):
        return None
    created = _time(details["created"])
    if created and row.created_at and abs(created - row.created_at) >= timedelta(seconds=1):
        return None
    return details


VIRTUAL = "VIRTUAL"
"""As `app.aws.iam.DeviceType` names it."""
FEWER = N_(
    "We can’t see who still has a hardware MFA device: the account has fewer of them than before. Upload a newer "
    "credential report."
)
MORE = N_(
    "We can’t see who has a new hardware MFA device: the account has more of them than before. Upload a newer "
    "credential report."
)


def _password(row: StoredPerson, report: Seen | None) -> tuple[bool | None, Seen | None]:
    own = _own(row.own, "password", report)
    if own:
        return own.value, own.seen
    return (row.report["password"], report) if row.report and report else (None, None)


def _password_use(
    row: StoredPerson, user_list: Seen | None, report: Seen | None
) -> tuple[datetime | None, Seen | None]:
    """The later of the two times that the lists and the report say, and the later of these sources."""
    listed = row.password_last_used if user_list else None
    reported = _time(row.report["used"]) if row.report and report else None
    used = [moment for moment in (listed, reported) if moment]
    sources = [source for source in (user_list, report) if source]
    return max(used, default=None), max(sources, key=lambda source: source.at, default=None)


def _keys(row: StoredPerson, report: Seen | None) -> tuple[tuple[Key, ...] | None, Seen | None, Seen | None]:
    """Return the access keys, their source, and the source of when they were used."""
    reported: tuple[Key, ...] | None = None
    if row.report and report:
        stored = row.report["keys"]
        reported = tuple([Key(active, _time(made), _time(used), True) for active, made, used in stored])
    own = _own(row.own, "keys", report)
    if not own:
        return reported, report, report
    known = {key.created_at: key for key in reported or ()}
    keys = []
    for active, text in own.value:
        made = datetime.fromisoformat(text)
        key = known.get(made)
        keys.append(key._replace(active=active) if key else Key(active, made, None, False))
    return tuple(keys), own.seen, report


def _certificates(row: StoredPerson, report: Seen | None) -> tuple[tuple[Credential, ...] | None, Seen | None]:
    own = _own(row.own, "certificates", report)
    if own:
        return _uploaded(own.value), own.seen
    if row.report and report:
        return tuple([Credential(active, _time(made)) for active, made in row.report["certificates"]]), report
    return None, None


def _ssh_keys(row: StoredPerson) -> tuple[tuple[Credential, ...] | None, Seen | None]:
    own = _own(row.own, "ssh_keys")
    return (_uploaded(own.value), own.seen) if own else (None, None)


def _uploaded(stored: list[tuple[bool, str | None, str | None]]) -> tuple[Credential, ...]:
    return tuple(Credential(active, _time(made), _time(ends)) for active, made, ends in stored)


def account(
    user_list: UserListFacts,
    user_list_at: datetime | None,
    report: RootFacts,
    report_at: datetime | None,
    details: DetailsFacts | None = None,
    details_at: datetime | None = None,
) -> Account:
    """Return what is known of an account."""
    sources: list[tuple[Seen, Mapping[str, Any]]] = []
    if report_at:
        facts = {f"root_{name}": values for name, values in report.items()}
        sources.append((Seen(Source.REPORT, report_at), facts))
    if user_list_at:
        sources.append((Seen(Source.USER_LIST, user_list_at), user_list))
    sources.sort(key=lambda source: source[0].at)  # the later one counts, of two at once the lists
    found: dict[str, Any] = {}
    seen: dict[str, Seen] = {}
    for source, values in sources:
        for name in ("root_keys", "root_mfa", "root_virtual_mfa", "root_password"):
            if name in values:
                found[name], seen[name] = values[name], source
    if report_at:
        seen["root_used_at"] = Seen(Source.REPORT, report_at)
    if user_list_at and "password_length" in user_list:
        seen["password_policy"] = Seen(Source.USER_LIST, user_list_at)
    if user_list_at and "tls_number" in user_list:
        seen["tls_number"] = Seen(Source.USER_LIST, user_list_at)
    if tls_at := _time(user_list.get("tls_at")):
        seen["tls_certificates"] = Seen(Source.USER_LIST, tls_at)
    if details_at:
        seen["policies"] = Seen(Source.DETAILS, details_at)
    return Account(
        found.get("root_keys"),
        found.get("root_mfa"),
        found.get("root_virtual_mfa"),
        _time(report.get("used")),
        report_at is not None,
        user_list.get("password_length"),
        user_list.get("password_reuse"),
        user_list.get("why_no_summary") or N_("The account summary hasn’t been read yet."),
        user_list.get("why_no_password_policy") or N_("The password policy hasn’t been read yet."),
        seen,
        found.get("root_password"),
        details["permissions"] if details else None,
        tuple(user_list["password_classes"]) if "password_classes" in user_list else None,
        user_list.get("password_expiry"),
        user_list.get("tls_number"),
        _certificates_of_account(user_list),
        user_list.get("why_no_tls", ""),
    )


def _certificates_of_account(user_list: UserListFacts) -> tuple[tuple[str, datetime], ...] | None:
    if "tls_certificates" not in user_list:
        return None
    return tuple((name, datetime.fromisoformat(ends)) for name, ends in user_list["tls_certificates"])
