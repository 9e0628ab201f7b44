"""Notes that users write about their access keys, like "laptop". AWS has none, so the portal keeps them."""

from __future__ import annotations

from datetime import UTC, datetime

from flask.typing import ResponseReturnValue
from wtforms import StringField

from app.access_keys.views import bp, chosen, keys_of_mine
from app.audit.events import Event
from app.credentials.labels import Type, tidied
from app.text.messages import N_, _
from app.web.forms import LabelForm
from app.web.guards import with_mfa
from app.web.permissions import needs
from app.web.request_context import audit, labels
from app.web.responses import done, page


class NoteForm(LabelForm):
    """A note about an access key."""

    label = StringField(N_("Note"), filters=[tidied], render_kw={"autocomplete": "off", "maxlength": 256})


@bp.get("/note")
@with_mfa
@needs("iam:ListAccessKeys")
def note() -> ResponseReturnValue:
    """Show the form for the note about one key, with what is wrong with it."""
    key = chosen(keys_of_mine())
    now_noted = labels().all_of(Type.ACCESS_KEY).get(key.access_key_id, "")
    return page("access_keys/note.html", NoteForm.blank(label=now_noted), key=key)


@bp.post("/note")
@with_mfa
@needs("iam:ListAccessKeys")
def note_post() -> ResponseReturnValue:
    """Store the note, or remove it if the field is empty."""
    form = NoteForm()
    form.accept()
    keys = keys_of_mine()
    key_id = chosen(keys).access_key_id
    note, existing = form.label.data or "", [key.access_key_id for key in keys]
    audit().note(Event.CREDENTIAL_LABELED, key_id)
    labels().put(Type.ACCESS_KEY, key_id, note, datetime.now(UTC), existing)
    said = _("The note about %(key)s is saved.", key=key_id) if note else _("%(key)s has no note now.", key=key_id)
    return done(said, "access_keys.index")
