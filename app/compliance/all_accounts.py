"""All accounts of an administrator or auditor: each with its name, unit, figures by rule and sources, and totals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from app.compliance.data import daily
from app.compliance.data.models import ComplianceAccount
from app.compliance.data.syncs import Synced, read_syncs
from app.compliance.rules.rule import Rule
from app.compliance.rules.table import BY_ID, RULES

Named = Mapping[str, tuple[str, str]]
"""Name and path of the organizational unit, by account ID."""
PAGE = 25
"""Accounts on a page."""
CELLS = 230
"""Cells of rules on a page: with more, its first visit would load more than 90 kB. Then a page has fewer accounts."""
FEWEST = 6
FIRST, EVERY = "", "all"
"""Columns: the first choice, and every rule."""
COLUMNS: Mapping[str, tuple[str, ...]] = {
    FIRST: ("mfa", "mfa-forced", "key-age", "unused", "root-mfa"),
    "mfa": ("mfa", "mfa-console", "mfa-forced", "within-reach"),
    "keys": ("key-age", "one-active-key", "key-at-creation", "certificate-age", "ssh-key-age"),
    "unused": ("unused", "signed-in"),
    "root": ("root-key", "root-mfa", "root-hardware-mfa", "root-use"),
    "passwords": tuple(rule.id for rule in RULES if rule.id.startswith("password-")),
    "policies": (
        "policies-through-groups", "no-full-access", "no-full-access-own", "no-full-service-own", "support-role",
        "cloudshell-access", "user-tags", "role-tags",
    ),
    "tls": ("tls-expired", "tls-expiring"),
}  # fmt: skip
"""Rules that are shown side by side, by the name of the choice. Each rule is in one of them at least."""
MISSING, FAILED = "missing", "failed"
AGES = (1, 7, 30)
"""Days."""
SOURCES = ("", *map(str, AGES), MISSING, FAILED)
"""What can be asked of an account's sources: older than that many days, missing, or that the last sync failed."""
SORTS = ("", "name", "unit", "users", "oldest")


@dataclass(frozen=True)
class Overview:
    """An account in the table."""

    account_id: str
    name: str
    """From the last sync, else from the file of watched accounts, else the account's alias, else ""."""
    unit: str
    problem: str
    """Why the last sync of the account failed, "" if it didn't."""
    day: date | None
    figures: daily.Figures
    lists_at: datetime | None
    report_at: datetime | None
    details_at: datetime | None

    @property
    def oldest_at(self) -> datetime | None:
        """When the older of the lists and the report was collected, None where one of them is missing."""
        return min(self.lists_at, self.report_at) if self.lists_at and self.report_at else None


@dataclass(frozen=True)
class Chosen:
    """What to show."""

    text: str = ""
    """A part of the ID, the name or the unit."""
    unit: str = ""
    """Path of a unit. Those below belong to it."""
    rule: str = ""
    """Only accounts that fail this rule, most failing first, with a column for it."""
    sources: str = ""
    """One of SOURCES."""
    columns: str = FIRST
    sort: str = ""
    page: int = 1
    """From 1."""


class Total(NamedTuple):
    """A rule's column, and how many users or accounts fail and are unknown in all accounts that are shown."""

    rule: Rule
    failed: int
    unknown: int


@dataclass(frozen=True)
class AllAccounts:
    """A page of the table. The totals include all accounts that match."""

    shown: Sequence[Overview]
    number: int
    last: int
    matching: int
    columns: Sequence[Total]
    units: Sequence[str]
    """All units of all accounts, and those above them, in order."""
    people: int
    without_mfa: int
    old_keys: int
    unused: int
    known: int
    """Accounts with data."""
    rules: Sequence[Rule] = field(default=())
    """Those that any of the accounts is judged by."""


def all_accounts(
    connection: Connection,
    account_ids: Sequence[str],
    chosen: Chosen,
    now: datetime,
    named: Named = MappingProxyType({}),
    *,
    whole: bool = False,
) -> AllAccounts:
    """Return a page of accounts, or all that match where `whole` is set, and the totals of all that match.

    named: what a file says of accounts. Where a sync had a name or a unit, that counts.
    """
    everyone = _read(connection, account_ids, named)
    rules = _rules_in(each.figures for each in everyone)
    columns = _columns(chosen, rules)
    found = [each for each in everyone if _matches(each, chosen, now)]
    found.sort(key=_order(chosen))
    size = len(found) if whole else max(FEWEST, min(PAGE, CELLS // max(1, len(columns))))
    last = max(1, -(-len(found) // max(1, size)))
    number = min(chosen.page, last)
    figures = [each.figures for each in found if each.day]
    return AllAccounts(
        found[(number - 1) * size : number * size],
        number,
        last,
        len(found),
        [_total(rule, figures) for rule in columns],
        _units(everyone),
        sum(each.people for each in figures),
        sum(each.of("mfa").failed for each in figures),
        sum(each.of("key-age").failed for each in figures),
        sum(each.of("unused").failed for each in figures),
        len(figures),
        rules,
    )


def _read(connection: Connection, account_ids: Sequence[str], named: Named) -> list[Overview]:
    latest, syncs = daily.latest_of(connection, account_ids), read_syncs(connection, account_ids)
    query = select(
        ComplianceAccount.account_id,
        ComplianceAccount.user_list,
        ComplianceAccount.user_list_at,
        ComplianceAccount.report_at,
        ComplianceAccount.details_at,
    ).where(ComplianceAccount.account_id.in_(account_ids))
    stored = {row.account_id: row for row in connection.execute(query)}
    none: tuple[date | None, daily.Figures] = (None, daily.Figures())
    unknown = ("", "")
    return [
        _overview(each, named.get(each, unknown), syncs.get(each), stored.get(each), *latest.get(each, none))
        for each in account_ids
    ]


def _overview(
    account_id: str,
    name_and_unit: tuple[str, str],
    sync: Synced | None,
    row: Any,
    day: date | None,
    figures: daily.Figures,
) -> Overview:
    alias = str(row.user_list.get("alias") or "") if row else ""
    name, unit = name_and_unit
    return Overview(
        account_id,
        (sync.name if sync else "") or name or alias,
        (sync.unit if sync else "") or unit,
        sync.problem if sync else "",
        day,
        figures,
        row.user_list_at if row else None,
        row.report_at if row else None,
        row.details_at if row else None,
    )


def _rules_in(figures: Iterable[daily.Figures]) -> list[Rule]:
    """Return the rules and variants that are counted anywhere, in rules' order."""
    counted = {rule_id for each in figures for rule_id in each.rules}
    known = [BY_ID[rule_id] for rule_id in sorted(counted) if rule_id in BY_ID]
    places = {rule.id: place for place, rule in enumerate(RULES)}
    return sorted(known, key=lambda rule: places[rule.variant_of or rule.id])


def _columns(chosen: Chosen, rules: Sequence[Rule]) -> list[Rule]:
    if chosen.columns == EVERY:
        return list(rules)
    wanted = COLUMNS[chosen.columns]
    # The first choice is short. The others have the variants of their rules, which standards demand.
    found = [rule for rule in rules if (rule.id if chosen.columns == FIRST else rule.variant_of or rule.id) in wanted]
    asked = [rule for rule in rules if rule.id == chosen.rule and rule not in found]
    return asked + found


def _matches(each: Overview, chosen: Chosen, now: datetime) -> bool:
    if chosen.rule and not each.figures.of(chosen.rule).failed:
        return False
    if chosen.unit and not f"{each.unit}/".startswith(f"{chosen.unit}/"):
        return False
    return _says(each, chosen.text.casefold()) and _has_sources(each, chosen.sources, now)


def _says(each: Overview, text: str) -> bool:
    return any(text in field.casefold() for field in (each.account_id, each.name, each.unit))


def _has_sources(each: Overview, asked: str, now: datetime) -> bool:
    if not asked:
        return True
    if asked == FAILED:
        return bool(each.problem)
    if asked == MISSING or each.oldest_at is None:
        return each.oldest_at is None
    return each.oldest_at < now - timedelta(days=int(asked))


def _order(chosen: Chosen) -> Callable[[Overview], tuple[Any, ...]]:
    """Return what accounts are ordered by. Those of which it isn't known come last, except for ages."""
    by: Mapping[str, Callable[[Overview], tuple[Any, ...]]] = {
        "": lambda each: (each.account_id,),
        "name": lambda each: (not each.name, each.name.casefold()),
        "unit": lambda each: (not each.unit, each.unit.casefold(), each.name.casefold()),
        "users": lambda each: (each.day is None, -each.figures.people),
        "oldest": lambda each: (each.oldest_at is not None, each.oldest_at and each.oldest_at.timestamp()),
    }
    key = by[chosen.sort]
    if chosen.rule and not chosen.sort:
        return lambda each: (-each.figures.of(chosen.rule).failed, each.account_id)
    return lambda each: (*key(each), each.account_id)


def _units(everyone: Iterable[Overview]) -> list[str]:
    found: set[str] = set()
    for unit in {each.unit for each in everyone}:
        parts = unit.split("/") if unit else []
        found |= {"/".join(parts[:length]) for length in range(1, len(parts) + 1)}
    return sorted(found)


def _total(rule: Rule, figures: Collection[daily.Figures]) -> Total:
    counts = [each.of(rule.id) for each in figures]
    return Total(rule, sum(count.failed for count in counts), sum(count.unknown for count in counts))


FIXED = (
    "account_id", "name", "unit", "as_of", "users", "known_share", "lists_at", "report_at", "details_at",
    "sync_problem",
)  # fmt: skip
"""Columns of the file before those of rules."""


def file_columns(found: AllAccounts) -> list[str]:
    """Return the columns of the file: of each rule, how many fail and are unknown."""
    return [*FIXED, *(f"{rule.id} {what}" for rule, _, _ in found.columns for what in ("failed", "unknown"))]


def file_rows(found: AllAccounts) -> Iterator[dict[str, Any]]:
    """Yield a row of the file for each account. Of an account without data, figures are empty."""
    for each in found.shown:
        row: dict[str, Any] = {
            "account_id": each.account_id,
            "name": each.name,
            "unit": each.unit,
            "as_of": each.day.isoformat() if each.day else "",
            "users": each.figures.people if each.day else "",
            "known_share": f"{each.figures.coverage:.4f}" if each.day else "",
            "lists_at": _time(each.lists_at),
            "report_at": _time(each.report_at),
            "details_at": _time(each.details_at),
            "sync_problem": each.problem,
        }
        for rule, _, _ in found.columns:
            count = each.figures.of(rule.id)
            row[f"{rule.id} failed"] = count.failed if count.population else ""
            row[f"{rule.id} unknown"] = count.unknown if count.population else ""
        yield row


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else ""
