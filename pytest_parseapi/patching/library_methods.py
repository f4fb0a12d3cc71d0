"""Takes over methods of other libraries, behind wrappers of tracers and mocks."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.patching.function_bodies import FunctionBodies, function_behind


class LibraryMethods:
    """Takes over methods in place, so that kept references are redirected, too; and restores them.

    Where a method cannot be found behind what is in front of it, its attribute is replaced.
    """

    def __init__(self) -> None:
        self._function_bodies = FunctionBodies()
        self._patches = Patches()

    def put(
        self,
        module: ModuleType | None,
        owner: Any,
        name: str,
        make: Callable[[Any], Any],
    ) -> None:
        """Take over a method.

        Args:
            module: where it is defined.
            owner: its class.
            name: its name.
            make: makes what takes its place; called with a function that does what it did. It is
                called with every argument by position.
        """
        file = getattr(module, "__file__", None) or ""
        method = function_behind(vars(owner).get(name), file, f"{owner.__name__}.{name}")
        if method is None:
            self._patches.put(owner, name, make)
        else:
            self._function_bodies.put(method, make)

    def stop(self) -> None:
        """Restore every method."""
        self._function_bodies.stop()
        self._patches.stop()
