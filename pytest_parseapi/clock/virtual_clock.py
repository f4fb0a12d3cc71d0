"""Virtual time: it jumps over waits, while real time continues.

There are two readings. The consumer's ``time.time()`` and similar functions show the real clock
plus every jump, so that code that waits for real progress does not hang. The record and the
stdlib's timers use `VirtualClock.elapsed`: the waits alone, without the milliseconds that
code takes to run between them, so that a wait of one second is on record as exactly one.
"""

from __future__ import annotations

import math
import operator
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from pytest_parseapi.clock import FUNCTIONS
from pytest_parseapi.clock.blocked_wait import BlockedWait
from pytest_parseapi.clock.blocking import Sleep, Wait
from pytest_parseapi.clock.elapsed_time import SECOND_NS, ElapsedTime
from pytest_parseapi.clock.endless_waits import EndlessWaits
from pytest_parseapi.clock.jumps import Jumps
from pytest_parseapi.clock.threads import Threads
from pytest_parseapi.model.mistakes import UsageError, number_of
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.patching.attributes import set_on


def _bad_duration(seconds: float) -> Exception:
    """The exception of ``time.sleep`` for a duration that it does not accept."""
    if math.isnan(seconds):
        return ValueError("Invalid value NaN (not a number)")
    if seconds < 0 and not math.isinf(seconds):
        return ValueError("sleep length must be non-negative")
    return OverflowError("timestamp out of range for platform time_t")


class VirtualClock:
    """The time of one simulated test.

    Example:
        >>> clock = VirtualClock()
        >>> clock.advance(60)
        >>> clock.elapsed
        60.0
    """

    def __init__(self, *, real: bool = False, stops: Stops | None = None) -> None:
        self.real = real
        self._stops = Stops() if stops is None else stops
        self.read_wall: Callable[[], float] = FUNCTIONS["time"]
        """Reads the real time, without jumps."""
        self.elapsed_time = ElapsedTime(real=real)
        """The virtual time that has passed."""
        self.began: dict[str, Any] = {}
        """The readings of the monotonic clocks when the test began."""
        self._endless = EndlessWaits(self._stops, self.elapsed_time)
        self.jumps = Jumps(self.elapsed_time, self._endless)
        """Decides when time jumps."""
        self._threads = self.jumps.threads
        self._older = self._threads.unregistered.first
        self._is_installed = False

    def __repr__(self) -> str:
        return f"<VirtualClock {self.elapsed:.3f} s>"

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the test began."""
        return self.elapsed_time.now() / SECOND_NS

    @property
    def elapsed_ns(self) -> int:
        """Virtual nanoseconds since the test began."""
        return self.elapsed_time.now()

    @property
    def jumped_ns(self) -> int:
        """The sum of all jumps: how far the consumer's clocks are ahead of the real ones."""
        return self.elapsed_time.jumped_ns

    @property
    def ahead(self) -> float:
        """How many seconds the monotonic clock of the stdlib's timers is ahead of the real one."""
        began: float = self.began["monotonic"]
        return began + (self.elapsed_time.now() - self.elapsed_time.monotonic()) / SECOND_NS

    @property
    def closed(self) -> bool:
        """Whether the test is over."""
        return self.jumps.closed

    def install(
        self,
        threads: Threads,
        real: Mapping[str, Callable[..., Any]],
        nested: Callable[[], bool],
    ) -> None:
        """Make this the clock of the process.

        Args:
            threads: the threads of the process.
            real: the real functions of ``time``, by name.
            nested: returns whether a nested test, with a clock of its own, runs now.
        """
        self._is_installed = True
        self.jumps.is_nested_test_running = nested
        self.jumps.threads = self._threads = threads
        self._threads.ended = self.jumps.look
        self._threads.test_begins()
        # To the next test, every thread of this one is older too.
        self._older = self._threads.unregistered.first
        monotonic = real["monotonic_ns"]
        self.elapsed_time.monotonic = self._threads.unregistered.monotonic = monotonic
        self.read_wall = real["time"]
        for name in ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"):
            self.began[name] = real[name]()

    def advance(self, seconds: float) -> None:
        """Let virtual time pass at once. Waits whose deadline is reached end.

        Args:
            seconds: how far to go; not negative.

        Raises:
            UsageError: the number is negative, or the test runs in real time.
        """
        if self.real:
            raise UsageError("clock.advance() needs virtual time, and this test has real_time=True")
        number = number_of(seconds)
        if number is None or not 0 <= number < math.inf:
            raise UsageError(f"clock.advance() takes seconds >= 0, not {seconds!r}")
        if number > threading.TIMEOUT_MAX:
            most = f"{threading.TIMEOUT_MAX:,.0f} seconds, as time.sleep()"
            raise UsageError(f"clock.advance() takes at most {most}, not {seconds!r}")
        with self.jumps.alone():
            self.jumps.jump(self.elapsed_time.now() + round(seconds * SECOND_NS))

    @property
    def waits_in_a_row(self) -> int:
        """The number of waits since the last request."""
        return self._endless.in_a_row

    def stamp(self) -> float:
        """The virtual seconds for the record, without the run time of code since the last wait."""
        self._endless.in_a_row = 0
        if self.jumps.children.found:
            self.jumps.children.forget()
        elapsed = self.elapsed_time
        if elapsed.reads < elapsed.busy_loop_reads:
            elapsed.restart_stretch()
            return elapsed.passed_ns / SECOND_NS
        now = elapsed.now()
        if now != elapsed.passed_ns and not self.real:
            self.jumps.passed(now)
        else:
            elapsed.restart_stretch()
        return now / SECOND_NS

    def wall(self) -> float:
        """The consumer's ``time.time()``, also if a test has replaced it."""
        if time.time is not FUNCTIONS["time"]:
            return time.time()
        return self.read_wall() + self.elapsed_time.jumped_ns / SECOND_NS

    def sleep(self, seconds: float) -> None:
        """Wait in virtual time, as ``time.sleep`` would in real time."""
        if not isinstance(seconds, float):
            seconds = operator.index(seconds)
        if not 0 <= seconds <= threading.TIMEOUT_MAX:
            raise _bad_duration(seconds)
        self._stops.check()
        if self.real:
            time.sleep(seconds)
        elif not self.jumps.pass_at_once(seconds):
            self.wait(Sleep(), seconds)

    def wait(
        self, wait: Wait, seconds: float | None, *, key: int = 0, polled: bool = False
    ) -> bool:
        """Block the calling thread until ``wait`` is over or its time is up.

        Args:
            wait: what to block on.
            seconds: how long at most, in virtual seconds; None for no limit.
            key: the identity of the lock or queue that other threads notify; 0 for none.
            polled: whether no other thread ends the wait, so that it has to be polled.

        Returns:
            True if the thread got what it waits for, False if the time was up first.
        """
        blocked = BlockedWait(
            self.jumps, self.elapsed_time, self._endless, wait, seconds, key=key, polled=polled
        )
        taken = blocked.run()
        if taken is not None:
            return taken
        if wait.is_sleep and blocked.ident not in self._older:
            # Threads end by SystemExit without a report, unless pytest watches them.
            set_on(threading.current_thread(), "_invoke_excepthook", lambda _thread: None)
            raise SystemExit("the simulated test that this thread slept in is over")
        return blocked.run_after_test(self.ahead)

    def close(self) -> None:
        """End the waits of threads that still wait. Called when the test is over."""
        self.jumps.closed = True
        with self.jumps.alone():
            for entry in self._threads.waiting():
                if entry.interruptible and not entry.wait.is_sleep:
                    self._threads.leave(entry)
                # A loop looks again by itself: woken, it might run while the next test begins.
                if entry.wait.takes or not entry.polled:
                    entry.wait.wake()
            self.jumps.deadlines.clear()
            if self._is_installed:
                self._threads.test_ends()
