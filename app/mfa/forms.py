"""Forms of the MFA pages."""

from __future__ import annotations

import re

from wtforms import RadioField, StringField, ValidationError
from wtforms.validators import InputRequired

from app.fields import CodeForm, EmptyForm, TwoCodesForm, without_blanks

__all__ = ["CodeForm", "EmptyForm", "EnrollForm", "HardwareTokenForm", "ResyncForm"]


class EnrollForm(TwoCodesForm):
    """Two consecutive codes of the new device."""


class ResyncForm(TwoCodesForm):
    """Two consecutive codes of a device whose codes are refused."""

    serial_number = RadioField("MFA device", validators=[InputRequired("Choose the device the codes are from.")])

    def offer(self, serial_numbers: list[str], chosen: str = "") -> None:
        """The devices to choose from; with one there is nothing to choose."""
        self.serial_number.choices = [(serial, serial) for serial in serial_numbers]
        if len(serial_numbers) == 1 or chosen in serial_numbers:
            self.serial_number.data = chosen if chosen in serial_numbers else serial_numbers[0]


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
