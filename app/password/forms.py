"""Forms of the password pages."""

from __future__ import annotations

from wtforms import BooleanField, PasswordField, ValidationError

from app.password.rules import LONGEST
from app.password.service import WeakPassword
from app.text.messages import N_, _
from app.web.forms import Form


class NewPasswordForm(Form):
    """A new password, twice. Blanks count."""

    new = PasswordField(
        N_("New password"),
        render_kw={"autocomplete": "new-password", "maxlength": 200, "required": True},
    )
    again = PasswordField(
        N_("Repeat new password"), render_kw={"autocomplete": "new-password", "maxlength": 200, "required": True}
    )
    anyway = BooleanField(N_("Use this weak password anyway"))

    @property
    def weak(self) -> bool:
        """Was the new password refused as easy to guess, so that the user may insist?"""
        return self.refused_as == WeakPassword.code

    def validate_again(self, field: PasswordField) -> None:
        """Refuse two different entries, because a typo would lock the user out. Raises ValidationError."""
        if field.data != self.new.data:
            raise ValidationError(_("The two passwords don’t match. Enter the new one twice."))

    def validate_new(self, field: PasswordField) -> None:
        """Refuse what AWS can't take as a password at all. Raises ValidationError."""
        if not (field.data or "").strip():
            raise ValidationError(_("Enter a new password."))
        if len(field.data or "") > LONGEST:
            raise ValidationError(_("Enter at most %(num)d characters.", num=LONGEST))


class ChangeForm(NewPasswordForm):
    """A new password, with the current one."""

    first = ("old",)

    old = PasswordField(
        N_("Current password"),
        render_kw={"autocomplete": "current-password", "maxlength": 200, "required": True},
    )

    def validate_old(self, field: PasswordField) -> None:
        """Refuse an empty current password: AWS changes nothing without it. Raises ValidationError."""
        if not field.data:
            raise ValidationError(_("Enter your current password."))

    def validate_new(self, field: PasswordField) -> None:
        """Refuse the current password: AWS would say that the current one is wrong. Raises ValidationError."""
        super().validate_new(field)
        if field.data == self.old.data:
            raise ValidationError(_("This is your current password. Choose another."))
