"""What several forms share: codes, devices, labels, and how a form is accepted and refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from flask import g, request
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import CombinedMultiDict, MultiDict
from wtforms import Field, HiddenField, PasswordField, RadioField, SelectField, StringField
from wtforms.form import BaseForm
from wtforms.validators import InputRequired, StopValidation

from app.credentials import labels
from app.errors import PortalError
from app.text.messages import N_, _
from app.text.typed import code as digits_of
from app.web.sentences import FieldError, Sentence


class Form(FlaskForm):
    """Every form of the portal. A file counts only in a field for files, and a missing text is an empty one."""

    first: ClassVar[tuple[str, ...]] = ()
    """Fields that the page shows before those of the class it inherits. What is wrong is listed in the same order."""
    secret: ClassVar[tuple[str, ...]] = ()
    """Fields, beside passwords and files, of which nothing is shown again."""
    refused_as: str = ""
    """`PortalError.code` of what the form was refused with, also after the redirect; "" where there was none."""

    spent: ClassVar[tuple[str, ...]] = ()
    """Fields emptied when AWS refuses what was sent: codes count once."""
    proves_credentials: ClassVar[bool] = False
    """Are the credentials that AWS may refuse those of the form, and not those of the session?"""

    @classmethod
    def blank(cls, **values: Any) -> Self:
        """Return the form as a page first shows it, whatever the request sent. values: of its fields, by name."""
        return cls(formdata=None, **values)

    def accept(self) -> None:
        """Check what was sent. From here on, a refusal is shown on the form's page. Raises FormNotValid."""
        if not self.validate_on_submit():
            raise FormNotValid(self)
        g.accepted_form = self

    def refused_by(self, _refusal: PortalError) -> None:
        """Remove what must not be shown again, after this refusal was put into the form."""
        for name in self.spent:
            self[name].data = ""

    def may_wait(self, name: str) -> bool:
        """May the page show this field's entry again after the form was refused (`app.web.refused`)?"""
        return name not in self.secret

    class Meta(FlaskForm.Meta):
        """Flask-WTF would hand a file that bears a text field's name to that field."""

        def wrap_formdata(self, form: BaseForm, formdata: Any) -> Any:
            """What was sent, by name of field."""
            sent = super().wrap_formdata(form, formdata)
            if not isinstance(sent, CombinedMultiDict):
                return sent
            asked = {field.name for field in form if isinstance(field, FileField)}
            files = [(name, file) for name, file in request.files.items(multi=True) if name in asked]
            return MultiDict([*request.form.items(multi=True), *files])

    def process(self, *args: Any, **kwargs: Any) -> None:
        """Read what was sent. Browsers send every text field, attackers leave some out: WTForms calls that None."""
        super().process(*args, **kwargs)
        for name in [*self.first, *(name for name in self._fields if name not in self.first)]:
            self._fields[name] = self._fields.pop(name)  # to the end: a dict keeps the order of insertion
        for field in self:
            if isinstance(field, StringField) and field.data is None:
                field.data = ""
            if isinstance(field, SelectField) and field.validate_choice:
                label = _(str(field.label.text))
                field.invalid_choice_message = _("%(field)s: choose one of the options in the list.", field=label)
            if field.name not in self.secret and not isinstance(field, PasswordField | FileField | HiddenField):
                field.render_kw = {**(field.render_kw or {}), "data-keep": True}  # by static/session.js


class FormNotValid(Exception):
    """What was sent isn't valid. The form says why."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form


def accepted_form() -> Form | None:
    """Return the form that this request sent and that was accepted; None where there is none."""
    form: Form | None = g.get("accepted_form")
    return form


def six_digits(_form: FlaskForm, field: StringField) -> None:
    """Refuse what can't be an MFA code. Raises FieldError."""
    if not re.fullmatch(r"[0-9]{6}", field.data or ""):
        raise FieldError("six-digits", _("Enter all 6 digits of the code."))


EXACT_FIELD = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off", "maxlength": 256}
"""For a text that browsers neither keep nor correct, like an access key ID."""
CODE_FIELD = {
    "inputmode": "numeric",
    "autocomplete": "one-time-code",
    "maxlength": 64,
    "spellcheck": "false",
    "class": "lk-code-field",
}


class DeviceChosen(InputRequired):
    """Refuses a form without a device. text: the sentence, marked for translation."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def __call__(self, form: BaseForm, field: Field) -> None:
        """Raise StopValidation where no device is chosen."""
        if field.raw_data and field.raw_data[0]:
            return
        field.errors = []
        raise StopValidation(Sentence(_(self._text), "no-device"))


class DeviceForm(Form):
    """Something about one of the user's devices."""

    serial_number = RadioField(N_("MFA device"), validators=[DeviceChosen(N_("Choose the device the code is from."))])

    def offer(self, devices: Mapping[str, str] | Sequence[str], chosen: str = "") -> None:
        """Offer these devices, with one of them chosen already. A single device needs no choice.

        devices: what to call each, by serial number; or serial numbers only. chosen: counts only on a page, not in a
        form that was sent.
        """
        names = devices if isinstance(devices, Mapping) else dict(zip(devices, devices, strict=True))
        self.serial_number.choices = list(names.items())
        if chosen in names and self.serial_number.raw_data is None:
            self.serial_number.data = chosen
        elif len(names) == 1:
            self.serial_number.data = next(iter(names))


class CodeForm(DeviceForm):
    """One code of one of the user's devices."""

    spent = ("code",)

    code = StringField(N_("MFA code"), filters=[digits_of], validators=[six_digits], render_kw=CODE_FIELD)


class TwoCodesForm(Form):
    """Two codes in a row of a device."""

    first_code = StringField(
        N_("First code"),
        filters=[digits_of],
        validators=[six_digits],
        render_kw={**CODE_FIELD, "data-next": "second_code"},
    )
    second_code = StringField(N_("Second code"), filters=[digits_of], validators=[six_digits], render_kw=CODE_FIELD)


def label_field(text: str) -> StringField:
    """Return the field of a `LabelForm`. text: of its label, marked for translation."""
    return StringField(text, filters=[labels.tidied], render_kw={"autocomplete": "off", "maxlength": 256})


class LabelForm(Form):
    """The name of a device, or a note about a key. An empty one removes it."""

    label = label_field(N_("Name"))

    def validate_label(self, field: StringField) -> None:
        """Refuse what is too long, or looks like a secret. Raises FieldError."""
        if wrong := labels.problem(field.data or ""):
            raise FieldError(*wrong)

    def may_wait(self, name: str) -> bool:
        """What looks like a secret is not shown again."""
        return super().may_wait(name) and (name != "label" or not labels.looks_secret(self.label.data or ""))

    def process(self, *args: Any, **kwargs: Any) -> None:
        """Read what was sent. Browsers don't keep the label: they can't tell whether it is a secret."""
        super().process(*args, **kwargs)
        self.label.render_kw = {name: value for name, value in self.label.render_kw.items() if name != "data-keep"}


class EmptyForm(Form):
    """A button: nothing but the CSRF token."""
