"""Is MFA forced on a person? Decided from their policies, with a request that gets through where it isn't. Pure."""

from __future__ import annotations

from app.policy.forced.answers import Counterexample, Judgement, Named, Person
from app.policy.forced.judge import judge_everyone, judge_person

__all__ = ["Counterexample", "Judgement", "Named", "Person", "judge_everyone", "judge_person"]
