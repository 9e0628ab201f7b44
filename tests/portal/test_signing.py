"""What the portal sends AWS is, byte for byte, what botocore would have sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.auth import AUTH_TYPE_MAPS, SigV4Auth
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config

from app.aws.clients import AwsCredentials, Clients, using_credentials
from app.aws.signing import NAME, Signer
from tests.sandbox.test_every_operation import some

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
AGENT = "latchkey/1 Botocore"
BOTOCORE = botocore.session.Session()
OPERATIONS = [
    (service, operation)
    for service in ("iam", "sts")
    for operation in BOTOCORE.get_service_model(service).operation_names
]
LONG_TERM = AwsCredentials("AKIA" + "A" * 16, "s/+" * 13 + "s")
TEMPORARY = AwsCredentials("ASIA" + "A" * 16, "s/+" * 13 + "s", "t/+=" * 80)


class Sent(Exception):
    """The request is ready, and nothing is sent."""


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both sides sign at the same time, and botocore in Python: awscrt is only there for other tests."""
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: NOON)
    monkeypatch.setitem(AUTH_TYPE_MAPS, "v4", SigV4Auth)
    yield


def ours(service: str, region: str) -> Any:
    clients = Clients(frozenset(f"{service}:{operation}" for service, operation in OPERATIONS), region)
    return clients.iam_reads if service == "iam" else clients.sts_once


def botocores(service: str, region: str, credentials: AwsCredentials) -> Any:
    return BOTOCORE.create_client(
        service,
        region,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.session_token,
        config=Config(retries={"mode": "standard", "total_max_attempts": 3 if service == "iam" else 1}),
    )


def request_of(client: Any, operation: str, asked: dict[str, Any]) -> AWSPreparedRequest:
    """Return what the client would send."""
    caught: list[AWSPreparedRequest] = []

    def catch(request: AWSPreparedRequest, **_: Any) -> None:
        caught.append(request)
        raise Sent

    client.meta.events.register("before-send", catch, unique_id="catch")
    try:
        with pytest.raises(Sent):
            client._make_api_call(operation, asked)
    finally:
        client.meta.events.unregister("before-send", unique_id="catch")
    return caught[0]


def on_the_wire(request: AWSPreparedRequest) -> tuple[str, str, list[tuple[str, bytes]], bytes]:
    """Method, address, headers in their order, and body: without what names the program and the call."""
    headers = [
        (name, value if isinstance(value, bytes) else value.encode())
        for name, value in request.headers.items()
        if name not in ("User-Agent", "amz-sdk-invocation-id")
    ]
    assert isinstance(request.body, bytes | str)
    body = request.body if isinstance(request.body, bytes) else request.body.encode()
    return str(request.method), str(request.url), headers, body


@pytest.mark.parametrize("credentials", [LONG_TERM, TEMPORARY], ids=["long-term", "temporary"])
@pytest.mark.parametrize(
    "address", ["", "http://127.0.0.1:5000", "https://[::1]:5000/aws"], ids=["aws", "sandbox", "ipv6"]
)
@pytest.mark.parametrize("region", ["eu-central-1", "us-gov-west-1"])
def test_every_request_is_signed_as_botocore_signs_it(
    credentials: AwsCredentials, address: str, region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in ("iam", "sts") if address else ():
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service.upper()}", address)
    for service in ("iam", "sts"):
        mine, theirs = ours(service, region), botocores(service, region, credentials)
        model = theirs.meta.service_model
        for operation in (operation for of, operation in OPERATIONS if of == service):
            shape = model.operation_model(operation).input_shape
            asked = some(shape) if shape else {}
            with using_credentials(credentials):
                sent = request_of(mine, operation, dict(asked))
            assert on_the_wire(sent) == on_the_wire(request_of(theirs, operation, dict(asked))), operation


@pytest.mark.parametrize("name", ["a", "Zoë & Co. + 1/2=%", "日本", "a  b", "~-_.*", "x" * 5000])
def test_names_of_any_kind_are_signed_as_they_are_sent(name: str) -> None:
    mine, theirs = ours("iam", "us-east-1"), botocores("iam", "us-east-1", TEMPORARY)
    asked = {"PathPrefix": name}
    with using_credentials(TEMPORARY):
        sent = request_of(mine, "ListUsers", asked)
    assert on_the_wire(sent) == on_the_wire(request_of(theirs, "ListUsers", asked))


def test_each_user_signs_with_their_own_key() -> None:
    client, signatures = ours("iam", "us-east-1"), set()
    for number in range(3):
        mine = AwsCredentials(f"AKIA{number:A>16}", f"{number:s>40}")
        with using_credentials(mine):
            sent = on_the_wire(request_of(client, "ListAccessKeys", {"UserName": "a"}))
        assert sent == on_the_wire(
            request_of(botocores("iam", "us-east-1", mine), "ListAccessKeys", {"UserName": "a"})
        )
        signatures.add(dict(sent[2])["Authorization"])
    assert len(signatures) == 3


def test_the_portals_own_signer_signs() -> None:
    assert AUTH_TYPE_MAPS[NAME] is Signer
    used: list[object] = []
    client = ours("iam", "us-east-1")
    client.meta.events.register("before-sign", lambda signature_version, **_: used.append(signature_version))
    with using_credentials(LONG_TERM):
        request_of(client, "ListAccessKeys", {"UserName": "a"})
    assert used == [NAME], "otherwise these tests compare botocore with itself"
