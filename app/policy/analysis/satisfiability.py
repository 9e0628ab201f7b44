"""Find out whether a condition holds for every possible request, for some, or for none.

A key that every request has keeps its true value, and a key of the session follows the session. A key that is only
sometimes present, that the client chooses, or that is unknown is tried as absent and with every value that may
matter: the values in the condition, values near them, and others.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from itertools import product

from app.policy.analysis.matching_users import ids_matched, users_matched
from app.policy.conditions import Condition
from app.policy.patterns import Absent, Context
from app.policy.reference.request_context import (
    Circumstances,
    IamUser,
    Key,
    Presence,
    Session,
    ValueType,
    condition_key,
    request_context,
)

MOST = 20_000
"""Requests tried for one condition. One with so many variables that this is not enough counts as SOMETIMES."""
Value = str | tuple[str, ...] | None
"""Of a key: text, several of it, or None where it is absent."""


class Holds(Enum):
    """For how many of the possible requests a condition holds."""

    ALWAYS = "always"
    SOMETIMES = "sometimes"
    NEVER = "never"


@dataclass(frozen=True)
class Users:
    """The IAM users of an account, in one kind of session, from a moment on. mfa: as in `Session`."""

    mfa: bool | None
    account_id: str
    partition: str
    now: datetime


def this_hour() -> datetime:
    """Return when the current hour began (UTC). Results about requests from now on are cached by it."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@lru_cache(maxsize=8192)
def holds(condition: Condition, users: Users) -> Holds:
    """Return for how many direct requests of these users a condition holds. With MFA, the code was just entered."""
    if _asks_a_time_as_text(condition):
        return Holds.SOMETIMES
    seen = set()
    for context in requests_of(condition, users):
        seen.add(holds_in(condition, context))
        if len(seen) > 1:
            return Holds.SOMETIMES
    return Holds.ALWAYS if seen == {True} else Holds.NEVER if seen == {False} else Holds.SOMETIMES


def _asks_a_time_as_text(condition: Condition) -> bool:
    """Return whether a condition compares a time as text, so that it holds and fails periodically, every night for
    example.
    """
    known = condition_key(condition.key)
    as_text = condition.operator.rpartition(":")[2].lower().startswith(("string", "arn"))
    patterns = [each for each in condition.wanted if each.strip("*") and ("*" in each or "?" in each)]
    return bool(known and known.value_type is ValueType.DATE and as_text and patterns)


def holds_in(condition: Condition, context: Context) -> bool:
    """Return whether a condition holds in one request. context: keys in lower case. A variable without a value makes
    it fail.
    """
    try:
        return condition.holds(context)
    except Absent:
        return False


def exempts_services(condition: Condition, users: Users) -> bool:
    """Return whether a condition fails for what an AWS service does on a user's behalf."""
    user = IamUser(users.account_id, "alice", f"arn:{users.partition}:iam::{users.account_id}:user/alice")
    context = request_context(user, Session.of(mfa=False), "any:Action", Circumstances(users.now))
    by_service = context | dict.fromkeys(("aws:CalledViaFirst", "aws:CalledViaLast"), "cloudformation.amazonaws.com")
    called: Mapping[str, str | Sequence[str]] = by_service | {
        "aws:ViaAWSService": "true",
        "aws:CalledVia": ["cloudformation.amazonaws.com"],
    }
    return not holds_in(condition, {name.lower(): value for name, value in called.items()})


def requests_of(condition: Condition, users: Users) -> Iterator[Context]:
    """Yield the contexts, keys in lower case, in which a condition is tried."""
    mfa, partition, now = users.mfa, users.partition, users.now
    keys = [key.lower() for key in condition.keys]
    near = _near(condition.wanted)
    for account, (name, path, unique_id) in _people(keys, condition.wanted, users):
        user = IamUser(account, name, f"arn:{partition}:iam::{account}:user{path}{name}", unique_id)
        base = request_context(user, Session.of(mfa), "any:Action", Circumstances(now))
        lower: dict[str, str | Sequence[str]] = {each.lower(): value for each, value in base.items()}
        named = (*near, name, user.arn)
        choices = [_values(key, lower.get(key), named, mfa, now) for key in keys]
        size = 1
        for each in choices:
            size *= len(each)
        if size > MOST:
            yield from ({**lower, keys[0]: "x"}, {each: value for each, value in lower.items() if each != keys[0]})
            continue
        for chosen in product(*choices):
            context = {each: value for each, value in lower.items() if each not in keys}
            yield context | {key: value for key, value in zip(keys, chosen, strict=True) if value is not None}


_PLAIN = ("alice", "/", "AIDACKCEVSQ6C2EXAMPLE")
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_ANY_ACCOUNT = "000011112222"
_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_USER = re.compile(r"arn:[^:]*:iam::([^:]*):user(/(?:[!-9;-~]+/)?)([\w+=,.@-]{1,64})", re.ASCII)


def _people(keys: Sequence[str], wanted: tuple[str, ...], users: Users) -> Iterator[tuple[str, tuple[str, str, str]]]:
    """Yield (account ID, (name, path, unique ID)) of possible IAM users, as far as these keys tell them apart."""
    near, account_id = _near(wanted), users.account_id
    by_account = not {"aws:principalaccount", "aws:principalarn"}.isdisjoint(keys)
    by_name = not {"aws:username", "aws:userid", "aws:principalarn"}.isdisjoint(keys)
    accounts = [account_id]
    if by_account and not _ACCOUNT.fullmatch(account_id):  # nothing says which account it is
        others = dict.fromkeys([_ANY_ACCOUNT, *(each for text in near for each in _ACCOUNT.findall(text))])
        accounts = accounts if any(account_id in text for text in near) else list(others)
    for account in accounts:
        for each in [*_users(near, account), *_meant(wanted, account, users.partition)] if by_name else [_PLAIN]:
            yield account, each


def _meant(wanted: tuple[str, ...], account_id: str, partition: str) -> Iterator[tuple[str, str, str]]:
    """Yield (name, path, unique ID) of users that patterns match, even if they match very few."""
    for pattern in wanted:
        if "*" in pattern or "?" in pattern:
            for name, path in users_matched(pattern, f"arn:{partition}:iam::{account_id}:user/"):
                yield name, path, _PLAIN[2]
            for unique_id in ids_matched(pattern):
                yield _PLAIN[0], _PLAIN[1], unique_id


def _users(near: Iterable[str], account_id: str) -> list[tuple[str, str, str]]:
    """Yield (name, path, unique ID) of users, including those that the texts may mean."""
    found = [
        _PLAIN,
        ("alice", "/engineering/", "AIDACKCEVSQ6C2EXAMPLE"),
        ("Z" * 64, "/", f"AIDA{'Z' * 17}"),
        ("x_y+=,.@-1", "/a/b/", f"AIDA{'2' * 17}"),
        ("0", "/", f"AIDA{'0' * 13}"),
    ]
    for text in near:
        if _NAME.fullmatch(text):
            found += [(text, "/", _PLAIN[2]), (text, "/engineering/", _PLAIN[2])]
        if re.fullmatch(r"AIDA[A-Z0-9]*", text):
            found.append(("alice", "/", text))
        if text.startswith("arn:") and (arn := _USER.fullmatch(_filled(text, account_id))):
            found.append((arn[3], arn[2], _PLAIN[2]))
    return list(dict.fromkeys(found))


def _filled(arn: str, account_id: str) -> str:
    """Return an ARN from a condition, with the account it must mean if it leaves the account open."""
    parts = arn.split(":", 5)
    if len(parts) == 6 and parts[4] in ("", "x", account_id):
        parts[4] = account_id
    return ":".join(parts)


_EDGES = ("", "x", "true", "false", "0", "1.5", "an/other:value")


@lru_cache(maxsize=4096)
def _near(wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Yield values from the policy as a request could have them, with wildcards filled in, and values next to
    them.
    """
    found: dict[str, None] = {}
    for text in wanted:
        plain = text.replace("${*}", "*").replace("${?}", "?").replace("${$}", "$")
        for value in (
            plain,
            text.replace("*", "").replace("?", "x"),
            text.replace("*", "x").replace("?", "x"),
            re.sub(r"^\*", "AIDA", text).replace("*", "").replace("?", "X"),
        ):
            found |= dict.fromkeys((value, value.lower(), value.upper(), f"{value}x", value.swapcase()))
        found |= dict.fromkeys(_beside_numbers(text))
        found |= dict.fromkeys(_beside_addresses(text))
    return tuple(found)


def _beside_numbers(text: str) -> Iterator[str]:
    try:
        number = float(text)
    except ValueError:
        return
    if abs(number) < 1e15:
        whole = int(number)
        yield from (str(whole), str(whole - 1), str(whole + 1), str(number), f"{whole}.0")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _beside_addresses(text: str) -> Iterator[str]:
    try:
        block = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return
    yield from (str(block[0]), str(block[-1]))
    for beside in (int(block[0]) - 1, int(block[-1]) + 1):
        if 0 <= beside < 2**block.max_prefixlen:
            yield str(ipaddress.ip_address(beside) if block.version == 4 else ipaddress.IPv6Address(beside))


def values_of(key: str, wanted: tuple[str, ...], said: Sequence[str], now: datetime) -> list[Value]:
    """Yield what a key that a condition uses can be, in lower case. said: the rest of the request's context."""
    return _values(key, "198.51.100.10" if key == "aws:sourceip" else None, (*_near(wanted), *said), None, now)


def _values(
    key: str, true: str | Sequence[str] | None, near: Sequence[str], mfa: bool | None, now: datetime
) -> list[Value]:
    """Yield what a key can be in a request. true: its value in a plain request."""
    known = condition_key(key)
    if known and (known.presence is Presence.NEVER or _fixed(known)):
        return [true if true is None or isinstance(true, str) else tuple(true)]
    if known and known.value_type is ValueType.DATE:
        return list(_moments(key, true, near, now, mfa))
    values: list[Value] = [None, *near, *_EDGES]
    if known is None or known.several or known.presence is Presence.SOMETIMES:
        values += [(), ("x",), *[(each, "x") for each in near[:40]]]
    if key == "aws:signinsessionarn":
        return values if mfa is not None else [None]
    if known and known.presence is Presence.ALWAYS:
        values = [each for each in values if each is not None]
    if key == "aws:securetransport":
        return ["true", "false"]
    if key == "aws:requestedregion":
        return [*near, "us-east-1", "eu-central-1", "ap-southeast-99"]
    if key == "aws:sourceip":
        # Beside a block of addresses, text that is no address would be a request that nobody can send.
        said = [each for each in near if _is_address(each)] or [each for each in near if each]
        return [str(true), *said, "203.0.113.77", "10.1.2.3", "2001:db8::7"]
    return list(dict.fromkeys(values))


def _fixed(key: Key) -> bool:
    """Return whether the key can have only one value for this user and session."""
    if key.person or key.name in ("aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge"):
        return not key.name.startswith("aws:PrincipalTag/")
    return key.presence is Presence.ALWAYS and not key.chosen and key.value_type in (ValueType.BOOL, ValueType.STRING)


def _moments(
    key: str, true: str | Sequence[str] | None, near: Sequence[str], now: datetime, mfa: bool | None
) -> Iterator[str | None]:
    """Yield times at which a request can arrive, or a session can have begun. A request never arrives in the past."""
    issued = key == "aws:tokenissuetime"
    if true is None:
        yield None
        return
    times = [now, now + timedelta(days=3650), *([now - timedelta(hours=11)] if mfa is False else ())]
    for text in near:
        when = moment(text)
        if when:
            times += [when - timedelta(seconds=1), when, when + timedelta(seconds=1)]
    for when in times:
        if when >= (now - timedelta(hours=36) if issued else now):
            yield str(int(when.timestamp())) if key == "aws:epochtime" else f"{when:%Y-%m-%dT%H:%M:%SZ}"


def moment(text: str) -> datetime | None:
    """Return the time (UTC) that the value of a date condition means: seconds since 1970, or ISO 8601. None if it
    means none.
    """
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return when.astimezone(UTC) if when.year in range(1900, 9000) else None
