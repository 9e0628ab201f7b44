"""The QR code and the link it encodes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import pyotp
from markupsafe import Markup

from app.mfa.names import name_at_aws
from app.sessions.contents import Enrollment

ISSUER = "Amazon Web Services"
PIXELS = 5
"""Of a module, on a screen wide enough."""


def otpauth_uri(enrollment: Enrollment, account: str) -> str:
    """Return the link in AWS's own form: issuer, then device@account, so that an app's list tells accounts apart.

    account: alias or account ID. seed: base32.
    """
    name = label(enrollment, account)
    return str(pyotp.TOTP(enrollment.seed).provisioning_uri(name=name, issuer_name=ISSUER))


def label(enrollment: Enrollment, account: str) -> str:
    """ "alice@my-company", and "alice/device-2@my-company" for a further device."""
    return f"{name_at_aws(enrollment.serial_number)}@{account}"


def svg(uri: str) -> Markup:
    """Return a QR code as SVG, dark on white with its quiet zone of four modules, whatever the page's colors are."""
    from qrcode import QRCode  # noqa: PLC0415 # one page draws a code
    from qrcode.constants import ERROR_CORRECT_M  # noqa: PLC0415 # likewise

    code = QRCode(error_correction=ERROR_CORRECT_M, border=4)
    code.add_data(uri)
    code.make()
    rows = code.get_matrix()
    # A row is a line with gaps: modules drawn one by one, as the package does, take five times the bytes.
    dark = "".join(f"M0 {y}.5{_line(row)}" for y, row in enumerate(rows))
    # Whole pixels for each module: what is drawn unevenly is read badly.
    modules, size = len(rows), len(rows) * PIXELS
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{0}" viewBox="0 0 {1} {1}">'
        '<path fill="#fff" d="M0 0h{1}v{1}H0z"/><path stroke="#000" d="{2}"/></svg>'
    ).format(size, modules, dark)


def _line(row: Sequence[bool]) -> str:
    """Return a row's path: over what is light the pen moves, over what is dark it draws."""
    runs = ((dark, len(list(modules))) for dark, modules in groupby(row))
    return "".join(f"h{length}" if dark else f"m{length} 0" for dark, length in runs)
