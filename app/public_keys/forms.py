"""The form both kinds are uploaded with."""

from __future__ import annotations

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import TextAreaField

from app.public_keys.pasted import NotUsable, may_be_shown_again, refuse_private_keys

ROOMY = {"rows": 7, "spellcheck": "false", "autocomplete": "off", "autocapitalize": "off", "class": "pasted"}


class UploadForm(FlaskForm):
    """Pasted, or chosen as a file."""

    pasted = TextAreaField("Paste it here", render_kw=ROOMY)
    file = FileField("Choose its file")

    def given(self) -> str | bytes:
        """What was sent. Raises NotUsable for both at once, PrivateKeyPasted where either is one."""
        text, data = self.pasted.data or "", self.file.data.read() if self.file.data else b""
        if data and text.strip():
            refuse_private_keys(text)
            refuse_private_keys(data)
            raise NotUsable("You pasted something and chose a file. Send one of the two.")
        return data or text

    def clean(self) -> None:
        """Take out what must not be shown again."""
        if not may_be_shown_again(self.pasted.data or ""):
            self.pasted.data = ""
