"""The forms: the filter, an exception, and the upload of a report."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, time, timedelta

from flask_wtf.file import FileField, FileRequired
from wtforms import (
    DateField,
    DateTimeLocalField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, Optional

from app.compliance.all_accounts import Chosen
from app.compliance.data.queries import NOT_PASSING, SORTS, Filter
from app.compliance.rules.rule import Rule
from app.compliance.rules.table import BY_ID, GROUPS
from app.text.messages import N_, _, ngettext
from app.web.forms import Form
from app.web.sentences import FieldError

STATES = (
    (NOT_PASSING, N_("Fails or unknown")),
    ("fail", N_("Fails")),
    ("unknown", N_("Unknown")),
    ("excepted", N_("Excepted")),
    ("pass", N_("Passes")),
)
"""The states to choose from, with their labels."""
SORT_WORDS = {
    "name": N_("Name"), "findings": N_("Most findings"), "created": N_("Oldest user"),
    "signed-in": N_("Longest since sign-in"), "oldest-key": N_("Oldest access key"), "-created": N_("Newest user"),
    "-signed-in": N_("Latest sign-in"),
}  # fmt: skip


class FilterForm(Form):
    """Which users to show. It is read from the address, so that a list can be bookmarked and sent."""

    class Meta(Form.Meta):
        """This form changes nothing, so it needs no CSRF token."""

        csrf = False

    account = HiddenField()
    rule = SelectField(N_("Rule"), default="")
    state = SelectField(N_("Result"), default="")
    text = StringField(
        N_("Name or path"), validators=[Length(max=128)], render_kw={"autocomplete": "off", "spellcheck": "false"}
    )
    sort = SelectField(N_("Order"), default="name")
    kind = SelectField(N_("Kind"), default="")
    service_users: tuple[tuple[str, str], ...] = ()

    def offer(self, rules: Iterable[Rule], service_users: tuple[tuple[str, str], ...] = ()) -> None:
        """Set what there is to choose from. service_users: the account's patterns."""
        self.service_users = service_users
        self.kind.choices = [("", _("All users")), ("people", _("People")), ("service", _("Service users"))]
        groups = [(name, _("Any rule: %(group)s", group=_(group.title))) for name, group in GROUPS.items()]
        self.rule.choices = [("", _("Any rule")), *groups, *((rule.id, rule.name) for rule in rules)]
        self.state.choices = [("", _("Any result")), *((state, _(label)) for state, label in STATES)]
        self.sort.choices = [(sort, _(label)) for sort, label in SORT_WORDS.items()]

    def chosen(self, page: int = 1) -> Filter:
        """Return the filter. A field that isn't valid is left out."""
        sort = self.sort.data if not self.sort.errors else "name"
        return Filter(
            "" if self.rule.errors else self.rule.data or "",
            "" if self.state.errors else self.state.data or "",
            "" if self.text.errors else (self.text.data or "").strip(),
            sort if (sort or "").removeprefix("-") in SORTS else "name",
            max(1, page),
            "" if self.kind.errors else self.kind.data or "",
            self.service_users,
        )


class AccountsForm(Form):
    """Which accounts to show, and by which rules. It is read from the address, as the filter of users."""

    class Meta(Form.Meta):
        """This form changes nothing, so it needs no CSRF token."""

        csrf = False

    text = StringField(
        N_("ID, name or unit"), validators=[Length(max=128)], render_kw={"autocomplete": "off", "spellcheck": "false"}
    )
    unit = SelectField(N_("Organizational unit"), default="")
    rule = SelectField(N_("Rule"), default="")
    """Chosen by a column's link."""
    sources = SelectField(N_("Sources"), default="")
    columns = SelectField(N_("Columns"), default="")
    sort = SelectField(
        N_("Order"),
        default="",
        choices=[
            ("", N_("Account")),
            ("name", N_("Name")),
            ("unit", N_("Organizational unit")),
            ("users", N_("Most users")),
            ("oldest", N_("Oldest sources")),
        ],
    )

    def chosen(self, page: int) -> Chosen:
        """Return what to show. A field that isn't valid is left out."""
        values = {
            name: str(field.data or "").strip()
            for name in ("text", "unit", "rule", "sources", "columns", "sort")
            if not (field := self[name]).errors
        }
        return Chosen(**values, page=max(1, page))


class PolicyFilterForm(Form):
    """Which policies to show."""

    class Meta(Form.Meta):
        """This form changes nothing, so it needs no CSRF token."""

        csrf = False

    account = HiddenField()
    text = StringField(
        N_("Name of the policy"),
        validators=[Length(max=128)],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )

    @property
    def wanted(self) -> str:
        """Part of the name, "" for any."""
        return "" if self.text.errors else (self.text.data or "").strip()


class GroupForm(Form):
    """A group, and the policy to attach to it."""

    class Meta(Form.Meta):
        """This form changes nothing, so it needs no CSRF token."""

        csrf = False

    account = HiddenField()
    group = SelectField(N_("Group"))
    document = SelectField(N_("Policy"), default="recommended")

    def offer(self, groups: Iterable[str]) -> None:
        """Set what there is to choose from."""
        self.group.choices = [(name, name) for name in groups]
        self.document.choices = [
            ("recommended", _("Recommended")),
            ("configured", _("This portal’s policy")),
        ]


LONGEST_EXCEPTION = timedelta(days=365)


class ReasonForm(Form):
    """What every exception has: the reason, who is responsible, and the last day."""

    reason = TextAreaField(
        N_("Reason"),
        filters=[lambda text: (text or "").strip()],
        validators=[InputRequired(N_("Enter a reason.")), Length(max=500)],
        render_kw={"rows": 2},
    )
    owner = StringField(
        N_("Owner"),
        filters=[lambda text: (text or "").strip()],
        validators=[InputRequired(N_("Enter who is responsible for this exception.")), Length(max=128)],
    )
    until = DateField(N_("Last day"), validators=[InputRequired(N_("Choose the last day."))])

    def validate_until(self, field: DateField) -> None:
        """Refuse a last day in the past, or too far away. Raises FieldError."""
        today = datetime.now(UTC).date()
        if field.data and field.data < today:
            raise FieldError("past", _("Choose today or a later day."))
        if field.data and field.data > today + LONGEST_EXCEPTION:
            raise FieldError("too-late", _("Choose a day within %(days)d days.", days=LONGEST_EXCEPTION.days))

    @property
    def ends(self) -> datetime:
        """The end of the last day (UTC)."""
        return datetime.combine(self.until.data + timedelta(days=1), time(), UTC)


class ExceptionForm(ReasonForm):
    """A new exception: the rule, the user, the reason, who is responsible, and the last day."""

    first = ("rule", "user_name")
    rule = SelectField(N_("Rule"))
    user_name = StringField(
        N_("IAM user"),
        filters=[lambda text: (text or "").strip()],
        validators=[Length(max=128)],
        render_kw={"autocomplete": "off", "spellcheck": "false", "list": "known-users"},
    )

    def offer(self, rules: Iterable[Rule]) -> None:
        """Set the rules to choose from."""
        self.rule.choices = [(rule.id, rule.name) for rule in rules]

    def validate_user_name(self, field: StringField) -> None:
        """Refuse a rule about users without a user name. A rule about the account ignores it. Raises FieldError."""
        rule = BY_ID.get(self.rule.data or "")
        about_account = rule is None or rule.about_account
        if not about_account and not re.fullmatch(r"[\w+=,.@-]+", field.data or ""):
            raise FieldError("no-user", _("Enter the name of an IAM user."))


SAID = 5
"""Unknown names in an error, at most."""
LONGEST_NAME = 64
"""Of an IAM user."""
CHOSEN, ALL = "chosen", "all"
"""Whom `SeveralForm` excepts: the selected users, or all users that match the filter."""


class SeveralForm(ReasonForm):
    """Exceptions for several users of a rule: which users, and one reason, owner and last day for all of them."""

    first = ("which", "users", "others")
    which = RadioField(N_("Users to except"), default=CHOSEN)
    users = SelectMultipleField(N_("Users"), validate_choice=False)
    others = TextAreaField(
        N_("More users"),
        validators=[Length(max=20_000)],
        render_kw={"rows": 2, "autocomplete": "off", "spellcheck": "false"},
    )
    seen = HiddenField()
    """How many users matched the filter when the page was opened."""

    def offer(self, total: int, known: Callable[[Sequence[str]], Collection[str]]) -> None:
        """Set what there is to choose from.

        total: how many users match the filter now. known: returns which of these names are those of users.
        """
        self._known = known
        everyone = ngettext("The %(num)d user that matches", "All %(num)d users that match", total)
        self.which.choices = [(CHOSEN, _("The selected users, and those you name")), (ALL, everyone)]

    def validate_users(self, field: SelectMultipleField) -> None:
        """Refuse a form without any user. Raises FieldError."""
        if self.which.data == CHOSEN and not field.data and not self.named:
            raise FieldError("no-users", _("Select or name at least one user."))

    def validate_others(self, field: TextAreaField) -> None:
        """Refuse names that no user has. Raises FieldError."""
        unknown = sorted({*self.named} - {*self._known(self.named)})
        if unknown:
            message = ngettext(
                "There’s no user named %(names)s in this account. Check the spelling.",
                "There are no users named %(names)s in this account. Check the spelling.",
                len(unknown),
                names=", ".join(name[:LONGEST_NAME] for name in unknown[:SAID])
                + (" …" if len(unknown) > SAID else ""),
            )
            raise FieldError("unknown-users", message)

    @property
    def named(self) -> list[str]:
        """The names that were typed: names of IAM users have no blanks."""
        return (self.others.data or "").split()


class ReportForm(Form):
    """The upload of a credential report, or of authorization details."""

    report = FileField(
        N_("Credential report or authorization details"), validators=[FileRequired(N_("Choose a file."))]
    )
    made_at = DateTimeLocalField(N_("Created at (UTC), if you know"), validators=[Optional()])

    @property
    def when(self) -> datetime | None:
        """The typed time at which AWS made it, None where it is empty."""
        typed: datetime | None = self.made_at.data
        return typed.replace(tzinfo=UTC) if typed else None
