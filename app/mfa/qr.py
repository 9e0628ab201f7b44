"""The QR code and the link it encodes."""

from __future__ import annotations

import re

import pyotp
import qrcode
from markupsafe import Markup
from qrcode.constants import ERROR_CORRECT_M
from qrcode.image.svg import SvgPathFillImage

from app.sessions.contents import Enrollment

ISSUER = "Amazon Web Services"
PIXELS = 5
"""Of a module, on a screen wide enough."""


def otpauth_uri(enrollment: Enrollment, account: str) -> str:
    """AWS's own form: issuer, then device@account, so that an app's list tells accounts apart.

    account: alias or account id.
    """
    name = label(enrollment, account)
    return str(pyotp.TOTP(enrollment.seed).provisioning_uri(name=name, issuer_name=ISSUER))


def label(enrollment: Enrollment, account: str) -> str:
    """ "alice@my-company", and "alice/device-2@my-company" for a further device."""
    return f"{enrollment.serial_number.partition(':mfa/')[2]}@{account}"


def svg(uri: str) -> Markup:
    """A QR code, dark on white with its quiet zone of four modules, whatever the page's colors are."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=4, image_factory=SvgPathFillImage)
    code.add_data(uri)
    code.make()
    picture = code.make_image().to_string(encoding="unicode")
    # Whole pixels for each module: what is drawn unevenly is read badly.
    size = (code.modules_count + 2 * code.border) * PIXELS
    picture = re.sub(r'width="[^"]*" height="[^"]*"', f'width="{size}" height="{size}"', picture, count=1)
    # Safe: the picture is made of numbers; the text it encodes does not appear in it.
    return Markup(picture)  # noqa: S704 # see above
