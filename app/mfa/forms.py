"""Forms of the MFA pages."""

from __future__ import annotations

import re

from wtforms import RadioField, StringField, ValidationError
from wtforms.validators import InputRequired

from app.fields import CodeForm, DeviceForm, EmptyForm, TwoCodesForm
from app.typed import without_blanks

__all__ = ["CodeForm", "EmptyForm", "EnrollForm", "HardwareTokenForm", "ResyncForm"]


class EnrollForm(TwoCodesForm):
    """Two consecutive codes of the new device."""


class ResyncForm(TwoCodesForm, DeviceForm):
    """Two consecutive codes of a device whose codes are refused."""

    serial_number = RadioField("MFA device", validators=[InputRequired("Choose the device the codes are from.")])


class HardwareTokenForm(TwoCodesForm):
    """The number on a token's back, and two codes."""

    serial_number = StringField(
        "Serial number",
        filters=[without_blanks, str.upper],
        render_kw={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters", "maxlength": 256},
    )

    def validate_serial_number(self, field: StringField) -> None:
        """9 characters or more, no ARN (IAM API Reference, EnableMFADevice)."""
        if not re.fullmatch(r"[A-Za-z0-9_+=,.@-]{9,256}", field.data or ""):
            raise ValidationError("Enter the number on the back of the token, like GAHT12345678.")
