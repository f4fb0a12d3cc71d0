"""References to class methods of a built-in type, such as ``datetime.now``, taken over in place.

``field(default_factory=datetime.now)`` keeps a built-in function that is bound to its class. To
replace ``now`` in the class does not change that function, so the function itself is taken over.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType
from typing import Any

from pytest_parseapi.patching.builtin_functions import BuiltinFunction, Trampolines


class BoundClassMethods:
    """The bound class methods of one built-in type, and of classes derived from it.

    Args:
        kind: the type.
        methods: the replacements by name; each gets the class as its first argument.
        trampolines: the trampolines of the process; None where there are none.
    """

    def __init__(
        self, kind: type, methods: Mapping[str, Callable[..., Any]], trampolines: Trampolines | None
    ) -> None:
        self._kind = kind
        self._methods = methods
        self._trampolines = trampolines
        self._taken: dict[int, tuple[BuiltinFunction, Callable[..., Any]]] = {}

    def take(self) -> None:
        """Find the bound methods that exist now, and take them over."""
        originals = {id(function.original) for function, _ in self._taken.values()}
        for kept in self._find():
            if id(kept) not in self._taken and id(kept) not in originals:
                target = functools.partial(self._methods[kept.__name__], kept.__self__)
                self._taken[id(kept)] = BuiltinFunction(kept, self._trampolines), target
        for function, _ in self._taken.values():
            function.take()

    def redirect(self, *, here: bool) -> None:
        """Send calls to the replacements (``here=True``), or to the real methods again."""
        for function, target in self._taken.values():
            function.redirect(target if here else None)

    def give_back(self) -> None:
        """Undo the take-over."""
        for function, _ in self._taken.values():
            function.give_back()

    def _find(self) -> list[Any]:
        functions = [item for item in gc.get_objects() if type(item) is BuiltinFunctionType]
        return [
            function
            for function in functions
            if function.__name__ in self._methods
            and isinstance(function.__self__, type)
            and issubclass(function.__self__, self._kind)
        ]
