"""Reading an account's authorization details: entry by entry, and whether they are complete. Pure.

The format (IAM API reference, GetAccountAuthorizationDetails): users, groups, roles and managed policies, with the
documents of inline policies and of every version of a managed policy. Documents are objects where the SDK or the CLI
decoded them, and URL-encoded text otherwise (RFC 3986). AWS's own policies are listed where they are attached.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from app.compliance.data.details_formats import DEEPEST, NotDetails, Page, pages_of
from app.compliance.data.details_rows import Details, DetailsGroup, DetailsUser, Inline, ManagedPolicy
from app.compliance.data.report_formats import time_of
from app.text.messages import _

CLOCKS = timedelta(hours=1)
"""Tolerance for clocks: the stated collection time may be this much before the latest time in the file."""
LONGEST_DOCUMENT = 256 * 1024
"""Characters without white space. IAM's quotas allow 10,240, AWS's own policies are longer."""
_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_ID = re.compile(r"\w{1,128}", re.ASCII)
_ARN = re.compile(
    r"arn:([a-z-]{3,20}):iam::(\d{12}|aws):(user|group|role|policy)(/(?:[!-~]{1,510}/)?)([\w+=,.@-]{1,128})", re.ASCII
)

_NO_TEXT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
"""Control characters and halves of surrogate pairs, which no tag has and no database takes."""


def parse(content: bytes, collected_at: datetime) -> Details:
    """Read a file of details (`details_formats`). collected_at: when AWS was asked. Raises NotDetails."""
    return details_of(pages_of(content), collected_at, hashlib.sha256(content).hexdigest())


def details_of(pages: Sequence[Page], collected_at: datetime, digest: str = "") -> Details:
    """Read the pages of details. Raises NotDetails for what isn't complete, or what AWS never writes."""
    _check_last(pages)
    reading = _Reading()
    users = _by_name("UserDetailList", pages, reading.user)
    groups = _by_name("GroupDetailList", pages, reading.group)
    roles = _by_name("RoleDetailList", pages, reading.role)
    policies = _by_name("Policies", pages, reading.policy)
    if not users:
        message = _(
            "This file contains no users. Run the command again without --filter and --query. Nothing was changed."
        )
        raise NotDetails(message, diagnosis="no-users")
    if len(reading.accounts) > 1:
        ids = ", ".join(sorted(account for _partition, account in reading.accounts))
        message = _("This file mixes accounts: %(ids)s. Nothing was changed.", ids=ids[:80])
        raise NotDetails(message, diagnosis="mixes-accounts")
    if reading.latest and collected_at < reading.latest - CLOCKS:
        message = _(
            "The details contain data from %(latest)s, so they can’t have been collected on %(at)s. Correct the "
            "time. Nothing was changed.",
            latest=moment(reading.latest),
            at=moment(collected_at),
        )
        raise NotDetails(message, diagnosis="collected-before")
    ((partition, account_id),) = reading.accounts
    return Details(
        account_id, partition, collected_at, digest, users, groups, roles, policies, dict(reading.documents)
    )


def moment(time: datetime) -> str:
    """Format a time for messages: 3 May 2026, 14:05 UTC."""
    return f"{time.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def has_tags(keys: Iterable[str]) -> bool:
    """Is one of these the key of a tag that isn't from AWS?"""
    return any(not key.startswith("aws:") for key in keys)


def _check_last(pages: Sequence[Page]) -> None:
    """Raise NotDetails where pages are missing, as far as the pages say so."""
    unfinished = [page for page in pages if page.get("IsTruncated") or page.get("NextToken")]
    ends = [number for number, page in enumerate(pages) if page.get("IsTruncated") is False]
    if unfinished and (not ends or ends[-1] != len(pages) - 1):
        message = _(
            "This isn’t everything: AWS has more pages after this one. Run the command again without --no-paginate, "
            "--max-items and --page-size, or join all pages in one file, in their order. Nothing was changed."
        )
        raise NotDetails(message, diagnosis="more-pages")


def _by_name(key: str, pages: Iterable[Page], read: Any) -> dict[str, Any]:
    """Read one list from all pages, by name.

    Raises NotDetails for an entry that isn't from AWS, and for two names that differ only in case, as IAM has none.
    """
    found: dict[str, Any] = {}
    known: set[str] = set()
    for number, entry in enumerate(_entries(key, pages), 1):
        try:
            name, row = read(entry)
        except _Wrong as error:
            message = _(
                "Entry %(number)d of %(list)s isn’t from AWS: %(why)s Run the command again, and don’t edit its "
                "output. Nothing was changed.",
                number=number,
                list=key,
                why=str(error),
            )
            raise NotDetails(message, diagnosis=error.code) from error
        if name.lower() in known:
            message = _(
                "%(list)s contains %(name)s twice. Run the command again, and join each page only once. "
                "Nothing was changed.",
                list=key,
                name=name,
            )
            raise NotDetails(message, diagnosis="twice")
        known.add(name.lower())
        found[name] = row
    return found


def _entries(key: str, pages: Iterable[Page]) -> Iterator[Mapping[str, Any]]:
    for page in pages:
        entries = page.get(key) or []
        if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
            message = _("%(list)s isn’t a list of objects. Run the command again. Nothing was changed.", list=key)
            raise NotDetails(message, diagnosis="no-list")
        yield from entries


class _Wrong(ValueError):
    """What AWS never writes. code: what it is. message: a sentence about it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _list(entry: Mapping[str, Any], key: str) -> list[Any]:
    found = entry.get(key) or []
    if not isinstance(found, list):
        raise _Wrong("no-list", _("%(key)s isn’t a list.", key=key))
    return found


def _named(value: Any, key: str, allowed: re.Pattern[str]) -> str:
    """Return a text of an entry. Raises _Wrong where it isn't one that AWS writes."""
    found = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(found, str) or not allowed.fullmatch(found):
        message = _("%(key)s is %(value)s.", key=key, value=ascii(found)[:80])
        raise _Wrong("value", message)
    return found


class _Reading:
    """What is collected while entries are read."""

    def __init__(self) -> None:
        self.accounts: set[tuple[str, str]] = set()
        """Partition and id."""
        self.documents: dict[str, str] = {}
        self.latest: datetime | None = None

    def user(self, entry: Mapping[str, Any]) -> tuple[str, DetailsUser]:
        """Read an entry of UserDetailList. Raises _Wrong."""
        name, arn, path = self._whose(entry, "UserName", "user")
        boundary = entry.get("PermissionsBoundary")
        return name, DetailsUser(
            name,
            _named(entry, "UserId", _ID),
            arn,
            path,
            self._time(entry, "CreateDate"),
            tuple(_named({"GroupList": each}, "GroupList", _NAME) for each in _list(entry, "GroupList")),
            self._attached(entry),
            self._inline(entry, "UserPolicyList"),
            _named(boundary, "PermissionsBoundaryArn", _ARN) if boundary else "",
            {_text(tag, "Key"): _text(tag, "Value") for tag in _list(entry, "Tags")},
        )

    def group(self, entry: Mapping[str, Any]) -> tuple[str, DetailsGroup]:
        """Read an entry of GroupDetailList. Raises _Wrong."""
        return self._group(entry, "GroupName", "group", "GroupPolicyList")

    def role(self, entry: Mapping[str, Any]) -> tuple[str, DetailsGroup]:
        """Read an entry of RoleDetailList. Raises _Wrong."""
        used = entry.get("RoleLastUsed")
        self._time(used if isinstance(used, Mapping) else {}, "LastUsedDate")
        name, role = self._group(entry, "RoleName", "role", "RolePolicyList")
        return name, role._replace(tagged=has_tags(_text(tag, "Key") for tag in _list(entry, "Tags")))

    def _group(self, entry: Mapping[str, Any], key: str, kind: str, inline: str) -> tuple[str, DetailsGroup]:
        name, arn, _path = self._whose(entry, key, kind)
        self._time(entry, "CreateDate")
        return name, DetailsGroup(name, arn, self._attached(entry), self._inline(entry, inline))

    def policy(self, entry: Mapping[str, Any]) -> tuple[str, ManagedPolicy]:
        """Read an entry of Policies. Raises _Wrong."""
        arn = _named(entry, "Arn", _ARN)
        self._of_account(arn)
        self._time(entry, "UpdateDate")
        for version in _list(entry, "PolicyVersionList"):
            if not isinstance(version, Mapping):
                raise _Wrong("no-list", _("%(key)s isn’t a list.", key="PolicyVersionList"))
            default = version.get("IsDefaultVersion")
            if default or (default is None and version.get("VersionId") == entry.get("DefaultVersionId")):
                document = version.get("Document")
                return arn, ManagedPolicy(arn, self._document(document, arn) if document else "")
        return arn, ManagedPolicy(arn, "")

    def _whose(self, entry: Mapping[str, Any], key: str, kind: str) -> tuple[str, str, str]:
        """Return the name, the ARN and the path, which agree."""
        name, arn = _named(entry, key, _NAME), _named(entry, "Arn", _ARN)
        found = self._of_account(arn)
        if (found[3], found[5]) != (kind, name):
            raise _Wrong("other-arn", _("%(arn)s isn’t the ARN of %(name)s.", arn=arn[:80], name=name))
        return name, arn, found[4]

    def _of_account(self, arn: str) -> re.Match[str]:
        found = _ARN.fullmatch(arn)
        if not found:
            raise _Wrong("other-arn", _("%(arn)s isn’t the ARN of %(name)s.", arn=arn[:80], name="IAM"))
        if found[2] != "aws":
            self.accounts.add((found[1], found[2]))
        return found

    def _time(self, entry: Mapping[str, Any], key: str) -> datetime | None:
        value = entry.get(key)
        if value is None:
            return None
        try:
            found = value if isinstance(value, datetime) else time_of(value)
        except (ValueError, TypeError) as error:
            raise _Wrong("time", _("%(key)s is %(value)s.", key=key, value=ascii(value)[:80])) from error
        self.latest = max(found, self.latest or found)
        return found

    def _attached(self, entry: Mapping[str, Any]) -> tuple[str, ...]:
        found = _list(entry, "AttachedManagedPolicies")
        return tuple(dict.fromkeys(_named(each, "PolicyArn", _ARN) for each in found))

    def _inline(self, entry: Mapping[str, Any], key: str) -> tuple[Inline, ...]:
        found = []
        for each in _list(entry, key):
            name = _named(each, "PolicyName", _NAME)
            found.append(Inline(name, self._document(each.get("PolicyDocument"), name)))
        return tuple(found)

    def _document(self, document: Any, name: str) -> str:
        """Keep a policy document and return its key. Raises _Wrong."""
        try:
            if isinstance(document, str):
                document = json.loads(document if document.lstrip().startswith("{") else unquote(document))
            text = json.dumps(document, separators=(",", ":"))
            json.dumps(document, ensure_ascii=False).encode()  # half a character would break every page that names it
        except (ValueError, TypeError, RecursionError) as error:
            raise _Wrong("document", _("the document of %(name)s isn’t JSON.", name=name)) from error
        if not isinstance(document, Mapping) or len(text) > LONGEST_DOCUMENT or _deeper(document, DEEPEST):
            raise _Wrong("document", _("the document of %(name)s isn’t a policy.", name=name))
        key = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
        self.documents.setdefault(key, text)
        return key


def _deeper(value: Any, levels: int) -> bool:
    """Return whether the value is nested more than `levels` deep."""
    if isinstance(value, Mapping | list):
        parts = value.values() if isinstance(value, Mapping) else value
        return levels == 0 or any(_deeper(part, levels - 1) for part in parts)
    return False


def _text(tag: Any, key: str) -> str:
    """Return the key or the value of a tag, which has at most 256 characters."""
    found = tag.get(key) if isinstance(tag, Mapping) else None
    if not isinstance(found, str) or len(found) > 256 or _NO_TEXT.search(found):
        raise _Wrong("tag", _("%(key)s of a tag is %(value)s.", key=key, value=ascii(found)[:80]))
    return found
