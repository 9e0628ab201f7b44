"""Decide whether MFA is forced on a user, from their policies, with a request that gets through if it isn't. Pure.

`judge` decides. It is imported from there, because a start of the portal needs only the question and its answer.
"""

from __future__ import annotations

from app.policy.forced.answers import Counterexample, Judgement, Named, Person

__all__ = ["Counterexample", "Judgement", "Named", "Person"]
