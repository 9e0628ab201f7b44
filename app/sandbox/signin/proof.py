"""DPoP proofs (RFC 9449), as AWS Sign-In's token endpoint requires them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from app.sandbox.signin.state import PROOF_WINDOW, SignInState


class BadProof(ValueError):
    """The proof is missing or wrong. `str()` says why."""


def thumbprint_of(proof: str | None, url: str, state: SignInState, now: datetime) -> str:
    """Verify the proof of a POST to `url`. Returns the key's thumbprint (RFC 7638). A proof works once.

    Raises BadProof.
    """
    if not proof or len(proof) > 4096:
        raise BadProof("The DPoP header is missing or too long.")
    try:
        key, claims = _verified(proof)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadProof(f"The DPoP proof cannot be verified: {error}") from error
    if claims.get("htm") != "POST" or claims.get("htu") != url:
        raise BadProof("The DPoP proof is for another request.")
    issued, number = claims.get("iat"), claims.get("jti")
    if type(issued) is not int or abs(issued - now.timestamp()) > PROOF_WINDOW.total_seconds():
        raise BadProof("The DPoP proof is too old or from the future.")
    state.proofs = {seen: at for seen, at in state.proofs.items() if now - at <= 2 * PROOF_WINDOW}
    if not isinstance(number, str) or not 1 <= len(number) <= 128 or number in state.proofs:
        raise BadProof("The DPoP proof was used before, or has no id.")
    state.proofs[number] = now
    return str(key.thumbprint())


def _verified(proof: str) -> tuple[ECKey, dict[str, Any]]:
    header = jws.extract_compact(proof.encode()).headers()
    if header.get("typ") != "dpop+jwt" or header.get("alg") != "ES256":
        raise BadProof("typ is dpop+jwt, alg is ES256.")
    jwk = header["jwk"]
    if not isinstance(jwk, dict) or set(jwk) != {"kty", "crv", "x", "y"} or jwk["crv"] != "P-256":
        raise BadProof("jwk is a public P-256 key.")
    key = ECKey.import_key(jwk)
    payload = jws.deserialize_compact(proof, key, algorithms=["ES256"], registry=_REGISTRY).payload
    claims = json.loads(payload)
    if not isinstance(claims, dict):
        raise BadProof("The payload is not an object.")
    return key, claims


_REGISTRY = jws.JWSRegistry(algorithms=["ES256"])
