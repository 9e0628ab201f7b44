"""The forms of the history: a past day, and two days to compare. They are in the address, to bookmark and send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from wtforms import DateField, HiddenField, SelectField
from wtforms.validators import InputRequired

from app.compliance.forms import STATES
from app.text.messages import N_, _
from app.web.forms import Form
from app.web.sentences import FieldError


class DayForm(Form):
    """A past day, and which results of it to list."""

    class Meta(Form.Meta):
        """This form changes nothing, so it needs no CSRF token."""

        csrf = False

    account = HiddenField()
    rule = HiddenField()
    day = DateField(N_("Day (UTC)"), validators=[InputRequired(N_("Choose a day."))])
    state = SelectField(N_("Result"), default="")

    def offer(self, why_not: Callable[[date], str]) -> None:
        """Set what there is to choose from. why_not: says why there is no list of a day, "" where there is one."""
        self.state.choices = [("", _("Any result")), *((state, _(label)) for state, label in STATES)]
        self._why_not = why_not

    def validate_day(self, field: DateField) -> None:
        """Refuse a day without a list. Raises FieldError."""
        if field.data and (why := self._why_not(field.data)):
            raise FieldError("no-list", why)


class ChangesForm(Form):
    """Two days to compare."""

    class Meta(Form.Meta):
        """This form changes nothing, so it needs no CSRF token."""

        csrf = False

    account = HiddenField()
    before = DateField(N_("From the end of (UTC)"), validators=[InputRequired(N_("Choose a day."))])
    after = DateField(N_("To the end of (UTC)"), validators=[InputRequired(N_("Choose a day."))])

    def offer(self, first: date | None, today: date) -> None:
        """Set between which days the two may be. first: None where there are no results yet."""
        self._first, self._today = first, today

    @property
    def comparable(self) -> bool:
        """Are there two days, the second after the first?"""
        return bool(self.before.data and self.after.data and self.before.data < self.after.data)

    def validate_before(self, field: DateField) -> None:
        """Refuse a day before the first results. Raises FieldError."""
        if self._first is None:
            raise FieldError("no-results", _("There are no results yet. Refresh from AWS first."))
        if field.data and field.data < self._first:
            message = _("There are no results for that day. The first are from %(day)s.", day=self._first)
            raise FieldError("no-results", message)

    def validate_after(self, field: DateField) -> None:
        """Refuse a day in the future, and one that isn't later than the other. Raises FieldError."""
        if field.data and field.data > self._today:
            raise FieldError("future", _("This day is in the future. Choose today or an earlier day."))
        if field.data and self.before.data and field.data <= self.before.data:
            raise FieldError("not-later", _("Choose a day after the first one."))
