"""The tutorial's Step 3 and every feature of the portal, tried by one user, before MFA and with MFA."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from app.policy.features import BY_CODE, FEATURES, Feature
from app.sandbox.rehearsal.deeds import DEEDS, INSTEAD, Person, create_device, enable_device, new_password
from app.sandbox.rehearsal.login import NotLetIn
from app.sandbox.seed import GROUP

NAME = "rehearsal"
GRANTED_ALL = "rehearsal-granted-all"
DENIALS = ("AccessDenied", "UnauthorizedOperation")
OWN_RULE = "AWS’s own rule for people with a device"
FIRST = ("see-devices", "aws-sign-in", "change-password", "restart-enrollment", "enroll")
"""What comes before the first device is there, in this order."""
LAST = "give-up-device"


@dataclass(frozen=True)
class Outcome:
    """The result of a feature in one phase. denied: action to reason, empty if it worked."""

    denied: Mapping[str, str] = field(default_factory=dict)
    depends_on: frozenset[str] = frozenset()
    """Condition keys whose value a rehearsal does not know, where the outcome depends on it: it is not evaluated."""

    @property
    def worked(self) -> bool:
        """Return whether everything was allowed."""
        return not self.denied

    def and_then(self, other: Outcome) -> Outcome:
        """Combine two results."""
        return Outcome({**self.denied, **other.denied}, self.depends_on | other.depends_on)

    def __str__(self) -> str:
        """Return what was missing, and the reason if it wasn't the policy."""
        whys = {why for why in self.denied.values() if why}
        return ", ".join(filter(None, [*self.denied, *whys]))


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    code: str
    title: str
    before: Outcome
    after: Outcome
    wanted: tuple[bool | None, bool | None]
    """Whether it must work before MFA, and with it; None where either is fine."""

    @property
    def as_wanted(self) -> bool:
        """Return whether this is what Step 3 or the portal's main job needs. What isn't evaluated counts as fine."""
        pairs = zip(self.wanted, (self.before, self.after), strict=True)
        return all(wanted is None or outcome.depends_on or wanted is outcome.worked for wanted, outcome in pairs)

    @property
    def depends_on(self) -> frozenset[str]:
        """Return the condition keys it depends on, before MFA or with it. Empty if it is evaluated."""
        return self.before.depends_on | self.after.depends_on

    @property
    def open(self) -> bool:
        """Return whether it is needed and not evaluated."""
        pairs = zip(self.wanted, (self.before, self.after), strict=True)
        return any(wanted is not None and outcome.depends_on for wanted, outcome in pairs)


class Calls:
    """The sandbox's call log, read on from the last entry."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._seen = 0

    def tried(self, action: str, deed: Callable[[], object], *, works: bool = False) -> Outcome:
        """Return whether it was denied. Any other answer means that the policy allowed it.

        works: whether it always works if it isn't denied. Then any other answer raises ClientError.
        """
        self._new()
        denied = _denied(action, deed, works=works)
        depends_on = frozenset(key for entry in self._new() for key in entry["not_evaluated"])
        return Outcome(denied, depends_on)

    def _new(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self._url}/_sandbox/calls?since={self._seen}") as answer:  # noqa: S310 # our own
            found: list[dict[str, Any]] = json.load(answer)["calls"]
        self._seen = found[-1]["seq"] if found else self._seen
        return found


class Rehearsal:
    """One run through a new sandbox. facts: its sandbox.json."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts
        self._calls = Calls(str(facts["endpoint_url"]))
        self._session = boto3.Session(region_name=str(facts["region"]))

    def _client(self, service: str, credentials: Mapping[str, str]) -> Any:
        return self._session.client(  # type: ignore[call-overload]  # a name known at run time only
            service,
            endpoint_url=self._facts["endpoint_url"],
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=60),
            **credentials,
        )

    def _key_of(self, name: str) -> dict[str, str]:
        user = self._facts["users"][name]
        return {
            "aws_access_key_id": user["access_key_id"],
            "aws_secret_access_key": user["secret_access_key"],
        }

    def rows(self) -> list[Row]:
        """Return all rows, in the order of the table."""
        admin = self._client("iam", self._key_of("Administrator"))
        admin.create_user(UserName=NAME)
        admin.add_user_to_group(GroupName=GROUP, UserName=NAME)
        made = admin.create_access_key(UserName=NAME)["AccessKey"]
        key = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
        password = new_password()
        admin.create_login_profile(UserName=NAME, Password=password)
        person = Person(
            str(self._facts["signin_url"]),
            str(self._facts["account_id"]),
            NAME,
            self._client("iam", key),
            admin,
            password,
        )
        ec2, s3 = [self._outside(key)], [self._outside(key, "s3")]
        granted = self._granted_more(admin)
        before = self._phase(person, with_mfa=False)
        session, upgraded = self._upgrade(person, key)
        after: dict[str, Outcome] = {}
        if session:
            person.iam = self._client("iam", session)
            ec2.append(self._outside(session))
            s3.append(self._outside(session, "s3"))
            after = self._phase(person, with_mfa=True)
        return [*self._table(before, after, upgraded, ec2, s3), granted]

    def _upgrade(self, person: Person, key: Mapping[str, str]) -> tuple[dict[str, str] | None, Outcome]:
        """Return a session with a code. If the user couldn't enroll, an administrator does it for them."""
        if not person.admin.list_mfa_devices(UserName=NAME)["MFADevices"]:
            with suppress(ClientError):  # it may be there, and wait for its codes
                create_device(person, person.admin, person.serial_number)
            enable_device(person, person.admin, person.serial_number)
        try:
            answer = self._client("sts", key).get_session_token(
                SerialNumber=person.serial_number, TokenCode=person.phone.code()
            )
        except ClientError as error:
            return None, Outcome({"sts:GetSessionToken": str(error.response["Error"]["Code"])})
        given = answer["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }, Outcome()

    def _granted_more(self, admin: Any) -> Row:
        """Try, with a plain key and as a user whose other policy allows everything, what no deny should exempt."""
        admin.create_user(UserName=GRANTED_ALL)
        admin.add_user_to_group(GroupName=GROUP, UserName=GRANTED_ALL)
        everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        admin.put_user_policy(UserName=GRANTED_ALL, PolicyName="Everything", PolicyDocument=json.dumps(everything))
        made = admin.create_access_key(UserName=GRANTED_ALL)["AccessKey"]
        key = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
        tried = [self._outside(key), self._outside(key, "s3")]
        worked = any(outcome.worked for outcome in tried)
        both = tried[0].and_then(tried[1])
        outcome = Outcome({} if worked else both.denied, both.depends_on)
        title = "Use EC2 and S3 without MFA, granted by another policy"
        return Row("granted-more", title, outcome, outcome, (False, False))

    def _outside(self, credentials: Mapping[str, str], service: str = "ec2") -> Outcome:
        client = self._client(service, credentials)
        call, action = (
            (client.describe_instances, "ec2:DescribeInstances")
            if service == "ec2"
            else (client.list_buckets, "s3:ListAllMyBuckets")
        )
        return self._calls.tried(action, call, works=True)

    def _table(
        self,
        before: Mapping[str, Outcome],
        after: Mapping[str, Outcome],
        upgraded: Outcome,
        ec2: Sequence[Outcome],
        s3: Sequence[Outcome],
    ) -> Iterator[Row]:
        never = Outcome({"": "there was no session with MFA"})
        yield Row("ec2", "Step 3: look at EC2", ec2[0], ec2[1] if ec2[1:] else never, (False, True))
        yield Row("s3", "Step 3: look at S3", s3[0], s3[1] if s3[1:] else never, (False, False))
        yield Row(
            "upgrade", "Turn a key and a code into a session", Outcome({"": "no device yet"}), upgraded, (None, True)
        )
        for feature in FEATURES:
            wanted = (True, True) if feature.main else (None, None)
            yield Row(feature.code, feature.title, before[feature.code], after.get(feature.code, never), wanted)
        outcome = self._with_a_path()
        yield Row("path", "Sign in with an IAM path (user/engineering/…)", outcome, outcome, (None, None))

    def _with_a_path(self) -> Outcome:
        """Try sign-in and enrolling as a user with an IAM path."""
        iam = self._client("iam", self._key_of("PathUser"))
        return self._calls.tried("iam:ListMFADevices", lambda: iam.list_mfa_devices(UserName="PathUser"))

    def _phase(self, person: Person, *, with_mfa: bool) -> dict[str, Outcome]:
        """Try every feature once. Removing the device is last."""
        order = [*FIRST, *(feature.code for feature in FEATURES if feature.code not in (*FIRST, LAST)), LAST]
        return {code: self._feature(person, BY_CODE[code], with_mfa=with_mfa) for code in order}

    def _feature(self, person: Person, feature: Feature, *, with_mfa: bool) -> Outcome:
        found = Outcome()
        for need in feature.needs + (feature.and_with_mfa if with_mfa else ()):
            deed = INSTEAD.get((feature.code, need.action)) or DEEDS[need.action]
            found = found.and_then(self._calls.tried(need.action, partial(deed, person)))
        return found


def _denied(action: str, deed: Callable[[], object], *, works: bool) -> dict[str, str]:
    """Return action to reason if the policy didn't allow it."""
    try:
        deed()
    except NotLetIn as no:
        return {no.action or action: ""}
    except ClientError as error:
        refusal = error.response["Error"]
        if refusal["Code"] in DENIALS:
            own_rule = "ensure that you are authenticated with an MFA device" in refusal["Message"]
            return {action: OWN_RULE if own_rule else ""}
        if works or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            raise  # a bug of the sandbox says nothing about the policy
    return {}
