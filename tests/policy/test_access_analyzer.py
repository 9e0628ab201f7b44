"""`policy check`: what IAM Access Analyzer's published policy checks look for, and nothing where nothing is wrong."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy.check.all_checks import check
from app.policy.check.findings import Finding, Severity
from app.policy.check.redundancy import covers
from app.policy.check.regions import REGIONS
from app.policy.documents import VARIANTS, read, rendered
from app.policy.patterns import Pattern
from tests.policy.test_risks import IAM, unhurried, with_more

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
CODES = {
    "account-malformed",
    "date-doubtful",
    "deprecated-key",
    "empty-condition",
    "for-all-values",
    "operator-mismatch",
    "private-address",
    "redundant",
    "redundant-statement",
    "region-unknown",
    "repeated-key",
    "several-booleans",
    "unknown-key",
    "value-malformed",
    "wildcard-without-like",
}
BUCKET = "arn:aws:s3:::a-bucket"


def found(document: dict[str, Any]) -> list[Finding]:
    return [each for each in check(json.dumps(document)).findings if each.code in CODES]


def on(operator: str, key: str, value: Any) -> list[tuple[str, Severity]]:
    """What is found where a statement has this condition; each is about the condition."""
    condition = {operator: {key: value}}
    document = with_more({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": BUCKET, "Condition": condition})
    findings = found(document)
    assert all((each.place.statement, each.place.element) == (5, "Condition") for each in findings)
    assert all(each.sentence and each.remedy for each in findings)
    return [(each.code, each.severity) for each in findings]


CONDITIONS = [
    ("StringEquals", "aws:PrincipalTag/team", "a*", [("wildcard-without-like", WARNING)]),
    ("StringNotEqualsIgnoreCase", "s3:prefix", ["home", "ho?e"], [("wildcard-without-like", WARNING)]),
    ("StringEqualsIfExists", "aws:username", "al*", [("wildcard-without-like", WARNING)]),
    ("StringEquals", "s3:prefix", "${*}home/${aws:username}", []),
    ("StringLike", "s3:prefix", "home/*", []),
    ("ForAllValues:StringEquals", "aws:username", "alice", [("for-all-values", WARNING)]),
    ("ForAllValues:StringLike", "iam:PassedToService", "ec2.amazonaws.com", [("for-all-values", WARNING)]),
    ("forallvalues:StringEquals", "aws:tagkeys", ["a", "b"], []),
    ("ForAllValues:StringEquals", "dynamodb:Attributes", ["a", "b"], []),
    ("ForAnyValue:StringEquals", "aws:CalledVia", "cloudformation.amazonaws.com", []),
    ("IpAddress", "aws:SourceIp", "10.1.0.0/16", [("private-address", ERROR)]),
    ("NotIpAddress", "AWS:SourceIP", ["192.168.7.1", "fd00::/8"], [("private-address", ERROR)]),
    ("IpAddress", "aws:SourceIp", ["172.31.0.0/16", "203.0.113.0/24"], [("private-address", WARNING)]),
    ("IpAddress", "aws:SourceIp", ["203.0.113.0/24", "2001:db8::/32", "0.0.0.0/0", "172.32.0.1"], []),
    ("IpAddress", "aws:VpcSourceIp", "10.1.0.0/16", []),
    ("IpAddress", "aws:SourceIp", "203.0.113.0/33", [("value-malformed", ERROR)]),
    ("IpAddress", "aws:SourceIp", "203.0.113.*", [("value-malformed", ERROR)]),
    ("DateLessThan", "aws:CurrentTime", "2026-13-01T00:00:00Z", [("value-malformed", ERROR)]),
    ("DateLessThan", "aws:CurrentTime", "2026-02-30", [("value-malformed", ERROR)]),
    ("DateGreaterThan", "aws:CurrentTime", "31.12.2026", [("value-malformed", ERROR)]),
    ("DateGreaterThan", "aws:CurrentTime", "next week", [("value-malformed", ERROR)]),
    ("DateLessThan", "aws:EpochTime", "1798761599000", [("value-malformed", ERROR)]),
    ("DateLessThan", "aws:CurrentTime", "2026", [("date-doubtful", WARNING)]),
    ("DateLessThan", "aws:CurrentTime", "2026-12-31T23:59:59", [("date-doubtful", WARNING)]),
    ("DateLessThan", "aws:CurrentTime", ["2026-12-31T23:59:59Z", "2026-12-31", "2026-12-31T23:59:59.5+01:00"], []),
    ("DateLessThan", "aws:EpochTime", 1798761599, []),
    ("NumericLessThan", "aws:EpochTime", "1798761599", []),
    ("NumericLessThan", "aws:MultiFactorAuthAge", "an hour", [("value-malformed", ERROR)]),
    ("NumericLessThan", "aws:MultiFactorAuthAge", 3600, []),
    ("NumericLessThan", "s3:max-keys", "10", []),
    ("Bool", "aws:SecureTransport", "no", [("value-malformed", ERROR)]),
    ("Null", "aws:MultiFactorAuthAge", "yes", [("value-malformed", ERROR)]),
    ("Null", "aws:MultiFactorAuthAge", True, []),
    ("Bool", "aws:SecureTransport", ["true", False], [("several-booleans", ERROR)]),
    ("BoolIfExists", "aws:MultiFactorAuthPresent", "FALSE", []),
    ("StringEquals", "aws:MultiFactorAuthPresent", "false", [("operator-mismatch", WARNING)]),
    ("StringEquals", "aws:SourceIp", "203.0.113.7", [("operator-mismatch", WARNING)]),
    ("NumericEquals", "aws:PrincipalAccount", "123456789012", [("operator-mismatch", WARNING)]),
    ("DateLessThan", "aws:MultiFactorAuthAge", "1798761599", [("operator-mismatch", WARNING)]),
    ("ArnLike", "aws:username", f"{IAM}user/alice", [("operator-mismatch", WARNING)]),
    ("ArnLike", "aws:PrincipalArn", "alice", [("value-malformed", ERROR)]),
    ("ArnLike", "aws:PrincipalArn", f"{IAM}user/${{aws:username}}", []),
    ("StringLike", "aws:PrincipalArn", "arn:aws:iam::*:user/*", []),
    ("StringEquals", "aws:Arn", f"{IAM}user/alice", [("deprecated-key", WARNING)]),
    ("Bool", "aws:MultiFactorPresent", "false", [("unknown-key", WARNING)]),
    ("StringEquals", "s3:prefixes", "a", [("unknown-key", WARNING)]),
    ("StringEquals", "saml:aud", "https://signin.aws.amazon.com/saml", []),
    ("StringEquals", "s3:ExistingObjectTag/team", "a", []),
    ("StringEquals", "aws:RequestedRegion", ["eu-central-1", "EU-West-1"], []),
    ("StringEquals", "aws:RequestedRegion", "eu-centrl-1", [("region-unknown", WARNING)]),
    ("StringLike", "aws:RequestedRegion", "eu-*", []),
    ("StringEquals", "aws:PrincipalAccount", "1234-5678-9012", [("account-malformed", ERROR)]),
    ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::12345678901:user/*", [("account-malformed", ERROR)]),
    ("StringEquals", "aws:username", [], [("empty-condition", NOTE)]),
    ("StringEquals", "aws:username", ["alice", "bob", "alice"], [("redundant", NOTE)]),
]


@pytest.mark.parametrize(("operator", "key", "value", "expected"), CONDITIONS)
def test_conditions(operator: str, key: str, value: Any, expected: list[tuple[str, Severity]]) -> None:
    assert on(operator, key, value) == expected


def test_an_operator_without_a_key_and_a_key_in_two_spellings() -> None:
    statement = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": BUCKET}
    [finding] = found(with_more({**statement, "Condition": {"StringEquals": {}}}))
    assert (finding.code, finding.severity) == ("empty-condition", NOTE)
    twice = {"StringEquals": {"aws:username": "alice", "AWS:UserName": "bob"}}
    [finding] = found(with_more({**statement, "Condition": twice}))
    assert (finding.code, finding.severity) == ("repeated-key", ERROR)


def test_a_document_without_a_version_is_told_so() -> None:
    document = read("recommended")
    for version, told in (("2012-10-17", []), ("2008-10-17", []), (None, [WARNING])):
        versioned = {"Statement": document["Statement"]} | ({"Version": version} if version else {})
        findings = check(json.dumps(versioned)).findings
        assert [each.severity for each in findings if each.code == "missing-version"] == told


RESOURCES = [
    ("arn:aws:sqs:eu-central-1:12345678901:queue", [("account-malformed", ERROR)]),
    ("arn:aws:sqs:eu-central-1:1234567890123:queue", [("account-malformed", ERROR)]),
    ("arn:aws:sqs:eu-central-1:1234-5678-9012:queue", [("account-malformed", ERROR)]),
    ("arn:aws:sqs:frankfurt:accountid:queue", [("region-unknown", WARNING)]),
    ("arn:aws:sqs:eu-central-7:1234:queue", [("region-unknown", WARNING), ("account-malformed", ERROR)]),
    ("arn:aws:sqs:eu-*:123*:queue", []),
    ("arn:aws:sqs:*:*:queue", []),
    ("arn:aws:iam::aws:policy/*", []),
    ("arn:aws:s3:::a-bucket", []),
]


@pytest.mark.parametrize(("resource", "expected"), RESOURCES)
def test_accounts_and_regions_that_there_cannot_be(resource: str, expected: list[tuple[str, Severity]]) -> None:
    for element in ("Resource", "NotResource"):
        document = with_more({"Effect": "Deny", "Action": "sqs:*", element: [resource, f"{resource[:-1]}0"]})
        findings = [each for each in found(document) if each.code != "redundant"]
        assert sorted((each.code, each.severity) for each in findings) == sorted(expected)
        assert all((each.place.statement, each.place.element) == (5, element) for each in findings)


def test_every_region_botocore_knows_is_one() -> None:
    partitions = botocore.session.get_session().get_data("partitions")["partitions"]
    regions = {region for each in partitions for region in each["regions"] if not region.endswith("-global")}
    assert regions <= REGIONS


REDUNDANT = [
    ("Action", ["iam:List*", "iam:GetUser", "IAM:ListUsers"], "IAM:ListUsers is covered by iam:List*."),
    ("Action", ["ec2:*", "ec2:Describe*", "ec2:RunInstances"], "ec2:Describe* is covered by ec2:*. 1 more entry is"),
    ("Action", ["s3:GetObject", "s3:getobject"], "s3:GetObject appears more than once."),
    ("Action", ["s3:Get*", "s3:**"], "s3:Get* is covered by s3:**."),
    ("Resource", [f"{BUCKET}/*", f"{BUCKET}/a/*"], f"{BUCKET}/a/* is covered by {BUCKET}/*."),
    ("Resource", ["*", BUCKET], f"{BUCKET} is covered by *."),
    ("Action", ["s3:Get*", "s3:*Object", "s3:?et"], None),
    ("Action", ["s3:Get?", "s3:Get*"], "s3:Get? is covered by s3:Get*."),
    ("Action", ["s3:Get??", "s3:Get?"], None),
    ("Resource", [BUCKET, BUCKET.upper(), f"{BUCKET}/*"], None),
]


@pytest.mark.parametrize(("element", "entries", "sentence"), REDUNDANT)
def test_what_is_covered_by_another_entry(element: str, entries: list[str], sentence: str | None) -> None:
    if any(not entry.startswith(("arn:aws", "*")) for entry in entries) and element == "Resource":
        entries = [entry.replace("ARN:AWS:S3", "arn:aws:s3") for entry in entries]
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/z", element: entries}
    findings = found(with_more(statement))
    assert [each.severity for each in findings] == [NOTE] * (sentence is not None)
    assert sentence is None or findings[0].sentence.startswith(sentence)


def test_a_statement_that_another_includes() -> None:
    wide = {"Sid": "Wide", "Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}
    narrow = {"Sid": "Narrow", "Effect": "Allow", "Action": "s3:GetObject", "Resource": [BUCKET, f"{BUCKET}/*"]}
    for first, second, place in ((wide, narrow, 6), (narrow, wide, 5), (wide, {**wide, "Sid": "Again"}, 6)):
        [finding] = [each for each in found(with_more(first, second)) if each.code == "redundant-statement"]
        assert (finding.severity, finding.place.statement) == (NOTE, place)
    only = {"Bool": {"aws:SecureTransport": "true"}}
    for other in ({"Effect": "Deny"}, {"Condition": only}, {"Action": "s3:PutObject"}, {"Action": "s3:*"}):
        assert not [each for each in found(with_more(wide, {**narrow, **other})) if "statement" in each.code], other


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_of_it_is_wrong_with_what_aws_published(variant: str) -> None:
    for document in (read(variant), rendered(read(variant), "111122223333", "aws-cn")):
        assert found(document) == []


PATTERNS = st.text(st.sampled_from("ab*?"), min_size=1, max_size=5)


@unhurried
@given(PATTERNS, PATTERNS, st.text(st.sampled_from("ab"), max_size=7))
def test_what_covers_another_pattern_matches_whatever_that_one_matches(wide: str, narrow: str, text: str) -> None:
    if covers(wide, narrow) and Pattern(narrow, variables=False).matches(text, {}):
        assert Pattern(wide, variables=False).matches(text, {})
