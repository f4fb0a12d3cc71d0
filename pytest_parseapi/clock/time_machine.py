"""Makes room for time-machine, which takes over the same functions in the same way."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from pytest_parseapi.patching.attributes import set_on

_FUNCTIONS: Final = ("patch", "patch_if_needed", "unpatch")


class TimeMachine:
    """Gives the real clock functions back while time-machine starts or stops, also between tests.

    Args:
        without: calls a function while nothing is taken over.
    """

    def __init__(self, without: Callable[[Callable[[], Any]], Any]) -> None:
        self._without = without
        self._module: Any = None
        # When it is imported, it keeps the functions that it finds, which have to be those of C.
        with contextlib.suppress(ImportError):
            self._module = import_module("_time_machine")
        self._real: dict[str, Callable[[], Any]] = {
            name: vars(self._module)[name]
            for name in _FUNCTIONS
            if self._module is not None and name in vars(self._module)
        }

    def take(self) -> None:
        """From now on, give the clock functions back whenever time-machine starts or stops."""
        for name, real in self._real.items():
            set_on(self._module, name, functools.partial(self._without, real))

    def give_back(self) -> None:
        """Restore the functions of time-machine."""
        for name, real in self._real.items():
            set_on(self._module, name, real)
