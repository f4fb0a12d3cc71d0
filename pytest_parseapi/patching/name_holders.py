"""Finds the modules that have a function by its name."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class NameHolders:
    """The modules that have something by a name.

    The namespaces of the loaded modules are kept for as long as the same modules are loaded: with
    thousands of modules, to collect them takes as long as all else before a test.

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
        self._namespaces: list[tuple[ModuleType, dict[str, Any]]] = []

    def of(self, value: object) -> list[ModuleType]:
        """The modules in which the name means a value now.

        Args:
            value: what it means.
        """
        loaded = list(sys.modules.values())
        ids = list(map(id, loaded))
        if ids != self._ids:
            self._loaded, self._ids = loaded, ids
            # Some put other objects into sys.modules.
            self._namespaces = [
                (item, vars(item)) for item in loaded if isinstance(item, ModuleType)
            ]
        name = self._name
        return [module for module, names in self._namespaces if names.get(name) is value]
