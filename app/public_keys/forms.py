"""The form with which each type is uploaded."""

from __future__ import annotations

from flask import request
from flask_wtf.file import FileField
from wtforms import TextAreaField

from app.errors import PortalError
from app.public_keys.page_texts import page_texts
from app.public_keys.pasted import LARGEST, PastedTextRefused, may_be_shown_again, refuse_private_keys
from app.public_keys.private import SIGNS
from app.text.messages import N_, _
from app.web.forms import Form

ROOMY = {"rows": 7, "spellcheck": "false", "autocomplete": "off", "autocapitalize": "off", "class": "lk-pasted-field"}


class UploadForm(Form):
    """A public key or certificate, pasted or chosen as a file."""

    signs = SIGNS
    """What the page looks for before anything is sent."""
    pasted = TextAreaField(N_("Paste it here"), render_kw=ROOMY)
    file = FileField(N_("Choose its file"))

    def says(self, credential_type: str) -> dict[str, str]:
        """Return what the page may say about what is pasted, by code. credential_type: "ssh-key" or "certificate"."""
        return page_texts(credential_type)

    def given(self) -> str | bytes:
        """Return what was pasted, or the bytes of the file.

        Raises PastedTextRefused for more than one thing, PrivateKeyPasted if any of it is a private key.
        """
        text = self.pasted.data or ""
        files = [data for data in (each.read() for each in request.files.getlist(self.file.name)) if data]
        if len(files) + bool(text.strip()) > 1:
            left = LARGEST
            for each in (text, *files):
                refuse_private_keys(each[:left])  # of all of them together, no more than of one
                left = max(0, left - len(each))
            raise PastedTextRefused(
                _("You sent more than one. Paste the text or choose one file, not both."), "several-things"
            )
        return files[0] if files else text

    def refused_by(self, _: PortalError) -> None:
        """Clean it, because what was refused may be a private key."""
        self.clean()

    def clean(self) -> None:
        """Remove what must not be shown again: a private key, or a piece of one."""
        if not may_be_shown_again(self.pasted.data or ""):
            self.pasted.data = ""
