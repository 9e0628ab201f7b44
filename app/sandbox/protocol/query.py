"""AWS's query protocol, from botocore's service models: parameters in, XML out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape

from app.sandbox.api import Refusal

_BOTOCORE = botocore.session.Session()


@cache
def service_model(service: str) -> ServiceModel:
    """Return the published model of "iam", "sts", "ec2"."""
    return _BOTOCORE.get_service_model(service)


def operation_of(service: str, form: Mapping[str, str]) -> OperationModel:
    """Return the operation that a form names. Raises Refusal InvalidAction 400."""
    model = service_model(service)
    action, version = form.get("Action", ""), form.get("Version", "")
    if not action:
        raise Refusal("MissingAction", "The request is missing an action.", 400)
    if action not in model.operation_names or version != model.api_version:
        raise Refusal("InvalidAction", f"Could not find operation {action[:64]} for version {version[:32]}", 400)
    return model.operation_model(action)


def parameters(operation: OperationModel, form: Mapping[str, str]) -> dict[str, Any]:
    """Return typed members of the input shape. Unknown names are refused, so that no later code reads them.

    Raises Refusal MalformedInput or ValidationError 400.
    """
    shape = operation.input_shape
    left = {name for name in form if name not in ("Action", "Version")}
    found = _structure(shape, form, "", left) if shape else {}
    if left:
        raise Refusal("ValidationError", f"Unknown parameter: {sorted(left)[0][:64]}", 400)
    return found


def _structure(shape: Any, form: Mapping[str, str], prefix: str, left: set[str]) -> dict[str, Any]:
    found = {}
    for name, member in shape.members.items():
        value = _value(member, form, f"{prefix}{member.serialization.get('name', name)}", left)
        if value is not None:
            found[name] = value
    return found


def _value(shape: Any, form: Mapping[str, str], name: str, left: set[str]) -> Any:
    if shape.type_name == "structure":
        return _structure(shape, form, f"{name}.", left) or None
    if shape.type_name == "list":
        base = (
            name
            if shape.serialization.get("flattened")
            else f"{name}.{shape.member.serialization.get('name', 'member')}"
        )
        items: list[Any] = []
        while (item := _value(shape.member, form, f"{base}.{len(items) + 1}", left)) is not None:
            items.append(item)
        left.discard(name)  # an empty list is sent as its bare name
        return items or None
    if shape.type_name == "map":
        pairs: dict[str, Any] = {}
        base = name if shape.serialization.get("flattened") else f"{name}.entry"
        while (key := _value(shape.key, form, f"{base}.{len(pairs) + 1}.key", left)) is not None:
            pairs[key] = _value(shape.value, form, f"{base}.{len(pairs) + 1}.value", left)
        return pairs or None
    text = form.get(name)
    if text is None:
        return None
    left.discard(name)
    return _scalar(shape, text)


def _scalar(shape: Shape, text: str) -> Any:
    type_name = shape.type_name
    try:
        if type_name in ("integer", "long"):
            return int(text)
        if type_name == "boolean":
            return {"true": True, "false": False}[text.lower()]
        if type_name == "blob":
            return base64.b64decode(text, validate=True)
        if type_name == "timestamp":
            return datetime.fromisoformat(text)
    except (ValueError, KeyError, binascii.Error) as error:
        raise Refusal("MalformedInput", f"A parameter is not of type {type_name}.", 400) from error
    return text


def answer(operation: OperationModel, members: Mapping[str, Any], request_id: str) -> bytes:
    """Return the XML of a success. members: of the output shape, times with a time zone, blobs as bytes."""
    model = operation.service_model
    root = Element(f"{operation.name}Response", xmlns=model.metadata["xmlNamespace"])
    shape = operation.output_shape
    if shape is not None:
        wrapper = shape.serialization.get("resultWrapper", f"{operation.name}Result")
        _write_structure(SubElement(root, wrapper), shape, members)
    SubElement(SubElement(root, "ResponseMetadata"), "RequestId").text = request_id
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root)


def _write_structure(parent: Element, shape: Any, members: Mapping[str, Any]) -> None:
    for name, value in members.items():
        if value is not None and name in shape.members:
            _write(parent, shape.members[name], shape.members[name].serialization.get("name", name), value)


def _write(parent: Element, shape: Any, name: str, value: Any) -> None:
    if shape.type_name == "list":
        values: Sequence[Any] = value
        at = parent if shape.serialization.get("flattened") else SubElement(parent, name)
        for item in values:
            _write(at, shape.member, shape.member.serialization.get("name", "member"), item)
    elif shape.type_name == "structure":
        _write_structure(SubElement(parent, name), shape, value)
    elif shape.type_name == "map":
        at = SubElement(parent, name)
        for key, item in value.items():
            entry = SubElement(at, "entry")
            _write(entry, shape.key, "key", key)
            _write(entry, shape.value, "value", item)
    else:
        SubElement(parent, name).text = _text(shape, value)


def _text(shape: Shape, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if shape.type_name == "blob":
        return base64.b64encode(value).decode("ascii")
    return str(value)
