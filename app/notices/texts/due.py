"""Reminders to users: what to do about their credentials, and by when.

Data: `user` and `account`, and by kind:

- `key-age`: `target` (id of the key, where it is known), `created_at`, `due_at`, `days` (days left, rounded up,
  0 or less when it is due)
- `certificate-expiry`: `target`, `expires_at`, `days`
- `mfa-missing`: `due_at` if there is a deadline
- `unused-credentials`: `days` (unused for at least this long), `items`, each with `thing` ("password" or
  "access-key"), `target`, and `last_used_at` if it was ever used
"""

from __future__ import annotations

from app.notices.content import Brand, Content, Data, Fact, Section
from app.notices.texts.security import whose
from app.text.messages import _, ngettext


def _why(brand: Brand) -> tuple[str, ...]:
    return (_("%(brand)s sends this reminder to the owner of the IAM user.", brand=brand.name),)


def key_age(kind: str, data: Data, brand: Brand) -> Content:
    """Return the reminder to replace an access key."""
    days, due, created = data.number("days"), data.when("due_at"), data.when("created_at")
    if days > 0:
        title = ngettext(
            "Replace your access key within %(num)d day", "Replace your access key within %(num)d days", days
        )
    else:
        title = _("Replace your access key now")
    facts = [Fact(_("Access key"), data.text("target"))] if data.has("target") else []
    if created:
        facts.append(Fact(_("Created"), brand.moment(created)))
    if due:
        facts.append(Fact(_("Replace it by"), brand.moment(due)))
    return Content(
        title,
        title,
        (
            _("Your access key is due for replacement soon.") if days > 0 else _("Your access key is too old."),
            _("Create a new key, use it in your programs, then deactivate and delete the old one."),
        ),
        (*facts, *whose(data)),
        brand.link(_("Rotate your access key"), "access_keys.index"),
        small_print=_why(brand),
    )


def certificate_expiry(kind: str, data: Data, brand: Brand) -> Content:
    """Return the reminder that a signing certificate expires, or has expired."""
    days, expires = data.number("days"), data.when("expires_at")
    if days > 0:
        title = ngettext(
            "Your signing certificate expires in %(num)d day",
            "Your signing certificate expires in %(num)d days",
            days,
        )
    else:
        title = _("Your signing certificate has expired")
    facts = [Fact(_("Signing certificate"), data.text("target"))] if data.has("target") else []
    if expires:
        facts.append(Fact(_("Expires") if days > 0 else _("Expired"), brand.moment(expires)))
    return Content(
        title,
        title,
        (_("Upload a new certificate, use it in your programs, then delete the old one."),),
        (*facts, *whose(data)),
        brand.link(_("Replace your signing certificate"), "certificates.index"),
        small_print=_why(brand),
    )


def mfa_missing(kind: str, data: Data, brand: Brand) -> Content:
    """Return the reminder to set up MFA."""
    due = data.when("due_at")
    return Content(
        _("Set up MFA for your IAM user"),
        _("Set up MFA"),
        (
            _("Your IAM user doesn’t have an MFA device yet. With MFA, a stolen password isn’t enough to sign in."),
            _("It takes about two minutes. You need your phone."),
        ),
        (*((Fact(_("Set it up by"), brand.moment(due)),) if due else ()), *whose(data)),
        brand.link(_("Set up MFA"), "overview.index"),
        small_print=_why(brand),
    )


def unused_credentials(kind: str, data: Data, brand: Brand) -> Content:
    """Return the reminder about unused credentials."""
    facts, things = [], set()
    for item in data.rows("items"):
        used, thing = item.when("last_used_at"), item.text("thing")
        things.add(thing)
        message = _("Last used %(day)s", day=brand.moment(used)) if used else _("Never used")
        if thing == "password":
            facts.append(Fact(_("Console password"), message))
        else:
            named = _("%(id)s: %(use)s", id=item.text("target"), use=message) if item.has("target") else message
            facts.append(Fact(_("Access key"), named))
    password = brand.link(_("See your password"), "password.index")
    keys = brand.link(_("See your access keys"), "access_keys.index")
    return Content(
        _("You have credentials that you don’t use"),
        _("Unused credentials"),
        (
            ngettext(
                "These credentials haven’t been used for at least %(num)d day.",
                "These credentials haven’t been used for at least %(num)d days.",
                data.number("days"),
            ),
            _("Remove what you don’t need."),
        ),
        (*facts, *whose(data)),
        password if things == {"password"} else keys,
        sections=(Section(_("Console password"), links=(password,)),) if len(things) > 1 else (),
        small_print=_why(brand),
    )
