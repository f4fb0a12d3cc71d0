"""Virtual time: it jumps over waits, and real time goes on underneath.

Two readings serve two needs. What a consumer reads from ``time.time()`` and its kin is the real
clock plus every jump, so that nothing that waits for real progress hangs. What the record and the
stdlib's own timers use is `VirtualClock.elapsed`: the waits alone, and not the milliseconds that
code takes to run between them, so that a wait of one second is on record as exactly one.
"""

from __future__ import annotations

import contextlib
import math
import operator
import threading
import time
from _thread import allocate_lock, get_ident
from collections.abc import Callable, Iterator
from typing import Any, Final

from pytest_parseapi.clock.blocking import Sleep, Wait
from pytest_parseapi.clock.endless import EndlessWaits
from pytest_parseapi.clock.genuine import GENUINE
from pytest_parseapi.clock.ledger import FREE, SECOND, Ledger
from pytest_parseapi.clock.threads import ThreadStates, only_tools_run_beside
from pytest_parseapi.clock.waiters import Waiters
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.patching.functions import Redirect

__all__ = ["VirtualClock"]

# A single thread that waits without a time-out is given this long before its test is stopped: a
# signal may still come.
_PATIENCE: Final = 2 * SECOND
_FIRST_SLICE: Final = 0.0002
_LAST_SLICE: Final = 0.02
_UNTIMED_SLICE: Final = 1.0


def _nothing() -> bool:
    return False


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
        self.real_work: Callable[[], bool] = _nothing
        """Tells whether something real is under way that no thread of the consumer's shows."""
        self.read_wall: Callable[[], float] = Redirect(GENUINE["time"]).original
        """What the time would be without jumps."""
        self.ledger = Ledger(real=real)
        """What has passed, for those who show it."""
        self._endless = EndlessWaits(self._stops, self.ledger)
        self._mutex = allocate_lock()
        self._holds = 0
        self._closed = False
        self._threads = ThreadStates()
        self._waiters = Waiters(self._threads)

    def __repr__(self) -> str:
        return f"<VirtualClock {self.elapsed:.3f} s>"

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the test began."""
        return self.ledger.now() / SECOND

    @property
    def elapsed_ns(self) -> int:
        """Virtual nanoseconds since the test began."""
        return self.ledger.now()

    @property
    def jumped_ns(self) -> int:
        """The sum of all jumps: what consumers' clocks show more than real ones."""
        return self.ledger.jumped

    @property
    def closed(self) -> bool:
        """Whether the test is over."""
        return self._closed

    def advance(self, seconds: float) -> None:
        """Let virtual time pass at once; waits that end within it end.

        Args:
            seconds: how far to go; not negative.

        Raises:
            UsageError: the number is negative, or the test runs in real time.
        """
        if self.real:
            raise UsageError("clock.advance() needs virtual time, and this test has real_time=True")
        if not (isinstance(seconds, (int, float)) and 0 <= seconds < math.inf):
            raise UsageError(f"clock.advance() takes seconds from 0 up, not {seconds!r}")
        with self._mutex:
            self._jump(self.ledger.now() + round(seconds * SECOND))

    def stamp(self) -> float:
        """The virtual seconds for the record: code that ran since the last wait costs none."""
        self._endless.in_a_row = 0
        ledger = self.ledger
        now = ledger.now()
        if now != ledger.noted and not self.real:
            self.passed(now)
        else:
            ledger.rest()
        return now / SECOND

    def wall(self) -> float:
        """What ``time.time()`` shows the consumer, also where a test has put it elsewhere."""
        if time.time is not GENUINE["time"]:
            return time.time()
        return self.read_wall() + self.ledger.jumped / SECOND

    def sleep(self, seconds: float) -> None:
        """Wait in virtual time, as ``time.sleep`` would in real time."""
        if not isinstance(seconds, float):
            seconds = operator.index(seconds)
        if math.isnan(seconds):
            raise ValueError("Invalid value NaN (not a number)")
        if math.isinf(seconds):
            raise OverflowError("timestamp out of range for platform time_t")
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        if seconds > threading.TIMEOUT_MAX:
            raise OverflowError("timestamp out of range for platform time_t")
        self._stops.check()
        if self.real:
            time.sleep(seconds)
        else:
            self.wait(Sleep(), seconds)

    def wait(self, wait: Wait, seconds: float | None) -> bool:
        """Block the calling thread until ``wait`` is over or its time is up.

        Args:
            wait: what to block on.
            seconds: how long at most, in virtual seconds; None for no limit.

        Returns:
            True if it came, False if the time was up first.
        """
        ledger, waiters = self.ledger, self._waiters
        began = ledger.monotonic()
        needs = None if seconds is None else round(seconds * SECOND)
        patience = max(needs or 0, FREE)
        if needs:
            self._endless.count()
        with self._mutex:
            deadline = None if needs is None else ledger.now() + needs
            waiters.add(deadline, wait)
        waiters.wake_earliest(deadline)
        slice_ = _FIRST_SLICE if needs is not None else _UNTIMED_SLICE
        try:
            while True:
                if needs is None and self._stuck(wait, began):
                    self._endless.hang()
                if deadline is not None:
                    if ledger.noted >= deadline or self._try_jump(deadline):
                        ledger.expired = deadline
                        return False
                    if ledger.monotonic() - began >= patience:
                        self.passed(deadline)
                        ledger.expired = deadline
                        return False
                if self._closed:
                    return self._outlived(wait, needs, began)
                if wait.block(slice_):
                    return True
                slice_ = min(slice_ * 2, _LAST_SLICE) if needs is not None else slice_
        finally:
            waiters.remove()

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """While something real is under way: no jumps, and the real time it takes counts."""
        with self._mutex:
            self._holds += 1
            before = self.ledger.now()
        began = self.ledger.monotonic()
        try:
            yield
        finally:
            with self._mutex:
                self._holds -= 1
            self.passed(before + self.ledger.monotonic() - began)

    def passed(self, until: int) -> None:
        """Note that time really passed up to this reading of `elapsed_ns`."""
        with self._mutex:
            self.ledger.note(until)

    def close(self) -> None:
        """The test is over: threads that still wait are let go."""
        self._closed = True
        self._waiters.wake_all()

    def _stuck(self, wait: Wait, began: int) -> bool:
        """Whether the only thread, but for tools, waits for another one, and has for a while."""
        if self.ledger.monotonic() - began < _PATIENCE or self._holds or self._closed:
            return False
        # Looked at last: a thread that has just ended may have brought it.
        return only_tools_run_beside(get_ident()) and not (self.real_work() or wait.over())

    def _outlived(self, wait: Wait, needs: int | None, began: int) -> bool:
        """A wait that its test did not wait for: sleepers end, everything else goes on for real."""
        if isinstance(wait, Sleep) and self._threads.is_new(get_ident()):
            # Threads end by SystemExit without a report, unless pytest watches them.
            thread: Any = threading.current_thread()
            thread._invoke_excepthook = lambda _thread: None
            raise SystemExit("the simulated test that this thread slept in is over")
        while True:
            left = None if needs is None else (needs - (self.ledger.monotonic() - began)) / SECOND
            if left is not None and left <= 0:
                return False
            if wait.block(60.0 if left is None else min(left, 60.0)):
                return True

    def _try_jump(self, deadline: int) -> bool:
        """Jump to the earliest deadline if that is ours and every other thread is idle."""
        if self._closed or self._holds:
            return False
        if not self._waiters.rest_until(deadline) or self.real_work():
            return False
        with self._mutex:
            if self._closed or self._holds:
                return False
            self._jump(deadline)
        return True

    def _jump(self, to: int) -> None:
        self.ledger.jump(to)
        self._waiters.wake_due(to)
