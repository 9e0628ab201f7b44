"""Reading X.509 certificates as users paste them, or saying in a sentence why not. Pure."""

from __future__ import annotations

import base64
import re
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import PublicKeyAlgorithmOID as KeyAlgorithm

from app.public_keys.certificate import Certificate
from app.public_keys.pasted import PastedTextRefused, frame, labels, refuse_private_keys, shortened, text_of
from app.text.dates import written
from app.text.messages import N_, _

LONGEST_BODY = 16384
"""Characters of a certificate that AWS takes (IAM's model)."""
LONGEST_TEXT = 64 * 1024
"""The text that `openssl x509 -text` writes around a certificate may be beside it."""

UNREADABLE = (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm, InternalError)
"""What `cryptography` raises about text that isn't a certificate, and about odd certificates."""
LOADED = (KeyAlgorithm.RSAES_PKCS1_v1_5, KeyAlgorithm.RSASSA_PSS, KeyAlgorithm.EC_PUBLIC_KEY)
"""Types of keys whose size is shown. OpenSSL would check the numbers of others, for seconds if they are large."""
OTHER_KEYS = {
    KeyAlgorithm.DSA: "DSA",
    KeyAlgorithm.ED25519: "Ed25519",
    KeyAlgorithm.ED448: "Ed448",
    KeyAlgorithm.X25519: "X25519",
    KeyAlgorithm.X448: "X448",
    x509.ObjectIdentifier("1.2.840.113549.1.3.1"): "Diffie-Hellman",
    x509.ObjectIdentifier("1.2.840.10046.2.1"): "Diffie-Hellman",
}

_PKCS7 = re.compile(rb"\x30(?:\x80|\x81.|\x82..|\x83...)\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07", re.DOTALL)

_BUNDLE = (
    "pkcs7",
    N_("This is a PKCS#7 bundle. To get your certificate out of it, run: openssl pkcs7 -print_certs -in FILE"),
)
INSTEAD = {
    "PUBLIC KEY": ("public-key", N_("This is only a public key, not a certificate.")),
    "CERTIFICATE REQUEST": (
        "request",
        N_("This is a request for a certificate. Paste the certificate you got for it."),
    ),
    "TRUSTED CERTIFICATE": (
        "trusted-certificate",
        N_("Only OpenSSL reads this form. To convert it, run: openssl x509 -in FILE -out cert.pem"),
    ),
    "X509 CRL": ("revocation-list", N_("This is a list of revoked certificates, not a certificate.")),
    "PKCS7": _BUNDLE,
    "CMS": _BUNDLE,
}
"""What people paste in place of a certificate, by the end of its name in PEM: diagnosis and sentence."""


def read_certificate(given: str | bytes, now: datetime) -> Certificate:
    """Return the one certificate in what was pasted, PEM or DER, inside its validity. now: UTC.

    Raises PrivateKeyPasted, PastedTextRefused.
    """
    refuse_private_keys(given)
    found, was_binary = _loaded(given)
    try:
        read = described(found, was_binary=was_binary)
    except UNREADABLE as error:
        raise damaged() from error
    if len(read.pem) > LONGEST_BODY:
        raise _too_long()
    if now > read.not_after:
        raise PastedTextRefused(
            _("This certificate expired on %(day)s. AWS accepts only valid ones.", day=written(read.not_after)),
            "expired",
        )
    if now < read.not_before:
        raise PastedTextRefused(
            _("This certificate isn’t valid before %(day)s. Upload it then.", day=written(read.not_before)),
            "not-valid-yet",
        )
    return read


def known_certificate(body: str) -> Certificate | None:
    """Return the certificate that AWS has, valid or not. None where it can't be read."""
    try:
        return described(x509.load_pem_x509_certificate(body.encode()))
    except UNREADABLE:
        return None


def described(found: x509.Certificate, *, was_binary: bool = False) -> Certificate:
    """Return what a certificate contains. Raises one of UNREADABLE if parts of it can't be read."""
    return Certificate(
        found.public_bytes(Encoding.PEM).decode(),
        shortened(found.subject.rfc4514_string()) or _("(no name)"),
        shortened(found.issuer.rfc4514_string()) or _("(no name)"),
        found.not_valid_before_utc,
        found.not_valid_after_utc,
        _key_of(found),
        found.fingerprint(hashes.SHA256()).hex(":").upper(),
        was_binary,
    )


def damaged() -> PastedTextRefused:
    """Return the refusal of a text that begins like a certificate, but isn't one."""
    return PastedTextRefused(
        _("The certificate is cut off or damaged. Copy it again, with the BEGIN and END lines."),
        "cut-short",
    )


def _too_long() -> PastedTextRefused:
    return PastedTextRefused(
        _("This certificate is too long. AWS accepts up to %(num)s characters of PEM.", num=f"{LONGEST_BODY:,}"),
        "too-long-for-aws",
    )


def _key_of(found: x509.Certificate) -> str:
    if found.public_key_algorithm_oid not in LOADED:
        return OTHER_KEYS.get(found.public_key_algorithm_oid, _("a type that isn’t known here"))
    try:
        key = found.public_key()
    except UNREADABLE:
        return _("a type that isn’t known here")
    if isinstance(key, rsa.RSAPublicKey):
        return _("RSA, %(bits)s bits", bits=key.key_size)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _("elliptic curve, %(name)s", name=key.curve.name)
    return _("a type that isn’t known here")


def _loaded(given: str | bytes) -> tuple[x509.Certificate, bool]:
    """(certificate, whether it was binary)."""
    text = text_of(given)
    if isinstance(given, bytes) and (text is None or "\0" in text):
        return _binary(given), True
    if not text:
        raise PastedTextRefused(_("Paste the certificate, or choose its file."), "empty")
    if len(text) > LONGEST_TEXT:
        raise PastedTextRefused(_("This is too long for one certificate."), "too-long")
    found = labels(text)
    if not found:
        raise _without_frame(text)
    wanted = [label for label in found if label in ("CERTIFICATE", "X509 CERTIFICATE")]
    if len(wanted) > 1:
        raise PastedTextRefused(
            _(
                "There are %(num)d certificates here. Paste only your own, which is usually the first.",
                num=len(wanted),
            ),
            f"several:{len(wanted)}",
        )
    for label in found:
        for ending, (diagnosis, sentence) in INSTEAD.items():
            if label.endswith(ending):
                raise PastedTextRefused(_(sentence), diagnosis)
    if not wanted or len(found) > 1:
        other = next((label for label in found if label not in wanted), found[0])
        raise PastedTextRefused(
            _("This contains a “%(name)s” block. Paste only the certificate.", name=shortened(other)),
            "another-block",
        )
    body = frame(text, wanted[0]).body
    if len(body) > LONGEST_BODY:
        raise _too_long()
    try:
        return x509.load_der_x509_certificate(base64.b64decode(body, validate=True)), False
    except UNREADABLE as error:
        raise damaged() from error


def _binary(data: bytes) -> x509.Certificate:
    if _PKCS7.match(data):
        diagnosis, sentence = INSTEAD["PKCS7"]
        raise PastedTextRefused(_(sentence).replace("-in FILE", "-inform DER -in FILE"), diagnosis)
    if len(data) > LONGEST_BODY:
        raise PastedTextRefused(_("This file is too long for one certificate."), "too-long")
    try:
        return x509.load_der_x509_certificate(data)
    except UNREADABLE as error:
        raise PastedTextRefused(
            _("This file isn’t a certificate, neither in PEM (text that starts with BEGIN CERTIFICATE) nor in DER."),
            "not-a-certificate",
        ) from error


def _without_frame(text: str) -> PastedTextRefused:
    if re.match(r"(?:ssh|ecdsa|sk)-[a-z0-9@.-]+\s+AAAA", text):
        return PastedTextRefused(
            _("This is an SSH public key, not a certificate. Upload it on the SSH keys page."), "ssh-key"
        )
    if text.startswith("MII"):
        return PastedTextRefused(
            _(
                "The first and last lines are missing. A certificate starts with -----BEGIN CERTIFICATE----- and "
                "ends with -----END CERTIFICATE-----."
            ),
            "no-frame",
        )
    return PastedTextRefused(
        _("This isn’t a certificate. Certificates start with -----BEGIN CERTIFICATE-----."), "something-else"
    )
