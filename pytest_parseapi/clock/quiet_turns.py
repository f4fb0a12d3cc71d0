"""Turns of asyncio's loops that wait for nothing but time.

In each turn, asyncio asks the system for input, and reads the loop's clock before and after. A loop
that has no sockets, while no other thread works, needs neither: a day of polls takes less time.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable, Sized
from heapq import heappop
from types import FunctionType
from typing import Any, Final

from pytest_parseapi.clock.loop_clocks import LoopClocks
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.patching.attributes import set_on

LOOP_ATTRIBUTE: Final = "__parseapi_loop__"
"""Where a selector keeps, during a test, which loop it is of."""
# The most that asyncio waits at once.
_MAX_SECONDS: Final = 24 * 3600


class KnownLoop:
    """A loop that waits by a selector; this does not keep the loop alive.

    Args:
        loop: the loop.
        selector: what it waits by.
        plain: whether that has no other method for it than asyncio's own.
    """

    __slots__ = ("files", "loop", "plain", "ready", "signal_handlers")

    def __init__(self, loop: Any, selector: Any, *, plain: bool) -> None:
        self.plain = plain
        self.loop: weakref.ref[Any] = weakref.ref(loop)
        self.ready: Sized = loop._ready
        """The callbacks to be called next."""
        self.files: Sized = selector._fd_to_key
        """What it looks at: with one, that by which other threads wake it."""
        self.signal_handlers: Sized = getattr(loop, "_signal_handlers", ())

    def is_quiet(self) -> bool:
        """Whether nothing comes by the selector but what `ready` shows as well."""
        return len(self.files) == 1 and not self.signal_handlers

    def has_callbacks(self) -> bool:
        """Whether another thread has given the loop something to call."""
        return len(self.ready) > 0

    def wake(self) -> None:
        """Let the loop look at its timers; it may be closed."""
        loop = self.loop()
        if loop is not None:
            loop._write_to_self()


class QuietTurns:
    """Turns of loops to which nothing comes but their callbacks and timers.

    Args:
        clock: the clock of the test.
        clocks: those of loops.
    """

    def __init__(self, clock: VirtualClock, clocks: LoopClocks) -> None:
        self._elapsed_time = clock.elapsed_time
        self._jumps = clock.jumps
        self._is_only_thread = clock.jumps.threads.is_only_thread
        self._clocks = clocks

    def take(self, real: Callable[[Any], None]) -> Callable[[Any], None]:
        """The method that takes a turn.

        Args:
            real: takes any other turn.
        """
        begins, shows = self._begins, self._clocks.shows
        pop, put = heappop, set_on

        def _run_once(loop: Any) -> None:
            if not begins(loop):
                real(loop)
                return
            ready, timers = loop._ready, loop._scheduled
            if timers:
                end = shows(loop) + loop._clock_resolution
                while timers and timers[0]._when < end:
                    timer = pop(timers)
                    put(timer, "_scheduled", False)  # noqa: FBT003 - its value
                    ready.append(timer)
            for _ in range(len(ready)):
                handle = ready.popleft()
                if not handle._cancelled:
                    handle._run()

        # Who looks at the frames of the process sees asyncio's own there.
        asyncio_globals = vars(sys.modules["asyncio.base_events"])
        code, closure = _run_once.__code__, _run_once.__closure__
        made = FunctionType(code, asyncio_globals, _run_once.__name__, None, closure)
        return functools.wraps(real)(made)

    def _begins(self, loop: Any) -> bool:
        """Whether a loop takes such a turn: any time that it waits for has passed."""
        known: KnownLoop | None = getattr(getattr(loop, "_selector", None), LOOP_ATTRIBUTE, None)
        if known is None or len(known.files) > 1 or not known.plain or self._jumps.closed:
            return False
        ready, timers = loop._ready, loop._scheduled
        # Of cancelled timers, asyncio has to take out some.
        if loop._timer_cancelled_count or (timers and not self._clocks.are_of(loop)):
            return False
        if loop._debug or known.signal_handlers:
            return False
        if not (ready or loop._stopping):
            if not timers:
                return False
            left = timers[0]._when - self._clocks.shows(loop)
            if left > 0:
                return left < _MAX_SECONDS and self._jumps.pass_at_once(left, ready)
        self._elapsed_time.reads += 1
        return self._is_only_thread() or self._jumps.is_alone()
