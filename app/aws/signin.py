"""AWS Sign-In: the OAuth flow behind `aws login` (AWS Sign-In User Guide; RFC 7636, RFC 9449)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from app.aws.clients import AwsCredentials, Clients, translate_errors
from app.errors import NoResponse

if TYPE_CHECKING:
    from joserfc.jwk import ECKey
    from mypy_boto3_signin import SignInServiceClient
    from mypy_boto3_signin.type_defs import CreateOAuth2TokenRequestBodyTypeDef


ACTION = "signin:CreateOAuth2Token"


class OAuthClient(StrEnum):
    """The two public OAuth clients of AWS Sign-In: for a browser on this machine, or for one anywhere."""

    SAME = "arn:aws:signin:::devtools/same-device"
    CROSS = "arn:aws:signin:::devtools/cross-device"


def oauth_client_for(public_url: str) -> tuple[OAuthClient, str]:
    """Return the client that a portal at this address can use, and its callback ("" for none).

    AWS Sign-In redirects to http://127.0.0.1 only (what the AWS CLI's `aws login` uses).
    """
    parts = urlsplit(public_url)
    if (parts.scheme, parts.hostname) == ("http", "127.0.0.1"):
        return OAuthClient.SAME, f"http://127.0.0.1:{parts.port or 80}/oauth/callback"
    return OAuthClient.CROSS, ""


@dataclass(frozen=True)
class AuthorizationRequest:
    """What AWS is asked with, and what proves in the end that the answer is to this request."""

    client_id: str
    redirect_uri: str
    state: str
    verifier: str = field(repr=False)


@dataclass(frozen=True)
class SignInTokens:
    """What a sign-in returns: credentials for 15 minutes, and the means to get the next ones."""

    credentials: AwsCredentials
    client_id: str
    refresh_token: str = field(repr=False)
    """Works once. A refresh returns another."""
    dpop_key: str = field(repr=False)
    """PEM. The refresh token is bound to it."""


_proving: ContextVar[ECKey] = ContextVar("dpop_key")


def challenge(verifier: str) -> str:
    """Return base64url(SHA-256(verifier)) without padding (RFC 7636, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def dpop_proof(key: ECKey, url: str, now: datetime, number: str) -> str:
    """Return the proof that we hold `key`, for one POST to `url` (RFC 9449, section 4.2).

    number: its `jti`, used once.
    """
    from joserfc import jws  # noqa: PLC0415 # signing in through AWS needs it, and keys do not

    public = key.as_dict(private=False)
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": {name: public[name] for name in ("kty", "x", "y", "crv")}}
    claims = {"htm": "POST", "htu": url, "iat": int(now.timestamp()), "jti": number}
    return jws.serialize_compact(header, json.dumps(claims, separators=(",", ":")), key, algorithms=["ES256"])


def _add_proof(params: dict[str, Any], **_: Any) -> None:
    params["headers"]["DPoP"] = dpop_proof(_proving.get(), params["url"], datetime.now(UTC), str(uuid.uuid4()))


@contextmanager
def _proved_with(key: ECKey) -> Iterator[None]:
    before = _proving.set(key)
    try:
        yield
    finally:
        _proving.reset(before)


class SignInGateway:
    """AWS Sign-In of one region. Raises PortalErrors only (`translate_errors`)."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self.url: str = clients.signin_url
        """Scheme and host of the pages and of the token endpoint."""

    @cached_property
    def _client(self) -> SignInServiceClient:
        client = self._clients.signin_once
        client.meta.events.register("before-call.signin.CreateOAuth2Token", _add_proof, unique_id="latchkey-proof")
        return client

    def request(self, client: OAuthClient, callback: str) -> AuthorizationRequest:
        """Return a new request.

        callback: http://127.0.0.1:PORT/oauth/callback; not used by the client for any machine.
        """
        return AuthorizationRequest(
            client.value,
            callback if client is OAuthClient.SAME else f"{self.url}/v1/sessions/confirmation",
            str(uuid.uuid4()),
            secrets.token_urlsafe(48),
        )

    def authorization_url(self, asked: AuthorizationRequest) -> str:
        """Return where the user signs in, with the parameters in the AWS CLI's order."""
        parameters = {
            "response_type": "code",
            "client_id": asked.client_id,
            "state": asked.state,
            "code_challenge_method": "SHA-256",  # literally, not RFC 7636's S256
            "scope": "openid",
            "redirect_uri": asked.redirect_uri,
            "code_challenge": challenge(asked.verifier),
        }
        return f"{self.url}/v1/authorize?{urlencode(parameters, quote_via=quote)}"

    def sign_out_url(self, onwards: str) -> str:
        """Return AWS's sign-out, which then leads to `onwards`, an address of AWS Sign-In (observed)."""
        return f"{self.url}/oauth?{urlencode({'Action': 'logout', 'redirect_uri': onwards}, quote_via=quote)}"

    def exchange(self, asked: AuthorizationRequest, code: str) -> SignInTokens:
        """Exchange the code for credentials, bound to a new key. AWS is asked exactly once.

        Raises CodeRefused, SignInNotPermitted, SignInExpired, Throttled, NoResponse.
        """
        from joserfc.jwk import ECKey  # noqa: PLC0415 # as above

        key = ECKey.generate_key("P-256", private=True)
        return self._tokens(
            key,
            {
                "clientId": asked.client_id,
                "grantType": "authorization_code",
                "code": code,
                "codeVerifier": asked.verifier,
                "redirectUri": asked.redirect_uri,
            },
        )

    def refresh(self, client_id: str, refresh_token: str, dpop_key: str) -> SignInTokens:
        """Get the next credentials. AWS is asked exactly once, because the refresh token works once.

        Raises as `exchange` does; CodeRefused if the refresh token was used before.
        """
        from joserfc.jwk import ECKey  # noqa: PLC0415 # as above

        key = ECKey.import_key(dpop_key)
        return self._tokens(key, {"clientId": client_id, "grantType": "refresh_token", "refreshToken": refresh_token})

    def _tokens(self, key: ECKey, body: CreateOAuth2TokenRequestBodyTypeDef) -> SignInTokens:
        with translate_errors(ACTION), _proved_with(key):
            made = self._client.create_oauth2_token(tokenInput=body)["tokenOutput"]
        try:
            access = made["accessToken"]
            expires_at = datetime.now(UTC) + timedelta(seconds=made["expiresIn"])
            return SignInTokens(
                AwsCredentials(access["accessKeyId"], access["secretAccessKey"], access["sessionToken"], expires_at),
                body["clientId"],
                made["refreshToken"],
                key.as_pem(private=True).decode(),
            )
        except KeyError as error:  # botocore reads half an answer as an empty one
            raise NoResponse(action=ACTION) from error
