"""The stops of one test: once it is stopped, nothing is simulated any more."""

from __future__ import annotations

from typing import Literal, NoReturn

from pytest_parseapi.errors import SimulationStopped

__all__ = ["StopKind", "Stops"]

StopKind = Literal["miss", "fuse", "hang"]


class Stops:
    """Remembers why a test was stopped, so that a consumer cannot swallow it."""

    def __init__(self) -> None:
        self.message: str | None = None
        self.kind: StopKind = "miss"
        """What stopped the test: the test's own mistake, or what the consumer would do for ever."""

    def stop(self, message: str, kind: StopKind = "miss") -> NoReturn:
        """Stop the test.

        Raises:
            SimulationStopped: always.
        """
        __tracebackhide__ = True
        if self.message is None:
            self.message = message
            self.kind = kind
        raise SimulationStopped(self.message)

    def check(self) -> None:
        """Raise again if the test was stopped."""
        __tracebackhide__ = True
        if self.message is not None:
            raise SimulationStopped(self.message)
