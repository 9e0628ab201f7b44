"""Authorization details: every form the AWS CLI writes, and every file that isn't the whole of them."""

from __future__ import annotations

import json
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compliance.data.details import details_of, parse
from app.compliance.data.details_formats import LARGEST, LISTS, NotDetails, holds_details
from app.compliance.data.details_rows import Details
from app.sandbox.operations.credential_report import HEADER
from tests.support.details import ACCOUNT, ALLOW, EDGE, IAM, NOW, attached, managed, user

WHOLE: dict[str, Any] = {
    "UserDetailList": [
        user("alice", Arn=f"{IAM}:user/eng/alice", Path="/eng/", GroupList=["devs"], PermissionsBoundary=EDGE,
             UserPolicyList=[{"PolicyName": "own", "PolicyDocument": ALLOW}],
             Tags=[{"Key": "team", "Value": "blau"}]),
        user("bob", AttachedManagedPolicies=attached("ReadOnlyAccess", owner="aws")),
    ],
    "GroupDetailList": [
        {"GroupName": "devs", "Arn": f"{IAM}:group/devs", "GroupPolicyList": [],
         "AttachedManagedPolicies": attached("Force_MFA")}
    ],
    "RoleDetailList": [
        {"RoleName": "support", "Arn": f"{IAM}:role/support",
         "RoleLastUsed": {"LastUsedDate": "2026-09-01T09:00:00Z"},
         "AttachedManagedPolicies": attached("AWSSupportAccess", owner="aws"), "RolePolicyList": []}
    ],
    "Policies": [managed("Force_MFA", ALLOW), managed("edge", ALLOW), managed("ReadOnlyAccess", ALLOW, "aws")],
}  # fmt: skip


def read(content: Any, at: datetime = NOW) -> Details:
    text = content if isinstance(content, str) else json.dumps(content)
    return parse(text.encode(), at)


def same(one: Details, other: Details) -> bool:
    """Do both say the same, whatever the file?"""
    told = ("account_id", "partition", "users", "groups", "roles", "policies", "documents", "collected_at")
    return all(getattr(one, name) == getattr(other, name) for name in told)


def changed(**lists: Any) -> dict[str, Any]:
    return {**deepcopy(WHOLE), **lists}


def test_what_they_say() -> None:
    details = read(WHOLE)
    assert (details.account_id, details.partition, details.collected_at) == (ACCOUNT, "aws", NOW)
    alice, bob = details.users["alice"], details.users["bob"]
    assert (alice.path, alice.groups, alice.boundary) == ("/eng/", ("devs",), f"{IAM}:policy/edge")
    assert alice.user_id == "AIDAALICE000000000000" and alice.tags == {"team": "blau"}
    assert bob.attached == ("arn:aws:iam::aws:policy/ReadOnlyAccess",) and not bob.inline and not bob.boundary
    assert details.policies[bob.attached[0]].by_aws
    (own,) = alice.inline
    assert (own.name, json.loads(details.documents[own.document])) == ("own", ALLOW)
    assert details.policies[f"{IAM}:policy/Force_MFA"].document == own.document, "the default version, kept once"
    assert len(details.documents) == 1
    assert details.groups["devs"].attached == (f"{IAM}:policy/Force_MFA",)
    assert details.roles["support"].attached == ("arn:aws:iam::aws:policy/AWSSupportAccess",)


def in_pages(size: int) -> list[dict[str, Any]]:
    """The same, as AWS pages it: entries one after another, and the last page says it is."""
    every = [(name, entry) for name in LISTS for entry in WHOLE[name]]
    pages = []
    for start in range(0, len(every), size):
        page: dict[str, Any] = {name: [] for name in LISTS} | {"IsTruncated": True, "Marker": f"m{start}"}
        for name, entry in every[start : start + size]:
            page[name].append(entry)
        pages.append(page)
    pages[-1] |= {"IsTruncated": False}
    return pages


def as_yaml(told: Any, **options: Any) -> str:
    """As the CLI writes it: what is there twice is written twice."""
    return str(yaml.safe_dump(json.loads(json.dumps(told)), sort_keys=False, **options))


def test_every_form_the_cli_writes() -> None:
    plain, text = read(WHOLE), json.dumps(WHOLE, indent=4)
    assert same(parse(text.encode("utf-16"), NOW), plain), "as PowerShell writes it"
    assert same(read("\ufeff" + text.replace("\n", "\r\n")), plain)
    pages = in_pages(3)
    assert len(pages) > 2
    assert same(details_of(pages, NOW), plain)
    assert same(read("\n".join(json.dumps(page, indent=4) for page in pages)), plain), "files joined by cat"
    assert same(read(pages), plain), "joined by jq -s"
    assert same(read(as_yaml(WHOLE)), plain)
    ordered = read(json.dumps(WHOLE, sort_keys=True))
    assert ordered.users == plain.users, "the same documents, however their names are ordered"
    assert same(read("---\n" + as_yaml(WHOLE, default_flow_style=False)), plain)
    assert same(read(as_yaml(pages)), plain), "yaml-stream"
    assert same(read("---\n".join(map(as_yaml, pages))), plain)


def test_documents_url_encoded_as_the_api_has_them() -> None:
    encoded = quote(json.dumps(ALLOW), safe="")
    told = changed(Policies=[managed(name, encoded) for name in ("Force_MFA", "edge")])
    told["UserDetailList"][0]["UserPolicyList"] = [{"PolicyName": "own", "PolicyDocument": encoded}]
    assert read(told).users == read(WHOLE).users, "the same key for the same document"


@pytest.mark.parametrize(
    ("content", "why", "named"),
    [
        ("", "empty", ""),
        ("\x00\x01", "neither", ""),
        ("user,arn,user_creation_time\n", "report", "--details"),
        ('{"Content": "AAAA", "ReportFormat": "text/csv", "GeneratedTime": "2026-09-01T00:00:00Z"}', "report", ""),
        (json.dumps(WHOLE)[:-2], "cut-short", ""),
        (json.dumps(WHOLE, indent=1)[:400], "cut-short", ""),
        (json.dumps(WHOLE) + "}", "not-json", "1"),
        ('{"UserDetailList": [NaN]}', "not-json", "NaN"),
        (json.dumps(ALLOW), "no-lists", "policy"),
        ({"Users": [{"UserName": "alice"}]}, "no-lists", "list"),
        ([user("alice")], "no-lists", "list"),
        ([1], "no-lists", ""),
        ("{'UserDetailList': []}", "python", "Python"),
        ("<GetAccountAuthorizationDetailsResponse>", "xml", "XML"),
        ("------\n|  GetAccountAuthorizationDetails  |", "table", "table"),
        ("USERDETAILLIST\tarn:aws:iam", "text", "text"),
        ({**WHOLE, "NextToken": "eyJ"}, "more-pages", "--max-items"),
        (in_pages(3)[0], "more-pages", "--no-paginate"),
        (in_pages(3)[:-1], "more-pages", ""),
        ([in_pages(3)[-1], in_pages(3)[0]], "more-pages", "order"),
        ([*in_pages(3)[:1], *in_pages(3)], "twice", "alice"),
        (changed(UserDetailList=[user("alice"), user("Alice")]), "twice", "Alice"),
        (changed(UserDetailList=[]), "no-users", "--filter"),
        ({"Policies": []}, "no-users", ""),
        (changed(UserDetailList={}), "no-users", ""),
        (changed(UserDetailList="alice"), "no-list", "UserDetailList"),
        (changed(UserDetailList=[user("eve", Arn="arn:aws:iam::999999999999:user/eve")]), "mixes-accounts",
         "999999999999"),
        (changed(UserDetailList=[user("eve", Arn=f"{IAM}:user/bob")]), "other-arn", "eve"),
        (changed(UserDetailList=[user("eve", Arn=f"{IAM}:role/eve")]), "other-arn", "eve"),
        (changed(UserDetailList=[user("<b>")]), "value", "UserName"),
        (changed(UserDetailList=[user("eve", UserId=None)]), "value", "UserId"),
        (changed(UserDetailList=[user("eve", GroupList=[{}])]), "value", "GroupList"),
        (changed(UserDetailList=[user("eve", GroupList="devs")]), "no-list", "GroupList"),
        (changed(UserDetailList=[user("eve", CreateDate="yesterday")]), "time", "yesterday"),
        (changed(UserDetailList=[user("eve", PermissionsBoundary="edge")]), "value", "PermissionsBoundaryArn"),
        (changed(UserDetailList=[user("eve", Tags=[{"Key": "a", "Value": "\x00"}])]), "tag", "Value"),
        (changed(UserDetailList=[user("eve", Tags=[{"Key": "\ud800", "Value": ""}])]), "tag", "Key"),
        (changed(UserDetailList=[user("eve", AttachedManagedPolicies=[{"PolicyArn": "x"}])]), "value", "PolicyArn"),
        (changed(Policies=[managed("broken", "%7Bno")]), "document", "broken"),
        (changed(Policies=[managed("broken", ["Statement"])]), "document", "broken"),
        (changed(UserDetailList=[user("eve", UserPolicyList=[{"PolicyName": "own"}])]), "document", "own"),
        ("UserDetailList:\n- &a\n  UserName: x\n- *a\n", "references", ""),
        ("UserDetailList:\n  - {a: 1\n", "cut-short", ""),
        ("UserDetailList: a\n  b: c\nPolicies: []\n", "not-yaml", ""),
        ("UserDetailList:\n- ? [a]\n  : b\n", "not-yaml", "key"),
    ],
)  # fmt: skip
def test_what_is_not_the_whole_of_them_is_refused_in_a_sentence(content: Any, why: str, named: str) -> None:
    with pytest.raises(NotDetails) as told:
        read(content)
    assert told.value.diagnosis == why, str(told.value)
    assert named in str(told.value) and str(told.value).endswith("Nothing was changed.")


def test_details_are_of_no_time_before_what_they_tell() -> None:
    with pytest.raises(NotDetails) as told:
        read(WHOLE, datetime(2026, 9, 1, 7, tzinfo=UTC))
    assert told.value.diagnosis == "collected-before" and "1 September 2026, 09:00" in str(told.value)


@pytest.mark.parametrize("before", ["", "\ufeff\n"])
def test_a_report_stays_one_whatever_its_users_are_named(before: str) -> None:
    report = f"{before}{HEADER}\nx.UserDetailList,arn:aws:iam::{ACCOUNT}:user/x.UserDetailList"
    assert not holds_details(report.encode())
    assert holds_details(b'{"UserDetailList": [')


def nested(levels: int) -> dict[str, Any]:
    """A document of so many levels."""
    return {"Statement": nested(levels - 1)} if levels else {}


def test_hostile_files_are_refused_as_any_other() -> None:
    bombs = [
        b"[" * 2_000_000,
        b'{"UserDetailList":' * 500_000,
        b"UserDetailList: " + b"[" * 500_000,
        b"UserDetailList:\n" + b"- " * 500_000,
        b"Policies: &a [x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n",
        json.dumps(changed(Policies=[managed("deep", "%5B" * 200_000)])).encode(),
        json.dumps(changed(Policies=[managed("long", {"Statement": "x" * 300_000})])).encode(),
        json.dumps(changed(Policies=[managed("half a character", {"Statement": ["\ud800"]})])).encode(),
        json.dumps(changed(Policies=[managed("levels", nested(70))])).encode(),
        b" " * (LARGEST + 1),
        b"\xff\xfe\x00",
    ]
    for bomb in bombs:
        with pytest.raises(NotDetails):
            parse(bomb, NOW)


TEXT = json.dumps(WHOLE)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(TEXT) - 1))
def test_half_a_file_is_never_taken(length: int) -> None:
    with pytest.raises(NotDetails):
        read(TEXT[:length])


@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet=st.sampled_from('{}[]",:\n-&*!|>\x00\ud800é1aUserDetailList'), max_size=80), st.integers(0, 2000)
)
def test_no_file_brings_the_parser_down(garbage: str, at: int) -> None:
    written = as_yaml(WHOLE)
    for text in (garbage, TEXT[:at] + garbage + TEXT[at:], written[:at] + garbage + written[at:]):
        with suppress(NotDetails):
            parse(text.encode("utf-8", "surrogatepass"), NOW)
