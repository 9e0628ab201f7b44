"""Forms of the access key pages."""

from __future__ import annotations

import re

from wtforms import BooleanField, RadioField, StringField, ValidationError

from app.access_keys.service import LAST_CHARACTERS
from app.text.typed import code as digits_of
from app.text.typed import without_blanks
from app.web.forms import CODE_FIELD, DeviceForm, Form


class SavedForm(DeviceForm):
    """The end of the new secret, from where it was saved; and a code, where the session moves to the new key."""

    spent = ("code",)
    proves_credentials = True  # of the new key

    last_characters = StringField(
        f"Last {LAST_CHARACTERS} characters of the secret",
        filters=[without_blanks],
        render_kw={
            "autocomplete": "off",
            "spellcheck": "false",
            "autocapitalize": "off",
            "maxlength": 256,
            "data-secret": True,  # a part of one, or all of it
        },
    )
    serial_number = RadioField("MFA device", validate_choice=False)
    code = StringField("MFA code", filters=[digits_of], render_kw=CODE_FIELD)

    signed_in_with_it = False
    """The person typed the whole secret at sign-in: nothing is left to show."""

    def validate_last_characters(self, field: StringField) -> None:
        """Of a secret of 40 characters."""
        if self.signed_in_with_it:
            return
        field.data = (field.data or "")[-LAST_CHARACTERS:]
        if not re.fullmatch(rf"[A-Za-z0-9/+=]{{{LAST_CHARACTERS}}}", field.data):
            raise ValidationError(f"Paste the last {LAST_CHARACTERS} characters of the secret you saved.")

    def validate_code(self, field: StringField) -> None:
        """Left out, the session stays on the old key."""
        if field.data and not re.fullmatch(r"[0-9]{6}", field.data):
            raise ValidationError("Enter the six digits your authenticator app shows, or leave this empty.")


class ConfirmationForm(Form):
    """Deactivating or deleting; where it is the last way in, it is said aloud."""

    understood = BooleanField("I understand that I cannot sign in any more afterwards")
