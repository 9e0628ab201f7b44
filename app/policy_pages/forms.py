"""Forms about the policy. Those in addresses contain no secret, and change nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask_wtf.file import FileField
from wtforms import BooleanField, SelectField, StringField, TextAreaField

from app.policy.render import FORMATS, GROUP, NotRenderable
from app.policy.unwrap import decoded
from app.policy_pages import service
from app.policy_pages.service import CONFIGURED, DOCUMENTS
from app.text.messages import N_, _
from app.web.forms import Form
from app.web.sentences import FieldError

LONGEST = 16_000
"""Characters of a document that are read: IAM takes 6,144, without white space, which may well double that."""
LONGEST_ARN = 2048
PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}

_NAMES = {
    CONFIGURED: N_("This portal’s policy"),
    "recommended": N_("Recommended"),
    "tutorial": N_("AWS’s tutorial, 2017"),
}


def _documents() -> list[tuple[str, str]]:
    names = {name: _(label) for name, label in _NAMES.items()}
    return [(name, names.get(name) or _("AWS, %(revision)s", revision=name)) for name in DOCUMENTS]


def _ways() -> list[tuple[str, str]]:
    return [("key", _("Access key, no code")), ("password", _("Password, no code")), ("mfa", _("MFA"))]


def _formats() -> list[tuple[str, str]]:
    return [(name, _(form.label)) for name, form in FORMATS.items()]


FIELDS = {"group": "group", "managed-policy": "managed"}
"""Options of the command to fields of `WriteForm`."""


class _InAddress(Form):
    class Meta(Form.Meta):
        """A form that changes nothing needs no token."""

        csrf = False

    account = SelectField(N_("Account"))
    document = SelectField(N_("Policy"), choices=_documents, default=CONFIGURED)

    def offer(self, accounts: list[str]) -> None:
        """The accounts to choose from."""
        self.account.choices = [(account, account) for account in accounts]
        if self.account.data is None:
            self.account.data = accounts[0]


class WriteForm(_InAddress):
    """What to render."""

    form = SelectField(N_("Format"), choices=_formats, default="json", name="format")
    group = StringField(N_("Group"), default=GROUP, render_kw=PLAIN)
    managed = StringField(N_("More managed policies for the group"), default="", render_kw=PLAIN)
    test_user = BooleanField(N_("Include the tutorial’s test user, MFAUser"))
    without_path = BooleanField(N_("No user has an IAM path"))
    without_sign_in = BooleanField(N_("Leave out AWS Sign-In (aws login)"))

    def written(self, configured: Mapping[str, Any], partition: str) -> service.Written | None:
        """Render what is asked for. Return None where that can't be done; then the fields say why.

        configured: the document in FORCE_MFA_POLICY.
        """
        if not self.validate():
            return None
        wish = service.Wish(
            self.document.data,
            self.account.data,
            self.form.data,
            (self.group.data or "").strip(),
            self.managed.data or "",
            self.test_user.data,
            self.without_path.data,
            self.without_sign_in.data,
        )
        try:
            return service.write(wish, configured, partition)
        except NotRenderable as refusal:
            field = self[FIELDS.get(refusal.option, "group")]
            field.errors = [*field.errors, str(refusal)]
            return None


class TryForm(_InAddress):
    """Which user asks for what."""

    user_name = StringField(
        N_("IAM user"),
        default="alice",
        render_kw=PLAIN,
    )
    path = StringField(
        N_("IAM path"),
        default="/",
        render_kw=PLAIN,
    )
    way = SelectField(N_("Signed in with"), choices=_ways, default="key", name="with")
    action = StringField(
        N_("Action"),
        default="ec2:DescribeInstances",
        render_kw={**PLAIN, "list": "actions"},
    )
    resource = StringField(N_("Resource"), default="", render_kw=PLAIN)

    def validate_user_name(self, field: StringField) -> None:
        """Refuse what can't be the name of an IAM user. Raises FieldError."""
        if not re.fullmatch(r"[\w+=,.@-]{1,64}", field.data or "", re.ASCII):
            raise FieldError("user-name", _("Enter a user name: letters, digits and +=,.@-_ only."))

    def validate_path(self, field: StringField) -> None:
        """Refuse what can't be an IAM path. Raises FieldError."""
        if not re.fullmatch(r"/(?:[!-.0-~]+/){0,20}", field.data or ""):
            raise FieldError("path", _("Enter a path that begins and ends with a slash, like /engineering/."))

    def validate_action(self, field: StringField) -> None:
        """Refuse patterns, and what can't be an action. Raises FieldError."""
        if not re.fullmatch(r"[A-Za-z0-9-]{1,60}:[A-Za-z0-9]{1,100}", field.data or ""):
            raise FieldError("action", _("Enter an action like iam:ListUsers."))

    def validate_resource(self, field: StringField) -> None:
        """Refuse what is longer than an ARN can be. Raises FieldError."""
        if len(field.data or "") > LONGEST_ARN:
            raise FieldError("resource", _("This is too long for an ARN. Enter an ARN, or *."))


class CheckForm(Form):
    """A document, pasted or uploaded."""

    document = TextAreaField(
        N_("Policy document (JSON)"),
        render_kw={**PLAIN, "rows": 14, "class": "lk-pasted-field"},
    )
    file = FileField(N_("Or choose a file"))

    def read_file(self) -> None:
        """Put what was uploaded where it would have been pasted."""
        if not self.file.data:
            return
        given = self.file.data.read(4 * LONGEST + 1)
        if len(given) > 4 * LONGEST:  # too long whatever the characters, and perhaps cut within one
            self.document.data = given.decode("utf-8", "replace")
            return
        try:
            self.document.data = decoded(given)
        except UnicodeDecodeError:
            self.document.data = ""
            self.unreadable = True

    unreadable = False

    def validate_file(self, field: FileField) -> None:
        """Refuse a file in an encoding that no policy comes in. Raises FieldError."""
        if self.unreadable:
            sentence = _(
                "This file isn’t UTF-8 text, or UTF-16 with a byte order mark. Save it as UTF-8, or paste the policy."
            )
            raise FieldError("not-text", sentence)

    def validate_document(self, field: TextAreaField) -> None:
        """Refuse an empty text, and one that is too long for a policy. Raises FieldError."""
        if not (field.data or "").strip() and not self.unreadable:
            raise FieldError("missing", _("Paste a policy, or choose a file."))
        if len(field.data or "") > LONGEST:
            raise FieldError(
                "too-long",
                _("This is too long. IAM allows 6,144 characters in a policy. Paste one policy at a time."),
            )
