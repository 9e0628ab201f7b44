"""Forms of the password pages."""

from __future__ import annotations

from wtforms import BooleanField, PasswordField, ValidationError
from wtforms.validators import DataRequired, Length

from app.password.service import WeakPassword
from app.web.forms import Form


class NewPasswordForm(Form):
    """A new password, twice; blanks count."""

    new = PasswordField(
        "New password",
        validators=[DataRequired("Enter a new password."), Length(max=128, message="At most 128 characters.")],
        render_kw={"autocomplete": "new-password", "maxlength": 200},
    )
    again = PasswordField("The same again", render_kw={"autocomplete": "new-password", "maxlength": 200})
    anyway = BooleanField("Use it although it is easily guessed")

    @property
    def weak(self) -> bool:
        """Was the new password refused as easy to guess, so that the user may insist?"""
        return self.refused_as == WeakPassword.code

    def validate_again(self, field: PasswordField) -> None:
        """A slip would lock the person out."""
        if field.data != self.new.data:
            raise ValidationError("This is not the same as above.")


class ChangeForm(NewPasswordForm):
    """With the old password."""

    old = PasswordField(
        "Current password",
        validators=[DataRequired("Enter your current password.")],
        render_kw={"autocomplete": "current-password", "maxlength": 200},
    )

    def validate_new(self, field: PasswordField) -> None:
        """AWS takes a reused password for a wrong old one."""
        if field.data and field.data == self.old.data:
            raise ValidationError("This is your current password. Choose another.")
