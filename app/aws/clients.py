"""Pooled AWS clients that sign with borrowed credentials and send nothing outside the allow-list.

A client is expensive (tens of milliseconds, megabytes), so all users share them. `using_credentials` lends a user's
credentials to the code inside it. Outside of it there is nothing to sign with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError
from botocore.parsers import ResponseParserError
from botocore.utils import parse_timestamp

from app.aws.observing import Observer, observe
from app.aws.request_ids import answered
from app.aws.signing import sign_with_less
from app.errors import (
    MEANING,
    AwsServerError,
    ClockSkew,
    MfaNotRecognized,
    MfaSessionNeeded,
    NoResponse,
    NotAllowed,
    PortalError,
    Refused,
    WrongMfaCode,
    WrongSecret,
)
from app.policy.portal_actions import live_actions

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_signin import SignInServiceClient
    from mypy_boto3_sts import STSClient

Answer = TypeVar("Answer")

ALWAYS_ALLOWED = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken", "signin:CreateOAuth2Token"})
"""The calls that authenticate."""

SIGN_IN_HOSTS = {
    "aws": "signin.aws.amazon.com",
    "aws-cn": "signin.amazonaws.cn",
    "aws-us-gov": "signin.amazonaws-us-gov.com",
    "aws-eusc": "signin.amazonaws-eusc.eu",
}
"""Where people sign in, per partition (endpoint rules of botocore's Sign-In model)."""


@dataclass(frozen=True)
class AwsCredentials:
    """A user's credentials, long-term or temporary. They can't be printed."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    """UTC, aware; None for a long-term key."""


_person: ContextVar[ReadOnlyCredentials] = ContextVar("person")


class NotOnTheAllowList(RuntimeError):
    """Code tried to ask AWS for something the portal must never ask. A bug, never a user's fault."""


class NotInTheDocument(NotOnTheAllowList):
    """The portal may ask this, but the configured document doesn't allow it: users see a missing permission."""

    def __init__(self, action: str) -> None:
        super().__init__(f"{action} is not allowed by the configured document: not sent.")
        self.action = action


class Borrowed(Credentials):
    """The credentials of the user whose request is running. Outside of a request there are none."""

    def __init__(self) -> None:
        super().__init__("borrowed", "borrowed")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return what botocore signs with. Raises NoCredentialsError outside `using_credentials`."""
        try:
            return _person.get()
        except LookupError:
            raise NoCredentialsError from None


class _Lender:
    """Takes the place of botocore's search for credentials on this machine."""

    def load_credentials(self) -> Borrowed:
        """What botocore asks of its credential provider."""
        return Borrowed()


@contextmanager
def using_credentials(credentials: AwsCredentials) -> Iterator[None]:
    """Sign every AWS call inside the block with these credentials."""
    frozen = ReadOnlyCredentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    person = _person.set(frozen)
    try:
        yield
    finally:
        _person.reset(person)


FAN_OUT = 96
"""Calls under way at once in a process: 16 threads, and a page that asks half a dozen things."""
_readers = ThreadPoolExecutor(FAN_OUT, "aws-read")


def start_read(read: Callable[[], Answer]) -> Callable[[], Answer]:
    """Start a read in parallel with others, as the same user. What is returned waits for its result.

    Calling it raises what the read raised. A read must not start another one, because all share these threads.
    """
    return _readers.submit(copy_context().run, read).result


def read_concurrently(reads: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """Run independent reads at the same time, as the same user, and return their results in order.

    Raises what the first failing read raised.
    """
    return [answer() for answer in [start_read(read) for read in reads]]


def all_pages(client: BaseClient, operation: str, **asked: Any) -> Iterator[Any]:
    """Yield the pages of one of IAM's lists. operation: botocore's name for it, "list_access_keys".

    A user's list is nearly always one page. That is read without botocore's paginator, a seventh of a call's CPU.
    """
    first = getattr(client, operation)(**asked)
    yield first
    if first.get("IsTruncated"):
        yield from client.get_paginator(operation).paginate(**asked, Marker=first["Marker"])


class _Later:
    """A client that is made when something is first asked of it. That takes 5 ms, and a command needs one or two."""

    def __init__(self, make: Callable[[], Any], taken: Lock) -> None:
        self._make = make
        self._taken = taken
        self._client: Any = None

    def __getattr__(self, name: str) -> Any:
        """Return what the client has by that name. Once asked for it, Python finds it here."""
        found = getattr(self.made(), name)
        setattr(self, name, found)
        return found

    def made(self) -> Any:
        """Return the client. Making one isn't safe for threads, so they take turns."""
        with self._taken:
            if self._client is None:
                self._client = self._make()
        return self._client


class Clients:
    """One client per service and manner of retrying, made once per process, when it is first asked.

    allowed: actions of the configured document, "iam:ListUsers" (`app.policy.documents.allowed_actions`).
    region: where STS and AWS Sign-In are asked; IAM's own region follows from the partition.
    observer: told how each call went. request_id: of the request a call is made for, "" for none; AWS is told it too.
    Endpoints are overridden by botocore's own AWS_ENDPOINT_URL_IAM, AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL_SIGNIN.
    """

    def __init__(
        self,
        allowed: frozenset[str],
        region: str,
        user_agent: str = "latchkey",
        observer: Observer | None = None,
        request_id: Callable[[], str] = str,
    ) -> None:
        self._allowed = allowed | ALWAYS_ALLOWED
        self._request_id = request_id
        session = botocore.session.Session()
        # The portal has no credentials and takes none from the machine: no profile, no instance role.
        session.register_component("credential_provider", _Lender())
        session.register("before-parameter-build", self._only_allowed)
        session.register("before-send", self._name_the_request)  # which no signature covers
        session.register("after-call", _remember_request_id)
        sign_with_less(session)
        if observer:
            observe(session, observer, _meaning)
        # dateutil takes 13 % of a call's CPU; AWS's query services send ISO 8601 only.
        session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
        self._botocore = session
        self._session = boto3.Session(botocore_session=session, region_name=region)
        common = Config(user_agent=user_agent, connect_timeout=3, read_timeout=10, max_pool_connections=FAN_OUT)
        self._common = common
        reading = common.merge(Config(retries={"mode": "standard", "total_max_attempts": 3}))
        # A change, or a code that works once, must not be repeated by a library that lost the answer.
        once = common.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
        self._later: list[_Later] = []
        self._making = Lock()
        self.iam_reads: IAMClient = self._client("iam", reading)
        self.iam_changes: IAMClient = self._client("iam", once)
        self.sts_reads: STSClient = self._client("sts", reading)
        self.sts_once: STSClient = self._client("sts", once)
        unsigned = once.merge(Config(signature_version=UNSIGNED))
        self.signin_once: SignInServiceClient = self._client("signin", unsigned)
        host = SIGN_IN_HOSTS[session.get_partition_for_region(region)]
        self.signin_url: str = (self._configured_endpoint("signin") or f"https://{region}.{host}").rstrip("/")
        """Of the pages, which no SDK opens."""
        self.sandbox_url: str = self._configured_endpoint("iam") or ""
        """Of the AWS asked instead of the real one, "" on real AWS."""

    def _configured_endpoint(self, service: str) -> str | None:
        """Return the address that takes the place of AWS's, by botocore's rules. None where there is none."""
        known = self._botocore
        if known.get_config_variable("ignore_configured_endpoint_urls"):
            return None
        url = ConfiguredEndpointProvider(known.full_config, known.get_scoped_config(), service).provide()
        return str(url) if url else None

    def _client(self, service: str, config: Config) -> Any:
        url = self._configured_endpoint(service)
        made = _Later(partial(self._session.client, service, config=config, endpoint_url=url), self._making)
        self._later.append(made)
        return made

    def make_all(self) -> None:
        """Make every client now: workers that are forked later share them."""
        for each in self._later:
            each.made()

    def client(self, service: str) -> Any:
        """Return any service's client, patient where AWS throttles. The allow-list holds for it."""
        patient = self._common.merge(Config(retries={"mode": "adaptive", "total_max_attempts": 8}))
        url = self._configured_endpoint(service)
        return self._session.client(service, config=patient, endpoint_url=url)  # type: ignore[call-overload]  # a name known at run time only

    def _only_allowed(self, **event: Any) -> None:
        model = event["model"]
        service = model.service_model.signing_name
        action = f"{service}:{model.name}"
        if action in self._allowed:
            return
        if action in live_actions():
            raise NotInTheDocument(action)
        raise NotOnTheAllowList(f"{action} is not an action of the configured policy: not sent.")

    def _name_the_request(self, **event: Any) -> None:
        """In the user agent, which CloudTrail keeps, so that a call there can be traced to a request in our log."""
        if number := self._request_id():
            event["request"].headers["User-Agent"] += f" request/{number}".encode()


def _timestamp(value: Any) -> datetime:
    """Of a query service, which sends ISO 8601, or of others, which send seconds or HTTP's dates."""
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return parse_timestamp(value)


def _remember_request_id(**event: Any) -> None:
    seen = answered.get(None)
    if seen is not None:
        seen.append(event["parsed"].get("ResponseMetadata", {}).get("RequestId", ""))


@contextmanager
def translate_errors(action: str) -> Iterator[None]:
    """Translate botocore's errors of one AWS call ("iam:ListUsers") into ours. Nothing else does.

    Raises a PortalError: Refused, like NotAllowed (nothing changed), or NoResponse (the outcome is unknown).
    """
    try:
        yield
    except NotInTheDocument as error:
        raise NotAllowed(action=error.action) from error
    except ClientError as error:
        raise _meaning(error, action) from error
    except ResponseParserError:
        # Half an answer. This error contains what could be read of it, perhaps a secret: it goes no further.
        raise NoResponse(action=action) from None
    except (HTTPClientError, BotoCoreError) as error:
        raise NoResponse(action=action) from error


def _meaning(error: ClientError, action: str) -> PortalError:
    described = error.response.get("Error", {})
    # AWS Sign-In tells its cases apart by `error`, not by exception or status.
    code, text = str(error.response.get("error") or described.get("Code", "")), str(described.get("Message", ""))
    metadata = error.response.get("ResponseMetadata", {})
    error_class: type[PortalError] | None = MEANING.get(code)
    if error_class is WrongSecret and ("Signature expired" in text or "not yet current" in text):
        error_class = ClockSkew
    elif error_class is NotAllowed and "MultiFactorAuthentication failed" in text:
        error_class = MfaNotRecognized if "unable to validate" in text else WrongMfaCode
    elif error_class is NotAllowed and "authenticated with an MFA device" in text:
        error_class = MfaSessionNeeded
    elif error_class is None:
        # Codes that aren't listed: after a server error the outcome is unknown, anything else is a refusal.
        error_class = AwsServerError if metadata.get("HTTPStatusCode", 500) >= 500 else Refused
    return error_class(action=action, request_id=str(metadata.get("RequestId", "")), aws_message=text)
