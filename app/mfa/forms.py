"""Forms of the MFA pages."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import HiddenField, RadioField, StringField, ValidationError

from app.errors import PortalError
from app.mfa.codes import FRESH_FOR
from app.mfa.service import OlderQrCode, StaleCodes
from app.text.messages import N_, _
from app.text.typed import without_blanks
from app.web.forms import CodeForm, DeviceChosen, DeviceForm, EmptyForm, LabelForm, TwoCodesForm, label_field

__all__ = ["CodeForm", "DeviceNameForm", "EmptyForm", "EnrollForm", "HardwareTokenForm", "ResyncForm"]


NAME = N_("Name for this device (optional)")


class EnrollForm(TwoCodesForm, LabelForm):
    """Two consecutive codes of the new device."""

    label = label_field(NAME)
    qr_code = HiddenField()
    """Which QR code the form was shown with: `Enrollment.attempt_id`. Nothing of the seed."""

    newest = ""
    """The one that counts now, set before the form is checked."""

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Check both codes. If the form is beside an older QR code, it says that and nothing else."""
        valid = bool(super().validate(extra_validators))
        if not valid:
            self._say_if_older()
        return valid

    def refused_by(self, refusal: PortalError) -> None:
        """Empty the codes if two others are needed."""
        if isinstance(refusal, StaleCodes):
            self.first_code.data = self.second_code.data = ""
        self._say_if_older()

    def _say_if_older(self) -> None:
        if self.qr_code.data in ("", self.newest):
            return
        for code in (self.first_code, self.second_code):
            code.data, code.errors = "", []
        self.form_errors, self.refused_as = [_(OlderQrCode.message)], OlderQrCode.code


class DeviceNameForm(LabelForm):
    """The name of a device, or of one that is about to be added."""

    serial_number = StringField()
    """Of the device, "" for a new one. Pages have it as a hidden field. It comes back with what was refused."""


class _Now(HiddenField):
    """When the page was made, in seconds since 1970, whatever was sent before."""

    def _value(self) -> str:
        return str(int(time.time()))


class _Unsaid(HiddenField):
    """For a script to fill in as the form is sent."""

    def _value(self) -> str:
        return ""


class FreshCodesForm(TwoCodesForm):
    """Two codes of a device whose seed the portal doesn't have. Only the time they took shows whether they are fresh.

    AWS stores by how much they are off (`app.mfa.codes`). A user who changes the hidden fields harms only themselves.
    """

    spent = ("first_code", "second_code")
    shown_at = _Now()
    typed_ago = _Unsaid(render_kw={"data-typed-ago": "first_code"})
    """Seconds since the first code was typed; only where scripts run."""

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Refuse codes that may be old by now, and ask for two others."""
        if not super().validate(extra_validators):
            return False
        shown_at, typed_ago = (_seconds(field.data) for field in (self.shown_at, self.typed_ago))
        took = [*([time.time() - shown_at] if shown_at is not None else []), typed_ago]
        known = [seconds for seconds in took if seconds is not None]
        if not known or min(known) <= FRESH_FOR.total_seconds():
            return True
        self.first_code.data = self.second_code.data = ""
        self.first_code.errors, self.refused_as = [_(OLD_BY_NOW)], StaleCodes.code
        return False


OLD_BY_NOW = N_(
    "These codes may be too old, so we didn’t send them to AWS. Enter the code your device shows now, then the "
    "next one, and send both right away."
)


def _seconds(sent: str | None) -> float | None:
    return float(sent) if sent and re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", sent) else None


class ResyncForm(FreshCodesForm, DeviceForm):
    """Two codes in a row, of a device whose codes are rejected."""

    first = ("serial_number",)

    serial_number = RadioField(
        N_("MFA device"), validators=[DeviceChosen(N_("Choose the device the codes are from."))]
    )


class HardwareTokenForm(FreshCodesForm, LabelForm):
    """The number on a token's back, and two codes."""

    first = ("serial_number", "first_code", "second_code")

    label = label_field(NAME)

    serial_number = StringField(
        N_("Serial number"),
        filters=[without_blanks, str.upper],
        render_kw={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters", "maxlength": 256},
    )

    def validate_serial_number(self, field: StringField) -> None:
        """Refuse fewer than 9 characters, and an ARN (IAM API Reference, EnableMFADevice). Raises ValidationError."""
        if not re.fullmatch(r"[A-Za-z0-9_+=,.@-]{9,256}", field.data or ""):
            raise ValidationError(_("Enter the serial number on the back of the token, like GAHT12345678."))
