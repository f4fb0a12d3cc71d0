"""Acts when the consumer imports a library for the first time, in the middle of a test."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Collection, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["AfterImport"]


class AfterImport:
    """A finder that finds nothing by itself, and calls back once a library is there.

    Args:
        names: the libraries.
        then: called after each of them was imported.
    """

    def __init__(self, names: Collection[str], then: Callable[[], None]) -> None:
        self._names = names
        self._then = then
        self._busy = False

    def start(self) -> None:
        """Watch from now on; do nothing where every library is there already."""
        if not all(name in sys.modules for name in self._names):
            sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Watch no more."""
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(self)

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - as importlib calls it
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """What the other finders find, with a call after it."""
        if name not in self._names or self._busy:
            return None
        self._busy = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._busy = False
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            self._then()

        # Some loaders take no attributes; then the next exchange notices the library.
        with contextlib.suppress(AttributeError):
            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
