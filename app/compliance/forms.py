"""The forms: the filter, an exception, and the upload of a report."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from flask_wtf.file import FileField, FileRequired
from wtforms import (
    DateField,
    DateTimeLocalField,
    HiddenField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, Optional

from app.compliance.data.queries import NOT_PASSING, SORTS, Filter
from app.compliance.labels import STATE_WORDS, WORST_FIRST
from app.compliance.rules.rule import Rule
from app.compliance.rules.table import EVERY, GROUPS, OF_PEOPLE
from app.web.forms import Form
from app.web.told import FieldError

STATES = (
    (NOT_PASSING, "Fails or not known"),
    *((state.value, STATE_WORDS[state].capitalize()) for state in WORST_FIRST),
)
"""The states to choose from, with their labels."""
SORT_WORDS = {
    "name": "Name", "findings": "Most findings", "created": "Oldest user", "signed-in": "Signed in longest ago",
    "oldest-key": "Oldest access key", "-created": "Newest user", "-signed-in": "Signed in latest",
}  # fmt: skip


class FilterForm(Form):
    """Which users to show. It is read from the address, so that a list can be bookmarked and sent."""

    class Meta(Form.Meta):
        """This form changes nothing, so it needs no CSRF token."""

        csrf = False

    account = HiddenField()
    rule = SelectField(
        "Rule",
        choices=[
            ("", "Any"),
            *((name, f"{group.title}: any of these") for name, group in GROUPS.items()),
            *((rule.id, rule.title) for rule in OF_PEOPLE),
        ],
        default="",
    )
    state = SelectField("State", choices=[("", "Any"), *STATES], default="")
    text = StringField(
        "Name or path", validators=[Length(max=128)], render_kw={"autocomplete": "off", "spellcheck": "false"}
    )
    sort = SelectField("Order", choices=[*SORT_WORDS.items()], default="name")

    def offer(self, rules: Iterable[Rule]) -> None:
        """Set the rules to choose from."""
        groups = [(name, f"{group.title}: any of these") for name, group in GROUPS.items()]
        self.rule.choices = [("", "Any"), *groups, *((rule.id, rule.title) for rule in rules)]

    def chosen(self, page: int = 1) -> Filter:
        """Return the filter. A field that isn't valid is left out."""
        sort = self.sort.data if not self.sort.errors else "name"
        return Filter(
            "" if self.rule.errors else self.rule.data or "",
            "" if self.state.errors else self.state.data or "",
            "" if self.text.errors else (self.text.data or "").strip(),
            sort if (sort or "").removeprefix("-") in SORTS else "name",
            max(1, page),
        )


LONGEST_EXCEPTION = timedelta(days=365)


class ExceptionForm(Form):
    """A new exception: the rule, the user, the reason, who is responsible, and the last day."""

    rule = SelectField("Rule", choices=[(rule.id, rule.title) for rule in EVERY])
    user_name = StringField(
        "IAM user",
        filters=[lambda text: (text or "").strip()],
        validators=[Length(max=128)],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    reason = TextAreaField(
        "Reason",
        filters=[lambda text: (text or "").strip()],
        validators=[InputRequired("Say why."), Length(max=500)],
        render_kw={"rows": 2},
    )
    owner = StringField(
        "Who answers for it",
        filters=[lambda text: (text or "").strip()],
        validators=[InputRequired("Name somebody."), Length(max=128)],
    )

    def offer(self, rules: Iterable[Rule]) -> None:
        """Set the rules to choose from."""
        self.rule.choices = [(rule.id, rule.title) for rule in rules]

    until = DateField("Last day", validators=[InputRequired("Choose the last day.")])

    def validate_user_name(self, field: StringField) -> None:
        """A rule about users needs a user name. A rule about the account ignores it."""
        about_account = self.rule.data not in {rule.id for rule in OF_PEOPLE}
        if not about_account and not re.fullmatch(r"[\w+=,.@-]+", field.data or ""):
            raise FieldError("no-user", "Whom is it for? Type the name of an IAM user.")

    def validate_until(self, field: DateField) -> None:
        """The last day is today or later, and not too far away."""
        today = datetime.now(UTC).date()
        if field.data and field.data < today:
            raise FieldError("past", "This day is past.")
        if field.data and field.data > today + LONGEST_EXCEPTION:
            raise FieldError("too-late", f"At most {LONGEST_EXCEPTION.days} days: then somebody looks at it again.")

    @property
    def ends(self) -> datetime:
        """The end of the last day (UTC)."""
        return datetime.combine(self.until.data + timedelta(days=1), time(), UTC)


class ReportForm(Form):
    """The upload of a credential report."""

    report = FileField("Credential report", validators=[FileRequired("Choose the file.")])
    made_at = DateTimeLocalField("Made at (UTC), if you know", validators=[Optional()])

    @property
    def when(self) -> datetime | None:
        """The typed time at which AWS made the report, None where it is empty."""
        typed: datetime | None = self.made_at.data
        return typed.replace(tzinfo=UTC) if typed else None
