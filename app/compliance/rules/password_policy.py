"""The rules about an account's password policy that only some standards ask for, and the table of them. Pure.

NIST SP 800-63B-4 advises against what others demand, so each is judged only where a standard of the account has it.
"""

from __future__ import annotations

from collections.abc import Callable

from app.compliance.rules.rule import Rule
from app.compliance.rules.subjects import Account, Terms
from app.compliance.rules.verdicts import FAIL, PASS, UNKNOWN, Verdict, fresh
from app.text.messages import N_

UPPERCASE, LOWERCASE, DIGITS, SYMBOLS = "uppercase", "lowercase", "digits", "symbols"
SOME = "3 of 4"
"""AWS's default for accounts without a policy of their own: three of the four kinds, whichever."""
_NOT_READ = N_("The last refresh didn’t read this. Refresh again.")


def _with_class(*needed: tuple[str, ...]) -> Callable[[Account, Terms], Verdict | None]:
    """Return a judge: of each of these groups, passwords must need a kind of character."""

    def judge(account: Account, terms: Terms) -> Verdict | None:
        classes = account.password_classes
        if classes is None:
            return _unknown(account)
        if all(any(each in classes for each in group) for group in needed):
            verdict = Verdict(PASS, N_("The password policy requires it."))
        elif SOME in classes:
            verdict = Verdict(
                FAIL,
                N_("The account has no password policy. AWS’s default asks for three of four kinds of characters."),
            )
        else:
            verdict = Verdict(FAIL, N_("The password policy doesn’t require it."))
        return fresh(verdict, terms, account.seen.get("password_policy"))

    return judge


def expiry(account: Account, terms: Terms) -> Verdict | None:
    """Do passwords expire within `password_expiry` days?"""
    days = account.password_expiry
    if days is None:
        return _unknown(account)
    if not days:
        verdict = Verdict(FAIL, N_("Passwords don’t expire."))
    else:
        verdict = Verdict(
            PASS if days <= terms.password_expiry else FAIL, N_("Passwords expire after {} days."), (days,)
        )
    return fresh(verdict, terms, account.seen.get("password_policy"))


def no_expiry(account: Account, terms: Terms) -> Verdict | None:
    """Do passwords never expire?"""
    days = account.password_expiry
    if days is None:
        return _unknown(account)
    verdict = Verdict(PASS, N_("Passwords don’t expire."))
    if days:
        verdict = Verdict(FAIL, N_("Passwords expire after {} days."), (days,))
    return fresh(verdict, terms, account.seen.get("password_policy"))


def no_classes(account: Account, terms: Terms) -> Verdict | None:
    """Does the policy demand no kinds of characters?"""
    classes = account.password_classes
    if classes is None:
        return _unknown(account)
    verdict = Verdict(PASS, N_("The password policy doesn’t require kinds of characters."))
    if SOME in classes:
        verdict = Verdict(
            FAIL, N_("The account has no password policy. AWS’s default asks for three of four kinds of characters.")
        )
    elif classes:
        verdict = Verdict(FAIL, N_("The password policy requires kinds of characters."))
    return fresh(verdict, terms, account.seen.get("password_policy"))


def _unknown(account: Account) -> Verdict:
    # Of a release before these facts were stored, the length is known.
    return Verdict(UNKNOWN, _NOT_READ if account.password_length is not None else account.why_no_password_policy)


def _rule(
    rule_id: str,
    title: str,
    requirement: str,
    judge: Callable[[Account, Terms], Verdict | None],
    threshold: str = "",
) -> Rule:
    return Rule(
        rule_id, title, requirement, judge, ("password_policy",), threshold,
        about_account=True, on_demand=True, severity="low",
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    _rule("password-uppercase", N_("Passwords need a capital letter"),
          N_("The account’s password policy requires a capital letter."), _with_class((UPPERCASE,))),
    _rule("password-lowercase", N_("Passwords need a small letter"),
          N_("The account’s password policy requires a small letter."), _with_class((LOWERCASE,))),
    _rule("password-symbols", N_("Passwords need a symbol"),
          N_("The account’s password policy requires a character that isn’t a letter or digit."),
          _with_class((SYMBOLS,))),
    _rule("password-digits", N_("Passwords need a digit"),
          N_("The account’s password policy requires a digit."), _with_class((DIGITS,))),
    _rule("password-mixed", N_("Passwords need letters and digits"),
          N_("The account’s password policy requires a digit, and a capital or small letter."),
          _with_class((DIGITS,), (UPPERCASE, LOWERCASE))),
    _rule("password-expiry", N_("Passwords expire"),
          N_("Passwords expire within {password_expiry} days."), expiry, "password_expiry"),
    _rule("password-no-classes", N_("Passwords don’t have to mix kinds of characters"),
          N_("The account’s password policy doesn’t require kinds of characters."), no_classes),
    _rule("password-no-expiry", N_("Passwords don’t expire"),
          N_("The account’s password policy doesn’t make passwords expire."), no_expiry),
)  # fmt: skip
"""In the order of the pages."""
