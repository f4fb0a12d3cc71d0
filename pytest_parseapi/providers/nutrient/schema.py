"""Checks the schema of an extraction against the documented limits, and fills it with data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["sample", "schema_problems", "shown"]

_MOST_BYTES: Final = 128 * 1024
_MOST_FIELDS: Final = 2_000
_MOST_PROPERTIES: Final = 200
_MOST_REQUIRED: Final = 200
_LONGEST_DESCRIPTION: Final = 4_096
_DEEPEST: Final = 5
_MOST_TOLD: Final = 100
"""How many failing paths one reply names."""

_TYPES: Final = ("object", "array", "string", "number", "integer", "boolean")
_KEYWORDS: Final = ("type", "properties", "required", "items", "description", "enum", "format")
_FORMATS: Final = ("date",)
_SAMPLES: Final[Mapping[str, Any]] = {
    "string": "Sample",
    "number": 1.5,
    "integer": 1,
    "boolean": True,
}
_SAMPLE_DATE: Final = "2026-01-01"
_SHOWN: Final = 40

Problem = tuple[str, str]


def schema_problems(schema: object) -> list[Problem]:
    """What is wrong with a schema: only the documented keywords are supported.

    Args:
        schema: the JSON Schema of a request.

    Returns:
        Each path that fails, and what it must be; empty for a good schema.

    Example:
        >>> schema_problems({"type": "object", "$defs": {}})
        [('$.schema.$defs', 'is not supported: $defs')]
    """
    if not isinstance(schema, dict):
        text = "is missing" if schema is None else f"must be an object, not {shown(schema)}"
        return [("$.schema", text)]
    text = json.dumps(schema, separators=(",", ":"), ensure_ascii=False)
    size = len(text.encode("utf-8", "replace"))
    if size > _MOST_BYTES:
        return [("$.schema", f"must have at most 128 KB, not {size} bytes")]
    if schema.get("type") != "object":
        found = shown(schema.get("type"))
        return [("$.schema.type", f"must be 'object' at the root, not {found}")]
    problems: list[Problem] = []
    fields = 0
    # A stack, because the schema's depth is the client's choice.
    waiting: list[tuple[str, Any, int]] = [("$.schema", schema, 0)]
    while waiting and len(problems) < _MOST_TOLD:
        path, node, depth = waiting.pop()
        if not isinstance(node, dict):
            problems.append((path, f"must be an object, not {shown(node)}"))
            continue
        # The root is not counted: no page says, and only what is surely too deep is turned down.
        if depth > _DEEPEST:
            problems.append((path, f"must be nested at most {_DEEPEST} levels deep"))
            continue
        problems += _node_problems(path, node)
        properties = node.get("properties")
        if isinstance(properties, dict):
            fields += len(properties)
            waiting += [
                (f"{path}.properties.{name}", child, depth + 1)
                for name, child in reversed(properties.items())
            ]
        if "items" in node:
            waiting.append((f"{path}.items", node["items"], depth + 1))
    if fields > _MOST_FIELDS:
        problems.append(("$.schema", f"must have at most {_MOST_FIELDS:,} fields, not {fields:,}"))
    return problems[:_MOST_TOLD]


def shown(value: object) -> str:
    """A refused value, for a message: short, and as a program would write it."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _node_problems(path: str, node: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with one schema, apart from the schemas inside it."""
    for keyword in node:
        if keyword not in _KEYWORDS:
            yield f"{path}.{keyword}", f"is not supported: {keyword}"
    kind = node.get("type")
    if kind not in _TYPES if isinstance(kind, str) else True:
        yield f"{path}.type", f"must be one of {', '.join(_TYPES)}, not {shown(kind)}"
    description = node.get("description")
    if description is not None and not isinstance(description, str):
        yield f"{path}.description", f"must be a string, not {shown(description)}"
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
        yield f"{path}.properties", f"must be an object, not {shown(properties)}"
    elif properties is not None and len(properties) > _MOST_PROPERTIES:
        count = len(properties)
        yield f"{path}.properties", f"must have at most {_MOST_PROPERTIES} properties, not {count}"
    if required is None:
        return
    if not isinstance(required, list) or not all(isinstance(item, str) for item in required):
        yield f"{path}.required", f"must be a list of strings, not {shown(required)}"
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
        yield f"{path}.enum", f"must be a list of strings, not {shown(values)}"
    if form is not None and form not in _FORMATS:
        yield f"{path}.format", f"must be 'date', not {shown(form)}"
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
