"""Forms of the sign-in pages."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import PasswordField, RadioField, StringField
from wtforms.validators import InputRequired, Length

from app.text.typed import code as digits_of


def _stripped(text: str | None) -> str:
    return (text or "").strip()


class PasswordForm(FlaskForm):
    """Account, user name and console password."""

    account = StringField(
        "Account ID or alias", filters=[_stripped], validators=[InputRequired("Enter the account."), Length(max=64)]
    )
    user_name = StringField(
        "IAM user name",
        filters=[_stripped],
        validators=[InputRequired("Enter the user name."), Length(max=64)],
        render_kw={"autocomplete": "username", "autocapitalize": "off", "spellcheck": "false"},
    )
    password = PasswordField(
        "Password",
        validators=[InputRequired("Enter the password."), Length(max=128)],
        render_kw={"autocomplete": "current-password"},
    )


class CodeForm(FlaskForm):
    """A code of one of the user's devices."""

    serial_number = RadioField("MFA device", validators=[InputRequired("Choose a device.")])
    code = StringField(
        "MFA code",
        filters=[digits_of],
        validators=[InputRequired("Enter the six digits."), Length(max=16)],
        render_kw={"inputmode": "numeric", "autocomplete": "one-time-code"},
    )


class NewPasswordForm(FlaskForm):
    """The forced change of the password."""

    old = PasswordField(
        "Old password",
        validators=[InputRequired("Enter the old password."), Length(max=128)],
        render_kw={"autocomplete": "current-password"},
    )
    new = PasswordField(
        "New password",
        validators=[InputRequired("Enter a new password."), Length(max=128)],
        render_kw={"autocomplete": "new-password"},
    )


class EmptyForm(FlaskForm):
    """A button with CSRF protection. A page may have several, so the token's field has no id."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.csrf_token.render_kw = {"id": False}
