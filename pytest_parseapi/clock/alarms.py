"""The timers of ``signal.alarm`` and ``signal.setitimer``, which fire in virtual time.

The system's timer still runs, in real time. Each jump of virtual time shortens it by the length of
the jump, so that it also fires during real work, and ``getitimer`` shows the virtual time left.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import functools
import os
import signal
import threading
from _thread import get_ident
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from pytest_parseapi.clock.blocking import Gate
from pytest_parseapi.clock.callers import caller_of, calling_frame
from pytest_parseapi.clock.elapsed_time import SECOND_NS
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.clock.waiting_thread import WaitingThread
from pytest_parseapi.patching.attributes import Patches

_NOBODY: Final = 0
_handler_of: Final = _signal.getsignal
# A plain number: it is used at each jump, and a member of the enum ``signal.Signals`` is slower.
_ALARM: Final = int(getattr(signal, "SIGALRM", 0))
# Two readings of the same timer differ by less.
_SAME_TIMER_NS: Final = SECOND_NS // 50


class Alarms:
    """Lets the timer ``ITIMER_REAL`` of the process follow one `VirtualClock`.

    Args:
        clock: the clock of the test.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._patches = Patches()
        self._set: Callable[..., Any] = _nothing
        self._get: Callable[..., Any] = _nothing
        self._entry: WaitingThread | None = None
        self._process = 0
        self._interval = 0
        self._until = 0
        self._others: _Reading | None = None

    def start(self) -> None:
        """Let timers fire in virtual time from now on."""
        if not hasattr(signal, "setitimer"):
            return
        self._set, self._get = signal.setitimer, signal.getitimer
        for name in ("alarm", "setitimer"):
            self._patches.put(signal, name, self._setting)
        self._patches.put(signal, "pause", self._pause)
        self._note_others()
        self._clock.jumps.before = self._find

    def stop(self) -> None:
        """Let timers fire in real time again. A timer keeps the virtual time that it has left."""
        self._patches.stop()
        self._clock.jumps.before = self._clock.jumps.after = bool

    def _setting(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Return the replacement of ``signal.alarm`` or ``signal.setitimer``."""
        takes_which = real.__name__ == "setitimer"

        def put(*arguments: Any) -> Any:
            found = real(*arguments)
            if not takes_which or arguments[0] == signal.ITIMER_REAL:
                self._forget()
                seconds, *interval = arguments[takes_which:]
                if caller_of(calling_frame()).is_real:
                    self._note_others()
                elif seconds > 0:
                    self._interval = round(interval[0] * SECOND_NS) if interval else 0
                    self._note(self._clock.elapsed_time.now() + round(seconds * SECOND_NS))
            return found

        put.__name__ = put.__qualname__ = real.__name__
        put.__module__ = "signal"
        put.__doc__ = real.__doc__
        return put

    def _pause(self, real: Callable[[], None]) -> Callable[[], None]:
        @functools.wraps(real)
        def pause() -> None:
            self._find()
            if self._entry is None or self._clock.closed or caller_of(calling_frame()).is_real:
                real()
            else:
                self._clock.wait(_Pause(), None)

        return pause

    def _note_others(self) -> None:
        """Keep a timer that is not the consumer's, such as a time-out of pytest: it stays real."""
        self._others = self._read()

    def _read(self) -> _Reading:
        """Read the system's timer. On a busy machine, much time may pass between two calls."""
        before = self._clock.elapsed_time.monotonic()
        left, interval = self._get(signal.ITIMER_REAL)
        after, nanoseconds = self._clock.elapsed_time.monotonic(), round(left * SECOND_NS)
        return _Reading(left, interval, before + nanoseconds, after + nanoseconds)

    def _note(self, deadline: int) -> None:
        """Note that the consumer has set a timer."""
        if not self._clock.closed:
            self._process = os.getpid()
            self._entry = WaitingThread(_Timer(self._fire))
            self._entry.ident = _NOBODY
            self._note_real(deadline - self._clock.elapsed_time.passed_ns)
            self._clock.jumps.after = self._shorten
            self._clock.jumps.expect(self._entry, deadline)

    def _note_real(self, left: int) -> None:
        self._until = self._clock.elapsed_time.monotonic() + left

    def _forget(self) -> None:
        if self._entry is not None:
            self._entry.deadline = None
            self._entry = None
            self._clock.jumps.after = bool

    # What follows is called with the clock's lock held.

    def _find(self) -> None:
        """Before a jump, look for a timer that was set by a reference to the real function."""
        # Without a handler it would end the process; to ask for that costs much less.
        if self._entry is None and callable(_handler_of(_ALARM)):
            found = self._read()
            if found.left and not found.is_same(self._others):
                self._interval = round(found.interval * SECOND_NS)
                self._note(self._clock.elapsed_time.passed_ns + round(found.left * SECOND_NS))

    def _shorten(self) -> None:
        """After a jump, let the system's timer fire earlier by the length of the jump."""
        entry, passed = self._entry, self._clock.elapsed_time.passed_ns
        if entry is None or entry.deadline is None or entry.deadline <= passed:
            return
        left, interval = self._get(signal.ITIMER_REAL)
        if not left or self._has_fired():
            return
        until = max(entry.deadline - passed, 1000)
        self._set(signal.ITIMER_REAL, until / SECOND_NS, interval)
        self._note_real(until)

    def _has_fired(self) -> bool:
        """Whether the system's timer has fired already."""
        return self._clock.elapsed_time.monotonic() >= self._until

    def _fire(self) -> None:
        """Run the handler: virtual time has reached the deadline of the timer."""
        entry, deadline = self._entry, self._clock.elapsed_time.passed_ns
        left, interval = self._get(signal.ITIMER_REAL)
        self._forget()
        if entry is None or self._process != os.getpid() or not left:
            return
        has_fired = self._has_fired()
        self._set(signal.ITIMER_REAL, interval, interval)
        if interval:
            self._note(deadline + self._interval)
        if not has_fired:
            self._clock.jumps.interrupt(threading.main_thread().ident or get_ident())


def _nothing(*_arguments: Any) -> None:
    pass


class _Reading(NamedTuple):
    """One reading of the system's timer."""

    left: float
    interval: float
    earliest: int
    """The earliest time at which the timer fires, by the monotonic clock."""
    latest: int

    def is_same(self, other: _Reading | None) -> bool:
        """Whether another reading may be of the same timer."""
        if other is None or not other.left:
            return False
        return (
            self.earliest - _SAME_TIMER_NS <= other.latest
            and other.earliest - _SAME_TIMER_NS <= self.latest
        )


class _Pause(Gate):
    """The wait of ``signal.pause`` until a handler has run."""

    __slots__ = ("_prepared",)

    def __init__(self) -> None:
        super().__init__()
        self._prepared = 0

    def prepare(self) -> None:
        """Get ready to block, for the first time or after a handler has run."""
        super().prepare()
        self._prepared += 1

    def try_take(self) -> bool:
        """Whether a handler has run."""
        return self._prepared > 1


class _Timer(Gate):
    """A timer as an entry among the waiting threads."""

    __slots__ = ("_fire",)

    def __init__(self, fire: Callable[[], None]) -> None:
        super().__init__()
        self._fire = fire

    def wake(self) -> None:
        """Fire the timer."""
        self._fire()
