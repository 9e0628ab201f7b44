"""What several forms share: codes, and what people paste."""

from __future__ import annotations

import re

from flask_wtf import FlaskForm
from wtforms import RadioField, StringField, ValidationError
from wtforms.validators import InputRequired


def without_blanks(text: str | None) -> str:
    """Blanks and line breaks come along when people copy, or when an app shows "123 456"."""
    return "".join((text or "").split())


def six_digits(_: FlaskForm, field: StringField) -> None:
    """Refuse what cannot be a code."""
    if not re.fullmatch(r"[0-9]{6}", field.data or ""):
        raise ValidationError("Enter the six digits your authenticator app shows.")


CODE_FIELD = {
    "inputmode": "numeric",
    "autocomplete": "one-time-code",
    "maxlength": 9,
    "spellcheck": "false",
    "class": "code",
}


class DeviceForm(FlaskForm):
    """Something about one of the person's devices."""

    serial_number = RadioField("MFA device", validators=[InputRequired("Choose the device the code is from.")])

    def offer(self, serial_numbers: list[str], chosen: str = "") -> None:
        """The devices to choose from, with one of them chosen already; of a single one there is no choice."""
        self.serial_number.choices = [(serial, serial) for serial in serial_numbers]
        if chosen in serial_numbers:
            self.serial_number.data = chosen
        elif len(serial_numbers) == 1:
            self.serial_number.data = serial_numbers[0]


class CodeForm(DeviceForm):
    """One code of one of the person's devices."""

    code = StringField("MFA code", filters=[without_blanks], validators=[six_digits], render_kw=CODE_FIELD)


class TwoCodesForm(FlaskForm):
    """Two consecutive codes of a device."""

    first_code = StringField(
        "First code",
        filters=[without_blanks],
        validators=[six_digits],
        render_kw={**CODE_FIELD, "data-next": "second_code"},
    )
    second_code = StringField("Second code", filters=[without_blanks], validators=[six_digits], render_kw=CODE_FIELD)


class EmptyForm(FlaskForm):
    """A button: nothing but the CSRF token."""
