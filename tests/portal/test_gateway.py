"""The gateways to AWS: nobody's credentials but the person's, nothing outside the allow-list, one attempt."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import botocore.session
import pytest
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ParamValidationError

from app.aws.clients import (
    ALWAYS_ALLOWED,
    AwsCredentials,
    Clients,
    NotOnTheAllowList,
    read_concurrently,
    using_credentials,
)
from app.aws.iam import DeviceType, IamGateway, MfaDevice
from app.aws.observing import Observer
from app.aws.sts import Identity, StsGateway
from app.errors import MEANING, AwsServerError, NoResponse, PortalError, Refused
from app.policy.documents import read
from app.policy.portal_actions import allowed_actions, live_actions


class Upstream(BaseHTTPRequestHandler):
    """Answers like AWS's query protocol, and remembers who signed for which user."""

    seen: list[tuple[str, str]] = []
    agents: list[str] = []
    status, answer = 200, b""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        who = self.headers.get("Authorization", "").split("Credential=")[-1].split("/")[0]
        type(self).seen.append((who, body))
        type(self).agents.append(self.headers["User-Agent"])
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_: object) -> None:
        """Quietly."""


LISTED = b"""<ListMFADevicesResponse><ListMFADevicesResult><IsTruncated>false</IsTruncated><MFADevices/>
</ListMFADevicesResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></ListMFADevicesResponse>"""


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Upstream]]:
    handler = type("Handler", (Upstream,), {"seen": [], "agents": [], "status": 200, "answer": LISTED})
    # A short queue of waiting connections would drop some of those that come at once.
    queueing = type("Server", (ThreadingHTTPServer,), {"request_queue_size": 128})
    server = queueing(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    for service in ("IAM", "STS", "SIGNIN"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", f"http://127.0.0.1:{server.server_port}")
    yield handler
    server.shutdown()
    server.server_close()


def clients(document: str = "recommended", observer: Observer | None = None) -> Clients:
    return Clients(allowed_actions(read(document)), "us-east-1", observer=observer)


def person(name: str) -> AwsCredentials:
    return AwsCredentials(f"AKIA{name.upper():Q<16}", "s" * 40)


def test_outside_of_a_request_nothing_is_signed(upstream: type[Upstream], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAMACHINEMACHINE12")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x" * 40)
    with pytest.raises(NoResponse) as told:
        IamGateway(clients()).mfa_devices("alice")
    assert isinstance(told.value.__cause__, NoCredentialsError)
    assert upstream.seen == []


def test_under_parallel_load_everyone_signs_for_themselves(upstream: type[Upstream]) -> None:
    iam = IamGateway(clients())

    def read_own_devices(number: int) -> None:
        name = f"user{number % 40}"
        with using_credentials(person(name)):
            iam.mfa_devices(name)

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(read_own_devices, range(400)))
    assert len(upstream.seen) == 400
    for key_id, body in upstream.seen:
        name = body.split("UserName=")[1].split("&")[0]
        assert key_id == person(name).access_key_id


def test_reads_at_once_are_all_signed_by_the_person(upstream: type[Upstream]) -> None:
    iam = IamGateway(clients())
    with using_credentials(person("nadia")):
        assert read_concurrently([partial(iam.mfa_devices, f"user{number}") for number in range(20)]) == [[]] * 20
    assert {who for who, _ in upstream.seen} == {person("nadia").access_key_id} and len(upstream.seen) == 20
    assert read_concurrently([]) == []


def test_a_list_of_several_pages_is_read_to_its_end(upstream: type[Upstream]) -> None:
    device = (
        "<member><SerialNumber>GAHT{}</SerialNumber><UserName>a</UserName><EnableDate>2026-05-01T10:00:00Z</EnableDate>"
        "</member>"
    )

    def do_POST(self: Upstream) -> None:
        page = len(upstream.seen) + 1
        more = f"<IsTruncated>true</IsTruncated><Marker>after-{page}</Marker>" if page < 3 else ""
        listed = f"<MFADevices>{device.format(page)}</MFADevices>{more}"
        self.answer = f"<ListMFADevicesResponse><ListMFADevicesResult>{listed}</ListMFADevicesResult>".encode()
        self.answer += b"</ListMFADevicesResponse>"
        Upstream.do_POST(self)

    upstream.do_POST = do_POST  # type: ignore[method-assign]  # of the class that this test has for itself
    with using_credentials(person("alice")):
        devices = IamGateway(clients()).mfa_devices("alice")
    assert [device.serial_number for device in devices] == ["GAHT1", "GAHT2", "GAHT3"]
    markers = [dict(parse_qsl(body)).get("Marker") for _, body in upstream.seen]
    assert markers == [None, "after-1", "after-2"]


def test_aws_is_told_for_which_request_it_is_asked(upstream: type[Upstream]) -> None:
    numbers = iter(["first", "", *["third"] * 3])
    every = allowed_actions(read("recommended"))
    iam = IamGateway(Clients(every, "us-east-1", "latchkey/1", request_id=lambda: next(numbers)))
    with using_credentials(person("nadia")):
        iam.mfa_devices("nadia")
        iam.mfa_devices("nadia")
        upstream.status = 503
        with pytest.raises(NoResponse):
            iam.mfa_devices("nadia")
    ours = f"latchkey/1 Botocore/{botocore.__version__}"
    assert upstream.agents == [f"{ours} request/first", ours, *[f"{ours} request/third"] * 3], "each repetition, too"


def test_a_thread_of_its_own_has_nobodys_credentials(upstream: type[Upstream]) -> None:
    iam = IamGateway(clients())
    with using_credentials(person("alice")), ThreadPoolExecutor(1) as pool, pytest.raises(NoResponse):
        pool.submit(iam.mfa_devices, "alice").result()
    assert upstream.seen == []


OTHERS = ("s3", "organizations", "kms", "dynamodb")


@cache
def every_operation(with_others: bool) -> list[tuple[str, str]]:
    session = botocore.session.Session()
    return [
        (service, operation)
        for service in ("iam", "sts", "signin", *(OTHERS if with_others else ()))
        for operation in session.get_service_model(service).operation_names
    ]


@pytest.mark.parametrize(
    "document",
    [
        "recommended",
        "tutorial",
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:List*", "Resource": "*"}]},
    ],
    ids=["recommended", "tutorial", "everything", "only-lists"],
)
def test_every_operation_outside_the_allow_list_is_stopped_before_it_is_sent(
    upstream: type[Upstream], document: str | dict[str, object]
) -> None:
    allowed = allowed_actions(read(document) if isinstance(document, str) else document)
    pooled = Clients(allowed, "us-east-1")
    upstream.status = 403
    upstream.answer = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message/></Error></ErrorResponse>"
    operations = every_operation(with_others=document != "tutorial")
    by_service: dict[str, Any] = {service: pooled.client(service) for service in dict(operations)}
    passed = set()
    with using_credentials(person("alice")):
        for service, operation in operations:
            client = by_service[service]
            upstream.seen.clear()
            try:
                client._make_api_call(operation, {})
            except NotOnTheAllowList:
                assert upstream.seen == []
            except (ParamValidationError, ClientError, BotoCoreError):
                passed.add(f"{service}:{operation}")  # got past the list, to be refused for its parameters
            else:
                passed.add(f"{service}:{operation}")
    assert passed == allowed | ALWAYS_ALLOWED
    assert allowed <= live_actions()


def test_changes_and_codes_are_asked_once_reads_up_to_three_times(upstream: type[Upstream]) -> None:
    upstream.status = 503
    pooled = clients()
    iam, sts = IamGateway(pooled), StsGateway(pooled)

    def attempts(act: Callable[..., object], *arguments: object) -> int:
        upstream.seen.clear()
        with using_credentials(person("alice")), pytest.raises(NoResponse):
            act(*arguments)
        return len(upstream.seen)

    assert attempts(iam.mfa_devices, "alice") == 3
    assert attempts(iam.create_virtual_mfa_device, "alice") == 1
    assert attempts(iam.enable_mfa_device, "alice", "arn:aws:iam::123456789012:mfa/a", "123456", "123457") == 1
    assert attempts(iam.delete_virtual_mfa_device, "arn:aws:iam::123456789012:mfa/a") == 1
    assert attempts(sts.mfa_session, "arn:aws:iam::123456789012:mfa/a", "123456", timedelta(hours=1)) == 1


def answer_with(
    upstream: type[Upstream], code: str, message: str, status: int, gateway: IamGateway | None = None
) -> PortalError:
    upstream.status = status
    upstream.answer = (
        f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        "<RequestId>r-7</RequestId></ErrorResponse>"
    ).encode()
    with using_credentials(person("alice")), pytest.raises((Refused, NoResponse)) as told:
        (gateway or IamGateway(clients())).create_virtual_mfa_device("alice")
    return told.value


def test_every_code_aws_documents_has_a_meaning_and_a_sentence(upstream: type[Upstream]) -> None:
    gateway = IamGateway(clients())
    for code, kind in MEANING.items():
        told = answer_with(upstream, code, "AWS's own words", 400, gateway)
        assert type(told) is kind and str(told) and "AWS's own words" not in str(told)
        assert told.request_id == "r-7" and told.action == "iam:CreateVirtualMFADevice"


def test_codes_nobody_listed_are_a_no_or_unknown_by_their_status(upstream: type[Upstream]) -> None:
    assert type(answer_with(upstream, "Surprise", "", 400)) is Refused
    assert type(answer_with(upstream, "Surprise", "", 500)) is AwsServerError


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Signature expired: 1 is now earlier than 2 (3 - 15 min.)", "clock-skew"),
        ("Signature not yet current: 1", "clock-skew"),
        ("The request signature we calculated does not match", "wrong-secret"),
    ],
)
def test_a_wrong_clock_is_not_a_wrong_secret(upstream: type[Upstream], message: str, code: str) -> None:
    assert answer_with(upstream, "SignatureDoesNotMatch", message, 403).code == code


@pytest.mark.parametrize(
    ("serial_number", "kind"),
    [
        ("arn:aws:iam::123456789012:mfa/alice", DeviceType.VIRTUAL),
        ("arn:aws:iam::123456789012:u2f/user/alice/KEY", DeviceType.SECURITY_KEY),
        ("arn:aws:iam::123456789012:sms-mfa/alice", DeviceType.SMS),
        ("GAHT12345678", DeviceType.HARDWARE),
    ],
)
def test_kinds_of_devices(serial_number: str, kind: DeviceType) -> None:
    device = MfaDevice(serial_number, datetime.now(UTC))
    assert device.device_type is kind
    assert device.gives_codes is (kind in (DeviceType.VIRTUAL, DeviceType.HARDWARE))


@pytest.mark.parametrize(
    ("resource", "kind", "path", "name"),
    [
        ("iam::123456789012:user/alice", "user", "/", "alice"),
        ("iam::123456789012:user/eng/eu/alice", "user", "/eng/eu/", "alice"),
        ("iam::123456789012:root", "root", "/", ""),
        ("sts::123456789012:assumed-role/R/S", "assumed-role", "/", ""),
        ("sts::123456789012:federated-user/F", "federated-user", "/", ""),
    ],
)
def test_identities(resource: str, kind: str, path: str, name: str) -> None:
    identity = Identity("123456789012", f"arn:aws-cn:{resource}", "AIDA")
    assert (identity.principal_type, identity.partition) == (kind, "aws-cn")
    if kind == "user":
        assert (identity.path, identity.user_name) == (path, name)


def test_secrets_cannot_be_printed() -> None:
    credentials = AwsCredentials("AKIA", "the-secret", "the-token")
    assert "the-secret" not in repr(credentials) and "the-token" not in str(credentials)
    assert json.dumps(repr(credentials))


def test_endpoints_are_those_that_were_configured_when_the_portal_started(monkeypatch: pytest.MonkeyPatch) -> None:
    here = "http://127.0.0.1:9"
    with monkeypatch.context() as at_the_start:
        for service in ("IAM", "STS", "SIGNIN"):
            at_the_start.setenv(f"AWS_ENDPOINT_URL_{service}", here)
        clients = Clients(frozenset(), "us-east-1")
        at_the_start.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
        official = Clients(frozenset(), "us-east-1")
    used = (clients.iam_reads, clients.iam_changes, clients.sts_reads, clients.sts_once, clients.signin_once)
    assert {each.meta.endpoint_url for each in used} == {clients.signin_url} == {clients.sandbox_url} == {here}
    assert official.iam_reads.meta.endpoint_url == "https://iam.amazonaws.com" and official.sandbox_url == ""
    assert official.signin_url == "https://us-east-1.signin.aws.amazon.com"


def test_threads_that_ask_first_at_the_same_time_share_a_client() -> None:
    clients = Clients(frozenset(), "us-east-1")
    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(lambda _: clients.iam_reads.meta, range(8)))
    assert all(each is seen[0] for each in seen)
