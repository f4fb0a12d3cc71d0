"""Finds the modules that have a function by its name."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class NameHolders:
    """The modules that have something by a name.

    A module gets its names when it is imported. So all modules are looked into only when there are
    others than before: to look into thousands of them takes as long as all else before a test.

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
        self._named: list[ModuleType] = []

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
            modules = [module for module in loaded if isinstance(module, ModuleType)]
            self._named = [module for module in modules if self._may_have(vars(module))]
        return [module for module in self._named if vars(module).get(self._name) is value]

    def _may_have(self, names: dict[str, Any]) -> bool:
        is_being_imported = getattr(names.get("__spec__"), "_initializing", False)
        return self._name in names or is_being_imported
