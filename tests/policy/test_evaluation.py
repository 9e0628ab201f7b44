"""The judge, rule by rule. Expectations are AWS's documentation, not the code's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy.evaluation import Effect, PolicyError, Request, compiled, decide
from app.policy.patterns import Context, Pattern

ALICE = "arn:aws:iam::123456789012:user/alice"


def policy(*statements: dict[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": list(statements)}


def allow(**elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "*", "Resource": "*"} | elements


def decision(document: dict[str, Any], action: str = "s3:GetObject", resource: str = "*", **context: Any) -> Effect:
    return decide([compiled(document)], Request(action, resource, context)).effect


def matches(statement: dict[str, Any], resource: str = "*", action: str = "s3:GetObject", **context: Any) -> bool:
    return decision(policy(statement), action, resource, **context) is Effect.ALLOWED


@pytest.mark.parametrize(
    ("pattern", "action", "expected"),
    [
        ("iam:ListUsers", "iam:ListUsers", True),
        ("IAM:listusers", "iam:ListUsers", True),
        ("iam:List*", "iam:ListUsers", True),
        ("iam:List*", "iam:GetUser", False),
        ("iam:*", "ec2:DescribeInstances", False),
        ("*", "ec2:DescribeInstances", True),
        ("iam:ListUser?", "iam:ListUsers", True),
        ("iam:ListUsers?", "iam:ListUsers", False),
        ("ec2:Describe*s", "ec2:DescribeInstances", True),
        ("iam.ListUsers:x", "iam:ListUsers", False),
    ],
)
def test_actions_ignore_letter_case_and_know_wildcards(pattern: str, action: str, expected: bool) -> None:
    assert matches(allow(Action=pattern), action=action) is expected
    without = {"Effect": "Allow", "NotAction": pattern, "Resource": "*"}
    assert matches(without, action=action) is not expected


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        ("arn:aws:iam::1:user/alice", "arn:aws:iam::1:user/alice", True),
        ("arn:aws:iam::1:user/alice", "arn:aws:iam::1:user/Alice", False),
        ("arn:aws:iam::1:user/*", "arn:aws:iam::1:user/eng/alice", True),
        ("arn:aws:iam::1:user/*", "arn:aws:iam::1:user/", True),
        ("arn:aws:iam::1:user/a?ice", "arn:aws:iam::1:user/alice", True),
        ("arn:aws:iam::1:user/*/alice", "arn:aws:iam::1:user/alice", False),
        ("*", "anything at all", True),
    ],
)
def test_resources_mind_letter_case_and_wildcards_span_slashes(pattern: str, resource: str, expected: bool) -> None:
    assert matches(allow(Resource=pattern), resource) is expected
    without = {"Effect": "Allow", "Action": "*", "NotResource": pattern}
    assert matches(without, resource) is not expected


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        ("arn:aws:iam::*", "arn:aws:iam::1:user/alice", True),
        ("arn:aws:iam::1*", "arn:aws:iam::1:user/alice", True),
        ("arn:aws:iam:*", "arn:aws:iam::1:user/alice", True),
        ("arn:aws:cloudfront:*", "arn:aws:cloudfront::1:distribution/X", True),
        ("arn:aws:iam", "arn:aws:iam::1:user/alice", True),
        ("arn:aws:iam::1", "arn:aws:iam::1:user/alice", True),
        ("arn:aws:iam::1", "arn:aws:iam::12:user/alice", False),
        ("arn:*:iam", "arn:aws-cn:iam::1:user/alice", True),
        ("arn:aws:sqs", "arn:aws:iam::1:user/alice", False),
        ("arn:aws:iam::*", "arn:aws:iamx::1:user/alice", False),
        ("arn:aws:iam:*:user/alice", "arn:aws:iam::1:user/alice", True),
        ("arn:aws:iam::*", "*", False),
    ],
)
def test_an_arn_may_end_early(pattern: str, resource: str, expected: bool) -> None:
    assert matches(allow(Resource=pattern), resource) is expected
    without = {"Effect": "Allow", "Action": "*", "NotResource": pattern}
    assert matches(without, resource) is not expected


@pytest.mark.parametrize("text", ["arn:", "arn:aws", "arn:*", "arn:aws:", "arn:aws:*", "aws:iam::1:user/x", "user/x"])
def test_an_arn_names_its_service(text: str) -> None:
    with pytest.raises(PolicyError):
        compiled(policy(allow(Resource=text)))


USER = "arn:aws:iam::1:user/"


@pytest.mark.parametrize(
    ("text", "resource", "context", "expected"),
    [
        ("${aws:username}", "alice", {"aws:username": "alice"}, True),
        ("${AWS:UserName}", "alice", {"aws:username": "alice"}, True),
        ("${aws:username}", "alice", {"AWS:USERNAME": "alice"}, True),
        ("${aws:username}", "bob", {"aws:username": "alice"}, False),
        ("${aws:username}", "alice", {}, False),
        ("${aws:username, 'alice'}", "alice", {}, True),
        ("${aws:username, 'alice'}", "bob", {"aws:username": "bob"}, True),
        ("*/${aws:username}", "eng/alice", {"aws:username": "alice"}, True),
        # A value is text: a user called * is not everyone.
        ("${aws:username}", "alice", {"aws:username": "*"}, False),
        ("${aws:username}", "*", {"aws:username": "*"}, True),
        ("${aws:username}", "ab", {"aws:username": "a?"}, False),
        ("${*}", "*", {}, True),
        ("${*}", "anything", {}, False),
        ("${?}", "?", {}, True),
        ("${?}", "a", {}, False),
        ("${$}{aws:username}", "${aws:username}", {"aws:username": "alice"}, True),
    ],
)
def test_variables(text: str, resource: str, context: dict[str, str], expected: bool) -> None:
    assert matches(allow(Resource=USER + text), USER + resource, **context) is expected


def test_variables_are_plain_text_before_2012() -> None:
    old = policy(allow(Resource=USER + "${aws:username}"), version="2008-10-17")
    assert decision(old, resource=USER + "alice", **{"aws:username": "alice"}) is Effect.IMPLICITLY_DENIED
    assert decision(old, resource=USER + "${aws:username}") is Effect.ALLOWED
    without_version = {"Statement": old["Statement"]}
    assert decision(without_version, resource=USER + "${aws:username}") is Effect.ALLOWED


NOW = "2026-11-24T10:00:00Z"
CONDITIONS = [
    # operator, value in the policy, value in the request (None: absent), does it match
    ("StringEquals", "a", "a", True),
    ("StringEquals", "a", "A", False),
    ("StringEquals", ["a", "b"], "b", True),
    ("StringEquals", "a*", "ab", False),
    ("StringEquals", "a", None, False),
    ("StringEqualsIfExists", "a", None, True),
    ("StringEqualsIfExists", "a", "b", False),
    ("StringNotEquals", "a", "b", True),
    ("StringNotEquals", ["a", "b"], "b", False),
    ("StringNotEquals", "a", None, True),
    ("StringEqualsIgnoreCase", "a", "A", True),
    ("StringNotEqualsIgnoreCase", "a", "A", False),
    ("StringLike", "a*", "abc", True),
    ("StringLike", "a?", "abc", False),
    ("StringLike", "A*", "abc", False),
    ("StringNotLike", "a*", "abc", False),
    ("StringNotLike", "a*", "xbc", True),
    ("stringlike", "a*", "abc", True),
    ("NumericEquals", "5", "5.0", True),
    ("NumericNotEquals", "5", "6", True),
    ("NumericLessThan", 5, "4", True),
    ("NumericLessThan", 5, "5", False),
    ("NumericLessThanEquals", 5, "5", True),
    ("NumericGreaterThan", "3600", "3601", True),
    ("NumericGreaterThanEquals", "3600", "3600", True),
    ("NumericLessThan", "5", "many", False),
    ("NumericLessThanIfExists", "5", None, True),
    ("DateLessThan", "2026-12-01T00:00:00Z", NOW, True),
    ("DateGreaterThan", "2026-12-01T00:00:00Z", NOW, False),
    ("DateEquals", "2026-11-24T10:00:00Z", "1795514400", True),
    ("DateNotEquals", "2026-11-24", NOW, True),
    ("DateLessThanEquals", NOW, NOW, True),
    ("DateGreaterThanEquals", NOW, NOW, True),
    ("Bool", "true", "true", True),
    ("Bool", "false", "true", False),
    ("Bool", True, "true", True),
    ("Bool", "false", None, False),
    ("BoolIfExists", "false", None, True),
    ("BoolIfExists", "false", "false", True),
    ("BoolIfExists", "false", "true", False),
    ("IpAddress", "203.0.113.0/24", "203.0.113.7", True),
    ("IpAddress", "203.0.113.0/24", "203.0.114.7", False),
    ("IpAddress", "203.0.113.7", "203.0.113.7", True),
    ("IpAddress", "2001:db8::/32", "2001:db8::1", True),
    ("IpAddress", "203.0.113.0/24", "2001:db8::1", False),
    ("NotIpAddress", "203.0.113.0/24", "203.0.114.7", True),
    ("NotIpAddress", ["203.0.113.0/24", "198.51.100.0/24"], "198.51.100.1", False),
    ("ArnEquals", "arn:aws:iam::*:user/al*", ALICE, True),
    ("ArnLike", "arn:aws:iam::123456789012:user/*", ALICE, True),
    ("ArnLike", "arn:aws:*:user/alice", ALICE, False),
    ("ArnNotLike", "arn:aws:iam::*:user/*", ALICE, False),
    ("ArnNotEquals", "arn:aws:iam::*:role/*", ALICE, True),
    ("BinaryEquals", "QUJD", "QUJD", True),
    ("Null", "true", None, True),
    ("Null", "true", "x", False),
    ("Null", "false", "x", True),
    ("Null", "false", None, False),
    ("ForAnyValue:StringEquals", ["a", "b"], ["x", "b"], True),
    ("ForAnyValue:StringEquals", ["a", "b"], ["x", "y"], False),
    ("ForAnyValue:StringEquals", "a", None, False),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "x"], False),
    ("ForAllValues:StringEquals", "a", None, True),
    ("ForAllValues:StringLike", ["a*"], ["ab", "ac"], True),
    ("ForAnyValue:StringNotEquals", "a", ["a", "b"], True),
    ("ForAllValues:StringNotEquals", "a", ["a", "b"], False),
]


@pytest.mark.parametrize(("operator", "wanted", "given_value", "expected"), CONDITIONS)
def test_condition_operators(operator: str, wanted: Any, given_value: Any, expected: bool) -> None:
    context = {} if given_value is None else {"Custom:Key": given_value}
    assert matches(allow(Condition={operator: {"custom:key": wanted}}), **context) is expected


def test_variables_in_condition_values() -> None:
    for operator in ("StringEquals", "StringLike", "StringEqualsIgnoreCase"):
        statement = allow(Condition={operator: {"aws:ResourceTag/owner": "${aws:username}"}})
        assert matches(statement, **{"aws:ResourceTag/owner": "alice", "aws:username": "alice"})
        assert not matches(statement, **{"aws:ResourceTag/owner": "bob", "aws:username": "alice"})
        assert not matches(statement, **{"aws:ResourceTag/owner": "alice"})
    like = allow(Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/${aws:username}"}})
    assert matches(like, **{"aws:PrincipalArn": ALICE, "aws:username": "alice"})
    assert not matches(like, **{"aws:PrincipalArn": ALICE, "aws:username": "*"})


def test_an_absent_variable_makes_no_statement_match_not_even_negated_ones() -> None:
    away = {"Effect": "Allow", "Action": "*", "NotResource": USER + "${aws:username}"}
    assert matches(away, USER + "bob", **{"aws:username": "alice"})
    assert not matches(away, USER + "bob")
    for operator in ("StringNotEquals", "StringNotLike", "ForAllValues:StringNotEquals"):
        statement = allow(Condition={operator: {"k": "${aws:username}"}})
        assert matches(statement, k="bob", **{"aws:username": "alice"})
        assert not matches(statement, k="bob")


def test_an_empty_sid_is_no_name() -> None:
    assert decide([compiled(policy(allow(Sid="")))], Request("a:b", "*", {})).statement == 0


def test_no_pattern_stalls_the_judge() -> None:
    assert not Pattern("*a" * 200 + "b", variables=False).matches("a" * 2000, {})
    assert not Pattern("*?a" * 50 + "b", variables=False).matches("a" * 500, {})


def test_every_operator_and_key_must_hold() -> None:
    both = allow(Condition={"StringEquals": {"a": "1", "b": "2"}, "Bool": {"c": "true"}})
    assert matches(both, a="1", b="2", c="true")
    assert not matches(both, a="1", b="x", c="true")
    assert not matches(both, a="1", b="2", c="false")


def test_explicit_deny_beats_allow_wherever_it_stands() -> None:
    deny = {"Sid": "No", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    found = decide([compiled(policy(allow())), compiled(policy(deny))], Request("s3:GetObject", "*", {}))
    assert (found.effect, found.statement) == (Effect.EXPLICITLY_DENIED, "No")


def test_statements_without_sid_are_named_by_their_place_over_all_policies() -> None:
    first = compiled(policy(allow(Action="ec2:*"), allow(Action="iam:*", Sid="Iam")))
    second = compiled(policy(allow(Action="s3:*")))
    assert decide([first, second], Request("s3:GetObject", "*", {})).statement == 2
    assert decide([first, second], Request("iam:GetUser", "*", {})).statement == "Iam"
    assert decide([first, second], Request("ec2:X", "*", {})).statement == 0
    assert decide([first, second], Request("sqs:X", "*", {})).statement is None


def test_a_deny_with_not_action_grants_nothing() -> None:
    document = policy({"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"})
    assert decision(document, "iam:ListUsers") is Effect.IMPLICITLY_DENIED
    assert decision(document, "s3:GetObject") is Effect.EXPLICITLY_DENIED


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "no Statement"),
        ({"Version": "2020-01-01", "Statement": []}, "2012-10-17"),
        (policy(allow(Effect="allow")), "Effect must be"),
        (policy({"Effect": "Allow", "Resource": "*"}), "either Action or NotAction"),
        (policy({"Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*"}), "either Action or NotAction"),
        (policy(allow(Action=[])), "Action must be"),
        (policy(allow(Action="ListUsers")), "isn’t an action"),
        (policy(allow(Resource="user/alice")), "isn’t an ARN"),
        (policy(allow(Resource="arn:aws:i*m::1:user/x")), "wildcard in the service part"),
        (policy(allow(Resource="arn:aws:iam::${aws:x}:user/x")), "before the fifth colon"),
        (policy(allow(Principal="*")), "Principal"),
        (policy(allow(Condition={"StringIs": {"a": "b"}})), "no condition operator 'StringIs'"),
        (policy(allow(Condition={"StringEquals": "a"})), "object of keys"),
        (policy(allow(Condition=[])), "Condition must be"),
        (policy(allow(Sid="Odd", Condition={"Bool": {"a": [{}]}})), "Odd"),
    ],
)
def test_what_is_no_policy_is_told_with_its_place(document: dict[str, Any], words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        compiled(document)


texts = st.text(alphabet="ab*?:/${}", max_size=8)
statements = st.builds(
    lambda effect, action, resource, value: {
        "Effect": effect,
        "Action": f"s3:{action}",
        "Resource": "*" if resource is None else f"arn:aws:s3:::{resource}",
        "Condition": {"StringLike": {"k": value}},
    },
    st.sampled_from(["Allow", "Deny"]),
    texts,
    st.none() | texts,
    texts,
)


@given(st.lists(statements, min_size=1, max_size=5), texts, texts, texts)
def test_the_statement_named_agrees_with_the_decision(
    made: list[dict[str, Any]], action: str, resource: str, value: str
) -> None:
    request = Request(f"s3:{action}", f"arn:aws:s3:::{resource}", {"k": value})
    found = decide([compiled(policy(*made))], request)
    if found.effect is Effect.IMPLICITLY_DENIED:
        assert found.statement is None
    else:
        assert isinstance(found.statement, int)
        effect = made[found.statement]["Effect"]
        assert (effect == "Allow") is (found.effect is Effect.ALLOWED)
        alone = decide([compiled(policy(made[found.statement]))], request)
        assert alone.effect is found.effect


@given(st.lists(statements, min_size=1, max_size=4), statements, texts, texts)
def test_a_further_deny_never_allows_more(
    made: list[dict[str, Any]], further: dict[str, Any], action: str, resource: str
) -> None:
    request = Request(f"s3:{action}", f"arn:aws:s3:::{resource}", {"k": "a"})
    before = decide([compiled(policy(*made))], request)
    after = decide([compiled(policy(*made, further | {"Effect": "Deny"}))], request)
    assert before.allowed or not after.allowed


def wild(pattern: str, text: str) -> bool:
    """An independent reading of `*` and `?`, one character at a time."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return wild(pattern[1:], text) or (bool(text) and wild(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and wild(pattern[1:], text[1:])


@given(st.text(alphabet="ab.*?[", max_size=7), st.text(alphabet="ab.*?[\n", max_size=7))
def test_wildcards_as_an_independent_matcher_reads_them(pattern: str, text: str) -> None:
    assert Pattern(pattern, variables=False).matches(text, {}) is wild(pattern, text)


def test_patterns_are_not_regular_expressions() -> None:
    assert not Pattern("a.c", variables=False).matches("abc", {})
    assert not re.match("x", "") and Pattern("[a]", variables=False).matches("[a]", {})


def test_a_statement_compares_its_actions_with_an_action_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of requests are for the same few actions."""
    compared: list[str] = []
    matches = Pattern.matches

    def counting(pattern: Pattern, value: str, context: Context) -> bool:
        compared.append(value)
        return matches(pattern, value, context)

    monkeypatch.setattr(Pattern, "matches", counting)
    judge = compiled(policy(allow(Action=["iam:Get*", "iam:List*"])))
    for number in range(5):
        assert decide([judge], Request("iam:ListUsers", f"arn:aws:iam::123456789012:user/{number}", {})).allowed
    assert compared.count("iam:ListUsers") == 2, "with each pattern once"
    assert not decide([judge], Request("iam:DeleteUser", "*", {})).allowed
