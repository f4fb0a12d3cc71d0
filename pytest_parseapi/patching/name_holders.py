"""Finds the modules that have a function by its name."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class NameHolders:
    """The modules that have something by a name.

    All modules are looked into only when there are others than before, or when one of them has got
    or lost a name: to look into thousands of them takes as long as all else before a test.

    Args:
        name: the name.

    Example:
        >>> [module.__name__ for module in NameHolders("NameHolders").of(NameHolders)]
        ['pytest_parseapi.patching.name_holders']
    """

    def __init__(self, name: str) -> None:
        self._name = name
        # They are kept, so that no other module gets the id of one of them.
        self._loaded: list[Any] = []
        self._ids: list[int] = []
        self._names: list[dict[str, Any]] = []
        self._sizes: list[int] = []
        self._named: list[ModuleType] = []

    def of(self, value: object) -> list[ModuleType]:
        """The modules in which the name means a value now.

        Args:
            value: what it means.
        """
        loaded = list(sys.modules.values())
        ids = list(map(id, loaded))
        if ids != self._ids or list(map(len, self._names)) != self._sizes:
            # Some put other objects into sys.modules.
            modules = [module for module in loaded if isinstance(module, ModuleType)]
            self._loaded, self._ids = loaded, ids
            self._names = list(map(vars, modules))
            self._sizes = list(map(len, self._names))
            self._named = [module for module in modules if self._name in vars(module)]
        return [module for module in self._named if vars(module).get(self._name) is value]
