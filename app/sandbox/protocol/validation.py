"""Constraints of the published models, checked before anything else as AWS does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import OperationModel

from app.sandbox.api import Refusal


def validate(operation: OperationModel, parameters: Mapping[str, Any]) -> None:
    """Raise Refusal ValidationError 400 that names every member that breaks a constraint, and never its value."""
    shape = operation.input_shape
    problems = list(_of_structure(shape, parameters, "")) if shape else []
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected"
        raise Refusal("ValidationError", f"{count}: {'; '.join(problems)}", 400)


def _of_structure(shape: Any, members: Mapping[str, Any], where: str) -> Iterator[str]:
    for name in shape.required_members:
        if members.get(name) is None:
            yield _problem(where, name, "Member must not be null")
    for name, value in members.items():
        yield from _of_value(shape.members[name], value, where, name)


def _of_value(shape: Any, value: Any, where: str, name: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name == "structure":
        yield from _of_structure(shape, value, f"{where}{name}.")
    elif shape.type_name == "list":
        for index, item in enumerate(value, 1):
            yield from _of_value(shape.member, item, where, f"{name}.{index}")
    elif shape.type_name in ("integer", "long"):
        if low is not None and value < low:
            yield _problem(where, name, f"Member must have value greater than or equal to {low}")
        if high is not None and value > high:
            yield _problem(where, name, f"Member must have value less than or equal to {high}")
    elif shape.type_name == "string":
        if low is not None and len(value) < low:
            yield _problem(where, name, f"Member must have length greater than or equal to {low}")
        if high is not None and len(value) > high:
            yield _problem(where, name, f"Member must have length less than or equal to {high}")
        if shape.enum and value not in shape.enum:
            yield _problem(where, name, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
        pattern = shape.metadata.get("pattern")
        if pattern and not _matches(pattern, value):
            yield _problem(where, name, f"Member must satisfy regular expression pattern: {pattern}")


def _matches(pattern: str, value: str) -> bool:
    # The models spell patterns for Java; \p{...} classes, in no parameter of credentials, are let pass.
    return "\\p{" in pattern or re.fullmatch(pattern, value, re.ASCII) is not None


def _problem(where: str, name: str, constraint: str) -> str:
    path = f"{where}{name}"
    return f"Value at '{path[0].lower()}{path[1:]}' failed to satisfy constraint: {constraint}"
