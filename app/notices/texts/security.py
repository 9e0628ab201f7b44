"""Security notices: a credential of the user changed, or someone signed in. They can't be turned off.

Data: `user` and `account`, `at` (ISO time), `address` and `user_agent` of the browser, `seq` (the entry of the
audit log), `target` (id of the key or certificate, serial number of the device), `name` (the label its owner
gave it). Kinds that begin with `seen-` are about changes outside of the portal. They have `since`, the ISO
time of the last data before the change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.notices.content import Brand, Content, Data, Fact, Section
from app.text.browser_names import browser_name
from app.text.messages import N_, _


@dataclass(frozen=True)
class Change:
    """A change of a credential."""

    title: str
    sentence: str
    thing: str
    """The label of `target`. "": don't show it."""
    endpoint: str
    link: str


_MFA = (N_("MFA device"), "mfa.devices", N_("See your MFA devices"))
_PASSWORD = ("", "password.index", N_("See your password"))
_KEY = (N_("Access key"), "access_keys.index", N_("See your access keys"))
_SSH = (N_("SSH key"), "ssh_keys.index", N_("See your SSH keys"))
_CERTIFICATE = (N_("Signing certificate"), "certificates.index", N_("See your signing certificates"))

CHANGES: Mapping[str, Change] = {
    "mfa-device-enabled": Change(N_("MFA device added"), N_("An MFA device was added to your IAM user."), *_MFA),
    "mfa-device-replaced": Change(
        N_("MFA device replaced"), N_("An MFA device of your IAM user was replaced."), *_MFA
    ),
    "mfa-device-deactivated": Change(
        N_("MFA device removed"), N_("An MFA device was removed from your IAM user."), *_MFA
    ),
    "password-set": Change(
        N_("Console password set"), N_("A console password was set for your IAM user."), *_PASSWORD
    ),
    "password-changed": Change(
        N_("Console password changed"), N_("The console password of your IAM user was changed."), *_PASSWORD
    ),
    "password-removed": Change(
        N_("Console password removed"), N_("The console password of your IAM user was removed."), *_PASSWORD
    ),
    "access-key-created": Change(N_("Access key created"), N_("An access key was created for your IAM user."), *_KEY),
    "access-key-activated": Change(
        N_("Access key activated"), N_("An access key of your IAM user was activated."), *_KEY
    ),
    "access-key-deactivated": Change(
        N_("Access key deactivated"), N_("An access key of your IAM user was deactivated."), *_KEY
    ),
    "access-key-deleted": Change(N_("Access key deleted"), N_("An access key of your IAM user was deleted."), *_KEY),
    "ssh-key-uploaded": Change(N_("SSH key added"), N_("An SSH key was added to your IAM user."), *_SSH),
    "ssh-key-activated": Change(N_("SSH key activated"), N_("An SSH key of your IAM user was activated."), *_SSH),
    "ssh-key-deactivated": Change(
        N_("SSH key deactivated"), N_("An SSH key of your IAM user was deactivated."), *_SSH
    ),
    "ssh-key-deleted": Change(N_("SSH key deleted"), N_("An SSH key of your IAM user was deleted."), *_SSH),
    "certificate-uploaded": Change(
        N_("Signing certificate added"), N_("A signing certificate was added to your IAM user."), *_CERTIFICATE
    ),
    "certificate-activated": Change(
        N_("Signing certificate activated"),
        N_("A signing certificate of your IAM user was activated."),
        *_CERTIFICATE,
    ),
    "certificate-deactivated": Change(
        N_("Signing certificate deactivated"),
        N_("A signing certificate of your IAM user was deactivated."),
        *_CERTIFICATE,
    ),
    "certificate-deleted": Change(
        N_("Signing certificate deleted"), N_("A signing certificate of your IAM user was deleted."), *_CERTIFICATE
    ),
    "new-browser": Change(
        N_("Sign-in from a new browser"),
        N_("Someone signed in as your IAM user from a browser that you haven’t used here before."),
        "",
        "activity.sessions",
        N_("See your sessions"),
    ),
}
"""By kind. Most are named like the event of the audit log."""
SEEN = "seen-"
"""Before the kinds of changes that were made outside of the portal."""


def change(kind: str, data: Data, brand: Brand) -> Content:
    """Return the notice of a changed credential, or of a sign-in."""
    outside = kind.startswith(SEEN)
    about = CHANGES[kind.removeprefix(SEEN)]
    paragraphs = [_(about.sentence)]
    if outside:
        paragraphs.append(
            _(
                "This wasn’t done in %(brand)s. You or an administrator may have used the AWS console, the AWS CLI "
                "or another program.",
                brand=brand.name,
            )
        )
    user = data.text("user")
    return Content(
        subject=_("%(what)s: %(user)s", what=_(about.title), user=user) if user else _(about.title),
        heading=_(about.title),
        paragraphs=tuple(paragraphs),
        facts=tuple(_facts(about, data, brand, outside=outside)),
        link=brand.link(_(about.link), about.endpoint),
        warning=_not_me(data, brand),
        small_print=(_("You can’t turn off security notices."),),
    )


def _facts(about: Change, data: Data, brand: Brand, *, outside: bool) -> list[Fact]:
    found = []
    at, since = data.when("at"), data.when("since")
    if at and outside and since:
        when = _("Between %(since)s and %(at)s", since=brand.moment(since), at=brand.moment(at))
        found.append(Fact(_("When"), when))
    elif at:
        found.append(Fact(_("First seen") if outside else _("When"), brand.moment(at)))
    if data.has("user_agent"):
        found.append(Fact(_("Browser"), browser_name(data.text("user_agent"))))
    if data.has("address"):
        found.append(Fact(_("Address"), data.text("address")))
    if about.thing and (data.has("target") or data.has("name")):
        both = _("%(name)s (%(id)s)", name=data.label("name"), id=data.text("target"))
        named = both if data.has("target") and data.has("name") else data.label("name") or data.text("target")
        found.append(Fact(_(about.thing), named))
    return [*found, *whose(data)]


def whose(data: Data) -> list[Fact]:
    """Return the lines that say which IAM user it is about."""
    found = []
    if data.has("user"):
        found.append(Fact(_("IAM user"), data.text("user")))
    if data.has("account"):
        found.append(Fact(_("AWS account"), data.text("account")))
    return found


def _not_me(data: Data, brand: Brand) -> Section:
    if data.has("seq"):
        link = brand.link(_("This wasn’t me: see what to do"), "activity.not_me", seq=data.number("seq"))
    else:
        link = brand.link(_("This wasn’t me: check your activity"), "activity.index")
    return Section(
        _("Wasn’t this you?"),
        (
            _("Someone else may be using your IAM user. End their sessions and change your credentials now."),
            _("If you can’t sign in, contact %(administrator)s right away.", administrator=brand.administrator),
        ),
        links=(link,),
    )
