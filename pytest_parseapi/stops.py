"""The stops of one test: once it is stopped, nothing is simulated any more."""

from __future__ import annotations

from typing import NoReturn

from pytest_parseapi.errors import SimulationStopped

__all__ = ["Stops"]


class Stops:
    """Remembers why a test was stopped, so that a consumer cannot swallow it."""

    def __init__(self) -> None:
        self.message: str | None = None

    def stop(self, message: str) -> NoReturn:
        """Stop the test.

        Raises:
            SimulationStopped: always.
        """
        __tracebackhide__ = True
        if self.message is None:
            self.message = message
        raise SimulationStopped(self.message)

    def check(self) -> None:
        """Raise again if the test was stopped."""
        __tracebackhide__ = True
        if self.message is not None:
            raise SimulationStopped(self.message)
