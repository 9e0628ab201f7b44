"""The items of standards that a rule's verdicts answer, by id of the rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.compliance.standards.standard import Control, Standard

Items = Mapping[str, Sequence[tuple[Standard, Control]]]
"""As `app.compliance.standards.standard.items_by_rule` returns it."""
