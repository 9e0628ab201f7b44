"""Ways to force MFA by policies, and ways in which it isn't forced, by what is special about each."""

from __future__ import annotations

from collections.abc import Mapping

from tests.policy.forced_policies import (
    ADMIN,
    POWER,
    WITHOUT,
    Statement,
    allow,
    asked,
    deny,
)
from tests.policy.forced_universe import IAM

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
