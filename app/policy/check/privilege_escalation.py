"""Find permissions by which users can get more than they were given, or avoid MFA for good.

Self-service is about your own credentials, so none of this belongs in a Force_MFA policy. It is an error if users who
entered an MFA code once are no longer bound by the policy, or can act as a user who isn't bound by it. It is a
warning if that also needs something outside the document, like a role that trusts them. A deny counts only if it is
sure to apply: a name that the check made up could be listed in one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.policy.analysis.satisfiability import holds_in
from app.policy.check.findings import Finding, Severity
from app.policy.check.privileged_actions import DANGERS, Danger, Target
from app.policy.check.statement_scope import Scope, client_chooses, scopes_of
from app.policy.evaluation import Statement
from app.policy.features import WITHOUT_MFA
from app.policy.meaning import FOREIGN, matches_nobody
from app.policy.parsed import ParsedPolicy
from app.policy.patterns import Pattern, completed
from app.policy.places import counted
from app.policy.reference.actions import may_name
from app.policy.reference.pass_role import PASSES_ROLE, RUNNERS
from app.text.messages import _

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_OWN_NAME = "\ue000"
"""Replaces ${aws:username}, so that a name written out is nobody's own."""
_PASSED_TO = "iam:passedtoservice"

Granted = dict[str, frozenset[bool | None]]
"""Actions, to the credentials with which they are possible."""


def escalations(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield a finding for each statement and danger."""
    denies = [each for each in scopes_of(policy) if each.statement.denies and each.sure]
    allows = [each for each in scopes_of(policy) if not each.statement.denies]
    running: Granted | None = None
    for allow in allows:
        for danger in DANGERS:
            granted = _of_danger(allow, danger, denies, policy)
            if not granted:
                continue
            runs: list[str] = []
            if PASSES_ROLE in granted:
                running = _running(allows, denies) if running is None else running
                runs = [
                    action
                    for action, mfa_states in running.items()
                    if mfa_states & granted[PASSES_ROLE] and _may_pass_to(allow.statement, RUNNERS[action])
                ]
            yield _finding(danger, allow, granted, runs)


def _of_danger(allow: Scope, danger: Danger, denies: Sequence[Scope], policy: ParsedPolicy) -> Granted:
    granted: Granted = {}
    named = [action for action in danger.target_of if allow.names(action)]
    for target in dict.fromkeys(danger.target_of[action] for action in named):
        covered = _targets(allow, target)
        shields = [(deny, _shielded(deny, target, covered, policy)) for deny in denies] if covered else []
        for action in [each for each in named if danger.target_of[each] == target]:
            if mfa_states := _granted(allow, action, covered, shields):
                granted[action] = mfa_states
    return granted


def _finding(danger: Danger, allow: Scope, granted: Granted, runs: Sequence[str]) -> Finding:
    early = [action for action, mfa_states in granted.items() if mfa_states & set(WITHOUT_MFA)]
    sentences = [_(danger.sentence), _("The statement allows %(actions)s.", actions=counted(list(granted), 4))]
    if allow.keys:
        sentences.append(_("It depends on %(keys)s.", keys=counted(allow.keys)))
    if early:
        sentences.append(_("This works even without MFA: %(actions)s.", actions=counted(early)))
    if runs:
        run = _(
            "The document also allows %(actions)s, so users can run anything as that role.", actions=counted(runs)
        )
        sentences.append(run)
    return Finding(
        danger.code,
        Severity.ERROR if early or runs else danger.severity,
        allow.place(),
        " ".join(sentences),
        _(danger.remedy),
        (early or ([PASSES_ROLE] if runs else list(granted)))[0],
    )


def _granted(
    allow: Scope,
    action: str,
    targets: frozenset[str],
    shields: Sequence[tuple[Scope, frozenset[str]]],
) -> frozenset[bool | None]:
    """Return the credentials with which a statement grants something that no deny covers."""
    asked = frozenset([action])
    covering = [(deny.sure, covered) for deny, covered in shields if covered and not deny.escaping(asked)]
    return frozenset(
        mfa
        for mfa in allow.mfa_states
        if targets.difference(*[covered for mfa_states, covered in covering if mfa in mfa_states])
    )


def _running(allows: Sequence[Scope], denies: Sequence[Scope]) -> Granted:
    """Yield ways to run something with a role that is passed. A resource with a name is no limit, because users
    choose it.
    """
    everywhere = [deny for deny in denies if deny.everywhere]
    found: Granted = {}
    for allow in allows:
        for action in RUNNERS:
            service = action.partition(":")[0]
            if allow.names(action) and _reaches(allow, service):
                asked = frozenset([action])
                denied = [deny.sure for deny in everywhere if not deny.escaping(asked)]
                if mfa_states := allow.mfa_states.difference(*denied):
                    found[action] = found.get(action, frozenset()) | mfa_states
    return found


def _reaches(allow: Scope, service: str) -> bool:
    named = [] if allow.statement.not_resources else allow.resources
    return not named or any(each == "*" or each.split(":")[2] == service for each in named)


def _may_pass_to(statement: Statement, service: str) -> bool:
    """Return whether a statement's conditions on iam:PassedToService let a role go to this service
    ("ec2.amazonaws.com").
    """
    about = [each for each in statement.conditions if each.key.lower() == _PASSED_TO]
    return all(holds_in(each, {_PASSED_TO: service}) for each in about)


def _targets(allow: Scope, target: Target) -> frozenset[str]:
    """Return what a statement covers of this kind, one pattern for each resource. Leaves out your own if that is
    harmless.
    """
    named = ["*"] if allow.statement.not_resources else allow.resources
    return frozenset(
        each
        for each in _below(named, target)
        if not (target.others and _own(each)) and (not target.unnamed or _open(each, target))
    )


def _shielded(deny: Scope, target: Target, targets: frozenset[str], policy: ParsedPolicy) -> frozenset[str]:
    """Return the targets that a deny is sure to cover: all, all except your own, or those written the same way."""
    if deny.everywhere:
        return targets
    if deny.statement.not_resources:
        spared = _below(deny.resources, target)
        if not all(_own(each) for each in spared) or (spared and not target.others):
            return frozenset()  # their own user is left to them, whatever a target is called
        return targets
    here = [each for each in deny.resources if _is_here(each, target, policy)]
    covered = _below(here, target)
    return targets if target.all_of in covered else targets & covered


def _is_here(resource: str, target: Target, policy: ParsedPolicy) -> bool:
    """Return whether a resource of a deny is in this account, in every region."""
    _arn, partition, _service, region, account, _below_it = _parts(resource)
    return (
        partition in ("*", policy.partition)
        and (region == "*" or not (region or target.regional))
        and (account in ("*", policy.account_id) or (target.accountless and not account))
    )


def _parts(resource: str) -> list[str]:
    """Return an ARN's six parts. One that ends early continues with wildcards (IAM User Guide, Resource element)."""
    return completed(resource).split(":", 5) if resource != "*" else ["*"] * 6


def _below(resources: Sequence[str], target: Target) -> set[str]:
    """Return what comes after the account in ARNs of this type, as patterns in which _OWN_NAME is your own name."""
    found = set()
    for resource in resources:
        parts = _parts(resource)
        if resource == "*":
            found.add(target.all_of)
        elif parts[2] == target.service and not _is_nobody(parts[5]):
            below = _VARIABLE.sub(_value, parts[5])
            if below in ("*", f"{target.prefix.rstrip('/:')}*"):
                found.add(target.all_of)
            elif may_name(below, target.all_of):
                found.add(below)
    return found


def _is_nobody(below: str) -> bool:
    """Return whether a name has a variable without a value, or plain text that was meant as a variable."""
    return FOREIGN.search(below) is not None or any(map(matches_nobody, _VARIABLE.findall(below)))


def _value(variable: re.Match[str]) -> str:
    key = variable[1].partition(",")[0].strip()
    if key.lower() == "aws:username":
        return _OWN_NAME
    return "*" if client_chooses(key) else "x"


def _own(below: str) -> bool:
    return below.rpartition("/")[2] == _OWN_NAME


def _open(below: str, target: Target) -> bool:
    """Return whether a pattern matches more than one name."""
    pattern = Pattern(below, variables=False)
    return any(
        all(pattern.matches(target.prefix + name, {}) for name in names)
        for names in (("any", "Z0"), ("any/any", "Z0/Z0"))
    )
