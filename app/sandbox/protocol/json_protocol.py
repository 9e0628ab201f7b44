"""AWS's JSON 1.1 protocol: a header names the operation, parameters and answer are JSON objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.model import OperationModel

from app.sandbox.api import PassOn, Refusal
from app.sandbox.protocol.query import service_model
from app.sandbox.protocol.wire import Reading

MEDIA_TYPE = "application/x-amz-json-1.1"


def operation_of(reading: Reading) -> OperationModel:
    """Return the operation that X-Amz-Target names. Raises Refusal UnknownOperation 400."""
    model = service_model(reading.service)
    prefix, _, name = reading.headers.get("x-amz-target", "").rpartition(".")
    if prefix != model.metadata["targetPrefix"] or name not in model.operation_names:
        raise Refusal("UnknownOperation", "The X-Amz-Target names no operation of this service.", 400)
    return model.operation_model(name)


_TYPES: dict[str, type] = {"string": str, "integer": int, "boolean": bool, "list": list, "structure": dict}


def parameters(operation: OperationModel, reading: Reading) -> dict[str, Any]:
    """Return the members of the input shape. Others are ignored, as at AWS. Raises Refusal Serialization 400."""
    try:
        given = json.loads(reading.body or b"{}")
    except ValueError as error:
        raise Refusal("Serialization", "The body is not JSON.", 400) from error
    if not isinstance(given, dict):
        raise Refusal("Serialization", "The body is not a JSON object.", 400)
    shapes = operation.input_shape.members if operation.input_shape else {}
    found = {name: value for name, value in given.items() if name in shapes and value is not None}
    for name, value in found.items():
        wanted = _TYPES.get(shapes[name].type_name)
        if wanted and not isinstance(value, wanted):
            raise Refusal("Serialization", f"{name} is not of type {shapes[name].type_name}.", 400)
    return found


def answer(members: Mapping[str, Any] | PassOn) -> bytes:
    """Return the body of a success. Times are seconds since 1970."""
    return json.dumps(members, default=_moment).encode()


def _moment(value: object) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} is not JSON")
