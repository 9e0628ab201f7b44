"""`policy check` of anything: nothing makes it stumble, or contradict itself."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.policy.check.all_checks import check
from app.policy.check.findings import Severity
from app.policy.check.report import Report, as_text
from app.policy.features import When
from app.policy.patterns import Pattern
from app.policy.reference.actions import all_actions, may_name

Document = dict[str, Any]


@given(st.text(alphabet="ab*?", max_size=7), st.text(alphabet="ab*", max_size=7), st.text(alphabet="ab", max_size=6))
def test_patterns_that_share_a_text_are_seen_to(first: str, second: str, text: str) -> None:
    if all(Pattern(each, variables=False).matches(text, {}) for each in (first, second)):
        assert may_name(first, second)


words = st.text(alphabet="aZ*?:/${}é'\"", max_size=5)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
names = st.sampled_from(sorted(all_actions("iam"))) | st.sampled_from(
    [
        "*",
        "iam:*",
        "iam:List*",
        "iam:*MFA*",
        "iam:Lst*",
        "ec2:*",
        "x:y",
        "IAM:listusers",
        "iam:ListUser",
        ":",
        "a:b:c",
    ]
)
places = st.sampled_from(
    [
        "*",
        "arn:aws:iam::accountid:user/${aws:username}",
        "arn:aws:iam::accountid:user/*/${aws:username}",
        "arn:aws:iam::123456789012:mfa/${aws:username}",
        "arn:aws:iam::*:mfa/*",
        "arn:aws-cn:iam::111111111111:user/x",
        "arn:aws:iam::accountid:${aws:nothing}",
        "arn:aws:s3:::bucket/${*}",
        "user/x",
    ]
)
conditions = st.sampled_from(
    [
        {},
        {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
        {"Bool": {"aws:MultiFactorAuthPresent": ["true", False]}},
        {"StringLike": {"aws:username": "a*"}},
        {"Nonsense": {"a": "b"}},
        {"NumericLessThan": {"aws:MultiFactorAuthAge": 3600}},
    ]
)


def _one_or_more(values: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return values | st.lists(values, min_size=1, max_size=4)


@st.composite
def nearly_statements(draw: st.DrawFn) -> Any:
    """Mostly statements, sometimes with a wrong part."""
    statement: dict[str, Any] = {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny", "Deny", "allow"])),
        draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(_one_or_more(names)),
        draw(st.sampled_from(["Resource", "Resource", "NotResource"])): draw(_one_or_more(places)),
    }
    if draw(st.booleans()):
        statement["Sid"] = draw(st.sampled_from(["One", "Two", "not one", ""]))
    if draw(st.booleans()):
        statement["Condition"] = draw(conditions)
    if draw(st.integers(0, 9)) == 0:
        statement[draw(st.sampled_from([*statement, "Principal"]))] = draw(json_values)
    return statement


documents = st.fixed_dictionaries(
    {"Version": st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17", "2020"])},
    optional={"Statement": st.lists(nearly_statements(), max_size=4) | nearly_statements(), "Id": json_values},
)


def _sound(report: Report) -> None:
    json.dumps(report.as_json())
    "\n".join(as_text(report))
    for finding in report.findings:
        assert finding.sentence.endswith((".", "…")) and finding.remedy and finding.code
    main = {each.feature.code: each for each in report.features if each.feature.main}
    blamed = {each.subject for each in report.findings if each.code in ("feature-missing", "feature-late")}
    if "" in blamed:  # one finding instead of one for each feature
        assert blamed == {""} and all(each.when is When.NEVER for each in report.features)
        blamed = {each.feature.code for each in report.features}
    if report.features:
        assert report.usable is not bool(blamed & main.keys())
        assert all(each.when is When.BEFORE for each in main.values()) is report.usable
    else:
        assert any(finding.severity is Severity.ERROR for finding in report.findings) and not report.usable


@settings(max_examples=200)
@given(documents)
def test_no_document_makes_it_stumble_or_contradict_itself(document: Document) -> None:
    _sound(check(json.dumps(document)))


@given(st.text(max_size=200) | json_values.map(json.dumps))
def test_no_text_makes_it_stumble(text: str) -> None:
    _sound(check(text))
