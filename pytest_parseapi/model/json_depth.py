"""How deep JSON is nested: what is too deep would exhaust the stack of whoever walks through it."""

from __future__ import annotations

from typing import Final

_MOST_LEVELS: Final = 200


def is_too_deep(value: object) -> bool:
    """Whether objects and lists stand within each other more often than any request needs.

    Where Python's own limit is met depends on how many calls are under way, and on its version.

    Args:
        value: what `json.loads` gave.

    Example:
        >>> is_too_deep({"file": {"pages": [1, 2]}})
        False
    """
    level = [value]
    for _ in range(_MOST_LEVELS):
        level = [
            item
            for outer in level
            if isinstance(outer, dict | list)
            for item in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True
