"""Quiet turns: iterations of asyncio's event loops that wait for nothing but time.

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
"""The attribute of a selector that holds its `KnownLoop` during a test."""
# The longest time that asyncio waits at once.
_MAX_SECONDS: Final = 24 * 3600


class KnownLoop:
    """A loop and its selector. It holds a weak reference to the loop.

    Args:
        loop: the loop.
        selector: the selector by which the loop waits.
        plain: whether nobody else has replaced the selector's ``select``.
    """

    __slots__ = ("files", "loop", "plain", "ready", "signal_handlers")

    def __init__(self, loop: Any, selector: Any, *, plain: bool) -> None:
        self.plain = plain
        self.loop: weakref.ref[Any] = weakref.ref(loop)
        self.ready: Sized = loop._ready
        """The callbacks to be called next."""
        self.files: Sized = selector._fd_to_key
        """The files that the selector watches. One of them only serves to wake the loop."""
        self.signal_handlers: Sized = getattr(loop, "_signal_handlers", ())

    def is_quiet(self) -> bool:
        """Whether the selector watches neither sockets nor signals."""
        return len(self.files) == 1 and not self.signal_handlers

    def has_callbacks(self) -> bool:
        """Whether another thread has given the loop something to call."""
        return len(self.ready) > 0

    def wake(self) -> None:
        """Wake the loop, so that it looks at its timers. It may be closed."""
        loop = self.loop()
        if loop is not None:
            loop._write_to_self()


class QuietTurns:
    """Replaces the method by which asyncio's loops take a turn, for quiet turns only.

    Args:
        clock: the clock of the test.
        clocks: the clocks of the loops.
    """

    def __init__(self, clock: VirtualClock, clocks: LoopClocks) -> None:
        self._elapsed_time = clock.elapsed_time
        self._jumps = clock.jumps
        self._is_only_thread = clock.jumps.threads.is_only_thread
        self._clocks = clocks

    def take(self, real: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return the method that takes a turn.

        Args:
            real: asyncio's own method; it takes every turn that is not quiet.
        """
        start, reading_of = self._start_quiet_turn, self._clocks.reading_of
        pop, put = heappop, set_on

        def _run_once(loop: Any) -> None:
            if not start(loop):
                real(loop)
                return
            ready, timers = loop._ready, loop._scheduled
            if timers:
                end = reading_of(loop) + loop._clock_resolution
                while timers and timers[0]._when < end:
                    timer = pop(timers)
                    put(timer, "_scheduled", False)  # noqa: FBT003 - its value
                    ready.append(timer)
            for _ in range(len(ready)):
                handle = ready.popleft()
                if not handle._cancelled:
                    handle._run()

        # Code that inspects the stack takes this frame for one of asyncio's.
        asyncio_globals = vars(sys.modules["asyncio.base_events"])
        code, closure = _run_once.__code__, _run_once.__closure__
        made = FunctionType(code, asyncio_globals, _run_once.__name__, None, closure)
        return functools.wraps(real)(made)

    def _start_quiet_turn(self, loop: Any) -> bool:
        """Start a quiet turn, if the next turn is quiet: pass the time until its first timer.

        Returns:
            Whether the turn is quiet. Otherwise no time has passed.
        """
        known: KnownLoop | None = getattr(getattr(loop, "_selector", None), LOOP_ATTRIBUTE, None)
        if known is None or len(known.files) > 1 or not known.plain or self._jumps.closed:
            return False
        ready, timers = loop._ready, loop._scheduled
        # asyncio itself removes cancelled timers.
        if loop._timer_cancelled_count or (timers and not self._clocks.is_installed_on(loop)):
            return False
        if loop._debug or known.signal_handlers:
            return False
        if not (ready or loop._stopping):
            if not timers:
                return False
            left = timers[0]._when - self._clocks.reading_of(loop)
            if left > 0:
                return left < _MAX_SECONDS and self._jumps.pass_at_once(left, ready)
        self._elapsed_time.reads += 1
        return self._is_only_thread() or self._jumps.is_alone()
