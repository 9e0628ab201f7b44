"""Forms of the sign-in."""

from __future__ import annotations

import re

from wtforms import PasswordField, StringField, TextAreaField

from app.text.messages import N_, _, administrator
from app.text.typed import without_blanks
from app.web import forms as shared
from app.web.forms import EXACT_FIELD, Form
from app.web.sentences import FieldError

__all__ = ["AccessKeyForm", "CodeForm", "VerificationCodeForm"]


MAY_BE_KEY_ID = re.compile("[A-Z0-9]{0,24}|[a-z0-9]{0,24}|(?=.{0,40}$)[a-z0-9]{1,24}(?:[._@][a-z0-9]{1,24}){1,3}")
"""What is kept of the field of the ID: 20 characters and a few too many, or a user name with dots, in one
case. A secret, and nearly all of its pieces, has both cases, or is longer. Passphrases and UUIDs have hyphens."""
_KEY_ID = re.compile("AKIA[A-Z0-9]{16}")
_SECRET = re.compile("[A-Za-z0-9/+=]{40}")
SWAPPED = N_(
    "The access key ID and the secret access key are swapped. Enter the ID, which begins with AKIA, in the first "
    "field and the secret in the second."
)
UNSAVED = {
    "autocomplete": "off",
    "data-1p-ignore": "",
    "data-bwignore": "",
    "data-lpignore": "true",
}
"""An access key is no password: neither browsers nor password managers are invited to keep it."""


class AccessKeyForm(Form):
    """Access key ID and secret, checked for their form before AWS is asked."""

    access_key_id = StringField(
        N_("Access key ID"),
        filters=[without_blanks],
        render_kw=EXACT_FIELD,
    )
    secret_access_key = PasswordField(
        N_("Secret access key"),
        filters=[without_blanks],
        render_kw=UNSAVED | {"maxlength": 512},
    )

    proves_credentials = True

    by_password = True
    """Is there another way in, with user name and password?"""

    def may_wait(self, name: str) -> bool:
        """Something that can't be an ID, in its field, may be a secret or a piece of one."""
        return super().may_wait(name) and MAY_BE_KEY_ID.fullmatch(self.access_key_id.data or "") is not None

    def validate_access_key_id(self, field: StringField) -> None:
        """Refuse what isn't AKIA and 16 characters, and say what it is. Raises FieldError.

        What may be a secret is never shown again.
        """
        key_id = field.data or ""
        if self._swapped():
            raise FieldError("swapped", _(SWAPPED))
        if not key_id:
            raise FieldError("missing", _("Enter your access key ID."))
        if re.fullmatch(r"ASIA[A-Z0-9]{16}", key_id):
            raise FieldError(
                "temporary-key",
                _("This is a temporary key, as it starts with ASIA. Use your access key: its ID starts with AKIA."),
            )
        if _SECRET.fullmatch(key_id):
            raise FieldError(
                "secret-key",
                _(
                    "This looks like a secret access key. Enter it in the second field, and the access key ID, which "
                    "starts with AKIA, in this one."
                ),
            )
        if not _KEY_ID.fullmatch(key_id):
            if _may_be_user_name(key_id):
                raise FieldError("user-name", self._no_user_name_here())
            raise FieldError("shape", _(_SHAPE))

    def _swapped(self) -> bool:
        """Is each of the two in the other's field?"""
        key_id, secret = self.access_key_id.data or "", self.secret_access_key.data or ""
        return bool(_SECRET.fullmatch(key_id) and _KEY_ID.fullmatch(secret))

    def _no_user_name_here(self) -> str:
        if self.by_password:
            return _(
                "This is not an access key ID, which has 20 characters and starts with AKIA. To sign in with your "
                "user name and password, choose Continue to AWS."
            )
        return _(
            "This is not an access key ID, which has 20 characters and starts with AKIA. You can’t sign in with a "
            "user name here. If you have no access key, ask %(administrator)s for one.",
            administrator=administrator(),
        )

    def validate_secret_access_key(self, field: PasswordField) -> None:
        """Refuse what isn't 40 characters of base64's alphabet. Raises FieldError."""
        if not field.data:
            raise FieldError("missing", _("Enter your secret access key."))
        if self._swapped():
            return  # said once, beside the first field
        if _KEY_ID.fullmatch(field.data):
            raise FieldError("key-id", _("This is an access key ID. Enter its secret access key here."))
        if not _SECRET.fullmatch(field.data):
            raise FieldError("shape", _("This is not a secret access key, which has 40 characters. Copy it again."))


_SHAPE = N_("This is not an access key ID, which has 20 capital letters and digits and starts with AKIA.")


def _may_be_user_name(typed: str) -> bool:
    """Tell a user name, an email address or an account ID from a piece of a key.

    IAM's user names are letters, digits and +=,.@_- (IAM API Reference, CreateUser). A piece of a secret has
    capital and small letters and digits at once.
    """
    if re.fullmatch(r"\d{12}", typed):
        return True
    mixed = all(re.search(characters, typed) for characters in ("[A-Z]", "[a-z]", "[0-9]"))
    named = re.fullmatch(r"[\w+=,.@-]{1,64}", typed) and re.search("[a-z]", typed)
    return bool(named) and (not mixed or "@" in typed) and not typed.lower().startswith("akia")


class CodeForm(shared.CodeForm):
    """The MFA code for a key."""

    proves_credentials = True


class VerificationCodeForm(Form):
    """What AWS's page shows at the end of a sign-in in another tab or on another device."""

    secret = ("verification_code",)
    verification_code = TextAreaField(
        N_("Code from AWS"),
        render_kw={"autocomplete": "off", "spellcheck": "false", "rows": 4, "class": "lk-pasted-field"},
    )
