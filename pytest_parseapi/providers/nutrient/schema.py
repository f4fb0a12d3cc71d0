"""Checks the schema of an extraction against the documented limits, and fills it with data."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["sample", "schema_problem"]

_MOST_BYTES: Final = 32 * 1024
_MOST_NODES: Final = 500
_DEEPEST: Final = 5
_DEEPEST_SAMPLE: Final = 20
_MOST_SAMPLED: Final = 5_000

_NAMED: Final = ("properties", "$defs", "definitions")
_ALTERNATIVES: Final = ("anyOf", "oneOf", "allOf")
_LISTED: Final = (*_ALTERNATIVES, "prefixItems")
_SAMPLES: Final[Mapping[str, Any]] = {
    "string": "Sample",
    "number": 1.5,
    "integer": 1,
    "boolean": True,
    "null": None,
}


def schema_problem(schema: object) -> tuple[str, str] | None:
    """What is wrong with a schema.

    Args:
        schema: the JSON Schema of a request.

    Returns:
        The path that fails and what it must be, or None for a good schema.

    Example:
        >>> schema_problem({"type": "array"})
        ('$.schema', "must have an object at its root (type 'object')")
    """
    if not isinstance(schema, dict):
        return "$.schema", "is missing" if schema is None else "must be an object"
    if schema.get("type") != "object":
        return "$.schema", "must have an object at its root (type 'object')"
    text = json.dumps(schema, separators=(",", ":"), ensure_ascii=False)
    size = len(text.encode("utf-8", "replace"))
    if size > _MOST_BYTES:
        return "$.schema", f"must have at most 32 KB, not {size} bytes"
    return _problem_inside(schema)


def _problem_inside(schema: Mapping[str, Any]) -> tuple[str, str] | None:
    nodes = 0
    # A stack, because the schema's depth is the client's choice.
    waiting: list[tuple[str, object, int]] = [("$.schema", schema, 0)]
    while waiting:
        path, node, depth = waiting.pop()
        if not isinstance(node, dict | bool):
            return path, "must be an object"
        nodes += 1
        # The root is not counted: no page says, and only what is surely too deep is turned down.
        if depth > _DEEPEST:
            return path, f"must be nested at most {_DEEPEST} levels deep"
        if nodes > _MOST_NODES:
            return "$.schema", f"must have at most {_MOST_NODES} nodes"
        if isinstance(node, dict):
            waiting.extend(
                (path + suffix, child, depth + deeper) for suffix, child, deeper in _children(node)
            )
    return None


def _children(node: Mapping[str, Any]) -> Iterator[tuple[str, object, int]]:
    """The schemas inside a schema, and whether they are a level deeper in the data."""
    for key in _NAMED:
        group = node.get(key)
        if isinstance(group, dict):
            for name, child in group.items():
                yield f".{key}.{name}", child, int(key == "properties")
        elif group is not None:
            yield f".{key}", None, 0
    if "items" in node:
        yield ".items", node["items"], 1
    for key in _LISTED:
        group = node.get(key)
        if isinstance(group, list):
            for index, child in enumerate(group):
                yield f".{key}[{index}]", child, 0


def sample(schema: object) -> Any:
    """Data that fits a schema: one item a list, the first value of an enum.

    Args:
        schema: a schema without a `schema_problem`.

    Returns:
        The data; None for what the schema leaves open.

    Example:
        >>> sample({"type": "object", "properties": {"total": {"type": "number"}}})
        {'total': 1.5}
    """
    return _Sampler(schema).sample(schema, 0)


class _Sampler:
    """Fills a schema; references can go round in a circle, or multiply what they refer to."""

    def __init__(self, root: object) -> None:
        self._root = root
        self._steps = itertools.count()

    def sample(self, node: object, depth: int) -> Any:
        if not isinstance(node, dict) or depth > _DEEPEST_SAMPLE:
            return None
        if next(self._steps) > _MOST_SAMPLED:
            return None
        values = [node["const"]] if "const" in node else node.get("enum")
        if isinstance(values, list) and values:
            return values[0]
        other = self._instead(node)
        return self._typed(node, depth + 1) if other is None else self.sample(other, depth + 1)

    def _instead(self, node: Mapping[str, Any]) -> object:
        """The schema that a schema refers to, or its first alternative."""
        reference = node.get("$ref")
        if isinstance(reference, str):
            return _referenced(reference, self._root)
        groups = [node.get(key) for key in _ALTERNATIVES]
        return next((group[0] for group in groups if isinstance(group, list) and group), None)

    def _typed(self, node: Mapping[str, Any], depth: int) -> Any:
        kind, properties = node.get("type"), node.get("properties")
        if isinstance(kind, list):
            kind = next((item for item in kind if item != "null"), None)
        fields = properties if isinstance(properties, dict) else {}
        if kind == "object" or (kind is None and fields):
            return {name: self.sample(child, depth) for name, child in fields.items()}
        if kind == "array":
            item = self.sample(node.get("items"), depth)
            return [] if item is None else [item]
        return _SAMPLES.get(kind) if isinstance(kind, str) else None


def _referenced(reference: str, root: object) -> object:
    """What a reference inside the schema points to, or None."""
    if not reference.startswith("#"):
        return None
    for key in reference.removeprefix("#").split("/")[1:]:
        root = root.get(key) if isinstance(root, dict) else None
    return root
