"""Forms of the MFA pages."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import StringField

from app.signin.forms import CODE_FIELD, CodeForm, six_digits, without_blanks

__all__ = ["CodeForm", "EmptyForm", "EnrollForm"]


class EnrollForm(FlaskForm):
    """Two consecutive codes of the new device."""

    first_code = StringField(
        "First code",
        filters=[without_blanks],
        validators=[six_digits],
        render_kw={**CODE_FIELD, "data-next": "second_code"},
    )
    second_code = StringField("Second code", filters=[without_blanks], validators=[six_digits], render_kw=CODE_FIELD)


class EmptyForm(FlaskForm):
    """A button: nothing but the CSRF token."""
