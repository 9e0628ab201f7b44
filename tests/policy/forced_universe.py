"""A small world of requests without MFA, to hold the judge of forced MFA against: everything in it can be tried.

What a request can be is written here by hand from AWS's pages, and not taken from the judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any, Literal, NamedTuple

from app.policy.evaluation import Request, compiled, decide
from tests.policy.oracle import verdict

ACCOUNT = "123456789012"
IAM = f"arn:aws:iam::{ACCOUNT}"
USERS = (f"{IAM}:user/alice", f"{IAM}:user/bob", f"{IAM}:user/eng/carol")
OBJECTS = ("arn:aws:s3:::b/k", "arn:aws:s3:::b/home/alice/k", "arn:aws:s3:::c/k", "arn:aws:s3:::b/home/bob/k")
BUCKETS = ("arn:aws:s3:::b", "arn:aws:s3:::c")
ROLES = (f"{IAM}:role/xy", f"{IAM}:role/admin", "arn:aws:iam::999988887777:role/xy")
DEVICES = (f"{IAM}:mfa/alice", f"{IAM}:mfa/alice/2", f"{IAM}:mfa/bob", f"{IAM}:mfa/x")
EVERY = frozenset({"aws:requestedregion", "aws:sourceip", "aws:securetransport", "aws:currenttime", "aws:useragent"})
_TAGGED = frozenset({"aws:resourcetag/team"})
_TAGGING = frozenset({"aws:requesttag/team", "aws:tagkeys"})
ON: Mapping[str, tuple[Sequence[str], frozenset[str]]] = {
    "s3:GetObject": (OBJECTS, _TAGGED),
    "s3:PutObject": (OBJECTS, _TAGGED),
    "s3:ListBucket": (BUCKETS, _TAGGED | {"s3:prefix", "s3:max-keys"}),
    "s3:ListAllMyBuckets": (("*",), frozenset()),
    "ec2:DescribeInstances": (("*",), frozenset()),
    "iam:ListUsers": ((f"{IAM}:user/",), frozenset()),
    "iam:GetAccountSummary": (("*",), frozenset()),
    "iam:ListAccountAliases": (("*",), frozenset()),
    "iam:GetUser": (USERS, _TAGGED),
    "iam:ListMFADevices": (USERS, _TAGGED),
    "iam:EnableMFADevice": (USERS, _TAGGED),
    "iam:ChangePassword": (USERS[:1], _TAGGED),
    "iam:CreateAccessKey": (USERS, _TAGGED),
    "iam:TagUser": (USERS, _TAGGED | _TAGGING),
    "iam:CreateVirtualMFADevice": (DEVICES, _TAGGED | _TAGGING),
    "iam:DeleteVirtualMFADevice": (DEVICES, _TAGGED),
    "iam:PassRole": (ROLES[:2], _TAGGED | {"iam:passedtoservice"}),
    "sts:AssumeRole": (ROLES, _TAGGED | _TAGGING),
}
"""Actions to the resources there are and the condition keys their requests can have, beside EVERY."""
GETTING_MFA: Mapping[str, Sequence[str]] = {
    "iam:ListAccountAliases": ("*",),
    "iam:GetUser": USERS[:1],
    "iam:ListMFADevices": USERS[:1],
    "iam:EnableMFADevice": USERS[:1],
    "iam:ChangePassword": USERS[:1],
    "iam:CreateVirtualMFADevice": DEVICES,
    "iam:DeleteVirtualMFADevice": DEVICES[:2],
}
Value = str | list[str] | None
CHOICES: Mapping[str, Sequence[Value]] = {
    "aws:requestedregion": ["us-east-1", "eu-central-1", "eu-west-1"],
    "aws:sourceip": ["198.51.100.10", "192.0.2.7", "10.1.2.3"],
    "aws:securetransport": ["true", "false"],
    "aws:currenttime": ["2026-12-01T00:00:00Z", "2031-06-01T00:00:00Z"],
    "aws:useragent": [None, "cli/2", "cli/1", "curl"],
    "aws:resourcetag/team": [None, "red", "blue", "alice"],
    "aws:requesttag/team": [None, "red", "blue"],
    "aws:tagkeys": [None, ["team"], ["cost"], ["team", "cost"]],
    "s3:prefix": [None, "home/alice/x", "home/bob/x", "open"],
    "s3:max-keys": [None, "5", "10", "11"],
    "iam:passedtoservice": [None, "ec2.amazonaws.com", "lambda.amazonaws.com"],
}
GLOBAL = ("iam",)
"""Services whose requests are all for one region."""


class Tried(NamedTuple):
    """A request. context: keys in lower case."""

    action: str
    resource: str
    session: Literal["key", "password"]
    context: Mapping[str, Any]


SESSIONS: Sequence[Literal["key", "password"]] = ("key", "password")


def always(session: Literal["key", "password"]) -> dict[str, Any]:
    """Condition keys of a plain request, beside those of the person. Values of CHOICES may replace them."""
    found = {
        "aws:requestedregion": "us-east-1",
        "aws:sourceip": "198.51.100.10",
        "aws:securetransport": "true",
        "aws:currenttime": "2026-12-01T00:00:00Z",
    }
    if session == "password":
        found |= {"aws:multifactorauthpresent": "false", "aws:tokenissuetime": "2026-11-30T23:59:00Z"}
    return found


def person_keys(name: str = "alice", tags: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Condition keys of a user in every request."""
    return {
        "aws:username": name,
        "aws:userid": "AIDACKCEVSQ6C2EXAMPLE",
        "aws:principalarn": f"{IAM}:user/{name}",
        "aws:principalaccount": ACCOUNT,
        "aws:principaltype": "User",
        "aws:viaawsservice": "false",
        "aws:principalisawsservice": "false",
        **{f"aws:principaltag/{key}": value for key, value in (tags or {}).items()},
    }


def keys_asked(documents: Sequence[Mapping[str, Any]]) -> set[str]:
    """The condition keys of documents, in lower case."""
    return {
        key.lower()
        for document in documents
        for statement in document["Statement"]
        for keys in statement.get("Condition", {}).values()
        for key in keys
    }


def requests(documents: Sequence[Mapping[str, Any]], tags: Mapping[str, str], most: int) -> Iterator[Tried]:
    """Every request of the world beyond getting MFA, with the keys that documents ask for; at most so many a pair."""
    asked = keys_asked(documents)
    for action, (places, keys) in ON.items():
        varied = [key for key in CHOICES if key in asked and key in EVERY | keys]
        choices = [
            ["us-east-1"] if key == "aws:requestedregion" and action.startswith(GLOBAL) else CHOICES[key]
            for key in varied
        ]
        for place in places:
            if place in GETTING_MFA.get(action, ()):
                continue
            for chosen in islice(product(*choices), most):
                given = {key: value for key, value in zip(varied, chosen, strict=True) if value is not None}
                if not _possible(given, asked):
                    continue
                for session in SESSIONS:
                    context = {**always(session), **person_keys(tags=tags), **given}
                    yield Tried(action, place, session, context)


def _possible(given: Mapping[str, Any], asked: set[str]) -> bool:
    """A request with a tag names it among its tag keys."""
    return "aws:requesttag/team" not in given or "aws:tagkeys" not in asked or "team" in given.get("aws:tagkeys", [])


def lets(documents: Sequence[Mapping[str, Any]], boundary: Mapping[str, Any] | None, tried: Tried) -> bool:
    """Is it allowed? Both judges have to say the same."""
    request = Request(tried.action, tried.resource, tried.context)
    ours = decide([compiled(each) for each in documents], request).allowed
    theirs = verdict(documents, tried.action, tried.resource, tried.context) == "Allowed"
    assert ours == theirs, tried
    if boundary is None:
        return ours
    within = decide([compiled(boundary)], request).allowed
    assert within == (verdict([boundary], tried.action, tried.resource, tried.context) == "Allowed"), tried
    return ours and within
