"""Forms of the sign-in."""

from __future__ import annotations

import re

from wtforms import PasswordField, StringField, TextAreaField, ValidationError

from app.text.typed import without_blanks
from app.web.forms import CodeForm, Form

__all__ = ["AccessKeyForm", "CodeForm", "VerificationCodeForm"]


MAY_BE_KEY_ID = re.compile("[A-Z0-9]{0,24}|[a-z0-9]{0,24}")
"""What is kept of the field of the ID: 20 characters and a few too many, in one case. A secret, and nearly all of its
pieces, has both cases, or is longer."""
UNSAVED = {
    "autocomplete": "off",
    "data-1p-ignore": "",
    "data-bwignore": "",
    "data-lpignore": "true",
}
"""An access key is no password: neither browsers nor password managers are invited to keep it."""


class AccessKeyForm(Form):
    """Key id and secret, checked for shape before AWS is asked."""

    access_key_id = StringField(
        "Access key ID",
        filters=[without_blanks],
        render_kw={
            "autocomplete": "off",
            "spellcheck": "false",
            "autocapitalize": "off",
            "maxlength": 256,
        },
    )
    secret_access_key = PasswordField(
        "Secret access key",
        filters=[without_blanks],
        render_kw=UNSAVED | {"maxlength": 512},
    )

    def may_wait(self, name: str) -> bool:
        """What cannot be an ID, and is in its field, may be a secret or a piece of one."""
        return super().may_wait(name) and MAY_BE_KEY_ID.fullmatch(self.access_key_id.data or "") is not None

    def validate_access_key_id(self, field: StringField) -> None:
        """20 characters, AKIA...; a temporary key gets its own words."""
        key_id = field.data or ""
        if not key_id:
            raise ValidationError("Enter your access key ID.")
        if re.fullmatch(r"ASIA[A-Z0-9]{16}", key_id):
            raise ValidationError(
                "This is a temporary key (it begins with ASIA). Use your own access key; its ID begins with AKIA."
            )
        if not re.fullmatch(r"AKIA[A-Z0-9]{16}", key_id):
            raise ValidationError(
                "This is not an access key ID: it has 20 characters, capital letters and digits, and begins "
                "with AKIA."
            )

    def validate_secret_access_key(self, field: PasswordField) -> None:
        """40 characters of base64's alphabet."""
        if not field.data:
            raise ValidationError("Enter your secret access key.")
        if not re.fullmatch(r"[A-Za-z0-9/+=]{40}", field.data):
            raise ValidationError("This is not a secret access key: it has 40 characters. Copy it again.")


class VerificationCodeForm(Form):
    """What AWS's page shows at the end of a sign-in in another tab or on another device."""

    secret = ("verification_code",)
    verification_code = TextAreaField(
        "Code from AWS",
        render_kw={"autocomplete": "off", "spellcheck": "false", "rows": 4, "class": "pasted"},
    )
