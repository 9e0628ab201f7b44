"""Find mistakes in the values of a Condition element.

If a value can't be read, the condition never holds. With a negated operator it always holds. Either is an error.
Source: IAM User Guide, IAM policy validation check reference.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from datetime import datetime

from app.policy.check.condition_lines import Line
from app.policy.check.findings import Finding, Severity
from app.policy.check.regions import is_region, miscounted, unknown_region, wrong_account
from app.policy.places import cut
from app.text.messages import N_, _

_ACCOUNTS = ("aws:principalaccount", "aws:resourceaccount", "aws:sourceaccount", "aws:vpceaccount")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_PRIVATE: list[Network] = [
    ipaddress.ip_network(block)
    for block in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
]
"""Addresses no request comes from over the internet (RFC 1918, 6598, 4193 and those of the link and the machine)."""
_DATE = r"\d{4}-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?)?"
_WITH_ZONE = r"(Z|[+-]\d\d:\d\d)$"


def _is_date(text: str) -> bool:
    """Return whether a text is a date as the W3C profile of ISO 8601 has it, or seconds since 1970 (IAM User Guide,
    date condition operators).
    """
    if re.fullmatch(r"[0-9]{1,11}", text):
        return True
    if not re.fullmatch(_DATE, text, re.IGNORECASE):
        return False
    whole = f"{text}-01" if len(text) == len("2026-01") else re.sub(r"\.\d+", "", text.upper())
    try:
        datetime.fromisoformat(whole)
    except ValueError:
        return False
    return True


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text.strip()) is not None


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _is_bool(text: str) -> bool:
    return text.lower() in ("true", "false")


def _is_arn(text: str) -> bool:
    parts = text.split(":")
    return text == "*" or (len(parts) >= 6 and (parts[0] == "arn" or "*" in parts[0]))


_DATE_LIKE = N_("Write it like 2026-12-31T23:59:59Z, or in seconds since 1970.")
_READABLE: dict[str, tuple[str, Callable[[str], bool], str]] = {
    "date": (N_("“%(value)s” isn’t a valid date."), _is_date, _DATE_LIKE),
    "numeric": (N_("“%(value)s” isn’t a number."), _is_number, N_("Write a number.")),
    "ipaddress": (
        N_("“%(value)s” isn’t a valid IP address or CIDR block."),
        lambda text: _network(text) is not None,
        N_("Write an address or a block, like 203.0.113.0/24."),
    ),
    "bool": (N_("“%(value)s” isn’t true or false."), _is_bool, N_("Write true or false.")),
    "arn": (
        N_("“%(value)s” isn’t a whole ARN."),
        _is_arn,
        N_("Write the whole ARN, with wildcards for the parts that don’t matter."),
    ),
}
"""Family of operators to what to say of another value, how to tell, and what to do."""


def unreadable(line: Line) -> Iterator[Finding]:
    """Yield findings for values that the operator can't compare."""
    family = "bool" if line.base == "Null" else line.family
    if family not in _READABLE:
        return
    what, reads, remedy = _READABLE[family]
    values = line.values_with("x") if family == "arn" else line.literal
    wrong = next((value for value in values if not reads(value)), None)
    if wrong is None:
        return
    never = _("This value never matches.")
    if len(line.values) == 1 and not line.negated:
        never = _("This condition never matches.")
    sentence = f"{_(what, value=cut(wrong))} {never}"
    if family == "date" and re.fullmatch(r"[0-9]{12,}", wrong):
        sentence = _("%(wrong)s looks like milliseconds. AWS expects seconds.", wrong=cut(wrong))
    yield Finding("value-malformed", Severity.ERROR, line.place, sentence, _(remedy))


def doubtful_dates(line: Line) -> Iterator[Finding]:
    """Yield findings for dates that may mean another moment than their author thinks."""
    if line.family != "date":
        return
    for value in line.literal:
        if re.fullmatch(r"[0-9]{1,8}", value):
            sentence = _("%(value)s counts as seconds since 1970, so it is a moment in that year.", value=value)
        elif _is_date(value) and "T" in value.upper() and not re.search(_WITH_ZONE, value, re.IGNORECASE):
            sentence = _("%(value)s has no time zone.", value=value)
        else:
            continue
        yield Finding("date-doubtful", Severity.WARNING, line.place, sentence, _(_DATE_LIKE))
        return


def several_booleans(line: Line) -> Iterator[Finding]:
    """Yield findings for Bool with both true and false, which always holds if the key is present."""
    if line.base == "Bool" and len({value.lower() for value in line.values}) > 1:
        sentence = _(
            "%(operator)s lists both true and false for %(key)s, so it matches either.",
            operator=cut(line.operator),
            key=cut(line.key),
        )
        yield Finding("several-booleans", Severity.ERROR, line.place, sentence, _("Keep one of them."))


def private_addresses(line: Line) -> Iterator[Finding]:
    """Yield findings for private addresses under aws:SourceIp, which never has one."""
    if line.key.lower() != "aws:sourceip" or line.family != "ipaddress":
        return
    private = [value for value in line.literal if (block := _network(value)) and _is_private(block)]
    if not private:
        return
    alone = len(private) == len(line.values)
    yield Finding(
        "private-address",
        Severity.ERROR if alone else Severity.WARNING,
        line.place,
        _not_seen(cut(private[0]), cut(line.operator), alone=alone),
        _("Name your public addresses, or use aws:VpcSourceIp for requests through a VPC endpoint."),
    )


def _not_seen(address: str, operator: str, *, alone: bool) -> str:
    """Describe private addresses that never match. alone: whether the condition has only private addresses."""
    if alone:
        return _(
            "%(address)s is private, and aws:SourceIp is the public address of a request. %(operator)s never "
            "finds it.",
            address=address,
            operator=operator,
        )
    return _(
        "%(address)s is private, and aws:SourceIp is the public address of a request. This value does nothing.",
        address=address,
    )


def _is_private(block: Network) -> bool:
    return any(block.network_address in wider and block.broadcast_address in wider for wider in _PRIVATE)


def places(line: Line) -> Iterator[Finding]:
    """Yield findings for accounts and regions that can't exist."""
    key = line.key.lower()
    plain = [value for value in line.literal if not re.search(r"[*?]", value)]
    accounts: list[str] = []
    if line.family == "string":
        if key == "aws:requestedregion" and (region := next((each for each in plain if not is_region(each)), None)):
            yield unknown_region(line.place, region)
        accounts = plain if key in _ACCOUNTS else []
    elif line.family == "arn":
        accounts = [value.split(":", 5)[4] for value in line.values_with("x") if value.count(":") > 4]
    if account := next((each for each in accounts if miscounted(each)), None):
        yield wrong_account(line.place, account)
