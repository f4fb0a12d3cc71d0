"""Which fields bodies have, and where bodies that were recorded and simulated ones differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pytest_parseapi.model.mistakes import json_type

Path: TypeAlias = tuple[str, ...]
"""The names that lead to a field; ``[]`` stands for each item of a list."""
Shape: TypeAlias = Mapping[Path, frozenset[str]]
"""The types of each field of a body."""

ITEM: Final = "[]"
_DEEPEST: Final = 40
_NULL: Final = json_type(None)


def dotted(path: Path) -> str:
    """A path as messages write it: ``output.chunks[].id``."""
    return ".".join(path).replace(f".{ITEM}", ITEM)


def shape_of(body: object, customers: Iterable[str] = ()) -> Shape:
    """The fields of a body and their types, without what customers name themselves.

    Args:
        body: a JSON value.
        customers: the fields to leave out, with all that is in them.

    Example:
        >>> sorted(shape_of({"a": [{"b": 1}]}))
        [(), ('a',), ('a', '[]'), ('a', '[]', 'b')]
    """
    left_out = frozenset(customers)
    found: dict[Path, set[str]] = {}
    waiting: list[tuple[object, Path]] = [(body, ())]
    while waiting:
        value, path = waiting.pop()
        found.setdefault(path, set()).add(json_type(value))
        if len(path) >= _DEEPEST:
            continue
        inside: list[tuple[object, Path]] = []
        if isinstance(value, dict):
            inside = [(item, (*path, name)) for name, item in value.items()]
        elif isinstance(value, list):
            inside = [(item, (*path, ITEM)) for item in value]
        waiting += [pair for pair in inside if dotted(pair[1]) not in left_out]
    return {path: frozenset(kinds) for path, kinds in found.items()}


@dataclass(slots=True)
class ShapeGroup:
    """The recorded and the simulated bodies of one endpoint in one state."""

    count: int = 0
    recorded: Counter[Path] = field(default_factory=Counter)
    """In how many recorded bodies each field is."""
    recorded_kinds: dict[Path, Counter[str]] = field(default_factory=dict)
    simulated_kinds: dict[Path, set[str]] = field(default_factory=dict)
    lacking: Counter[Path] = field(default_factory=Counter)
    """How many recorded bodies lack a field that the simulated ones beside them have."""

    def add(self, recorded: Shape, simulated: Iterable[Shape]) -> None:
        """One more recorded body, and what the simulation answers to the same request."""
        self.count += 1
        for path, kinds in recorded.items():
            self.recorded[path] += 1
            self.recorded_kinds.setdefault(path, Counter()).update(kinds)
        expected: dict[Path, set[str]] = {}
        for shape in simulated:
            for path, kinds in shape.items():
                expected.setdefault(path, set()).update(kinds)
        for path, known in expected.items():
            self.simulated_kinds.setdefault(path, set()).update(known)
            inside = "an object" in recorded.get(path[:-1], ())
            if path not in recorded and path and path[-1] != ITEM and inside:
                self.lacking[path] += 1

    def unknown(self) -> dict[Path, int]:
        """The fields that the simulation lacks, and in how many bodies each came."""
        return {
            path: count
            for path, count in self.recorded.items()
            if path
            and path[-1] != ITEM
            and path not in self.simulated_kinds
            and "an object" in self.simulated_kinds.get(path[:-1], ())
        }

    def missing(self) -> dict[Path, int]:
        """The fields that all recorded bodies lack, and how many of them should have had each."""
        return {path: count for path, count in self.lacking.items() if not self.recorded[path]}

    def retyped(self) -> dict[Path, tuple[str, str, int]]:
        """The fields of another type: the recorded one, the simulated ones, and how often."""
        found = {}
        for path, kinds in self.recorded_kinds.items():
            known = self.simulated_kinds.get(path, set()) - {_NULL}
            if not known:
                continue
            for kind, count in kinds.items():
                if kind not in known and kind != _NULL:
                    found[path] = (kind, " or ".join(sorted(known)), count)
        return found
