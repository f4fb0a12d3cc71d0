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
import sys
import threading
import time
from _thread import allocate_lock, get_ident
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from pytest_parseapi.clock.genuine import GENUINE
from pytest_parseapi.clock.readers import is_tool
from pytest_parseapi.clock.redirect import Redirect
from pytest_parseapi.clock.threads import ThreadStates
from pytest_parseapi.errors import UsageError
from pytest_parseapi.stops import Stops

__all__ = ["MAX_WAITS", "VirtualClock", "Wait"]

MAX_WAITS: Final = 100_000
"""How many sleeps in a row, without a request between them, stop a test."""

_SECOND: Final = 1_000_000_000
# Code that runs between two waits costs no virtual time, or a slow import would count as a wait. A
# busy loop on a deadline does wait: it runs for long, and reads the clock again and again.
_FREE: Final = _SECOND // 4
_BUSY: Final = 200
# A single thread that waits without a time-out is given this long before its test is stopped: a
# signal may still come.
_PATIENCE: Final = 2 * _SECOND
_FIRST_SLICE: Final = 0.0002
_LAST_SLICE: Final = 0.02
_UNTIMED_SLICE: Final = 1.0


class Wait(Protocol):
    """What a thread blocks on: it can end by itself, or by its deadline."""

    def block(self, seconds: float) -> bool:
        """Really block for so long at most; True if what was waited for has come."""

    def over(self) -> bool:
        """Whether it has come, as another thread sees it; must not consume it."""

    def wake(self) -> None:
        """End a `block` under way in another thread; may do nothing."""


class _Sleep:
    """A wait for the deadline alone."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()

    def block(self, seconds: float) -> bool:
        self._lock.acquire(timeout=seconds)
        return False

    def over(self) -> bool:
        return False

    def wake(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._lock.release()


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
        self._idle_waits = 0
        self._free = 0 if real else _FREE
        self._busy = 0 if real else _BUSY
        self.readings = 0
        """How often clocks were read since the last wait or stamp."""
        self.real_work: Callable[[], bool] = _nothing
        """Tells whether something real is under way that no thread of the consumer's shows."""
        self._mutex = allocate_lock()
        # Functions of their own, which stay real while those of ``time`` are redirected.
        self._monotonic: Callable[[], int] = Redirect(GENUINE["monotonic_ns"]).original
        self.read_wall: Callable[[], float] = Redirect(GENUINE["time"]).original
        """What the time would be without jumps."""
        self._jumped = 0
        self._ledger = 0
        self._mark = self._monotonic()
        self._waits: dict[int, tuple[int | None, Wait]] = {}
        self._holds = 0
        self._closed = False
        self._threads = ThreadStates()

    def __repr__(self) -> str:
        return f"<VirtualClock {self.elapsed:.3f} s>"

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the test began."""
        return self.elapsed_ns / _SECOND

    @property
    def elapsed_ns(self) -> int:
        """Virtual nanoseconds since the test began."""
        if self.readings < self._busy:
            return self._ledger
        stretch = self._monotonic() - self._mark
        return self._ledger + (stretch if stretch >= self._free else 0)

    @property
    def jumped_ns(self) -> int:
        """The sum of all jumps: what consumers' clocks show more than real ones."""
        return self._jumped

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
        __tracebackhide__ = True
        if self.real:
            raise UsageError("clock.advance() needs virtual time, and this test has real_time=True")
        if not (isinstance(seconds, (int, float)) and 0 <= seconds < math.inf):
            raise UsageError(f"clock.advance() takes seconds from 0 up, not {seconds!r}")
        with self._mutex:
            self._jump(self.elapsed_ns + round(seconds * _SECOND))

    def stamp(self) -> float:
        """The virtual seconds for the record: code that ran since the last wait costs none."""
        self._idle_waits = 0
        now = self.elapsed_ns
        if now != self._ledger and not self.real:
            self.passed(now)
        else:
            self._rest()
        return now / _SECOND

    def wall(self) -> float:
        """What ``time.time()`` shows the consumer, also where a test has put it elsewhere."""
        if time.time is not GENUINE["time"]:
            return time.time()
        return self.read_wall() + self._jumped / _SECOND

    def sleep(self, seconds: float) -> None:
        """Wait in virtual time, as ``time.sleep`` would in real time."""
        if not isinstance(seconds, float):
            seconds = operator.index(seconds)
        if math.isnan(seconds):
            raise ValueError("Invalid value NaN (not a number)")
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        if seconds > threading.TIMEOUT_MAX:
            raise OverflowError("timestamp out of range for platform time_t")
        self._stops.check()
        if self.real:
            time.sleep(seconds)
        else:
            self.wait(_Sleep(), seconds)

    def wait(self, wait: Wait, seconds: float | None) -> bool:
        """Block the calling thread until ``wait`` is over or its time is up.

        Args:
            wait: what to block on.
            seconds: how long at most, in virtual seconds; None for no limit.

        Returns:
            True if it came, False if the time was up first.
        """
        me = get_ident()
        began = self._monotonic()
        needs = None if seconds is None else round(seconds * _SECOND)
        patience = max(needs or 0, _FREE)
        if needs:
            self._count_wait()
        with self._mutex:
            deadline = None if needs is None else self.elapsed_ns + needs
            self._waits[me] = (deadline, wait)
        self._wake_earliest(deadline)
        slice_ = _FIRST_SLICE if needs is not None else _UNTIMED_SLICE
        try:
            while True:
                if needs is None and self._stuck(wait, began):
                    self._stops.stop(
                        "The consumer would hang for ever: its only thread waits without a "
                        "time-out for something that nothing is left to bring.",
                        kind="hang",
                    )
                if deadline is not None:
                    if self._ledger >= deadline or self._try_jump(deadline):
                        return False
                    if self._monotonic() - began >= patience:
                        self.passed(deadline)
                        return False
                if self._closed:
                    return self._outlived(wait, needs, began)
                if wait.block(slice_):
                    return True
                slice_ = min(slice_ * 2, _LAST_SLICE) if needs is not None else slice_
        finally:
            self._waits.pop(me, None)

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """While something real is under way: no jumps, and the real time it takes counts."""
        with self._mutex:
            self._holds += 1
            before = self.elapsed_ns
        began = self._monotonic()
        try:
            yield
        finally:
            with self._mutex:
                self._holds -= 1
            self.passed(before + self._monotonic() - began)

    def passed(self, until: int) -> None:
        """Note that time really passed up to this reading of `elapsed_ns`."""
        with self._mutex:
            self._ledger = max(self._ledger, until)
            self._rest()

    def close(self) -> None:
        """The test is over: threads that still wait are let go."""
        self._closed = True
        for _, wait in list(self._waits.values()):
            wait.wake()

    def _count_wait(self) -> None:
        self._idle_waits += 1
        if self._idle_waits > MAX_WAITS:
            # From zero again: a loop that the stop has reached still has to wait for its tasks.
            self._idle_waits = 0
            self._stops.stop(
                f"The consumer does not stop: it has waited {MAX_WAITS:,} times in a row without "
                f"asking the API for anything, {self.elapsed:,.0f} virtual seconds in all.",
                kind="fuse",
            )

    def _stuck(self, wait: Wait, began: int) -> bool:
        """Whether the only thread, but for tools, waits for another one, and has for a while."""
        if self._monotonic() - began < _PATIENCE or self._holds or self._closed:
            return False
        if threading._limbo:  # type: ignore[attr-defined]  # threads about to start
            return False
        me = get_ident()
        others = (frame for ident, frame in sys._current_frames().items() if ident != me)
        # Looked at last: a thread that has just ended may have brought it.
        return all(map(is_tool, others)) and not (self.real_work() or wait.over())

    def _outlived(self, wait: Wait, needs: int | None, began: int) -> bool:
        """A wait that its test did not wait for: sleepers end, everything else goes on for real."""
        if isinstance(wait, _Sleep) and self._threads.is_new(get_ident()):
            # Threads end by SystemExit without a report, unless pytest watches them.
            thread: Any = threading.current_thread()
            thread._invoke_excepthook = lambda _thread: None
            raise SystemExit("the simulated test that this thread slept in is over")
        while True:
            left = None if needs is None else (needs - (self._monotonic() - began)) / _SECOND
            if left is not None and left <= 0:
                return False
            if wait.block(60.0 if left is None else min(left, 60.0)):
                return True

    def _try_jump(self, deadline: int) -> bool:
        """Jump to the earliest deadline if that is ours and every other thread is idle."""
        if self._closed or self._holds or not self._idle(deadline) or self.real_work():
            return False
        with self._mutex:
            if self._closed or self._holds:
                return False
            self._jump(deadline)
        return True

    def _wake_earliest(self, deadline: int | None) -> None:
        """Another thread has come to rest: whoever is to jump next looks up now."""
        waits = [entry for entry in list(self._waits.values()) if entry[0] is not None]
        earliest, wait = min(waits, key=_by_deadline, default=(None, None))
        if wait is not None and earliest != deadline:
            wait.wake()

    def _jump(self, to: int) -> None:
        step = to - self.elapsed_ns
        if step > 0:
            self._jumped += step
        self._ledger = max(self._ledger, to)
        self._rest()
        for deadline, wait in list(self._waits.values()):
            if deadline is not None and deadline <= to:
                wait.wake()

    def _rest(self) -> None:
        """What runs from here on is no wait yet."""
        if not self.real:
            self._mark = self._monotonic()
            self.readings = 0

    def _idle(self, deadline: int) -> bool:
        """Whether nothing can happen before a deadline.

        Threads in waits of this clock are at rest until their wait is over; all others must be
        blocked, and only then does what the waits say hold still.
        """
        if threading._limbo:  # type: ignore[attr-defined]  # threads about to start
            return False
        waits = dict(self._waits)
        # A deadline that has come belongs to a thread that runs, though it does not know yet.
        if any(other is not None and other < deadline for other, _ in waits.values()):
            return False
        frames = sys._current_frames()
        if len(frames) > 1:
            others = {ident: frame for ident, frame in frames.items() if ident not in waits}
            if others and not self._threads.all_blocked(others):
                return False
            if self._waits != waits or sys._current_frames().keys() != frames.keys():
                return False
        return not any(wait.over() for _, wait in waits.values()) and self._waits == waits


def _by_deadline(entry: tuple[int | None, Wait]) -> float:
    return math.inf if entry[0] is None else entry[0]
