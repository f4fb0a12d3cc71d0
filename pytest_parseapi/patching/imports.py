"""Calls functions when a module is imported for the first time, even during a test."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class ImportHook(MetaPathFinder):
    """Calls functions with modules: now if a module is imported, else as soon as it is.

    It is on ``sys.meta_path`` only while it waits for something.

    Example:
        >>> hook = ImportHook()
        >>> hook.when("json", lambda module: print(module.__name__))
        json
        >>> hook.stop()
    """

    def __init__(self) -> None:
        self._waiting: dict[str, list[Callable[[ModuleType], object]]] = {}

    def when(self, name: str, then: Callable[[ModuleType], object]) -> None:
        """Call a function with a module, now or in the thread that imports it.

        Args:
            name: the full name of the module.
            then: what to call.
        """
        module = sys.modules.get(name)
        if module is not None and name not in self._waiting:
            then(module)
            return
        self._waiting.setdefault(name, []).append(then)
        if self not in sys.meta_path:
            others = (n for n, found in enumerate(sys.meta_path) if not _stays_in_front(found))
            sys.meta_path.insert(next(others, 0), self)

    def stop(self) -> None:
        """Stop waiting for imports."""
        self._waiting.clear()
        self._leave()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find the module as Python would, with a loader that calls the functions."""
        if name not in self._waiting or self not in sys.meta_path:
            return None
        spec = self._found(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _NotedLoader(spec, spec.loader, self._imported)
        return spec

    def _found(self, name: str, path: Any, target: Any) -> ModuleSpec | None:
        # The finders before this one have been asked.
        finders = list(sys.meta_path)
        for finder in finders[finders.index(self) + 1 :]:
            if hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    return spec
        return None

    def _imported(self, name: str, module: ModuleType) -> None:
        # Code that only asked whether it is installed may import it later, even after the test.
        for then in self._waiting.pop(name, ()):
            then(module)
        if not self._waiting:
            self._leave()

    def _leave(self) -> None:
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(self)


def _stays_in_front(finder: object) -> bool:
    """Whether a finder is one of pyfakefs, which removes the first finder, and expects its own."""
    return type(finder).__module__.partition(".")[0] == "pyfakefs"


class _NotedLoader(Loader):
    """Runs a module's own loader, and then a call."""

    def __init__(
        self, spec: ModuleSpec, real: Loader, then: Callable[[str, ModuleType], object]
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
        self._then(self._spec.name, module)
