"""The token endpoint: authorization codes and refresh tokens in, credentials out."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from app.sandbox import generated_secrets
from app.sandbox.api import Caller
from app.sandbox.auth.authority import of_console
from app.sandbox.operations.passwords import current_hash
from app.sandbox.operations.sts import issue
from app.sandbox.signin.clients import CROSS_DEVICE, SAME_DEVICE
from app.sandbox.signin.proof import BadProof, thumbprint_of
from app.sandbox.signin.state import CREDENTIALS_LIFE, Code, Grant, RefreshToken
from app.sandbox.state import State

ACTION = "signin:CreateOAuth2Token"
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
_SIGNS_ID_TOKENS = ECKey.generate_key("P-256", private=True)
_EXCEPTIONS = {
    "AUTHCODE_EXPIRED": ("AccessDeniedException", 401),
    "TOKEN_EXPIRED": ("AccessDeniedException", 401),
    "USER_CREDENTIALS_CHANGED": ("AccessDeniedException", 401),
    "INSUFFICIENT_PERMISSIONS": ("AccessDeniedException", 403),
    "invalid_request": ("ValidationException", 400),
    "invalid_grant": ("ValidationException", 400),
    "rate_exceeded": ("TooManyRequestsError", 429),
    "server_error": ("InternalServerException", 500),
    "service_unavailable": ("InternalServerException", 503),
}
"""Exception and HTTP status of each `error`; AWS's own documents differ on the statuses of AccessDenied."""


class TokenRefusal(Exception):
    """No credentials are issued. Clients decide by `error`."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error
        self.exception, self.status = _EXCEPTIONS[error]


Allowed = Callable[[Caller, str, str], bool]
"""(caller, client id, grant type) -> may the caller use the client so? Asks the judge, and notes it for the log."""


def answer(
    state: State, body: bytes, content_type: str, proof: str | None, own_url: str, now: datetime, allowed: Allowed
) -> dict[str, Any]:
    """The token endpoint's answer. Raises TokenRefusal."""
    asked = _read(body, content_type)
    try:
        thumbprint = thumbprint_of(proof, f"{own_url}/v1/token", state.signin, now)
    except BadProof as error:
        raise TokenRefusal("invalid_request", str(error)) from error
    if asked["grantType"] == "authorization_code":
        grant = _of_code(state, asked, now)
    else:
        grant = _of_refresh_token(state, asked, thumbprint)
    user = state.iam.users.get(grant.console.user_name)
    if user is None or current_hash(state, user.name) != grant.password:
        raise TokenRefusal("USER_CREDENTIALS_CHANGED", "The user's credentials were changed.")
    if grant.console.ends_at <= now:
        raise TokenRefusal("TOKEN_EXPIRED", "The sign-in session is over.")
    caller = of_console(state, grant.console)
    if not allowed(caller, grant.client_id, asked["grantType"]):
        raise TokenRefusal("INSUFFICIENT_PERMISSIONS", f"{caller.arn} is not authorized to perform: {ACTION}")
    return _credentials(state, grant, thumbprint, caller, now, first=asked["grantType"] == "authorization_code")


def refusal_body(refusal: TokenRefusal) -> bytes:
    """Return the body of a refusal."""
    return json.dumps({"error": refusal.error, "message": str(refusal)}).encode()


def _read(body: bytes, content_type: str) -> Mapping[str, str]:
    if content_type.split(";", maxsplit=1)[0].strip().lower() != "application/json":
        raise TokenRefusal("invalid_request", "The body is JSON.")
    try:
        pairs = json.loads(body, object_pairs_hook=list)
    except (ValueError, RecursionError) as error:
        raise TokenRefusal("invalid_request", "The body is JSON.") from error
    if not isinstance(pairs, list) or any(not isinstance(pair, tuple) for pair in pairs):
        raise TokenRefusal("invalid_request", "The body is a JSON object.")
    asked = dict(pairs)
    if len(asked) != len(pairs) or any(not isinstance(value, str) for value in asked.values()):
        raise TokenRefusal("invalid_request", "Members are strings, each given once.")
    if asked.get("clientId") not in (SAME_DEVICE, CROSS_DEVICE):
        raise TokenRefusal("invalid_request", "There is no such client.")
    needed = {"authorization_code": ("code", "codeVerifier", "redirectUri"), "refresh_token": ("refreshToken",)}
    members = needed.get(asked.get("grantType", ""))
    if members is None or not all(asked.get(name) for name in members):
        raise TokenRefusal("invalid_request", "grantType, or a member it needs, is missing.")
    return asked


def _of_code(state: State, asked: Mapping[str, str], now: datetime) -> Grant:
    code = state.signin.codes.get(asked["code"])
    if code is None:
        raise TokenRefusal("invalid_grant", "The authorization code is not known.")
    if code.used or code.expires_at <= now:
        raise TokenRefusal("AUTHCODE_EXPIRED", "The authorization code is too old or was used.")
    code.used = True  # whatever comes of it: nobody gets to guess verifiers
    same = (asked["clientId"], asked["redirectUri"]) == (code.request.client_id, code.request.redirect_uri)
    if not same or not _is_verifier_of(asked["codeVerifier"], code):
        raise TokenRefusal("invalid_grant", "The authorization code was given for another request.")
    return code.grant


def _is_verifier_of(verifier: str, code: Code) -> bool:
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return bool(_VERIFIER.fullmatch(verifier)) and hmac.compare_digest(digest, code.request.code_challenge.encode())


def _of_refresh_token(state: State, asked: Mapping[str, str], thumbprint: str) -> Grant:
    token = state.signin.refresh_tokens.get(asked["refreshToken"])
    if token is None or token.used or token.grant.client_id != asked["clientId"] or token.thumbprint != thumbprint:
        raise TokenRefusal(
            "invalid_grant", "The provided authorization grant is invalid, expired, revoked, or malformed"
        )
    token.used = True
    return token.grant


def _credentials(
    state: State, grant: Grant, thumbprint: str, caller: Caller, now: datetime, *, first: bool
) -> dict[str, Any]:
    lasts = min(CREDENTIALS_LIFE, grant.console.ends_at - now).total_seconds()
    session = issue(
        state,
        grant.console.user_name,
        now,
        timedelta(seconds=int(lasts)),
        mfa_at=grant.console.mfa_at,
        mfa_serial=grant.console.mfa_serial,
        signed_in=True,
    )
    refresh_token = generated_secrets.refresh_token(state.settings)
    state.signin.refresh_tokens[refresh_token] = RefreshToken(grant, thumbprint)
    made = {
        "accessToken": {
            "accessKeyId": session.access_key_id,
            "secretAccessKey": session.secret_access_key,
            "sessionToken": session.session_token,
        },
        "tokenType": "urn:aws:params:oauth:token-type:access_token_sigv4",
        "expiresIn": max(1, int(lasts)),
        "refreshToken": refresh_token,
    }
    if first:
        made["idToken"] = _id_token(grant, caller, now)
    return made


def _id_token(grant: Grant, caller: Caller, now: datetime) -> str:
    claims = {
        "iss": "https://signin.aws.amazon.com/signin",
        "sub": caller.arn,
        "aud": grant.client_id,
        "iat": int(now.timestamp()),
        "exp": int((now + CREDENTIALS_LIFE).timestamp()),
        "session_arn": f"arn:aws:signin:::session/{secrets.token_hex(8)}",
    }
    return jwt.encode({"alg": "ES256"}, claims, _SIGNS_ID_TOKENS)
