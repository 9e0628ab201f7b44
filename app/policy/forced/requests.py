"""The whole context of a request that was found, and which part of it to show."""

from __future__ import annotations

from collections.abc import Mapping

from app.policy.forced.answers import SESSIONS, SessionKind
from app.policy.forced.domains import Asker
from app.policy.forced.search import Found
from app.policy.patterns import Context
from app.policy.reference.request_context import (
    MFA_PRESENT,
    Circumstances,
    Session,
    condition_key,
    request_context,
)

_ACCOUNT = "aws:resourceaccount"
_REQUEST_TAG = "aws:requesttag/"


def context_of(asker: Asker, found: Found) -> Context | None:
    """Return all condition keys of a request, in lower case. None if the keys that were found contradict the
    resource.
    """
    session = Session.of(SESSIONS[asker.kind])
    plain = request_context(asker.person.user, session, found.action, Circumstances(asker.now))
    context = {**{key.lower(): value for key, value in plain.items()}, **asker.fixed, **found.values}
    if not asker.person.user_id:
        context.pop("aws:userid", None)
    account = found.resource.split(":")[4] if found.resource.count(":") > 4 else ""
    if account.isdigit() and context.get(_ACCOUNT, account) != account:
        return None
    tags = [key.removeprefix(_REQUEST_TAG) for key, value in found.values.items() if key.startswith(_REQUEST_TAG)]
    listed = context.get("aws:tagkeys", ())
    if tags and "aws:tagkeys" in found.values:
        context["aws:tagkeys"] = tuple(dict.fromkeys((*([listed] if isinstance(listed, str) else listed), *tags)))
    return context


def shown(kind: SessionKind, found: Found) -> Mapping[str, str | tuple[str, ...]]:
    """Return the keys that matter, in AWS's spelling if it is known."""
    matter: dict[str, str | tuple[str, ...]] = {} if kind == "key" else {MFA_PRESENT: "false"}
    for key, value in found.values.items():
        known = condition_key(key)
        matter[known.name if known else key] = value
    return matter
