"""Gets on with time-machine, which takes the same functions over in the same place."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from pytest_parseapi.patching.attributes import set_on

_FUNCTIONS: Final = ("patch", "patch_if_needed", "unpatch")


class TimeMachine:
    """Lets time-machine find the clock functions as they are without us, also between tests.

    Args:
        without: calls a function while nothing is taken over.
    """

    def __init__(self, without: Callable[[Callable[[], Any]], Any]) -> None:
        self._without = without
        self._module: Any = None
        # It remembers what it finds when it is imported, and what we put in place is no C function.
        with contextlib.suppress(ImportError):
            self._module = import_module("_time_machine")
        self._real: dict[str, Callable[[], Any]] = {
            name: vars(self._module)[name]
            for name in _FUNCTIONS
            if self._module is not None and name in vars(self._module)
        }

    def take(self) -> None:
        """Stand aside from now on whenever it begins or ends."""
        for name, real in self._real.items():
            set_on(self._module, name, functools.partial(self._without, real))

    def give_back(self) -> None:
        """Let its functions be themselves again."""
        for name, real in self._real.items():
            set_on(self._module, name, real)
