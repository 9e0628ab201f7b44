"""Decide whether MFA is forced on a user, from their policies, with a request that gets through if it isn't. Pure."""

from __future__ import annotations

from app.policy.forced.answers import Counterexample, Judgement, Named, Person
from app.policy.forced.judge import judge_everyone, judge_person

__all__ = ["Counterexample", "Judgement", "Named", "Person", "judge_everyone", "judge_person"]
