"""Acts when a library is imported for the first time, in the middle of a test."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Collection, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["AfterImport", "WhenImported"]


class WhenImported(MetaPathFinder):
    """Calls a function with a module: now if it is imported, else as soon as it is.

    Args:
        name: the full name of the module.
        then: what to call, in the thread that imports.
    """

    def __init__(self, name: str, then: Callable[[ModuleType], object]) -> None:
        self._name = name
        self._then = then

    def start(self) -> None:
        """Call it, or wait for the import."""
        module = sys.modules.get(self._name)
        if module is None:
            sys.meta_path.insert(0, self)
        else:
            self._then(module)

    def stop(self) -> None:
        """Wait no more."""
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find the module as Python would, but take note of its import."""
        if name != self._name:
            return None
        spec = self._found(path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Noted(spec, spec.loader, self._imported)
        return spec

    def _found(self, path: Any, target: Any) -> ModuleSpec | None:
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(self._name, path, target)
                if spec is not None:
                    return spec
        return None

    def _imported(self, module: ModuleType) -> None:
        # Whoever only asked whether it is installed may import it later, even after the test.
        if self in sys.meta_path:
            self.stop()
            self._then(module)


class _Noted(Loader):
    """A module's own loader, and a call after it."""

    def __init__(
        self, spec: ModuleSpec, real: Loader, then: Callable[[ModuleType], object]
    ) -> None:
        self._spec = spec
        self._real = real
        self._then = then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # The module never sees this loader: its code may ask its own for files.
        self._spec.loader = module.__loader__ = self._real
        self._real.exec_module(module)
        self._then(module)


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
