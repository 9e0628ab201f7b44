"""Forms about the policy. Those in addresses hold no secret, and change nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask_wtf.file import FileField
from wtforms import BooleanField, SelectField, StringField, TextAreaField
from wtforms.validators import Length, Regexp

from app.policy.render import FORMATS, GROUP, NotRenderable
from app.policy.unwrap import decoded
from app.policy_pages import service
from app.policy_pages.service import CONFIGURED, DOCUMENTS
from app.web.forms import Form
from app.web.told import Sentence

LONGEST = 16_000
"""Characters of a document that are read: IAM takes 6,144, without white space, which may well double that."""
PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}

_NAMES = {
    CONFIGURED: "The one this portal is set up for",
    "recommended": "Recommended",
    "tutorial": "AWS’s tutorial, 2017",
}
_CHOICES = [(name, _NAMES.get(name, f"AWS’s, {name}")) for name in DOCUMENTS]


TOO_LONG = Sentence("That is too long: IAM takes 6,144 characters. Is it one policy?", "too-long")
NOTHING = Sentence("Paste a policy, or choose a file.", "missing")
NOT_TEXT = Sentence(
    "This file is not UTF-8 text, nor UTF-16 with a byte order mark. Save it as UTF-8, or paste it.", "not-text"
)

FIELDS = {"group": "group", "managed-policy": "managed"}
"""Options of the command to fields of `WriteForm`."""


class _InAddress(Form):
    class Meta(Form.Meta):
        """A form that changes nothing needs no token."""

        csrf = False

    account = SelectField("Account")
    document = SelectField("Document", choices=_CHOICES, default=CONFIGURED)

    def offer(self, accounts: list[str]) -> None:
        """The accounts to choose from."""
        self.account.choices = [(account, account) for account in accounts]
        if self.account.data is None:
            self.account.data = accounts[0]


class WriteForm(_InAddress):
    """What to render."""

    form = SelectField(
        "As", choices=[(name, form.label) for name, form in FORMATS.items()], default="json", name="format"
    )
    group = StringField("Group", default=GROUP, render_kw=PLAIN)
    managed = StringField("Further managed policies of the group", default="", render_kw=PLAIN)
    test_user = BooleanField("Also the tutorial’s test user, MFAUser")
    without_path = BooleanField("Nobody here has an IAM path")
    without_sign_in = BooleanField("Without AWS Sign-In (aws login)")

    def written(self, configured: Mapping[str, Any], partition: str) -> service.Written | None:
        """Render what is asked for; None where that can't be done, which the fields say then.

        configured: the document the portal is set up for.
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
    """Who asks for what."""

    user_name = StringField(
        "IAM user",
        default="alice",
        validators=[Regexp(r"^[\w+=,.@-]{1,64}$", re.ASCII, "A user name has letters, digits and +=,.@-_ only.")],
        render_kw=PLAIN,
    )
    path = StringField(
        "IAM path",
        default="/",
        validators=[
            Regexp(r"^/(?:[!-.0-~]+/){0,20}$", 0, "A path begins and ends with a slash, like /engineering/.")
        ],
        render_kw=PLAIN,
    )
    way = SelectField(
        "Signed in with",
        choices=[("key", "an access key, no code"), ("password", "the password, no code"), ("mfa", "MFA")],
        default="key",
        name="with",
    )
    action = StringField(
        "Action",
        default="ec2:DescribeInstances",
        validators=[Regexp(r"^[A-Za-z0-9-]{1,60}:[A-Za-z0-9]{1,100}$", 0, "An action reads like iam:ListUsers.")],
        render_kw={**PLAIN, "list": "actions"},
    )
    resource = StringField(
        "Resource", default="", validators=[Length(max=2048, message="That is too long for an ARN.")], render_kw=PLAIN
    )


class CheckForm(Form):
    """A document, pasted or uploaded."""

    document = TextAreaField(
        "Policy document (JSON)",
        validators=[Length(max=LONGEST, message=TOO_LONG)],
        render_kw={**PLAIN, "rows": 14, "class": "lk-pasted-field"},
    )
    file = FileField("Or a file")

    def take_file(self) -> None:
        """What was uploaded goes where it would have been pasted."""
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
        """Text in an encoding that policies come in."""
        if self.unreadable:
            field.errors = [NOT_TEXT]

    def validate_document(self, field: TextAreaField) -> None:
        """Something to check."""
        if not (field.data or "").strip() and not self.unreadable:
            field.errors = [NOTHING]
