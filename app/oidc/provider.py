"""Asking an OpenID Connect provider who someone is: authorization code with PKCE, state and nonce.

OpenID Connect Core 1.0 (section 3.1), Discovery 1.0, RFC 7636, RFC 9207. Only the issuer and the endpoints that its
discovery document names are asked, and no redirect is followed.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urlencode

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from cachetools import TTLCache
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.oidc.addresses import is_safe, origin_of
from app.oidc.errors import LogoutRefused, ProviderUnavailable, TokenRefused
from app.oidc.logout import LATE_S, Logout, logout_of

log = logging.getLogger(__name__)

PATIENCE_S = 5
"""How long an answer is waited for."""
KNOWN_FOR_S = 3600
"""How long the discovery document and the keys count. Keys are also asked for when a token names an unknown one."""
FAILED_FOR_S = 10
"""How long an address that didn't answer isn't asked again: a provider that hangs must not hold up the portal."""
KEYS_KEPT_S = 30
"""How long keys count at least where anyone can send a token that names others."""
WAIT_FOR_OTHERS_S = 1
"""How long a request waits while another one asks."""
CLOCKS_APART_S = 60
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
"""Signatures with a public key only: never "none", and no HMAC."""
SCOPES = ("openid", "email", "profile")


@dataclass(frozen=True)
class Asked:
    """What the provider is asked with, and what its answer must fit."""

    address: str
    """Where the browser goes."""
    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


class Provider:
    """The provider of the settings."""

    def __init__(self, issuer: str, client_id: str, client_secret: str) -> None:
        self.issuer = issuer
        self._client_id, self._client_secret = client_id, client_secret
        self._known: TTLCache[str, Any] = TTLCache(2, KNOWN_FOR_S)
        self._failed: TTLCache[str, str] = TTLCache(4, FAILED_FOR_S)
        self._used: TTLCache[str, bool] = TTLCache(10_000, LATE_S + 2 * CLOCKS_APART_S)
        self._keys_at = 0.0
        self._lock, self._using = Lock(), Lock()

    def begin(self, callback: str, acr_values: str = "") -> Asked:
        """Return a new request. callback: the portal's address. Raises ProviderUnavailable."""
        there = self._metadata()
        asked = (secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))
        state, nonce, verifier = asked
        more = {"acr_values": acr_values} if acr_values else {}
        with self._client(there, callback) as client:
            address, _ = client.create_authorization_url(
                there["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier, **more
            )
        return Asked(address, state, nonce, verifier)

    def finish(self, callback: str, code: str, nonce: str, verifier: str) -> Mapping[str, Any]:
        """Return the claims of the ID token that the code is good for.

        Raises ProviderUnavailable, and TokenRefused where the provider refuses the code or its token isn't valid.
        """
        there = self._metadata()
        with self._client(there, callback) as client:
            try:
                tokens = client.fetch_token(
                    there["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                    timeout=PATIENCE_S,
                    allow_redirects=False,
                )
            except AuthlibBaseError as error:
                log.warning("the provider refused a code: %s", error.error)
                raise TokenRefused(diagnosis="code") from error
            except (requests.RequestException, ValueError) as error:
                raise self._unavailable(error) from error
        if not isinstance(tokens.get("id_token"), str):
            raise TokenRefused(diagnosis="token")
        return self._claims(tokens["id_token"], nonce, tokens.get("access_token"))

    @contextmanager
    def logout(self, token: str) -> Iterator[Logout]:
        """Give whom a logout token signs out, and use the token up. Raises ProviderUnavailable, LogoutRefused.

        In this process, a token counts once, also of two requests at once. If the block fails, it wasn't used, and
        the provider may send it again. Anyone can send one. So the provider's keys aren't asked for again more often
        than every KEYS_KEPT_S.
        """
        try:
            read = self._verified(token, since=time.monotonic() - KEYS_KEPT_S)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            log.warning("a logout token was refused: %s", type(error).__name__)
            raise LogoutRefused(diagnosis="token") from error
        found = logout_of(read.header, read.claims, self.issuer, self._client_id, int(time.time()), CLOCKS_APART_S)
        with self._using:
            if found.token_id in self._used:
                raise LogoutRefused(diagnosis="jti")
            self._used[found.token_id] = True
        try:
            yield found
        except BaseException:
            with self._using:
                self._used.pop(found.token_id, None)
            raise

    def sign_out_address(self, back: str) -> str:
        """Return where people sign out at the provider, "" where it has no such page.

        OpenID Connect RP-Initiated Logout 1.0. back: our page to return to, which the provider must know. The ID
        token isn't sent along: it would be in the address. So the provider may ask whether to sign out. Raises
        ProviderUnavailable.
        """
        page = str(self._metadata().get("end_session_endpoint") or "")
        if not is_safe(page) or origin_of(page) != origin_of(self.issuer):
            return ""
        asked = urlencode({"client_id": self._client_id, "post_logout_redirect_uri": back})
        return f"{page}{'&' if '?' in page else '?'}{asked}"

    def _client(self, there: Mapping[str, Any], callback: str) -> OAuth2Session:
        methods = there.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        by_post = "client_secret_basic" not in methods and "client_secret_post" in methods
        groups = ("groups",) if "groups" in (there.get("scopes_supported") or ()) else ()
        return OAuth2Session(
            self._client_id,
            self._client_secret,
            token_endpoint_auth_method="client_secret_post" if by_post else "client_secret_basic",
            scope=" ".join((*SCOPES, *groups)),
            redirect_uri=callback,
            code_challenge_method="S256",
        )

    def _claims(self, id_token: str, nonce: str, access_token: object) -> Mapping[str, Any]:
        try:
            token = self._verified(id_token)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self._client_id},
                    "sub": {"essential": True},
                },
                {"nonce": nonce, "client_id": self._client_id, "access_token": access_token},
            )
            claims.validate(int(time.time()), CLOCKS_APART_S)
        except JoseError as error:
            claim = getattr(error, "claim", "") or "token"
            log.warning("an ID token was refused: %s", error)
            raise TokenRefused(diagnosis=str(claim)) from error
        except (ValueError, TypeError, KeyError) as error:  # a token in no shape at all
            log.warning("an ID token could not be read: %s", type(error).__name__)
            raise TokenRefused(diagnosis="token") from error
        return dict(claims)

    def _verified(self, id_token: str, since: float | None = None) -> jwt.Token:
        """Return the token after its signature was verified. Raises JoseError, ValueError.

        since: keys that were asked for at this time (of the monotonic clock) or later count as the latest.
        """
        try:
            return jwt.decode(id_token, self._keys(), algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            if since is not None and self._keys_at >= since:
                raise
            # The provider may have new keys. A token that isn't signed by one of them fails again.
            return jwt.decode(id_token, self._keys(again=True), algorithms=ALGORITHMS)

    def _metadata(self) -> Mapping[str, Any]:
        with self._alone():
            if "metadata" not in self._known:
                found = self._get(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
                self._check(found)
                self._known["metadata"] = found
            metadata: Mapping[str, Any] = self._known["metadata"]
            return metadata

    def _check(self, found: Mapping[str, Any]) -> None:
        """Raise ProviderUnavailable where the document isn't the issuer's, or a needed address isn't safe."""
        wrong = [
            name
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if not is_safe(str(found.get(name, "")))
        ]
        if found.get("issuer") != self.issuer or wrong:
            raise self._unavailable(f"its discovery document is of {found.get('issuer')!r}, without a usable {wrong}")
        if origin_of(found["authorization_endpoint"]) != origin_of(self.issuer):
            raise self._unavailable("its sign-in page is on another host than the issuer")

    def _keys(self, *, again: bool = False) -> KeySet:
        there = self._metadata()
        with self._alone():
            if again or "keys" not in self._known:
                try:
                    self._known["keys"] = KeySet.import_key_set(self._get(there["jwks_uri"]))  # type: ignore[arg-type]  # checked by it
                except (JoseError, ValueError, TypeError, KeyError) as error:
                    raise self._unavailable(error) from error
                self._keys_at = time.monotonic()
            keys: KeySet = self._known["keys"]
            return keys

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one request ask at a time. Raises ProviderUnavailable for others that would wait long."""
        if not self._lock.acquire(timeout=WAIT_FOR_OTHERS_S):
            raise self._unavailable("another request waits for its answer")
        try:
            yield
        finally:
            self._lock.release()

    def _get(self, url: str) -> dict[str, Any]:
        if why := self._failed.get(url):
            raise self._unavailable(why)
        try:
            return self._asked(url)
        except ProviderUnavailable:
            self._failed[url] = f"{url} failed a moment ago"
            raise

    def _asked(self, url: str) -> dict[str, Any]:
        try:
            answer = requests.get(url, timeout=PATIENCE_S, allow_redirects=False)
            answer.raise_for_status()
            found = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise self._unavailable(error) from error
        if answer.status_code != requests.codes.ok or not isinstance(found, dict):
            raise self._unavailable(f"{url} answers {answer.status_code}")
        return found

    def _unavailable(self, why: object) -> ProviderUnavailable:
        log.error("the OpenID Connect provider %s cannot be used: %s", self.issuer, why)
        return ProviderUnavailable()
