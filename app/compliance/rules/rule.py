"""What a rule is. The rules themselves are in `people` and `account`, the table of all is in `table`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.compliance.rules.subjects import Terms
from app.compliance.rules.verdicts import Fix, Verdict
from app.text.messages import N_, _


@dataclass(frozen=True, eq=False)
class Rule:
    """A named rule. `judge` takes a Subject, or an Account for rules about the account, and the Terms.

    It returns None where the rule isn't about the subject.
    """

    id: str
    title: str
    """What must be true. Of a variant, the title of its rule: pages show `name`."""
    requirement: str
    """The same in more words, not a standard's. Numbers are named as in Terms: "{key_days} days"."""
    judge: Callable[[Any, Terms], Verdict | None]
    facts: tuple[str, ...]
    """What the verdict is based on: names in `Subject.seen` or `Account.seen`."""
    threshold: str = ""
    """The number by which it judges, as Terms names it. A standard may have another number for it."""
    fix: Fix | None = None
    """Where users can fix a finding. None: only an administrator can, or the verdict says where."""
    several_fixes: bool = False
    """Do users fail it for different reasons, so that `fix` isn't what each of them has to do?"""
    short: str = ""
    """The finding in a list of users, as in "old access key"."""
    topic: str = ""
    """What isn't known where the verdict is unknown, in a list of users, as in "access key age"."""
    message: str = ""
    """The finding, in messages to the user. A sentence."""
    part_of: str = ""
    """Id of a rule that fails with the same problem. Where both fail, users and lists see only that one."""
    covers: tuple[str, ...] = ()
    """Ids of narrower rules: an exception to this rule covers them as well."""
    who: str = ""
    """Whom the rule is about and why, where its title doesn't say so. A sentence."""
    group: str = ""
    """Id of the group it belongs to (`table.GROUPS`)."""
    about_account: bool = False
    on_demand: bool = False
    """Is it judged only for accounts that follow a standard that asks for it? Others would be told to do what other
    standards, or this portal, advise against.
    """
    by_last_use: bool = False
    """Does it ask when a credential was last used? Then a later use never makes it fail, and can end a failure.
    Whether a credential was ever used, other rules ask as well.
    """
    variant_of: str = ""
    """Id of the rule that this one judges by other numbers (`app.compliance.rules.variants`)."""
    numbers: Mapping[str, int] = field(default_factory=dict)
    """Those numbers, by name in Terms."""
    severity: str = "medium"
    """How bad a finding is: "low", "medium", "high" or "critical". Only files say it."""

    @property
    def suffix(self) -> str:
        """What a variant's id has behind the id of its rule: "cis", "90"."""
        return self.id[len(self.variant_of) + 1 :] if self.variant_of else ""

    @property
    def needs_details(self) -> bool:
        """Is it judged from authorization details alone?"""
        return self.facts == ("policies",)

    @property
    def needs_visit(self) -> bool:
        """Is it judged from what AWS shows to the user alone?"""
        return self.facts == ("ssh_keys",)

    @property
    def name(self) -> str:
        """The title in the reader's language, of a variant with its number."""
        return self._with_number(_(self.title))

    @property
    def finding(self) -> str:
        """`short` in the reader's language, of a variant with its number."""
        return self._with_number(_(self.short))

    def _with_number(self, text: str) -> str:
        if not self.variant_of:
            return text
        if self.suffix == "cis":
            return _("%(text)s (CIS threshold)", text=text)
        words = [_(UNITS[name]) % {"num": number} for name, number in self.numbers.items()]
        return _("%(text)s (%(number)s)", text=text, number=", ".join(words))


_DAYS = N_("%(num)d days")
UNITS: Mapping[str, str] = {
    "key_days": _DAYS, "unused_days": _DAYS, "certificate_days": _DAYS, "ssh_days": _DAYS,
    "first_sign_in_days": _DAYS, "root_days": _DAYS, "password_length": N_("%(num)d characters"),
    "password_reuse": N_("%(num)d passwords"), "evidence_days": N_("evidence of %(num)d days"),
    "password_expiry": _DAYS, "tls_days": _DAYS,
}  # fmt: skip
"""The numbers of Terms that settings and standards can give, each with its unit."""
