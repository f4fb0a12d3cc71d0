"""The clocks of asyncio's event loops: they count waits, but not the run time of code."""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from heapq import heappush
from math import inf, nextafter
from typing import Any, Final

from pytest_parseapi.clock.callers import NOT_ASKED, ask_for_frame, calling_frame
from pytest_parseapi.clock.elapsed_time import SECOND_NS
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.patching.attributes import Patches, set_on

# A loop's clock may be behind ``time.monotonic()`` by this many seconds.
_MAX_LAG_SECONDS: Final = 0.05


class LoopClocks:
    """Puts the clocks of event loops on one `VirtualClock`.

    Args:
        clock: the clock of the test.
        monotonic: reads the real clock.
    """

    def __init__(self, clock: VirtualClock, monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._elapsed_time = clock.elapsed_time
        self._monotonic = monotonic
        self._began: float = clock.began["monotonic"]
        self._ahead: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()
        """By loop: the seconds that its clock shows in addition to the waits."""
        self._is_ahead = False
        self._late: weakref.WeakSet[Any] = weakref.WeakSet()
        """The loops that read their clock while the test ended."""
        self._replaced: dict[str, Any] = {}

    def install(self, patches: Patches, kind: Any) -> None:
        """Replace the clock methods of a class of loops.

        Args:
            patches: replaces the methods, and restores them later.
            kind: the class of loops.
        """
        makers = {"time": self._time, "call_at": self._call_at, "call_later": self._call_later}
        for name, make in makers.items():
            patches.put(kind, name, make)
            self._replaced[name] = getattr(kind, name)

    def reading_of(self, loop: Any) -> float:
        """Return the current time of a loop's clock, in seconds."""
        elapsed = self._elapsed_time
        now = elapsed.passed_ns if elapsed.reads < elapsed.busy_loop_reads else elapsed.now()
        shown = self._began + now / SECOND_NS
        if elapsed.last_expiry_ns == now:
            shown = nextafter(shown, inf)
        return shown + self._ahead.get(loop, 0.0) if self._is_ahead else shown

    def is_installed_on(self, loop: Any) -> bool:
        """Whether a loop still has the clock that `install` gave it, and no other one."""
        # To read the loop's `__dict__` here would make each later attribute access slower.
        return getattr(loop.time, "__func__", None) is self._replaced["time"]

    def restore_timers(self, loop: Any, seconds: float) -> None:
        """Move the timers of a loop that outlives the test back to the real clock.

        Args:
            loop: the loop.
            seconds: how far the test's clock was ahead of the real one.
        """
        _shift(loop, -seconds - self._ahead.get(loop, 0.0))

    def wake_late(self) -> None:
        """Wake the loops that read their clock while the test ended: they may wait far too long."""
        for loop in list(self._late):
            if loop.is_running() and hasattr(loop, "_write_to_self"):
                loop._write_to_self()

    def _time(self, real: Callable[..., float]) -> Callable[..., float]:
        """Return the ``time`` method. For a consumer, it first catches up with the other clocks."""
        elapsed, jumps, late = self._elapsed_time, self._clock.jumps, self._late
        reading_of, base_globals = self.reading_of, vars(sys.modules["asyncio.base_events"])

        @functools.wraps(real)
        def read(loop: Any) -> float:
            if jumps.closed:
                late.add(loop)
                return real(loop)
            try:
                frame = ask_for_frame()
            except NOT_ASKED:
                frame = sys._getframe(1)
            names = base_globals if frame is None else frame.f_globals
            if names is base_globals:
                # In debug mode the loop also reads around each callback: that is no iteration.
                if getattr(loop, "_current_handle", None) is None:
                    elapsed.reads += 1
                return reading_of(loop)
            shown = reading_of(loop)
            if _is_asyncio(names.get("__name__")):  # for a delay, as below
                return shown
            elapsed.reads += 1
            lag = self._lag(shown)
            if lag:
                self._put_forward(loop, lag)
            return shown + lag

        return read

    def _lag(self, shown: float) -> float:
        """Return the seconds by which a loop's clock is behind; 0.0 where it may stay behind.

        Args:
            shown: the current time of the loop's clock, in seconds.
        """
        more = self._monotonic() + self._elapsed_time.jumped_ns / SECOND_NS - shown
        return more if more > _MAX_LAG_SECONDS else 0.0

    def _put_forward(self, loop: Any, seconds: float) -> None:
        self._is_ahead = True
        self._ahead[loop] = seconds + self._ahead.get(loop, 0.0)
        _shift(loop, seconds)

    def _call_at(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Return the ``call_at`` method. A deadline may be computed from ``time.monotonic()``."""
        base_globals = vars(sys.modules["asyncio.base_events"])

        @functools.wraps(real)
        def call_at(loop: Any, *arguments: Any, **named: Any) -> Any:
            frame = calling_frame()
            names = base_globals if frame is None else frame.f_globals
            asks = names is not base_globals and not _is_asyncio(names.get("__name__"))
            if asks and not self._clock.closed and self.is_installed_on(loop):
                lag = self._lag(self.reading_of(loop))
                if lag:
                    self._put_forward(loop, lag)
            return real(loop, *arguments, **named)

        return call_at

    def _call_later(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Return the ``call_later`` method. It does what asyncio's own does, for every caller.

        It does not count as a reading of the clock. Many readings mark a busy loop, but many
        tasks may begin to wait at once.
        """
        jumps, replaced, reading_of = self._clock.jumps, self._replaced, self.reading_of
        time, make = replaced["time"], sys.modules["asyncio.events"].TimerHandle

        @functools.wraps(real)
        def call_later(
            loop: Any, delay: Any, callback: Any, *arguments: Any, context: Any = None
        ) -> Any:
            if (
                jumps.closed
                or delay is None
                or loop._debug
                or loop._closed
                or type(loop).call_at is not replaced["call_at"]
                or getattr(loop.time, "__func__", None) is not time
            ):
                return real(loop, delay, callback, *arguments, context=context)
            timer = make(reading_of(loop) + delay, callback, arguments, loop, context)
            heappush(loop._scheduled, timer)
            set_on(timer, "_scheduled", True)  # noqa: FBT003 - its value
            return timer

        return call_later


@functools.cache
def _is_asyncio(module: str | None) -> bool:
    return module is not None and module.startswith("asyncio.")


def _shift(loop: Any, seconds: float) -> None:
    """Move all timers of a loop by the same number of seconds."""
    for timer in getattr(loop, "_scheduled", ()):
        set_on(timer, "_when", timer._when + seconds)
