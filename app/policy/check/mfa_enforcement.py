"""Find out whether a deny requires MFA of access keys and passwords, for every user, service and resource."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.policy.check.findings import Finding, Severity
from app.policy.check.statement_scope import WHO, Scope, client_chooses
from app.policy.features import WITHOUT_MFA
from app.policy.places import DOCUMENT, counted
from app.policy.reference.action_patterns import is_all
from app.policy.reference.actions import WELL_KNOWN
from app.text.messages import _

ONE_A_SERVICE = tuple({action.partition(":")[0]: action for action in reversed(WELL_KNOWN)}.values())[::-1]
"""The first of WELL_KNOWN for each service, to name what a deny leaves out."""


def _nothing_denied(sentence: str) -> Finding:
    return Finding(
        "mfa-not-demanded",
        Severity.ERROR,
        DOCUMENT,
        sentence,
        _('Deny with "BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}, so that a missing value counts.'),
    )


def unforced(denies: Sequence[Scope]) -> Iterator[Finding]:
    """Yield findings that say why MFA isn't forced. Yields nothing if one deny forces it, whatever other statements
    add.
    """
    lacking = [mfa for mfa in WITHOUT_MFA if not any(each.broad and each.firm(mfa) for each in denies)]
    if not lacking:
        return
    empty = [each for each in denies if each.about_nothing and each.demands_mfa]
    for each in empty:
        yield _exempts_all(each)
    denies = [each for each in denies if not each.about_nothing]
    narrowed = [each for each in denies if each.broad and each.demands_mfa and each.mfa_states & set(lacking)]
    for each in narrowed:
        yield from _narrowings(each, lacking)
    lacking = [mfa for mfa in lacking if not any(mfa in each.mfa_states for each in narrowed)]
    partial = [each for each in denies if not each.broad and each.demands_mfa and each.mfa_states & set(lacking)]
    if partial:
        yield _left_out(partial)
    lacking = [mfa for mfa in lacking if not any(mfa in each.mfa_states for each in partial)]
    dead = [each for each in denies if each.broad and each.dead] if lacking else []
    for each in dead:
        yield _never(each)
    if len(lacking) == len(WITHOUT_MFA):
        if not dead and not empty:
            yield _nothing_denied(
                _("Nothing is denied without MFA. What other policies grant works with a password or a key alone.")
            )
    elif lacking:
        yield _nothing_denied(
            _("Access keys escape the deny, because their requests carry no aws:MultiFactorAuthPresent.")
            if lacking == [None]
            else _(
                "Passwords escape the deny: without a code, their sessions say aws:MultiFactorAuthPresent is false."
            )
        )


def exempted_services(denies: Sequence[Scope]) -> Iterator[Finding]:
    """Yield findings for denies that apply to what users do themselves, but not to what a service does for them."""
    for each in denies:
        if each.broad and each.demands_mfa and each.via_services:
            yield Finding(
                "deny-narrowed",
                Severity.WARNING,
                each.place("Condition"),
                _(
                    "The deny doesn’t apply when an AWS service acts for the user (%(via_services)s), as in "
                    "AWS’s own examples. Without MFA, users can have a service do what they can’t do "
                    "themselves.",
                    via_services=counted(each.via_services),
                ),
                _("Remove this condition if your users don’t need it."),
            )


def _exempts_all(deny: Scope) -> Finding:
    """Describe a deny of nothing, whose NotAction names every action."""
    named = next(written for entry, written in deny.entries.items() if is_all(entry))
    return Finding(
        "deny-of-nothing",
        Severity.ERROR,
        deny.place("NotAction"),
        _("This denies nothing, because NotAction exempts %(entry)s, which is every action.", entry=named),
        _("Take %(entry)s out of NotAction, and leave only what users need to get MFA.", entry=named),
        named,
    )


def _never(deny: Scope) -> Finding:
    """Describe a deny with a condition that no request of an IAM user meets."""
    condition = deny.dead[0]
    wanted = counted(condition.wanted) or _("nothing")
    return Finding(
        "mfa-not-demanded",
        Severity.ERROR,
        deny.place("Condition"),
        _(
            "This deny never applies to a user’s own requests, because none passes "
            "%(operator)s of %(wanted)s on %(value)s. What other policies grant works with a "
            "password or a key alone.",
            operator=condition.operator,
            wanted=wanted,
            value=counted([condition.key]),
        ),
        _("Remove this condition. MFA should be the only condition of the deny."),
    )


def _narrowings(deny: Scope, lacking: Sequence[bool | None]) -> Iterator[Finding]:
    """Yield what limits a deny to some users, services or resources."""

    def narrowed(element: str, sentence: str, remedy: str) -> Finding:
        return Finding("deny-narrowed", Severity.ERROR, deny.place(element), sentence, remedy)

    if deny.statement.not_resources:
        yield narrowed(
            "NotResource",
            _("The deny doesn’t cover what NotResource names. There, what other policies grant works without MFA."),
            _('Write "Resource": "*".'),
        )
    elif not deny.everywhere:
        yield narrowed(
            "Resource",
            _("The deny covers only some resources. On others, what other policies grant works without MFA."),
            _('Write "Resource": "*".'),
        )
    chosen = [key for key in deny.keys if client_chooses(key)]
    who = [key for key in deny.keys if key.lower().startswith(WHO)]
    others = [key for key in deny.keys if key not in (*chosen, *who)]
    if chosen:
        yield narrowed(
            "Condition",
            _(
                "The deny also depends on %(chosen)s, which the client chooses. A thief with a "
                "stolen password or key can send a value that gets through.",
                chosen=counted(chosen),
            ),
            _("Remove this condition. MFA should be the only condition of the deny."),
        )
    if who:
        yield narrowed(
            "Condition",
            _(
                "The deny also depends on %(who)s. Some users are exempt from it, and need no MFA.",
                who=counted(who),
            ),
            _("Remove this condition. Put the users it exempts into a group without this policy."),
        )
    if others:
        yield narrowed(
            "Condition",
            _(
                "The deny also depends on %(others)s. If that condition isn’t met, nothing is denied without MFA.",
                others=counted(others),
            ),
            _("Remove this condition. MFA should be the only condition of the deny."),
        )


def _left_out(partial: Sequence[Scope]) -> Finding:
    """Return an example of the actions a deny leaves out."""
    services = dict.fromkeys(
        action.partition(":")[0] for action in ONE_A_SERVICE if not any(each.names(action) for each in partial)
    )
    sentence = _("The deny lists single actions. Everything else works without MFA, and so will what AWS adds.")
    if services:
        sentence = _(
            "The deny lists single actions. Everything else works without MFA, for example in %(services)s, and "
            "so will "
            "what AWS adds.",
            services=counted(list(services)),
        )
    return Finding(
        "deny-leaves-out",
        Severity.ERROR,
        partial[0].place("Action"),
        sentence,
        _("Write NotAction instead of Action, with only what users need to get MFA."),
    )
