"""The QR code and the link it encodes."""

from __future__ import annotations

import pyotp
import qrcode
from markupsafe import Markup
from qrcode.constants import ERROR_CORRECT_M
from qrcode.image.svg import SvgPathFillImage

from app.records import Enrollment

ISSUER = "Amazon Web Services"


def otpauth_uri(enrollment: Enrollment, account: str) -> str:
    """AWS's own form: issuer, then device@account, so that an app's list tells accounts apart.

    account: alias or account id.
    """
    device = enrollment.serial_number.rpartition("/")[-1]
    return str(pyotp.TOTP(enrollment.seed).provisioning_uri(name=f"{device}@{account}", issuer_name=ISSUER))


def svg(uri: str) -> Markup:
    """A QR code, dark on white with its quiet zone of four modules, whatever the page's colors are."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=4, image_factory=SvgPathFillImage)
    code.add_data(uri)
    # Safe: the picture is made of numbers; the text it encodes does not appear in it.
    return Markup(code.make_image().to_string(encoding="unicode"))  # noqa: S704 # see above
