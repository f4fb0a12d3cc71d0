"""Virtual time for one test: everything is in place between `start` and `stop`."""

from __future__ import annotations

import random
import selectors
from collections.abc import Callable
from typing import Any

from pytest_parseapi.clock.loops import LoopWaits
from pytest_parseapi.clock.natives import NativeWaits
from pytest_parseapi.clock.readings import Readings
from pytest_parseapi.clock.virtual import VirtualClock
from pytest_parseapi.clock.waits import Waits

__all__ = ["VirtualTime"]


class VirtualTime:
    """Installs a `VirtualClock` in the process and takes it out again.

    Args:
        clock: the clock of the test; with ``clock.real`` nothing is installed but the seed.
        idle: tells whether a loop's selector key stands for a connection at rest.
    """

    def __init__(
        self,
        clock: VirtualClock,
        idle: Callable[[selectors.SelectorKey], bool] = lambda _key: False,
    ) -> None:
        self.clock = clock
        self._readings = Readings(clock)
        self._waits = Waits(clock)
        self._loops = LoopWaits(clock, idle)
        self._natives = NativeWaits(clock)
        self._random: Any = None

    def start(self) -> None:
        """Make time virtual, and the global ``random`` the same in each run."""
        self._random = random.getstate()
        self.seed()
        if not self.clock.real:
            self._readings.start()
            self._waits.start()
            self._loops.start()
            self._natives.start()

    def seed(self, number: int = 0) -> None:
        """Seed the global ``random``."""
        random.seed(number)

    def catch_up(self) -> None:
        """Reach event loops that were imported since the start."""
        if not self.clock.real:
            self._loops.catch_up()

    def stop(self) -> None:
        """Put everything back, also where `start` failed half way."""
        try:
            if not self.clock.real:
                ahead = self._readings.ahead()
                self._natives.stop()
                self._loops.stop()
                self._waits.stop()
                self._readings.stop()
                self._loops.set_back(ahead)
        finally:
            self.clock.close()
            if self._random is not None:
                random.setstate(self._random)
