"""Who signs: every way of not being who one claims to be, over plain HTTP."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sandbox.conftest import Refused
from tests.support.clock import Clock
from tests.support.people import Employee, hire
from tests.support.sandbox import Sandbox

FORM = "application/x-www-form-urlencoded; charset=utf-8"


class Signer:
    """SigV4 written for these tests alone, so that every part of it can be bent."""

    def __init__(self, sandbox: Sandbox, key_id: str, secret: str, service: str = "iam") -> None:
        self.sandbox, self.key_id, self.secret, self.service = sandbox, key_id, secret, service
        self.region = "us-east-1"

    def headers(
        self,
        body: str,
        *,
        method: str = "POST",
        path: str = "/",
        query: str = "",
        at: datetime | None = None,
        extra: dict[str, str] | None = None,
    ) -> dict[str, str]:
        moment = at or datetime.now(UTC)
        stamp, date = f"{moment:%Y%m%dT%H%M%SZ}", f"{moment:%Y%m%d}"
        headers = {"host": f"127.0.0.1:{self.sandbox.port}", "x-amz-date": stamp, **(extra or {})}
        if self.service == "s3":
            headers["x-amz-content-sha256"] = hashlib.sha256(body.encode()).hexdigest()
        names = ";".join(sorted(headers))
        canonical = "\n".join(
            [method, path, query]
            + [f"{name}:{headers[name]}" for name in sorted(headers)]
            + ["", names, hashlib.sha256(body.encode()).hexdigest()]
        )
        scope = f"{date}/{self.region}/{self.service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.secret).encode()
        for part in (date, self.region, self.service, "aws4_request"):
            key = hmac.new(key, part.encode(), "sha256").digest()
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return headers


def send(
    sandbox: Sandbox, headers: dict[str, str], body: str, method: str = "POST", target: str = "/"
) -> tuple[int, str, str]:
    """(status, error code, body)"""
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    connection.request(method, target, body.encode() if body else None, {"content-type": FORM, **headers})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    found = re.search(r"<Code>(\w+)</Code>", text)
    return answer.status, found[1] if found else "", text


LIST = urlencode({"Action": "ListVirtualMFADevices", "Version": "2010-05-08"})


@pytest.fixture
def signer(alice: Employee) -> Signer:
    return Signer(alice.sandbox, alice.access_key_id, alice.secret_access_key)


def test_a_well_signed_request_passes(one: Sandbox, signer: Signer) -> None:
    status, _, text = send(one, signer.headers(LIST), LIST)
    assert status == 200 and "<IsTruncated>false</IsTruncated>" in text
    assert re.search(r"<RequestId>[0-9a-f]{32}</RequestId>", text)


def test_nobody_is_anonymous(one: Sandbox) -> None:
    assert send(one, {}, LIST)[:2] == (403, "MissingAuthenticationToken")


def test_a_changed_body_is_refused(one: Sandbox, signer: Signer) -> None:
    changed = LIST.replace("ListVirtualMFADevices", "ListAccessKeys")
    assert send(one, signer.headers(LIST), changed)[:2] == (403, "SignatureDoesNotMatch")


def test_a_wrong_secret_is_refused(one: Sandbox, signer: Signer) -> None:
    signer.secret = "x" * 40
    assert send(one, signer.headers(LIST), LIST)[:2] == (403, "SignatureDoesNotMatch")


def test_an_unknown_key_is_refused(one: Sandbox, signer: Signer) -> None:
    signer.key_id = "AKIA" + "Q" * 16
    assert send(one, signer.headers(LIST), LIST)[:2] == (403, "InvalidClientTokenId")


def test_an_inactive_key_is_refused(one: Sandbox, signer: Signer, alice: Employee) -> None:
    one.as_administrator("iam").update_access_key(
        UserName=alice.name, AccessKeyId=alice.access_key_id, Status="Inactive"
    )
    assert send(one, signer.headers(LIST), LIST)[:2] == (403, "InvalidClientTokenId")


@pytest.mark.parametrize(("minutes", "words"), [(-16, "Signature expired"), (16, "Signature not yet current")])
def test_the_signature_has_to_be_of_now(one: Sandbox, signer: Signer, minutes: int, words: str) -> None:
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    status, code, text = send(one, signer.headers(LIST, at=at), LIST)
    assert (status, code) == (403, "SignatureDoesNotMatch") and words in text
    within = datetime.now(UTC) + timedelta(minutes=minutes - minutes // abs(minutes) * 2)
    assert send(one, signer.headers(LIST, at=within), LIST)[0] == 200


def test_a_long_term_key_carries_no_session_token(one: Sandbox, signer: Signer) -> None:
    headers = signer.headers(LIST, extra={"x-amz-security-token": "made-up"})
    assert send(one, headers, LIST)[:2] == (403, "InvalidClientTokenId")


def test_a_session_needs_its_own_token_and_time(
    one: Sandbox, alice: Employee, refused: Refused, clock: Clock
) -> None:
    sessions = [alice.client("sts").get_session_token(DurationSeconds=900)["Credentials"] for _ in range(2)]
    assert one.session_client("sts", sessions[0]).get_caller_identity()["Arn"].endswith(alice.name)
    foreign = sessions[0] | {"SessionToken": sessions[1]["SessionToken"]}
    assert refused(one.session_client("sts", foreign).get_caller_identity) == ("InvalidClientTokenId", 403)
    without = one.client(
        "sts",
        aws_access_key_id=sessions[0]["AccessKeyId"],
        aws_secret_access_key=sessions[0]["SecretAccessKey"],
    )
    assert refused(without.get_caller_identity) == ("InvalidClientTokenId", 403)
    clock.move(901)
    assert refused(one.session_client("sts", sessions[0]).get_caller_identity) == ("ExpiredToken", 403)


def test_what_two_layers_could_read_differently_is_refused(one: Sandbox, signer: Signer) -> None:
    twice = LIST + "&UserName=a&UserName=b"
    assert send(one, signer.headers(twice), twice)[0] == 400
    both = signer.headers(LIST, query="UserName=bob")
    assert send(one, both, LIST, target="/?UserName=bob")[0] == 400
    unknown = LIST + "&Surprise=1"
    assert send(one, signer.headers(unknown), unknown)[:2] == (400, "ValidationError")
    old = LIST.replace("2010-05-08", "2009-01-01")
    assert send(one, signer.headers(old), old)[:2] == (400, "InvalidAction")
    json_body = signer.headers(LIST) | {"content-type": "application/json"}
    assert send(one, json_body, LIST)[0] == 400
    chunked = signer.headers(LIST) | {"content-encoding": "aws-chunked"}
    assert send(one, chunked, LIST)[0] == 501


def test_the_scope_decides_the_service_and_no_other_reads_it(one: Sandbox, signer: Signer) -> None:
    signer.service = "ec2"
    assert send(one, signer.headers(LIST), LIST)[:2] == (400, "InvalidAction")
    signer.service, signer.region = "iam", "eu-central-1"
    assert send(one, signer.headers(LIST), LIST)[:2] == (403, "SignatureDoesNotMatch")
    signer.region = "us-east-1"
    elsewhere = signer.headers(LIST) | {"host": "iam.amazonaws.com"}
    assert send(one, elsewhere, LIST)[:2] == (400, "InvalidHost")


def test_headers_that_matter_have_to_be_signed(one: Sandbox, signer: Signer) -> None:
    headers = signer.headers(LIST) | {"x-amz-target": "Other.Thing"}
    assert send(one, headers, LIST)[:2] == (400, "IncompleteSignature")
    broken = signer.headers(LIST)
    broken["authorization"] = broken["authorization"].replace("Signature=", "Signature=zz")
    assert send(one, broken, LIST)[:2] == (400, "IncompleteSignature")


def test_presigned_addresses_are_refused(one: Sandbox, alice: Employee) -> None:
    url = alice.client("s3").generate_presigned_url("list_buckets")
    target = url.split(str(one.port), 1)[1]
    assert send(one, {}, "", "GET", target)[0] == 400


@pytest.mark.parametrize(
    "target",
    [
        "/moto-api/",
        "/moto-api/data.json",
        "/latest/meta-data/iam/",
        "/_sandbox/faults",
        "/_sandbox/policy",
        "/_sandbox/other",
    ],
)
def test_control_endpoints_and_instance_metadata_are_out_of_reach(one: Sandbox, signer: Signer, target: str) -> None:
    assert send(one, {}, "", "GET", target)[0] in (403, 404)
    assert send(one, signer.headers("", method="GET", path=target), "", "GET", target)[0] in (400, 403, 404)
    signer.service = "s3"
    assert send(one, signer.headers("", method="GET", path=target), "", "GET", target)[0] in (400, 403, 404)


def test_a_web_page_elsewhere_cannot_read_the_call_log(one: Sandbox) -> None:
    assert send(one, {"host": "evil.example"}, "", "GET", "/_sandbox/calls")[0] == 403
    assert send(one, {"origin": "https://evil.example"}, "", "GET", "/_sandbox/calls")[0] == 403
    assert send(one, {"origin": "null"}, "[]", "PUT", "/_sandbox/faults")[0] == 403
    assert send(one, {"origin": "null"}, "recommended", "POST", "/_sandbox/policy")[0] == 403


def test_the_call_log_tells_what_was_judged_and_no_secret(one: Sandbox, alice: Employee) -> None:
    mark = one.mark()
    with pytest.raises(Exception, match="UnauthorizedOperation"):
        alice.client("ec2").describe_instances()
    (entry,) = one.calls(mark)
    assert entry["action"] == "ec2:DescribeInstances" and entry["resource"] == "*"
    assert entry["principal"].endswith(f"user/{alice.name}") and entry["mfa_present"] is None
    assert (
        entry["decision"] == "ExplicitlyDenied" and entry["statement"] == "DenyAllButGettingMFAUnlessSignedInWithMFA"
    )
    assert entry["status"] == 403 and entry["error"] == "UnauthorizedOperation" and entry["request_id"]
    assert alice.secret_access_key not in str(one.calls())


def test_each_protocol_says_no_in_its_own_shape(one: Sandbox, alice: Employee, refused: Refused) -> None:
    assert refused(alice.client("ec2").describe_instances) == ("UnauthorizedOperation", 403)
    assert refused(alice.client("s3").list_buckets) == ("AccessDenied", 403)
    assert refused(alice.client("s3").get_object, Bucket="payroll", Key="x") == ("AccessDenied", 403)
    assert refused(alice.client("iam").list_groups) == ("AccessDenied", 403)
    unknown = one.client("ec2", aws_access_key_id="AKIA" + "Q" * 16, aws_secret_access_key="x" * 40)
    assert refused(unknown.describe_instances) == ("AuthFailure", 401)
    unknown = one.client("s3", aws_access_key_id="AKIA" + "Q" * 16, aws_secret_access_key="x" * 40)
    assert refused(unknown.list_buckets) == ("InvalidAccessKeyId", 403)


def test_services_that_are_not_emulated_are_judged_all_the_same(
    one: Sandbox, alice: Employee, refused: Refused
) -> None:
    assert refused(alice.client("dynamodb").list_tables) == ("AccessDeniedException", 403)
    assert refused(alice.client("lambda").list_functions) == ("AccessDeniedException", 403)
    assert refused(alice.client("sns").list_topics) == ("AccessDenied", 403)
    assert refused(one.as_administrator("dynamodb").list_tables) == ("UnknownOperationException", 404)


def test_a_denied_change_changes_nothing(one: Sandbox, alice: Employee, refused: Refused) -> None:
    iam = one.as_administrator("iam")
    before = {user["UserName"] for user in iam.list_users()["Users"]}
    assert refused(alice.client("iam").create_user, UserName="mallory") == ("AccessDenied", 403)
    assert refused(alice.client("ec2").run_instances, ImageId="ami-12c6146b", MinCount=1, MaxCount=1) == (
        "UnauthorizedOperation",
        403,
    )
    assert {user["UserName"] for user in iam.list_users()["Users"]} == before


def test_s3_refuses_what_it_cannot_judge(one: Sandbox, refused: Refused) -> None:
    s3 = one.as_administrator("s3")
    s3.put_object(Bucket="payroll", Key="june.txt", Body=b"secret")
    assert s3.get_object(Bucket="payroll", Key="june.txt")["Body"].read() == b"secret"
    assert refused(s3.get_bucket_policy, Bucket="payroll") == ("NotImplemented", 501)
    copy = {"Bucket": "payroll", "Key": "june.txt"}
    assert refused(s3.copy_object, Bucket="payroll", Key="copy.txt", CopySource=copy) == ("NotImplemented", 501)


@pytest.fixture
def free(one: Sandbox) -> Employee:
    """Under no Force_MFA: only what a story allows."""
    return hire(one, "free", group=None)


@pytest.mark.parametrize("target", ["/%2Fpayroll/x", "/payroll/%2F/x", "/payroll/a%3Fdelete", "/payroll/..%2Fx"])
def test_a_path_that_can_be_read_twice_is_not_handed_on(one: Sandbox, free: Employee, target: str) -> None:
    everything = {"Effect": "Allow", "Action": "s3:*Object", "Resource": "*"}
    one.as_administrator("iam").put_user_policy(
        UserName=free.name,
        PolicyName="objects",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
    )
    signer = Signer(one, free.access_key_id, free.secret_access_key, "s3")
    headers = signer.headers("", method="GET", path=target)
    assert send(one, headers, "", "GET", target)[:2] == (501, "NotImplemented")


def test_the_stored_path_of_a_group_counts(one: Sandbox, free: Employee, refused: Refused) -> None:
    iam = one.as_administrator("iam")
    iam.create_group(GroupName=f"{free.name}-admins", Path="/admin/")
    statements = [
        {"Effect": "Allow", "Action": "iam:AddUserToGroup", "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:*", "Resource": "arn:aws:iam::*:group/admin/*"},
    ]
    iam.put_user_policy(
        UserName=free.name,
        PolicyName="groups",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )
    join = free.client("iam").add_user_to_group
    assert refused(join, GroupName=f"{free.name}-admins", UserName=free.name) == ("AccessDenied", 403)


def test_the_last_use_of_a_key_is_asked_of_its_owner(one: Sandbox, free: Employee, refused: Refused) -> None:
    own = {"Effect": "Allow", "Action": "iam:GetAccessKeyLastUsed", "Resource": f"arn:aws:iam::*:user/{free.name}"}
    one.as_administrator("iam").put_user_policy(
        UserName=free.name,
        PolicyName="last-use",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [own]}),
    )
    ask = free.client("iam").get_access_key_last_used
    told = ask(AccessKeyId=free.access_key_id)
    assert told["UserName"] == free.name
    used = told["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("iam", "us-east-1")
    assert abs(used["LastUsedDate"] - datetime.now(UTC)) < timedelta(minutes=1), "asking is a use"
    spare = one.as_administrator("iam").create_access_key(UserName=free.name)["AccessKey"]["AccessKeyId"]
    assert ask(AccessKeyId=spare)["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    another = one.user("Administrator")["access_key_id"]
    assert refused(ask, AccessKeyId=another) == ("AccessDenied", 403)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["authorization", "content-type", "x-amz-date", "x-amz-target", "x-amz-security-token"]),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
    ),
    st.text(max_size=60),
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]),
    st.text(max_size=20),
)
def test_nonsense_gets_a_well_formed_no(
    one: Sandbox, headers: dict[str, Any], body: str, method: str, path: str
) -> None:
    status, _, text = send(one, headers, body, method, "/" + quote(path))
    assert 400 <= status < 500
    assert method == "HEAD" or text.startswith(("<?xml", "{"))
    assert "Traceback" not in text
