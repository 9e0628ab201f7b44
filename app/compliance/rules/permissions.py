"""The rules about which policies exist and who has them, as standards ask, and the table of them. Pure.

They say what `app.compliance.data.permissions` read off the account's authorization details.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from app.compliance.rules.policies import details_of
from app.compliance.rules.rule import Rule
from app.compliance.rules.subjects import Account, Subject, Terms
from app.compliance.rules.verdicts import FAIL, PASS, UNKNOWN, State, Verdict, fresh
from app.text.messages import N_

NAMED = 5
"""How many policies, or who has them, a sentence names."""
_THROUGH_GROUPS = Verdict(PASS, N_("This user has no policies of their own."))
_OLD_DETAILS = Verdict(UNKNOWN, N_("An earlier release read the authorization details. Collect new ones."))
_NO_DETAILS = Verdict(UNKNOWN, N_("Only the account’s authorization details show its policies."))


def through_groups(someone: Subject, terms: Terms) -> Verdict | None:
    details = details_of(someone)
    if isinstance(details, Verdict):
        return details
    direct = details["direct"]
    verdict = _listed(FAIL, N_("This user has policies of their own: {}."), direct) if direct else _THROUGH_GROUPS
    return fresh(verdict, terms, someone.seen["policies"])


def _listed(state: State, why: str, names: Sequence[str]) -> Verdict:
    """A verdict that names some of these, and how many more there are."""
    some = ", ".join(names[:NAMED])
    if len(names) > NAMED:
        return Verdict(state, f"{why}\n{_MORE}", (some, len(names)))
    return Verdict(state, why, (some,))


_MORE = N_("There are {} in total.")


def no_full_access(account: Account, terms: Terms) -> Verdict | None:
    if account.permissions is None:
        return _NO_DETAILS
    found, missing = account.permissions["full_access"], account.permissions["missing"]
    if found:
        verdict = _listed(FAIL, N_("These attached policies allow everything: {}."), found)
    elif missing:
        verdict = _listed(UNKNOWN, N_("The authorization details lack these attached policies: {}."), missing)
    else:
        verdict = Verdict(PASS, N_("No attached managed policy allows everything."))
    return fresh(verdict, terms, account.seen.get("policies"))


def no_full_access_own(account: Account, terms: Terms) -> Verdict | None:
    nothing = Verdict(PASS, N_("No managed policy of this account allows everything."))
    why = N_("These policies of this account allow everything: {}.")
    return _by_list(account, terms, "full_access_own", nothing, FAIL, why)


def no_full_service(account: Account, terms: Terms) -> Verdict | None:
    nothing = Verdict(PASS, N_("No managed policy of this account allows every action of a service."))
    why = N_("These policies of this account allow every action of a service: {}.")
    return _by_list(account, terms, "full_service_own", nothing, FAIL, why)


def role_tags(account: Account, terms: Terms) -> Verdict | None:
    nothing = Verdict(PASS, N_("Every role has tags."))
    return _by_list(account, terms, "untagged_roles", nothing, FAIL, N_("These roles have no tags: {}."))


def user_tags(someone: Subject, terms: Terms) -> Verdict | None:
    details = details_of(someone)
    if isinstance(details, Verdict):
        return details
    if "tagged" not in details:
        return _OLD_DETAILS
    verdict = Verdict(PASS, N_("This user has tags."))
    if not details["tagged"]:
        verdict = Verdict(FAIL, N_("This user has no tags."))
    return fresh(verdict, terms, someone.seen["policies"])


def support_role(account: Account, terms: Terms) -> Verdict | None:
    nothing = Verdict(FAIL, N_("No role has the policy AWSSupportAccess."))
    why = N_("These roles have the policy AWSSupportAccess: {}.")
    return _by_list(account, terms, "support_roles", nothing, PASS, why)


def cloudshell(account: Account, terms: Terms) -> Verdict | None:
    nothing = Verdict(PASS, N_("AWSCloudShellFullAccess is attached to nobody."))
    why = N_("AWSCloudShellFullAccess is attached to: {}.")
    return _by_list(account, terms, "cloudshell", nothing, FAIL, why)


def _by_list(account: Account, terms: Terms, name: str, nothing: Verdict, state: State, why: str) -> Verdict | None:
    """Return the verdict with what a list has, `nothing` if it's empty. name: of the list in `PermissionFacts`."""
    if account.permissions is None:
        return _NO_DETAILS
    found = cast("Mapping[str, Sequence[str]]", account.permissions).get(name)
    if found is None:
        return _OLD_DETAILS
    verdict = _listed(state, why, found) if found else nothing
    return fresh(verdict, terms, account.seen.get("policies"))


PEOPLE: tuple[Rule, ...] = (
    Rule("policies-through-groups", N_("Users get permissions through groups only"),
         N_("No user has a policy of their own, attached or inline. A permissions boundary doesn’t count."),
         through_groups, ("policies",),
         short=N_("own policies"), topic=N_("own policies"),
         message=N_("You have permissions outside your groups. Your administrator will move them.")),
    Rule("user-tags", N_("Users have tags"),
         N_("Every user has a tag. Tags that begin with “aws:” don’t count."),
         user_tags, ("policies",), on_demand=True, severity="low",
         short=N_("no tags"), topic=N_("tags"),
         message=N_("You have no tags. Your administrator will add them.")),
)  # fmt: skip
ACCOUNT: tuple[Rule, ...] = (
    Rule("no-full-access", N_("No attached policy allows everything"),
         N_("No managed policy that allows every action on every resource is attached to a user, a group or a role. "
            "AWS’s own policies count."),
         no_full_access, ("policies",), about_account=True),
    Rule("no-full-access-own", N_("None of the account’s own policies allows everything"),
         N_("No managed policy of this account allows every action on every resource. A policy that is only used as "
            "a permissions boundary may."),
         no_full_access_own, ("policies",), about_account=True),
    Rule("no-full-service-own", N_("None of the account’s own policies allows every action of a service"),
         N_("No managed policy of this account allows every action of a service, like “s3:*”. A policy that is only "
            "used as a permissions boundary may."),
         no_full_service, ("policies",), about_account=True, on_demand=True, severity="low"),
    Rule("role-tags", N_("Roles have tags"),
         N_("Every role has a tag. Tags that begin with “aws:” don’t count, and neither do roles of services."),
         role_tags, ("policies",), about_account=True, on_demand=True, severity="low"),
    Rule("support-role", N_("A role can open cases with AWS Support"),
         N_("A role has the policy AWSSupportAccess, so that someone can open cases in an incident."),
         support_role, ("policies",), about_account=True),
    Rule("cloudshell-access", N_("Nobody has full access to CloudShell"),
         N_("AWSCloudShellFullAccess, which lets users move files out of the account, isn’t attached to anyone."),
         cloudshell, ("policies",), about_account=True),
)  # fmt: skip
"""In the order of the pages."""
