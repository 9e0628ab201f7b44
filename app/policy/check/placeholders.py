"""Find placeholders for the account, names that aren't AWS policy variables, and invisible characters.

`app.policy.meaning` repairs these before the document is evaluated. Findings show them as they were written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.policy.check.findings import Finding, Severity
from app.policy.check.regions import miscounted, wrong_account
from app.policy.meaning import FOREIGN, arns_of, is_variable, no_account, repaired_text, texts_of_statement
from app.policy.parsed import ParsedPolicy
from app.policy.patterns import Pattern
from app.policy.places import Place, cut
from app.text.messages import _
from app.text.typed import visible

_OF_AWS = re.compile(r"\$\{([^{}]*)\}")
_TOOLS = {"&": "Terraform", "$$": "Terraform", "${!": "CloudFormation"}


def accounts_missing(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield findings for placeholders in an ARN's account, once for each statement and element."""
    for index, statement in enumerate(policy.source_statements):
        reported: set[tuple[str, str]] = set()
        for element, text in texts_of_statement(statement):
            parts = text.split(":", 5)
            if parts[0] != "arn" or len(parts) < 5 or (element, parts[4]) in reported:
                continue
            reported.add((element, parts[4]))
            place, account = Place(index, statement.get("Sid") or None, element), parts[4]
            if miscounted(account):
                yield wrong_account(place, account)
            elif no_account(account):
                yield Finding(
                    "account-malformed",
                    Severity.ERROR,
                    place,
                    _("“%(account)s” isn’t an account ID, so this matches nothing.", account=cut(account)),
                    _("Replace %(account)s with the 12 digits of the account ID.", account=cut(account)),
                )


def invisible_characters(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield findings for invisible characters in actions and ARNs, the first one of each statement and element."""
    for statement, written in zip(policy.statements, policy.source_statements, strict=True):
        reported: set[str] = set()
        actions = [(statement.action_element, each) for each in statement.actions]
        for element, text in [*actions, *texts_of_statement(written)]:
            unseen = next((char for char in text if not visible(char)), "")
            if unseen and element not in reported:
                reported.add(element)
                yield Finding(
                    "invisible-character",
                    Severity.ERROR,
                    statement.place(element),
                    _(
                        "“%(text)s” contains an invisible character (U+%(ord)s). AWS doesn’t ignore it, so this "
                        "matches nothing.",
                        text=cut(visible(text)),
                        ord=f"{ord(unseen):04X}",
                    ),
                    _("Delete it and type it again."),
                    cut(visible(text)),
                )


def variables_misspelt(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield findings for variables in another tool's spelling, and for names that aren't variables, once for each
    statement.
    """
    if not policy.has_variables:
        return
    for index, statement in enumerate(policy.source_statements):
        reported: set[str] = set()
        for element, text in texts_of_statement(statement):
            place = Place(index, statement.get("Sid") or None, element)
            for written in [each[0] for each in FOREIGN.finditer(text)]:
                if written not in reported:
                    reported.add(written)
                    yield _foreign(place, written)
            for found in _OF_AWS.finditer(text):
                written = found[0]
                if written not in reported and not is_variable(found[1]) and not FOREIGN.search(written):
                    reported.add(written)
                    yield Finding(
                        "no-such-variable",
                        Severity.ERROR,
                        place,
                        _(
                            "%(written)s isn’t an AWS policy variable. It has no value, so this matches nobody.",
                            written=cut(written),
                        ),
                        _(
                            "Compare its spelling with the condition keys in the IAM User Guide. The name of an IAM "
                            "user is ${aws:username}."
                        ),
                        cut(written),
                    )


def _foreign(place: Place, written: str) -> Finding:
    tool = next((name for start, name in _TOOLS.items() if written.startswith(start)), "")
    meant = repaired_text(written)
    named = {"variable": cut(written), "tool": tool}
    sentence = _(
        "%(variable)s isn’t a variable as AWS spells one. It is plain text, so this matches nobody.", **named
    )
    if tool:
        sentence = _("%(variable)s is %(tool)s’s spelling. In AWS it is plain text, so this matches nobody.", **named)
    elif written.endswith(("}", ")")):
        sentence = _(
            "%(variable)s is another tool’s spelling. In AWS it is plain text, so this matches nobody.", **named
        )
    return Finding(
        "no-such-variable",
        Severity.ERROR,
        place,
        sentence,
        _("Write %(meant)s.", meant=cut(meant))
        if meant != written
        else _("Write it as AWS does, like ${aws:username}."),
        cut(written),
    )


def mixed_accounts(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield findings for ARNs whose account or partition differs from the rest: probably a statement pasted from
    elsewhere.
    """
    statements = policy.source_statements
    partition, account_id = policy.partition, policy.account_id
    reported = set()
    for index, its_partition, _region, its_account in arns_of(statements):
        place = Place(index, statements[index].get("Sid") or None, "Resource")
        names_partition = False
        stray = its_account if re.fullmatch(r"[0-9]{12}", its_account) and its_account != account_id else ""
        if not Pattern(its_partition, variables=False).matches(partition, {}):
            stray, names_partition = its_partition[:40], True
        if stray and (index, stray) not in reported:
            reported.add((index, stray))
            yield Finding(
                "elsewhere",
                Severity.ERROR,
                place,
                _elsewhere(stray, account_id, partition, names_partition=names_partition),
                _(
                    "Leave it out. If this account is meant, its ARNs read arn:%(partition)s:…:%(account_id)s:….",
                    partition=partition,
                    account_id=account_id,
                ),
            )


def _elsewhere(stray: str, account_id: str, partition: str, *, names_partition: bool) -> str:
    """Describe such ARNs. stray: the account or partition that isn't the document's."""
    named = {"stray": stray, "account": account_id, "partition": partition}
    if names_partition:
        return _(
            "This names partition %(stray)s. The rest of the document names account %(account)s in %(partition)s, so "
            "this matches nothing there.",
            **named,
        )
    return _(
        "This names account %(stray)s. The rest of the document names account %(account)s in %(partition)s, so this "
        "matches nothing there.",
        **named,
    )
