"""Filters of the audit log."""

from __future__ import annotations

from wtforms import DateField, SelectField, StringField
from wtforms.validators import Length, Optional

from app.activity.labels import EVENTS, OF_ADMINS
from app.activity.queries import OUTCOMES, Filter
from app.text.messages import N_, _
from app.web.forms import Form
from app.web.sentences import FieldError


def _kinds(*, of_admins: bool = True) -> list[tuple[str, str]]:
    offered = [event for event in EVENTS if of_admins or event not in OF_ADMINS]
    return [("", _("Anything")), *((str(event), _(EVENTS[event].done)) for event in offered)]


def _outcomes() -> list[tuple[str, str]]:
    return [("", _("Any")), *((name, _(LABELS[name])) for name in OUTCOMES)]


LABELS = {"done": N_("Done"), "refused": N_("Failed"), "unknown": N_("Unknown")}
"""Outcomes of the filter as pages name them."""


def _of_our_time(field: DateField) -> None:
    if field.data and not 2000 <= field.data.year < 2200:
        raise FieldError("other-time", _("Enter a date between 2000 and 2199."))


class FilterForm(Form):
    """Event, outcome and period. They are in the address, so that a view can be bookmarked and sent."""

    class Meta(Form.Meta):
        """A form that changes nothing needs no token."""

        csrf = False

    kind = SelectField(N_("Activity"), choices=_kinds, default="")
    outcome = SelectField(N_("Outcome"), choices=_outcomes, default="")
    since = DateField(N_("From"), validators=[Optional()])
    until = DateField(N_("To"), validators=[Optional()])

    def offer_own(self) -> None:
        """Offer only the events that users who aren't administrators can cause."""
        self.kind.choices = _kinds(of_admins=False)

    def validate_since(self, field: DateField) -> None:
        """A date that the audit log can have."""
        _of_our_time(field)

    def validate_until(self, field: DateField) -> None:
        """Refuse a period that ends before it begins. Raises FieldError."""
        _of_our_time(field)
        if field.data and self.since.data and field.data < self.since.data:
            raise FieldError("ends-before-it-begins", _("This date is before the first one. Enter a later date."))

    def chosen(self, user: str = "", own_id: str = "") -> Filter:
        """Return what to ask for. An entry that isn't valid is left out, and its field says why."""
        return Filter(
            user,
            "" if self.kind.errors else self.kind.data or "",
            "" if self.outcome.errors else self.outcome.data or "",
            None if self.since.errors else self.since.data,
            None if self.until.errors else self.until.data,
            own_id,
        )


class EveryoneForm(FilterForm):
    """For admins: whose, and in which account."""

    account = SelectField(N_("Account"))
    user = StringField(
        N_("User"), validators=[Length(max=128)], render_kw={"autocomplete": "off", "spellcheck": "false"}
    )
