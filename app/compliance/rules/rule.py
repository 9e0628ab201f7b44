"""What a rule is. The rules themselves are in `people` and `account`, the table of all is in `table`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.compliance.rules.subjects import Terms
from app.compliance.rules.verdicts import Fix, Verdict
from app.text.messages import _


class Cis(NamedTuple):
    """A rule's number in each version of the CIS AWS Foundations Benchmark, "" for none."""

    until_4: str = ""
    """In 1.4, 1.5, 2.0, 3.0 and 4.0.1, which agree."""
    v5: str = ""
    v6: str = ""
    v7: str = ""


NO_CIS = Cis()
"""Of a rule that the benchmark doesn't have."""


@dataclass(frozen=True)
class Rule:
    """A named rule. `judge` takes a Subject, or an Account for rules about the account, and the Terms.

    It returns None where the rule isn't about the subject.
    """

    id: str
    title: str
    """What must be true. Of a benchmark item, the title of its rule: pages show `name`."""
    requirement: str
    """The same in more words, not the benchmark's. Numbers are named as in Terms: "{key_days} days"."""
    judge: Callable[[Any, Terms], Verdict | None]
    facts: tuple[str, ...]
    """What the verdict is based on: names in `Subject.seen` or `Account.seen`."""
    cis: Cis = NO_CIS
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    """The benchmark's own numbers, by name in Terms. With other numbers the rule is not the benchmark's item."""
    fix: Fix | None = None
    """Where users can fix a finding. None: only an administrator can, or the verdict says where."""
    several_fixes: bool = False
    """Do users fail it for different reasons, so that `fix` isn't what each of them has to do?"""
    short: str = ""
    """The finding in a list of users, as in "old access key"."""
    topic: str = ""
    """What isn't known where the verdict is unknown, in a list of users, as in "access key age"."""
    told: str = ""
    """The finding, told to the user. A sentence."""
    part_of: str = ""
    """Id of a rule that fails with the same problem. Where both fail, users and lists see only that one."""
    who: str = ""
    """Whom the rule is about and why, where its title doesn't say so. A sentence."""
    group: str = ""
    """Id of the group it belongs to (`table.GROUPS`)."""
    about_account: bool = False
    level: int = 1
    """Of the benchmark's profile."""
    twin_of: str = ""
    """Id of the rule whose benchmark item this is, judged by the benchmark's own numbers."""

    @property
    def name(self) -> str:
        """The title in the reader's language."""
        return _("%(rule)s (CIS threshold)", rule=_(self.title)) if self.twin_of else _(self.title)

    @property
    def finding(self) -> str:
        """`short` in the reader's language."""
        return _("%(finding)s (CIS threshold)", finding=_(self.short)) if self.twin_of else _(self.short)

    def keeps_benchmark(self, terms: Terms) -> bool:
        """Does the account judge this rule by the benchmark's own numbers?"""
        return all(getattr(terms, name) == number for name, number in self.thresholds.items())
