"""Is MFA forced on a person? Policies as accounts have them, and the request that gets through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from app.policy.documents import VARIANTS, read, rendered
from app.policy.forced import Judgement, Named, Person, judge_everyone, judge_person, search
from app.policy.parsed import parsed
from tests.policy.forced_universe import ACCOUNT, IAM, Tried, always, lets, person_keys

Statement = dict[str, Any]
ALICE = Person(ACCOUNT, "aws", "alice", "/", "AIDACKCEVSQ6C2EXAMPLE", {"team": "red"})
WITHOUT: Any = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
POWER: Statement = {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"}
ADMIN: Statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def named(*statements: Statement, name: str = "own", via: str = "user", version: str = "2012-10-17") -> Named:
    document = {"Version": version, "Statement": list(statements)}
    return Named(name, f"arn:aws:iam::{ACCOUNT}:policy/{name}", via, parsed(document, ACCOUNT, "aws"))


def published(variant: str) -> Named:
    document = rendered(read(variant), ACCOUNT)
    return Named(variant, f"arn:aws:iam::{ACCOUNT}:policy/{variant}", "group:staff", parsed(document, ACCOUNT, "aws"))


def allow(*actions: str, on: str | list[str] = "*", **condition: Any) -> Statement:
    made: Statement = {"Effect": "Allow", "Action": list(actions), "Resource": on}
    return {**made, "Condition": condition} if condition else made


def deny(*actions: str, but: list[str] | None = None, on: str | list[str] = "*", **condition: Any) -> Statement:
    made: Statement = {"Effect": "Deny", "NotAction" if but else "Action": but or list(actions), "Resource": on}
    return {**made, "Condition": condition or WITHOUT}


def asked(condition: Mapping[str, Mapping[str, Any]]) -> Any:
    """A condition whose operator is no name of Python's."""
    return condition


def judged(*identity: Named, boundary: Named | None = None, person: Person = ALICE) -> Judgement:
    """The judgement; a counterexample is tried with both judges of single requests."""
    found = judge_person(identity, boundary, person)
    assert (found.state == "fail") is (found.counterexample is not None)
    assert (found.state == "unknown") is bool(found.unexplored)
    if found.counterexample:
        example = found.counterexample
        keys: dict[str, Any] = person_keys(person.user_name, person.tags) | {
            "aws:principalarn": person.arn,
            "aws:userid": person.user_id,
        }
        given = {
            key.lower(): list(value) if isinstance(value, tuple) else value for key, value in example.context.items()
        }
        tried = Tried(example.action, example.resource, example.session, always(example.session) | keys | given)
        limit = boundary.policy.source if boundary and boundary.policy else None
        assert lets([each.policy.source for each in identity if each.policy], limit, tried), tried
    return found


def got(*identity: Named, **given: Any) -> tuple[str, str, str]:
    """Action, resource and session of the counterexample."""
    found = judged(*identity, **given).counterexample
    assert found
    return found.action, found.resource, found.session


# -- the documents that are published


FORCING = ("recommended", "2019-01", "2021-05", "2022-11", "2023-11", "re-post")


@pytest.mark.parametrize("variant", FORCING)
@pytest.mark.parametrize("path", ["/", "/engineering/"])
def test_nothing_but_getting_mfa_works_under_them(variant: str, path: str) -> None:
    person = ALICE._replace(path=path)
    assert judged(published(variant), named(POWER), person=person) == Judgement("pass", None, ())


@pytest.mark.parametrize("variant", sorted(set(VARIANTS) - set(FORCING)))
def test_the_older_ones_let_something_through(variant: str) -> None:
    found = judged(published(variant), named(POWER))
    assert found.state == "fail"


def test_the_tutorials_lets_a_stolen_key_make_another() -> None:
    found = judged(published("tutorial"), named(POWER)).counterexample
    assert found and (found.action, found.resource) == ("iam:CreateAccessKey", f"{IAM}:user/alice")
    assert found.session == "key" and found.policy.name == "tutorial" and found.policy.via == "group:staff"
    assert found.statement == "AllowIndividualUserToSeeAndManageTheirOwnAccountInformation"


def test_administrators_can_change_the_devices_of_others_even_under_the_recommended_one() -> None:
    action, resource, session = got(published("recommended"), named(ADMIN))
    assert (action, session) == ("iam:DeleteVirtualMFADevice", "key") and resource.startswith(f"{IAM}:mfa/")
    assert not resource.startswith(f"{IAM}:mfa/alice")


def test_without_any_policy_nothing_works() -> None:
    assert judged().state == "pass"
    assert judged(published("recommended"), boundary=named(ADMIN, name="limit")).state == "pass"


# -- ways to force it


FORCED: Mapping[str, list[Statement]] = {
    "a deny of everything": [ADMIN, deny("*")],
    "no code was given": [ADMIN, deny("*", Null={"aws:MultiFactorAuthAge": "true"})],
    "or too long ago": [ADMIN, deny("*", NumericGreaterThanIfExists={"aws:MultiFactorAuthAge": "3600"})],
    "a deny for keys and another for passwords": [
        ADMIN,
        deny("*", Null={"aws:MultiFactorAuthPresent": "true"}),
        deny("*", Bool={"aws:MultiFactorAuthPresent": "false"}),
    ],
    "allowed with MFA only": [allow("*", Bool={"aws:MultiFactorAuthPresent": "true"})],
    "allowed for an hour after the code": [allow("s3:*", NumericLessThan={"aws:MultiFactorAuthAge": "3600"})],
    "two halves of the resources": [
        allow("s3:*"),
        deny("s3:*", on="arn:aws:s3:::b*"),
        {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::b*", "Condition": WITHOUT},
    ],
    "two halves of the actions": [ADMIN, deny("a*:*", "iam:*"), deny(but=["a*:*", "iam:*"])],
    "the bucket that is allowed is denied": [
        allow("s3:*", on=["arn:aws:s3:::b", "arn:aws:s3:::b/*"]),
        deny("s3:*", on="arn:aws:s3:::b*"),
    ],
    "patterns of actions in any letter case": [allow("S3:gEt*"), deny("s3:GET*")],
    "single actions": [allow("s3:GetObject", "s3:PutObject"), deny("s3:GetObject", "s3:PutO*")],
    "an ARN that ends early": [allow("s3:*", on="arn:aws:s3:::b/*"), deny("s3:*", on="arn:aws:s3")],
    "what is allowed has no such resource": [allow("s3:ListAllMyBuckets", on="arn:aws:s3:::b")],
    "or is another account's, which IAM cannot touch": [allow("iam:*", on="arn:aws:iam::999988887777:user/*")],
    "nobody else can have the user's name, in any letter case": [
        allow("iam:EnableMFADevice", on=[f"{IAM}:user/ALICE", f"{IAM}:user/sales/alice", f"{IAM}:user/sales/Alice"])
    ],
    "a condition that no request meets": [allow("s3:*", DateLessThan={"aws:CurrentTime": "2020-01-01T00:00:00Z"})],
    "only what services do": [allow("s3:*", Bool={"aws:ViaAWSService": "true"})],
    "a tag the person hasn't": [allow("s3:*", StringEquals={"aws:PrincipalTag/team": "blue"})],
    "a variable without a value": [allow("s3:*", on="arn:aws:s3:::${aws:PrincipalTag/bucket}/*")],
    "a network and all others": [
        ADMIN,
        deny("*", IpAddress={"aws:SourceIp": "192.0.2.0/24"}, **WITHOUT),
        deny("*", NotIpAddress={"aws:SourceIp": "192.0.2.0/24"}, **WITHOUT),
    ],
    "a tag that is there and one that isn't": [
        allow("iam:TagUser"),
        deny("iam:TagUser", Null={"aws:RequestTag/team": "true"}),
        deny("iam:TagUser", StringLike={"aws:RequestTag/team": "*"}),
    ],
    "all tags may and one must be": [
        allow("iam:TagUser", **asked({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}})),
        deny("iam:TagUser", **asked({"ForAllValues:StringNotEquals": {"aws:TagKeys": "b"}})),
    ],
    "patterns that nothing matches both of": [
        allow("s3:ListBucket", StringLike={"s3:prefix": "a*"}),
        deny("s3:ListBucket", StringNotLike={"s3:prefix": "*b"}, **WITHOUT),
        deny("s3:ListBucket", StringLike={"s3:prefix": "a*b"}, **WITHOUT),
    ],
    "numbers between which there is none": [
        allow("s3:ListBucket", NumericLessThan={"s3:max-keys": "10"}),
        deny("s3:ListBucket", NumericLessThanEquals={"s3:max-keys": "10"}),
    ],
}


@pytest.mark.parametrize("way", FORCED)
def test_mfa_is_forced(way: str) -> None:
    assert judged(named(*FORCED[way])) == Judgement("pass", None, ())


# -- ways in which it is not


NOT_FORCED: Mapping[str, tuple[list[Statement], str, str, str]] = {
    "nothing is denied": ([POWER], "ec2:DescribeInstances", "*", "key"),
    "Bool alone spares keys": ([ADMIN, deny("*", Bool={"aws:MultiFactorAuthPresent": "false"})], "", "", "key"),
    "Null alone spares passwords": (
        [ADMIN, deny("*", Null={"aws:MultiFactorAuthPresent": "true"})],
        "",
        "",
        "password",
    ),
    "one action is exempt": (
        [allow("s3:*", "ec2:*"), deny(but=["s3:GetObject"])],
        "s3:GetObject",
        "arn:aws:s3:::x/x",
        "key",
    ),
    "patterns meet": ([allow("*:*Object"), deny(but=["s3:Get*"])], "s3:GetObject", "arn:aws:s3:::x/x", "key"),
    "a resource is exempt": (
        [ADMIN, {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::public/*", "Condition": WITHOUT}],
        "",
        "arn:aws:s3:::public/x",
        "key",
    ),
    "only some resources are denied": (
        [allow("s3:GetObject", on="arn:aws:s3:::*"), deny("s3:*", on="arn:aws:s3:::b/*")],
        "s3:GetObject",
        "arn:aws:s3:::x/x",
        "key",
    ),
    "upper case is another bucket": (
        [allow("s3:GetObject", on="arn:aws:s3:::b/K"), deny("s3:*", on="arn:aws:s3:::b/k")],
        "s3:GetObject",
        "arn:aws:s3:::b/K",
        "key",
    ),
    "a program is exempt": (
        [allow("s3:ListAllMyBuckets"), deny("*", StringNotLike={"aws:UserAgent": "backup/*"}, **WITHOUT)],
        "s3:ListAllMyBuckets",
        "*",
        "key",
    ),
    "a network is exempt": (
        [allow("s3:ListAllMyBuckets"), deny("*", NotIpAddress={"aws:SourceIp": "192.0.2.0/24"}, **WITHOUT)],
        "s3:ListAllMyBuckets",
        "*",
        "key",
    ),
    "every address has one, but not through an endpoint": (
        [allow("s3:ListAllMyBuckets"), deny("*", IpAddress={"aws:SourceIp": ["0.0.0.0/0", "::/0"]}, **WITHOUT)],
        "s3:ListAllMyBuckets",
        "*",
        "key",
    ),
    "a region is exempt": (
        [POWER, deny("*", StringNotEquals={"aws:RequestedRegion": "eu-central-1"}, **WITHOUT)],
        "ec2:DescribeInstances",
        "*",
        "key",
    ),
    "from a day on": (
        [allow("s3:ListAllMyBuckets", DateGreaterThan={"aws:CurrentTime": "2040-01-01T00:00:00Z"})],
        "s3:ListAllMyBuckets",
        "*",
        "key",
    ),
    "the person's own tag": (
        [allow("s3:GetObject", on="arn:aws:s3:::${aws:PrincipalTag/team}/*")],
        "s3:GetObject",
        "arn:aws:s3:::red/x",
        "key",
    ),
    "a name that isn't alice's": (
        [allow("iam:EnableMFADevice", on=f"{IAM}:user/*")],
        "iam:EnableMFADevice",
        f"{IAM}:user/x",
        "key",
    ),
    "a default of a variable": (
        [allow("s3:GetObject", on="arn:aws:s3:::${aws:PrincipalTag/bucket, 'all'}/*")],
        "s3:GetObject",
        "arn:aws:s3:::all/x",
        "key",
    ),
    "between two numbers": (
        [
            allow("s3:ListBucket", NumericLessThan={"s3:max-keys": "10"}),
            deny("s3:ListBucket", NumericLessThan={"s3:max-keys": "9"}),
        ],
        "s3:ListBucket",
        "arn:aws:s3:::x",
        "key",
    ),
    "a text that matches three patterns": (
        [
            allow("s3:ListBucket", StringLike={"s3:prefix": "a*"}),
            deny("s3:ListBucket", StringNotLike={"s3:prefix": "*b"}, **WITHOUT),
            deny("s3:ListBucket", StringLike={"s3:prefix": ["ab", "a?b"]}, **WITHOUT),
        ],
        "s3:ListBucket",
        "arn:aws:s3:::x",
        "key",
    ),
    "of two buckets the longer name escapes": (
        [
            allow("s3:ListBucket", on=["arn:aws:s3:::a", "arn:aws:s3:::bb"], StringEquals={"s3:prefix": "p"}),
            deny("s3:*", on="arn:aws:s3:::a", StringEquals={"s3:prefix": "p"}),
        ],
        "s3:ListBucket",
        "arn:aws:s3:::bb",
        "key",
    ),
    "another letter case escapes": (
        [
            allow("s3:ListAllMyBuckets", StringEqualsIgnoreCase={"aws:UserAgent": "CLI"}),
            deny("*", StringEquals={"aws:UserAgent": "CLI"}),
        ],
        "s3:ListAllMyBuckets",
        "*",
        "key",
    ),
    "of actions on the same objects only one is exempt": (
        [
            allow("s3:*", on="arn:aws:s3:::b/*"),
            deny(but=["s3:GetObjectTorrent", "iam:*"], on="arn:aws:s3:::b/*"),
        ],
        "s3:GetObjectTorrent",
        "arn:aws:s3:::b/x",
        "key",
    ),
    "two tag keys, each for one condition": (
        [
            allow("iam:TagUser", **asked({"ForAnyValue:StringEquals": {"aws:TagKeys": "a"}})),
            deny("iam:TagUser", **asked({"ForAllValues:StringNotEquals": {"aws:TagKeys": "b"}})),
        ],
        "iam:TagUser",
        f"{IAM}:user/alice",
        "key",
    ),
    "each deny is escaped by another key": (
        [
            allow("s3:ListBucket", Null={"s3:max-keys": "false"}),
            deny("*", NumericGreaterThanEquals={"s3:max-keys": "0"}, StringNotEquals={"s3:prefix": "x"}),
            deny("*", NumericLessThan={"s3:max-keys": "5"}, StringEquals={"s3:prefix": "x"}),
        ],
        "s3:ListBucket",
        "arn:aws:s3:::x",
        "key",
    ),
    "one deny is escaped by the resource, the other by a key": (
        [
            allow("s3:ListBucket", on="arn:aws:s3:::*"),
            deny("*", on="arn:aws:s3:::a*", **WITHOUT),
            deny("*", StringNotEquals={"s3:prefix": "open"}),
        ],
        "s3:ListBucket",
        "arn:aws:s3:::x",
        "key",
    ),
}


@pytest.mark.parametrize("way", NOT_FORCED)
def test_mfa_is_not_forced(way: str) -> None:
    statements, action, resource, session = NOT_FORCED[way]
    found = got(named(*statements))
    assert found == (action or found[0], resource or found[1], session)


def test_what_matters_of_the_request_is_told() -> None:
    networks = deny("*", NotIpAddress={"aws:SourceIp": "192.0.2.0/24"}, Null={"aws:MultiFactorAuthAge": "true"})
    found = judged(named(POWER, networks)).counterexample
    assert found and found.context == {"aws:SourceIp": "192.0.2.0"}
    only_passwords = named(allow("s3:ListAllMyBuckets", Bool={"aws:MultiFactorAuthPresent": "false"}))
    found = judged(only_passwords).counterexample
    assert found and found.session == "password" and found.context == {"aws:MultiFactorAuthPresent": "false"}


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
