"""Notices to administrators: summaries, alerts and tests.

Data of `digest`: `account` and `account_name`, `from` and `to` (days), `users`, `failing_users`, `rules` (each
with `rule`, `title`, `failing`, and if known `before`, the number a week earlier), `exceptions` that
end soon (each with `user`, `title`, `until`), `undelivered` and `without_address` (numbers of notices and of
users).

Data of `rule-worse`: `account`, `account_name`, `rule`, `title`, `failing`, `before`, `bound`, `at`.

Data of `test`: `channel`.
"""

from __future__ import annotations

from app.notices.content import Brand, Content, Data, Fact, Section
from app.text.messages import _, ngettext


def _account(data: Data) -> str:
    name, account = data.text("account_name"), data.text("account")
    return _("%(name)s (%(id)s)", name=name, id=account) if name and account else name or account


def _change(row: Data) -> str:
    failing = row.number("failing")
    if not row.has("before"):
        return str(failing)
    moved = failing - row.number("before")
    if not moved:
        return _("%(number)s (as before)", number=failing)
    if moved > 0:
        return _("%(number)s (%(moved)s more)", number=failing, moved=moved)
    return _("%(number)s (%(moved)s fewer)", number=failing, moved=-moved)


def digest(kind: str, data: Data, brand: Brand) -> Content:
    """Return the weekly summary of an account."""
    users, failing = data.number("users"), data.number("failing_users")
    begin, end = data.when("from"), data.when("to")
    week = _("%(begin)s to %(end)s", begin=brand.moment(begin), end=brand.moment(end)) if begin and end else ""
    facts = [Fact(_("AWS account"), _account(data))]
    if week:
        facts.append(Fact(_("Week"), week))
    facts.append(Fact(_("Users"), str(users)))
    facts.append(Fact(_("Non-compliant"), str(failing)))
    sections = []
    rules = data.rows("rules")
    if rules:
        rows = tuple(Fact(row.text("title"), _change(row)) for row in rules)
        sections.append(Section(_("Non-compliant users by rule"), facts=rows))
    exceptions = data.rows("exceptions")
    if exceptions:
        ending = []
        for row in exceptions:
            until = row.when("until")
            day = brand.moment(until) if until else ""
            ending.append(Fact(row.text("user"), _("%(rule)s, until %(day)s", rule=row.text("title"), day=day)))
        sections.append(Section(_("Exceptions that end soon"), facts=tuple(ending)))
    delivery = _delivery(data)
    if delivery:
        sections.append(Section(_("Notices"), delivery))
    return Content(
        _("Weekly summary of %(account)s", account=_account(data)),
        _("Weekly summary"),
        (
            ngettext(
                "%(failing)s of %(num)d user is non-compliant.",
                "%(failing)s of %(num)d users are non-compliant.",
                users,
                failing=failing,
            ),
        ),
        tuple(facts),
        brand.link(_("Open the compliance pages"), "compliance.index", query={"account": data.text("account")}),
        sections=tuple(sections),
        small_print=(_("You get this summary because you are an administrator of %(brand)s.", brand=brand.name),),
    )


def _delivery(data: Data) -> tuple[str, ...]:
    lost = data.number("undelivered") if data.has("undelivered") else 0
    nowhere = data.number("without_address") if data.has("without_address") else 0
    found = []
    if lost:
        found.append(ngettext("%(num)d notice couldn’t be sent.", "%(num)d notices couldn’t be sent.", lost))
    if nowhere:
        found.append(
            ngettext(
                "%(num)d user has no address for notices.", "%(num)d users have no address for notices.", nowhere
            )
        )
    return tuple(found)


def rule_worse(kind: str, data: Data, brand: Brand) -> Content:
    """Return the alert that more users fail a rule than its limit allows."""
    title, failing, bound = data.text("title"), data.number("failing"), data.number("bound")
    at = data.when("at")
    facts = [Fact(_("Rule"), title), Fact(_("AWS account"), _account(data)), Fact(_("Non-compliant"), _change(data))]
    facts.append(Fact(_("Limit"), str(bound)))
    if at:
        facts.append(Fact(_("When"), brand.moment(at)))
    return Content(
        _("Over the limit: %(rule)s", rule=title),
        _("A rule got worse"),
        (
            ngettext(
                "%(num)d user fails this rule. Your limit is %(bound)s.",
                "%(num)d users fail this rule. Your limit is %(bound)s.",
                failing,
                bound=bound,
            ),
        ),
        tuple(facts),
        brand.link(
            _("See the users"),
            "compliance.people",
            query={"account": data.text("account"), "rule": data.text("rule")},
        ),
        small_print=(_("You get this alert because you are an administrator of %(brand)s.", brand=brand.name),),
    )


def test(kind: str, data: Data, brand: Brand) -> Content:
    """Return the test notice."""
    return Content(
        _("Test notice from %(brand)s", brand=brand.name),
        _("This is a test"),
        (
            _(
                "%(brand)s can send notices through this channel. You don’t have to do anything.",
                brand=brand.name,
            ),
        ),
        link=brand.link(_("Open %(brand)s", brand=brand.name), "overview.index"),
        small_print=(_("An administrator sent this test from the command line."),),
    )
