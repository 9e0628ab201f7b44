"""Is MFA forced on a user by several policies together, what makes the answer unknown, and many users at once."""

from __future__ import annotations

import pytest

from app.policy.forced import Judgement, Named, Person, search
from app.policy.forced.judge import judge_everyone
from tests.policy.forced_policies import (
    ADMIN,
    ALICE,
    POWER,
    WITHOUT,
    Statement,
    allow,
    deny,
    got,
    judged,
    named,
    published,
)
from tests.policy.forced_universe import ACCOUNT, IAM

# -- several policies


def test_a_deny_of_a_group_holds_for_what_the_user_is_allowed() -> None:
    assert judged(named(ADMIN), named(deny("*"), name="group", via="group:all")).state == "pass"


def test_a_boundary_limits_and_a_boundary_denies() -> None:
    own = named(ADMIN)
    assert got(own, boundary=named(allow("s3:GetObject"), name="limit"))[0] == "s3:GetObject"
    own_only = named(allow("iam:ListMFADevices", on=f"{IAM}:user/${{aws:username}}"), name="limit")
    assert judged(own, boundary=own_only).state == "pass"
    assert judged(own, boundary=named(ADMIN, deny("*"), name="limit")).state == "pass"
    narrow = named(allow("s3:*", on="arn:aws:s3:::a*"), name="limit")
    assert judged(named(allow("s3:*", on="arn:aws:s3:::b*")), boundary=narrow).state == "pass"
    assert got(named(allow("s3:GetObject", on="arn:aws:s3:::?b/*")), boundary=narrow)[1] == "arn:aws:s3:::ab/x"
    with_code = named(allow("*", Bool={"aws:MultiFactorAuthPresent": "true"}), name="limit")
    assert judged(own, boundary=with_code).state == "pass"


def test_in_a_document_of_the_old_version_variables_are_text() -> None:
    mine = allow("s3:GetObject", on="arn:aws:s3:::b/${aws:username}")
    assert got(named(mine))[1] == "arn:aws:s3:::b/alice"
    assert got(named(mine, version="2008-10-17"))[1] == "arn:aws:s3:::b/${aws:username}"


def test_a_document_is_judged_as_it_is_written_and_not_as_it_was_meant() -> None:
    misspelt = deny("*", on="arn:aws:s3:::&{aws:username}/*")
    assert got(named(allow("s3:GetObject", on="arn:aws:s3:::alice/*"), misspelt))[1] == "arn:aws:s3:::alice/x"


# -- what can't be known


def test_a_document_that_could_not_be_read_makes_it_unknown() -> None:
    unread = Named("odd", "", "user", None)
    assert judged(published("recommended"), unread).unexplored == ("policy-unread:odd",)
    assert judged(named(ADMIN), boundary=unread).unexplored == ("policy-unread:odd",)


def test_keys_that_nobody_knows_make_it_unknown() -> None:
    of_us = deny("*", StringEquals={"aws:PrincipalOrgID": "o-1"}, **WITHOUT)
    assert judged(named(ADMIN, of_us)) == Judgement("unknown", None, ("key-unknown:aws:principalorgid",))
    slip = deny("*", Bool={"aws:MultiFactorAuthPresnt": "false"})
    assert judged(named(ADMIN, slip)).unexplored == ("key-unknown:aws:multifactorauthpresnt",)
    both = named(ADMIN, of_us, deny("*", StringNotEqualsIfExists={"aws:PrincipalOrgID": "o-1"}, **WITHOUT))
    assert judged(both).state == "pass"  # whatever it is
    assert got(named(allow("s3:GetObject"), deny("ec2:*", StringEquals={"aws:PrincipalOrgID": "o-1"})))


def test_keys_that_depend_on_each_other_make_it_unknown() -> None:
    same = allow("iam:TagUser", StringEquals={"aws:RequestTag/team": "${aws:ResourceTag/team}"})
    found = judged(named(same)).unexplored
    assert set(found) == {"key-unknown:aws:requesttag/team", "key-unknown:aws:resourcetag/team"}


def test_a_variable_in_a_resource_that_the_request_decides_makes_it_unknown() -> None:
    there = allow("s3:ListBucket", on="arn:aws:s3:::${s3:prefix}")
    assert judged(named(there)).unexplored == ("key-unknown:s3:prefix",)


def test_an_action_that_the_reference_does_not_have_makes_it_unknown() -> None:
    found = judged(named(allow("s3:GetObjekt", on="arn:aws:s3:::b/*")))
    assert found.unexplored == ("action-unheard:s3:getobjekt",)
    nearly = named(allow("s3:*"), deny(but=["s3:GetX*"]))
    assert judged(nearly).unexplored == ("action-unheard:s3:getx",)
    assert judged(named(allow("iam:RequestSmsMfaRegistration"))).state == "pass"  # retired


def test_too_many_patterns_make_it_unknown() -> None:
    def every(letter: str) -> list[str]:
        return [f"arn:aws:s3:::b/*{letter}{'?' * count}c" for count in range(40)]

    crowded = [allow("s3:GetObject", on=every("x")), *(deny("s3:*", on=every(letter)) for letter in "yzw")]
    hard = named(*crowded, {**deny("s3:*"), "Resource": [f"arn:aws:s3:::b/{'?' * 60}*"]})
    assert judged(hard).state in ("fail", "unknown")


def test_more_denies_than_can_be_looked_through_make_it_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST_REQUESTS", 100)
    programs = [
        {"Effect": "Deny", "NotAction": [f"*:*{letter}{other}*"], "Resource": "*"}
        | {"Condition": {"StringNotLike": {"aws:UserAgent": f"*{letter}{other}*"}}}
        for letter in "abc"
        for other in "gh"
    ]
    none = [deny("*", StringLike={"aws:UserAgent": "*"}), deny("*", Null={"aws:UserAgent": "true"})]
    assert judged(named(ADMIN, *programs, *none)).unexplored == ("search-too-large:0",)


# -- many people


def test_people_who_are_alike_get_the_same_answer_with_their_own_names() -> None:
    names = [f"person-{number}" for number in range(40)]
    tutorial, power = published("tutorial"), named(POWER)
    people = [(ALICE._replace(user_name=name), (tutorial, power), None) for name in names]
    for (person, *_), found in zip(people, judge_everyone(people), strict=True):
        assert found.counterexample and found.counterexample.resource == person.arn


@pytest.mark.parametrize(
    "statement",
    [
        allow("iam:CreateAccessKey", on=f"{IAM}:user/bob"),
        allow("iam:EnableMFADevice", on=f"{IAM}:user/b*"),
        allow("iam:EnableMFADevice", on=f"{IAM}:user/b??"),
        allow("iam:EnableMFADevice", on=[f"{IAM}:user/b??", f"{IAM}:user/x"]),
        allow("iam:DeleteVirtualMFADevice", on=f"{IAM}:mfa/*-${{aws:username}}"),
        allow("s3:*", StringEquals={"aws:username": ["bob", "carol"]}),
        allow("s3:*", ArnLike={"aws:PrincipalArn": f"{IAM}:user/eng/*"}),
        allow("s3:*", StringEquals={"aws:PrincipalTag/team": "red"}),
        allow("s3:GetObject", on="arn:aws:s3:::b/${aws:PrincipalTag/team}/*"),
        allow("s3:GetObject", StringEquals={"aws:ResourceTag/owner": "${aws:username}"}),
        deny("s3:*", on="arn:aws:s3:::b/${aws:username}/*"),
        deny("s3:*", on="arn:aws:s3:::b/b*/*"),
        deny("iam:*", on=f"{IAM}:user/bob"),
        deny("s3:*", StringLike={"aws:ResourceTag/owner": "b*"}, **WITHOUT),
        deny("*", StringNotLike={"aws:userid": "AIDAB*"}),
    ],
)
def test_judging_many_at_once_says_what_judging_each_says(statement: Statement) -> None:
    own = allow("s3:GetObject", on="arn:aws:s3:::b/${aws:username}/*")
    owned = allow("s3:GetObject", StringEquals={"aws:ResourceTag/owner": "${aws:username}"})
    keys = allow("iam:CreateAccessKey", on=f"{IAM}:user/${{aws:username}}")
    unions = [[named(statement)], *([named(statement), named(other)] for other in (own, owned, keys, ADMIN))]
    persons = [
        Person(ACCOUNT, "aws", name, path, f"AIDA{name.upper()}", tags)
        for name in ("alice", "bob", "x", "abo", "dev-bob")
        for path in ("/", "/eng/")
        for tags in ({}, {"team": "red"}, {"Team": "blue"})
    ]
    people = [(person, union, None) for union in unions for person in persons]
    for (person, union, _), found in zip(people, judge_everyone(people), strict=True):
        alone = judged(*union, person=person)
        assert (found.state, found.unexplored) == (alone.state, alone.unexplored)
        if found.counterexample and alone.counterexample:
            assert found.counterexample == alone.counterexample


def test_the_policy_named_is_the_persons_own() -> None:
    one, other = named(POWER, name="one"), named(POWER, name="other")
    found = [each.counterexample for each in judge_everyone([(ALICE, [one], None), (ALICE, [other], None)])]
    assert [each.policy.name for each in found if each] == ["one", "other"]
