"""Notices of a campaign, which asks users to fix a rule by a deadline.

Data of all: `campaign` (its name), `title` (what to do), `told` (what is wrong, as a sentence to the user),
`deadline` (a day), `days` (until then), `fix` (an endpoint of `app.notices.pages`) and `fix_label`, `user`,
`account`, and if the administrator wrote them, `own_subject` and `own_text`. `campaign-manager`:
`people`, each with `user` and `account`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.notices.content import Brand, Content, Data, Fact, Link
from app.notices.pages import PAGES
from app.notices.texts.security import whose
from app.text.messages import N_, _, ngettext

PLACEHOLDERS = {
    "user": N_("the user’s name"),
    "rule": N_("what to do, like “Set up MFA”"),
    "deadline": N_("the day of the deadline"),
    "days": N_("how many days are left"),
    "link": N_("the address of the page where users can do it"),
    "account": N_("the ID of the AWS account"),
    "campaign": N_("the name of the campaign"),
    "contact": N_("whom to ask (SUPPORT_CONTACT)"),
    "portal": N_("the name of this portal"),
}
"""What an administrator’s text can have in braces, with what it becomes."""
_IN_BRACES = re.compile(r"\{([^{}\n]*)\}")
LONGEST_TEXT = 4000
MOST_NAMES = 200


def unknown_placeholders(text: str) -> list[str]:
    """Return the placeholders in an administrator's text that aren't in PLACEHOLDERS, each once."""
    return sorted({found for found in _IN_BRACES.findall(text) if found not in PLACEHOLDERS})


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Return an administrator's text with values for its placeholders. Braces in a value aren't replaced."""
    return _IN_BRACES.sub(lambda found: values.get(found[1], found[0]), text)


def _values(data: Data, brand: Brand, link: Link) -> dict[str, str]:
    deadline = data.when("deadline")
    return {
        "user": data.text("user"),
        "account": data.text("account"),
        "rule": data.text("title"),
        "campaign": data.text("campaign"),
        "deadline": brand.moment(deadline) if deadline else "",
        "days": data.text("days"),
        "link": link.address,
        "contact": brand.administrator,
        "portal": brand.name,
    }


def _link(data: Data, brand: Brand) -> Link:
    endpoint = data.text("fix")
    known = endpoint if endpoint in PAGES and "{" not in PAGES[endpoint] else "overview.index"
    return brand.link(data.text("fix_label") or _("Open %(brand)s", brand=brand.name), known)


def _titled(kind: str, data: Data) -> tuple[str, str]:
    """Return the subject, and a sentence about the deadline."""
    title, days = data.text("title"), data.number("days") if data.has("days") else 0
    if kind == "campaign-announcement":
        return title, _("Please do this by the deadline: %(title)s.", title=title)
    if kind == "campaign-day":
        return _("Due today: %(title)s", title=title), _("The deadline is today.")
    left = ngettext("%(num)d day left: %(title)s", "%(num)d days left: %(title)s", days, title=title)
    return left, ngettext("You have %(num)d day left.", "You have %(num)d days left.", days)


def step(kind: str, data: Data, brand: Brand) -> Content:
    """Return a user's notice: the announcement, a reminder, or that of the last day."""
    subject, sentence = _titled(kind, data)
    link, deadline = _link(data, brand), data.when("deadline")
    paragraphs: tuple[str, ...] = tuple(part for part in (data.text("told"), sentence) if part)
    values = _values(data, brand, link)
    if data.has("own_text"):
        own = fill_in(data.own_text("own_text")[:LONGEST_TEXT], values)
        paragraphs = tuple(part.strip() for part in re.split(r"\n\s*\n", own) if part.strip())
    if data.has("own_subject"):
        subject = fill_in(data.text("own_subject"), values)
    facts = [Fact(_("Do it by"), brand.moment(deadline))] if deadline else []
    return Content(
        subject,
        subject,
        paragraphs,
        (*facts, *whose(data)),
        link,
        small_print=(
            _(
                "An administrator of %(brand)s started this campaign. You’ll stop getting these notices once AWS "
                "shows that it’s done.",
                brand=brand.name,
            ),
        ),
    )


def manager(kind: str, data: Data, brand: Brand) -> Content:
    """Return the notice to a manager: which users aren't done after the deadline."""
    people, title = data.rows("people"), data.text("title")
    deadline = data.when("deadline")
    names = [Fact(_("IAM user"), _whom(row)) for row in people[:MOST_NAMES]]
    more = len(people) - len(names)
    if more:
        names.append(Fact(_("More"), ngettext("%(num)d more user", "%(num)d more users", more)))
    facts = [Fact(_("Deadline"), brand.moment(deadline))] if deadline else []
    return Content(
        _("Deadline passed: %(title)s", title=title),
        _("The deadline has passed"),
        (
            ngettext(
                "%(num)d user on your team hasn’t done this yet: %(title)s",
                "%(num)d users on your team haven’t done this yet: %(title)s",
                len(people),
                title=title,
            ),
            _("Please remind them. The link is in the notices they got."),
        ),
        (*facts, *names),
        small_print=(
            _("You get this notice because these users have no manager in %(brand)s.", brand=brand.name)
            if data.flag("no_manager")
            else _("You get this notice because %(brand)s lists you as their manager.", brand=brand.name),
        ),
    )


def _whom(row: Data) -> str:
    both = _("%(user)s in account %(account)s", user=row.text("user"), account=row.text("account"))
    return both if row.has("account") else row.text("user")
