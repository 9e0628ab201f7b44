"""Forms of the access key pages."""

from __future__ import annotations

import re

from wtforms import BooleanField, HiddenField, RadioField, StringField, ValidationError

from app.access_keys.service import LAST_CHARACTERS
from app.text.messages import N_, _
from app.text.typed import code as digits_of
from app.text.typed import without_blanks
from app.web.forms import CODE_FIELD, EXACT_FIELD, DeviceForm, Form


class SavedForm(DeviceForm):
    """The end of the new secret, from where it was saved, and a code to switch the session to the new key."""

    spent = ("code",)
    proves_credentials = True  # of the new key

    last_characters = StringField(
        N_("End of the secret access key"),
        filters=[without_blanks],
        render_kw=EXACT_FIELD | {"data-secret": True},  # a part of one, or all of it
    )
    serial_number = RadioField(N_("MFA device"), validate_choice=False)
    code = StringField(N_("MFA code"), filters=[digits_of], render_kw=CODE_FIELD)

    signed_in_with_it = False
    """The user signed in with the new key, so they have its secret."""

    def validate_last_characters(self, field: StringField) -> None:
        """Keep the end of what was pasted, which may be the whole secret. Raises ValidationError."""
        if self.signed_in_with_it:
            return
        field.data = (field.data or "")[-LAST_CHARACTERS:]
        if not re.fullmatch(rf"[A-Za-z0-9/+=]{{{LAST_CHARACTERS}}}", field.data):
            raise ValidationError(
                _("Paste the last %(num)d characters of the secret access key.", num=LAST_CHARACTERS)
            )

    def validate_code(self, field: StringField) -> None:
        """Accept no code: then the session stays signed in with the old key. Raises ValidationError."""
        if field.data and not re.fullmatch(r"[0-9]{6}", field.data):
            raise ValidationError(_("Enter the 6 digits your authenticator app shows, or leave this empty."))


class ConfirmationForm(Form):
    """Confirms deactivating or deleting a key. For the last way to sign in, a box says what that means."""

    asked = HiddenField()
    """Filled where the page with the question sent it, and not a row of the list."""
    understood = BooleanField(N_("I understand that I won’t be able to sign in"))
