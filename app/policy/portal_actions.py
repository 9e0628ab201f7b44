"""The IAM actions that the portal may call: those of the tutorial's document, and those of `EXTRAS`."""

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
    """Return all IAM actions that the portal may ever call ("iam:ListUsers"), from AWS's published self-manage
    policies.

    These are the 29 of the tutorial's document that still exist, and LATER_ACTIONS. The configured document limits
    them (`allowed_actions`): under the tutorial's and the recommended one the 29 remain.
    """
    named: set[str] = set()
    for statement in read("tutorial")["Statement"]:
        actions = statement.get("Action", [])
        named.update([actions] if isinstance(actions, str) else actions)
    return frozenset(named) - DEAD_ACTIONS | LATER_ACTIONS


def allowed_actions(document: Mapping[str, Any]) -> frozenset[str]:
    """Return the live actions that an Allow statement names, with wildcards expanded. A document can only
    limit them.
    """
    allows = [statement for statement in compiled(document).statements if not statement.denies]
    return frozenset(
        action for action in live_actions() if any(statement.names_action(action) for statement in allows)
    )
