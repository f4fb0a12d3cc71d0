"""Replaces methods of built-in types, although their attributes cannot be set.

The types of locks and queues accept new attributes once their "immutable" flag is cleared.
``datetime`` does not: its method is changed in the dictionary of the type, and the interpreter's
cache of attribute look-ups is cleared.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from typing import Any, Final

_FLAGS_AT: Final = 168
"""Where a type keeps its flags, on 64-bit machines."""
_IMMUTABLE: Final = 1 << 8
_HEAP: Final = 1 << 9


class BuiltinTypeMethods:
    """Methods of one built-in type, taken over and given back.

    Args:
        kind: the type.
        methods: the replacements by name; the type itself defines a method of each name.
        of_interpreter: whether it is a type of the interpreter, and not of a library.

    Raises:
        RuntimeError: this Python does not lay out types as CPython does.
    """

    def __init__(
        self, kind: type, methods: dict[str, Callable[..., Any]], *, of_interpreter: bool = True
    ) -> None:
        for known in (kind, int, type):
            if _flags(known).value != known.__flags__:
                raise RuntimeError(f"{known!r} has an unknown layout")
        self._kind = kind
        self._methods = methods
        self._saved = {name: vars(kind)[name] for name in methods}
        self._is_taken = False
        self._of_interpreter = of_interpreter

    def take(self) -> None:
        """Put the methods in place."""
        self._is_taken = True
        self._set(self._methods)
        if any(vars(self._kind)[name] is not method for name, method in self._methods.items()):
            self.give_back()
            raise RuntimeError(f"{self._kind!r} does not take other methods")

    def give_back(self) -> None:
        """Put the real methods back."""
        if self._is_taken:
            self._is_taken = False
            self._set(self._saved)

    def _set(self, methods: dict[str, Any]) -> None:
        if not self._kind.__flags__ & _HEAP:
            namespace = gc.get_referents(vars(self._kind))[0]
            namespace.update(methods)
            if self._of_interpreter:
                ctypes.pythonapi.PyType_ClearCache()
            else:
                ctypes.pythonapi.PyType_Modified(ctypes.py_object(self._kind))
            return
        flags = _flags(self._kind)
        was_immutable = flags.value & _IMMUTABLE
        flags.value &= ~_IMMUTABLE
        try:
            for name, method in methods.items():
                setattr(self._kind, name, method)
        finally:
            flags.value |= was_immutable


def _flags(kind: type) -> ctypes.c_ulong:
    return ctypes.c_ulong.from_address(id(kind) + _FLAGS_AT)
