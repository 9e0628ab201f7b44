"""What the pages of every type share: a line in the sidebar, and the pages to deactivate, activate and delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.audit.history import last_done
from app.aws.clients import Clients
from app.credentials import lifecycle
from app.text.messages import _
from app.web.forms import EmptyForm
from app.web.guards import recently_confirmed, with_mfa
from app.web.navigation import KEYS, Place, add_place
from app.web.permissions import needs
from app.web.request_context import audit, chosen_id, gateways, person
from app.web.responses import Undo, done, done_with_undo, page


@dataclass(frozen=True)
class PageTexts:
    """What the shared pages of one type say. All are marked for translation."""

    label: str
    """Of the line in the sidebar."""
    back: str
    """Of the link to the list."""
    deactivate: str
    """The heading of the page that asks first. Its description is for search engines, its button sends the form."""
    deactivate_description: str
    deactivate_button: str
    delete: str
    delete_description: str
    delete_button: str


@dataclass(frozen=True)
class Pages:
    """The pages of one type. gateway: the class."""

    bp: Blueprint
    credential_type: lifecycle.CredentialType
    gateway: Callable[[Clients], lifecycle.Gateway]
    resource: str
    """IAM's name of one, as in its actions: "SSHPublicKey"."""
    texts: PageTexts
    icon: str
    """Of the line in the sidebar: a name of Heroicons."""
    position: int
    """Of the same line, among the types, from 1."""

    def action(self, verb: str) -> str:
        """Return IAM's action with this verb, "List" for all of them."""
        return f"iam:{verb}{self.resource}{'s' if verb == 'List' else ''}"

    @property
    def actions(self) -> dict[str, str]:
        """Return IAM's actions that a list names where they are missing."""
        return {"switch": self.action("Update"), "upload": self.action("Upload"), "read": self.action("Get")}

    def at(self, view: str) -> str:
        """Return the endpoint of one of its views."""
        return f"{self.bp.name}.{view}"

    @property
    def at_aws(self) -> lifecycle.Gateway:
        """Return the gateway of this type."""
        return gateways().of_type(self.gateway)

    def chosen(self) -> lifecycle.Owned | None:
        """Return the user's own item that the address's `id` names, None where AWS lists none."""
        wanted = chosen_id()
        return next(
            (item for item in self.at_aws.list_for(person().user_name) if item.id == wanted),
            None,
        )

    def confirmation_page(self, act: str) -> ResponseReturnValue:
        """Say what deactivating or deleting means."""
        item = self.chosen()
        if item is None:
            return self.gone()
        return page("public_keys/deactivate_or_delete.html", EmptyForm.blank(), act=act, item=item, pages=self)

    def gone(self) -> ResponseReturnValue:
        """Lead to the list, and say that it was removed meanwhile, or is too new for AWS's list."""
        wanted = chosen_id()
        if last_done(audit(), (self.credential_type.deleted,), wanted) is not None:
            sentence = _("%(id)s was deleted. Your activity shows when.", id=wanted)
            return done(sentence, self.at("index"), "info", code="was-deleted")
        sentence = _("AWS doesn’t list it. If you just uploaded it, try again in a few seconds.")
        return done(sentence, self.at("index"), "info", code="not-listed")

    def switch(self, *, active: bool) -> ResponseReturnValue:
        """Activate or deactivate. Both can be undone, so the page asks nothing first."""
        item = self.chosen()
        if item is None:
            return self.gone()
        lifecycle.set_active(self.credential_type, self.at_aws, audit(), person().user_name, item.id, active=active)
        if active:
            return done(_("%(id)s is active again.", id=item.id), self.at("index"))
        undo = Undo(self.at("activate"), values={"id": item.id})
        return done_with_undo(_("%(id)s is inactive now.", id=item.id), undo, self.at("index"))


def add_life_cycle(pages: Pages) -> None:
    """Register the pages on the blueprint of their type, and their line in the sidebar."""
    bp = pages.bp
    add_place(bp, KEYS, Place(pages.at("index"), pages.texts.label, pages.icon, (bp.name,)))

    @bp.get("/deactivate")
    @with_mfa
    @recently_confirmed
    @needs(pages.action("List"), pages.action("Update"))
    def deactivate() -> ResponseReturnValue:
        """What deactivating means."""
        return pages.confirmation_page("deactivate")

    @bp.get("/delete")
    @with_mfa
    @recently_confirmed
    @needs(pages.action("List"), pages.action("Delete"))
    def delete() -> ResponseReturnValue:
        """What deleting means."""
        return pages.confirmation_page("delete")

    @bp.post("/deactivate")
    @with_mfa
    @recently_confirmed
    @needs(pages.action("List"), pages.action("Update"))
    def deactivate_post() -> ResponseReturnValue:
        """Deactivate, which can be undone."""
        return pages.switch(active=False)

    @bp.post("/activate")
    @with_mfa
    @recently_confirmed
    @needs(pages.action("List"), pages.action("Update"))
    def activate() -> ResponseReturnValue:
        """Undo a deactivation."""
        return pages.switch(active=True)

    @bp.post("/delete")
    @with_mfa
    @recently_confirmed
    @needs(pages.action("List"), pages.action("Delete"))
    def delete_post() -> ResponseReturnValue:
        """Delete, which can't be undone."""
        item = pages.chosen()
        if item is None:
            return pages.gone()
        lifecycle.delete(pages.credential_type, pages.at_aws, audit(), person().user_name, item.id)
        return done(_("%(id)s is deleted.", id=item.id), pages.at("index"))
