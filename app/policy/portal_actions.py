"""The actions of IAM that the portal may call: those of the tutorial's document, and those of `EXTRAS`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from app.policy.documents import DEAD_ACTIONS, read
from app.policy.evaluation import compiled
from app.policy.features import EXTRAS

LATER_ACTIONS = frozenset(need.action for feature in EXTRAS for need in feature.needs)
"""Granted by an example AWS has published since the tutorial, and of use to the portal."""


@cache
def live_actions() -> frozenset[str]:
    """What the portal may ever ask of IAM, "iam:ListUsers": actions AWS's published self-manage policies grant.

    The 29 of the tutorial's document that still exist, and LATER_ACTIONS. The configured document narrows them
    (`allowed_actions`): under the tutorial's and the recommended one the 29 are left.
    """
    named: set[str] = set()
    for statement in read("tutorial")["Statement"]:
        actions = statement.get("Action", [])
        named.update([actions] if isinstance(actions, str) else actions)
    return frozenset(named) - DEAD_ACTIONS | LATER_ACTIONS


def allowed_actions(document: Mapping[str, Any]) -> frozenset[str]:
    """The live actions some Allow statement names, wildcards expanded: a document can only narrow them."""
    allows = [statement for statement in compiled(document).statements if not statement.denies]
    return frozenset(
        action for action in live_actions() if any(statement.names_action(action) for statement in allows)
    )
