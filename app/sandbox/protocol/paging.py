"""Marker and MaxItems for every IAM list, applied to complete answers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel

from app.sandbox.api import Refusal

DEFAULT = 100


def is_paged(operation: OperationModel) -> bool:
    """Return whether an operation is a list with Marker and MaxItems."""
    shape = operation.input_shape
    return shape is not None and {"Marker", "MaxItems"} <= set(shape.members)


def page(operation: OperationModel, parameters: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return one page of a complete answer. Raises Refusal ValidationError for a marker that isn't ours.

    An answer of several lists is paged as one: a page has MaxItems entries of all of them together.
    """
    size = int(parameters.get("MaxItems", DEFAULT))
    start = _start(parameters.get("Marker"))
    answer = {name: value for name, value in whole.items() if name not in ("IsTruncated", "Marker")}
    before = 0
    shape = operation.output_shape
    for name, member in shape.members.items() if shape else ():
        if member.type_name == "list":
            items = list(whole.get(name) or [])
            answer[name] = items[max(0, start - before) : max(0, start + size - before)]
            before += len(items)
    answer["IsTruncated"] = before > start + size
    if answer["IsTruncated"]:
        answer["Marker"] = base64.urlsafe_b64encode(f"after {start + size}".encode()).decode()
    return answer


def _start(marker: str | None) -> int:
    if marker is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(marker.encode()).decode().removeprefix("after "))
    except (ValueError, binascii.Error) as error:
        raise Refusal("ValidationError", "Invalid Marker.", 400) from error
