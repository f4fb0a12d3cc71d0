"""Replace methods of built-in types, whose attributes cannot be set."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from collections.abc import Iterator
from typing import Any

__all__ = ["replaced_methods"]


@contextlib.contextmanager
def replaced_methods(kind: type, **methods: Any) -> Iterator[None]:
    """Put other methods in the place of a built-in type's own, for a while.

    Args:
        kind: the type.
        methods: what to put in place, by name; each of them exists in the type itself.
    """
    namespace = _namespace(kind)
    saved = {name: namespace[name] for name in methods}
    _update(kind, namespace, methods)
    try:
        yield
    finally:
        _update(kind, namespace, saved)


def _namespace(kind: type) -> dict[str, Any]:
    """The dictionary behind a built-in type's read-only ``__dict__``."""
    return gc.get_referents(kind.__dict__)[0]  # type: ignore[no-any-return]


def _update(kind: type, namespace: dict[str, Any], methods: dict[str, Any]) -> None:
    namespace.update(methods)
    # Look-ups are cached by the type's version.
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))
