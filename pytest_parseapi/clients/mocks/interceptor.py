"""The interceptor of a library of mocks: it records the answers of the mocks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.patching.function_bodies import FunctionBodies
from pytest_parseapi.patching.imports import ImportHook


class MockInterceptor(ABC):
    """Takes over the functions by which a library of mocks answers, as soon as it is imported."""

    module: ClassVar[str]
    """Where these functions are."""

    def __init__(self) -> None:
        self._imports = ImportHook()
        self._function_bodies = FunctionBodies()

    def start(self, hosts: SimulatedHosts) -> None:
        """Record what the mocks answer from now on."""
        self._imports.when(self.module, lambda module: self._take_over(module, hosts))

    def stop(self) -> None:
        """Stop recording."""
        self._imports.stop()
        self._function_bodies.stop()

    @abstractmethod
    def _take_over(self, module: Any, hosts: SimulatedHosts) -> None:
        """Replace the body of each function."""

    def _put(self, owner: type, name: str, make: Callable[[Any], Any]) -> None:
        """Replace the body of a method.

        Args:
            owner: its class.
            name: its name.
            make: makes the replacement; called with a function that does what the real one did.
        """
        self._function_bodies.put(vars(owner)[name], make)
