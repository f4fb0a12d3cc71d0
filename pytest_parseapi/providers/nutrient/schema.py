"""Checks the schema of an extraction against the documented limits, and fills it with data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pytest_parseapi.model.request_content import shown

_MOST_BYTES: Final = 128 * 1024
_MOST_FIELDS: Final = 2_000
_MOST_PROPERTIES: Final = 200
_MOST_REQUIRED: Final = 200
_LONGEST_DESCRIPTION: Final = 4_096
_DEEPEST: Final = 5
_TOO_DEEP: Final = f"must be nested at most {_DEEPEST} levels deep"

_TYPES: Final = ("object", "array", "string", "number", "integer", "boolean")
_EXPECTED: Final[Mapping[str, str]] = {
    "type": f"one of {', '.join(_TYPES)}",
    "properties": "an object",
    "required": "a list of strings",
    "items": "an object",
    "description": "a string",
    "enum": "a list of strings",
    "format": "'date'",
}
"""What each supported keyword must be."""
_FORMATS: Final = ("date",)
_SAMPLES: Final[Mapping[str, Any]] = {
    "string": "Sample",
    "number": 1.5,
    "integer": 1,
    "boolean": True,
}
_SAMPLE_DATE: Final = "2026-01-01"

Problem = tuple[str, str]


def schema_problems(schema: object) -> list[Problem]:
    """What is wrong with a schema: only the documented keywords are supported.

    Args:
        schema: the JSON Schema of a request.

    Returns:
        Each path that fails, and what it must be; empty for a good schema.

    Example:
        >>> schema_problems({"type": "object", "description": 3})
        [('$.schema.description', 'must be a string, not 3')]
    """
    if not isinstance(schema, dict):
        return [("$.schema", wrong(schema, "an object"))]
    try:
        text = json.dumps(schema, separators=(",", ":"), ensure_ascii=False)
    except RecursionError:
        return [("$.schema", _TOO_DEEP)]
    size = len(text.encode("utf-8", "replace"))
    if size > _MOST_BYTES:
        return [("$.schema", f"must have at most 128 KB, not {size:,} bytes")]
    problems: list[Problem] = []
    fields = 0
    for path, node, depth in _nodes(schema):
        if not isinstance(node, dict):
            problems.append((path, wrong(node, "an object")))
        # The root is not counted: no page says, and only what is surely too deep is rejected.
        elif depth > _DEEPEST:
            problems.append((path, _TOO_DEEP))
        else:
            problems += _node_problems(path, node, is_root=not depth)
            properties = node.get("properties")
            fields += len(properties) if isinstance(properties, dict) else 0
    if fields > _MOST_FIELDS:
        problems.append(("$.schema", f"must have at most {_MOST_FIELDS:,} fields, not {fields:,}"))
    return problems


def _nodes(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any, int]]:
    """Every schema inside a schema, in its order: its path, and how deep it is."""
    # A stack, because the schema's depth is the client's choice.
    waiting: list[tuple[str, Any, int]] = [("$.schema", schema, 0)]
    while waiting:
        path, node, depth = waiting.pop()
        yield path, node, depth
        if not isinstance(node, dict) or depth > _DEEPEST:
            continue
        if node.get("items") is not None:
            waiting.append((f"{path}.items", node["items"], depth + 1))
        properties = node.get("properties")
        if isinstance(properties, dict):
            waiting += [
                (f"{path}.properties.{name}", child, depth + 1)
                for name, child in reversed(properties.items())
            ]


def wrong(value: object, expected: str) -> str:
    """What is wrong with a value: what it must be, and what it is.

    Example:
        >>> wrong("yes", "true or false")
        "must be true or false, not 'yes'"
    """
    if value is None:
        return f"is missing; must be {expected}"
    return f"must be {expected}, not {shown(value)}"


def _node_problems(path: str, node: Mapping[str, Any], *, is_root: bool) -> Iterator[Problem]:
    """What is wrong with one schema, apart from the schemas inside it."""
    for keyword in node:
        if keyword not in _EXPECTED:
            known = ", ".join(_EXPECTED)
            yield f"{path}.{keyword}", f"is not supported: {keyword}; must be one of {known}"
        elif node[keyword] is None:
            # From a model that was dumped with what it leaves unset: JSON Schema has no null.
            yield f"{path}.{keyword}", f"must be {_EXPECTED[keyword]}, not null"
    kind = node.get("type")
    allowed = ("object",) if is_root else _TYPES
    good = isinstance(kind, str) and kind in allowed
    if not good and (kind is not None or "type" not in node):
        yield f"{path}.type", wrong(kind, "'object' at the root" if is_root else _EXPECTED["type"])
    description = node.get("description")
    if description is not None and not isinstance(description, str):
        yield f"{path}.description", wrong(description, _EXPECTED["description"])
    elif description is not None and len(description) > _LONGEST_DESCRIPTION:
        length = f"{len(description):,}"
        yield (
            f"{path}.description",
            f"must have at most {_LONGEST_DESCRIPTION:,} characters, not {length}",
        )
    yield from _object_problems(path, node)
    yield from _string_problems(path, node)


def _object_problems(path: str, node: Mapping[str, Any]) -> Iterator[Problem]:
    properties, required = node.get("properties"), node.get("required")
    if properties is not None and not isinstance(properties, dict):
        yield f"{path}.properties", wrong(properties, _EXPECTED["properties"])
    elif properties is not None and len(properties) > _MOST_PROPERTIES:
        count = len(properties)
        yield f"{path}.properties", f"must have at most {_MOST_PROPERTIES} properties, not {count}"
    if required is None:
        return
    if not isinstance(required, list) or not all(isinstance(item, str) for item in required):
        yield f"{path}.required", wrong(required, _EXPECTED["required"])
    elif len(required) > _MOST_REQUIRED:
        yield (
            f"{path}.required",
            f"must have at most {_MOST_REQUIRED} entries, not {len(required)}",
        )


def _string_problems(path: str, node: Mapping[str, Any]) -> Iterator[Problem]:
    values, form = node.get("enum"), node.get("format")
    if values is not None and not (
        isinstance(values, list) and values and all(isinstance(item, str) for item in values)
    ):
        yield f"{path}.enum", wrong(values, _EXPECTED["enum"])
    if form is not None and form not in _FORMATS:
        yield f"{path}.format", wrong(form, _EXPECTED["format"])
    for keyword, value in (("enum", values), ("format", form)):
        if value is not None and node.get("type") != "string":
            kind = shown(node.get("type"))
            yield f"{path}.{keyword}", f"is for type 'string' only, not {kind}"


def sample(schema: object) -> Any:
    """Data that fits a schema: one item a list, the first value of an enum.

    Args:
        schema: a schema without `schema_problems`.

    Returns:
        The data; None for what the schema leaves open.

    Example:
        >>> sample({"type": "object", "properties": {"total": {"type": "number"}}})
        {'total': 1.5}
    """
    if not isinstance(schema, dict):
        return None
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return {name: sample(child) for name, child in schema.get("properties", {}).items()}
    if kind == "array":
        item = sample(schema.get("items"))
        return [] if item is None else [item]
    if schema.get("format") == "date":
        return _SAMPLE_DATE
    return _SAMPLES.get(kind) if isinstance(kind, str) else None
