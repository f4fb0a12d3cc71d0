"""Virtual time for one test: `start` installs all its parts, and `stop` removes them."""

from __future__ import annotations

import random
import selectors
from collections.abc import Callable
from typing import Any

from pytest_parseapi.clock.alarms import Alarms
from pytest_parseapi.clock.loops import LoopWaits
from pytest_parseapi.clock.real_input import RealInput
from pytest_parseapi.clock.real_timers import RealTimers
from pytest_parseapi.clock.signals import SignalWaits
from pytest_parseapi.clock.takeover import take_over
from pytest_parseapi.clock.thread_waits import ThreadWaits
from pytest_parseapi.clock.virtual_clock import VirtualClock


class VirtualTime:
    """Installs a `VirtualClock` in the process and takes it out again.

    Args:
        clock: the clock of the test; with ``clock.real`` nothing is installed but the seed.
        idle: returns whether a loop's selector key belongs to a connection at rest.
    """

    def __init__(
        self,
        clock: VirtualClock,
        idle: Callable[[selectors.SelectorKey], bool] = lambda _key: False,
    ) -> None:
        self.clock = clock
        self._idle = idle
        self._waits: ThreadWaits | None = None
        self._loops: LoopWaits | None = None
        self._alarms: Alarms | None = None
        self._timers: RealTimers | None = None
        self._signals: SignalWaits | None = None
        self._input: RealInput | None = None
        self._random: Any = None

    def start(self) -> None:
        """Make time virtual, and the global ``random`` the same in each run."""
        self._random = random.getstate()
        self.seed()
        if not self.clock.real:
            functions = take_over()
            functions.hold()
            functions.begin(self.clock)
            self._waits = ThreadWaits(self.clock)
            self._waits.start()
            self._loops = LoopWaits(self.clock, self._idle)
            self._loops.start()
            self._alarms = Alarms(self.clock)
            self._alarms.start()
            self._signals = SignalWaits(self.clock)
            self._signals.start()
            self._input = RealInput(self.clock)
            self._input.start()
            self._timers = RealTimers(self.clock)
            self._timers.start()

    def seed(self, number: int = 0) -> None:
        """Seed the global ``random``."""
        random.seed(number)

    def catch_up(self) -> None:
        """Replace the methods of event loops that were imported since the start."""
        if self._loops is not None:
            self._loops.catch_up()

    def stop(self) -> None:
        """Restore everything, also if `start` failed half way."""
        try:
            if self._timers is not None:
                self._timers.stop()
            if self._input is not None:
                self._input.stop()
            if self._signals is not None:
                self._signals.stop()
            if self._alarms is not None:
                self._alarms.stop()
            if self._waits is not None:
                self._waits.stop()
        finally:
            self.clock.close()
            if not self.clock.real and self._random is not None:
                functions = take_over()
                functions.end(self.clock)
                if self._loops is not None:
                    self._loops.stop()
                functions.release()
            if self._random is not None:
                random.setstate(self._random)
                self._random = None
