"""The form of a campaign."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta

from wtforms import BooleanField, DateField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from app.compliance.campaigns.service import NewCampaign
from app.compliance.rules.rule import Rule
from app.notices.texts.campaign import LONGEST_TEXT, PLACEHOLDERS, unknown_placeholders
from app.text.messages import N_, _
from app.web.forms import Form
from app.web.sentences import FieldError

LONGEST = timedelta(days=366)


class CampaignForm(Form):
    """The form of a new campaign."""

    name = StringField(
        N_("Name"), validators=[InputRequired(N_("Enter a name.")), Length(max=80)], render_kw={"autocomplete": "off"}
    )
    rule = SelectField(N_("Rule"))
    search = StringField(
        N_("Name or path of users"),
        validators=[Length(max=128)],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    begins = DateField(N_("First day"), validators=[InputRequired(N_("Enter a day."))])
    deadline = DateField(N_("Deadline"), validators=[InputRequired(N_("Enter a day."))])
    ahead = StringField(N_("Reminders"), default="15, 7, 1", render_kw={"autocomplete": "off"})
    to_managers = BooleanField(
        N_("After the deadline, send managers the names of users who aren’t done"), default=True
    )
    joins = BooleanField(N_("Also ask users who start failing the rule later"), default=True)
    own_subject = StringField(N_("Subject"), validators=[Length(max=200)], render_kw={"autocomplete": "off"})
    own_text = TextAreaField(N_("Text"), validators=[Length(max=LONGEST_TEXT)], render_kw={"rows": 6})
    today = date.min

    def offer(self, rules: Iterable[Rule], today: date) -> None:
        """Set the choices."""
        self.rule.choices = [(rule.id, rule.name) for rule in rules]
        self.today = today

    def validate_begins(self, field: DateField) -> None:
        """Refuse a day in the past, or too far away."""
        if field.data and field.data < self.today:
            raise FieldError("in-the-past", _("Choose today or a later day."))
        if field.data and field.data > self.today + LONGEST:
            raise FieldError("too-far-away", _("Choose a day within 366 days."))

    def validate_deadline(self, field: DateField) -> None:
        """Refuse a deadline before the first day, or too far away."""
        begins = self.begins.data
        if not (begins and field.data):
            return
        if field.data <= begins:
            raise FieldError("ends-before-it-begins", _("The deadline must be after the first day."))
        if field.data - begins > LONGEST:
            raise FieldError("too-long", _("A campaign lasts 366 days at most."))

    def validate_ahead(self, field: StringField) -> None:
        """Refuse text that isn't a list of days."""
        if not re.fullmatch(r"\s*(\d{1,3}(\s*,\s*\d{1,3}){0,9})?\s*", field.data or "", re.ASCII):
            raise FieldError("not-numbers", _("Enter up to 10 numbers, like 15, 7, 1."))

    def validate_own_subject(self, field: StringField) -> None:
        """Refuse placeholders that don't exist."""
        _placeholders(field)

    def validate_own_text(self, field: TextAreaField) -> None:
        """Refuse placeholders that don't exist."""
        _placeholders(field)

    @property
    def chosen(self) -> NewCampaign:
        """Return what was chosen."""
        days = sorted({int(each) for each in re.findall(r"\d+", self.ahead.data or "")} - {0}, reverse=True)
        return NewCampaign(
            self.name.data.strip(),
            self.rule.data,
            (self.search.data or "").strip(),
            self.begins.data,
            self.deadline.data,
            days,
            bool(self.to_managers.data),
            bool(self.joins.data),
            (self.own_subject.data or "").strip(),
            (self.own_text.data or "").strip(),
        )


def _placeholders(field: StringField) -> None:
    unknown = unknown_placeholders(field.data or "")
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        wrong = f"{{{unknown[0]}}}"
        raise FieldError("unknown-placeholder", _("%(wrong)s isn’t known. Use %(known)s.", wrong=wrong, known=known))
