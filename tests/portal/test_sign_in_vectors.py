"""PKCE and DPoP against vectors and arithmetic that are not ours."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey

from app.aws.clients import Clients
from app.aws.signin import OAuthClient, SignInGateway, challenge, dpop_proof
from app.sandbox.signin.proof import BadProof, thumbprint_of
from app.sandbox.signin.state import SignInState

URL = "https://us-east-1.signin.aws.amazon.com/v1/token"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_the_challenge_of_rfc_7636_appendix_b() -> None:
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def private_key_one() -> ec.EllipticCurvePrivateKey:
    """The smallest private key: its public key is the curve's base point, printed in SEC 2."""
    return ec.derive_private_key(1, ec.SECP256R1())


HEADER = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6ImF4ZlI4dUVzUWtmNHZPYmxZ"
    "NlJBOG5jRGZZRXQ2ek9nOUtFNVJkaVl3cFkiLCJ5IjoiVC1OQzR2NGFmNXVPNS10S2ZBLWVGaXZPTTFkck1WN095N1pBYURl"
    "X1VmVSIsImNydiI6IlAtMjU2In19"
)
CLAIMS = (
    "eyJodG0iOiJQT1NUIiwiaHR1IjoiaHR0cHM6Ly91cy1lYXN0LTEuc2lnbmluLmF3cy5hbWF6b24uY29tL3YxL3Rva2VuIiwi"
    "aWF0IjoxNzY3MzIzMDQ1LCJqdGkiOiI3In0"
)


def test_a_proof_is_byte_for_byte_what_the_cli_sends() -> None:
    key = ECKey.import_key(private_key_one())
    header, claims, signature = dpop_proof(key, URL, NOW, "7").split(".")
    assert (header, claims) == (HEADER, CLAIMS)
    base_point = json.loads(decoded(header))["jwk"]
    assert decoded(base_point["x"]).hex() == "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    assert decoded(base_point["y"]).hex() == "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"

    raw = decoded(signature)
    assert len(raw) == 64, "r and s, not DER"
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public = private_key_one().public_key()
    public.verify(der, f"{header}.{claims}".encode(), ec.ECDSA(SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(der, f"{header}.{claims}x".encode(), ec.ECDSA(SHA256()))


RFC_9449 = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklD"
    "UkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2"
    "R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHB"
    "zOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8ig"
    "iMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)


def test_the_sandbox_takes_the_proof_printed_in_rfc_9449() -> None:
    at, url = datetime.fromtimestamp(1562262616, UTC), "https://server.example.com/token"
    state = SignInState()
    assert thumbprint_of(RFC_9449, url, state, at) == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    with pytest.raises(BadProof, match="used before"):
        thumbprint_of(RFC_9449, url, state, at)
    with pytest.raises(BadProof, match="too old"):
        thumbprint_of(RFC_9449, url, SignInState(), NOW)


def test_the_addresses_of_real_aws() -> None:
    gateway = SignInGateway(Clients(frozenset(), "eu-central-1"))
    same = gateway.request(OAuthClient.SAME, "http://127.0.0.1:8000/oauth/callback")
    parts = urlsplit(gateway.authorization_url(same))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://eu-central-1.signin.aws.amazon.com/v1/authorize"
    assert parse_qsl(parts.query) == [
        ("response_type", "code"),
        ("client_id", "arn:aws:signin:::devtools/same-device"),
        ("state", same.state),
        ("code_challenge_method", "SHA-256"),
        ("scope", "openid"),
        ("redirect_uri", "http://127.0.0.1:8000/oauth/callback"),
        ("code_challenge", challenge(same.verifier)),
    ]
    assert "client_id=arn%3Aaws%3Asignin%3A%3A%3Adevtools%2Fsame-device" in parts.query
    assert 43 <= len(same.verifier) <= 128
    cross = gateway.request(OAuthClient.CROSS, "")
    assert cross.redirect_uri == "https://eu-central-1.signin.aws.amazon.com/v1/sessions/confirmation"
    assert (cross.state, cross.verifier) != (same.state, same.verifier)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("cn-north-1", "cn-north-1.signin.amazonaws.cn"),
        ("us-gov-west-1", "us-gov-west-1.signin.amazonaws-us-gov.com"),
        ("eusc-de-east-1", "eusc-de-east-1.signin.amazonaws-eusc.eu"),
    ],
)
def test_other_partitions(region: str, host: str) -> None:
    assert SignInGateway(Clients(frozenset(), region)).url == f"https://{host}"
