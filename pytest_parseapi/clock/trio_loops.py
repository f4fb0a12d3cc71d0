"""The waits of trio's loops, in virtual time."""

from __future__ import annotations

import contextlib
import functools
import sys
import weakref
from collections.abc import Callable
from typing import Any

from pytest_parseapi.clock.blocking import PolledWait
from pytest_parseapi.clock.callers import calling_frame
from pytest_parseapi.clock.input import is_readable, queue_of_trio, trio_is_at_rest
from pytest_parseapi.clock.timed_calls import recorded
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.patching.attributes import set_on


class TrioWaits:
    """Puts the waits of trio's loops on one `VirtualClock`.

    Args:
        clock: the clock of the test.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._runners: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        """By I/O manager, the runner of the loop."""
        self._late: weakref.WeakSet[Any] = weakref.WeakSet()
        """The I/O managers that began to wait while the test ended."""

    def restore_clocks(self, seconds: float) -> None:
        """Let the time of loops that outlive the test continue from where the test left it.

        Args:
            seconds: how far the test's clock was ahead of the real one, in seconds.
        """
        for runner in list(self._runners.values()):
            clock: Any = getattr(runner, "clock", None)
            if type(clock).__name__ == "SystemClock" and hasattr(clock, "offset"):
                set_on(runner, "clock", type(clock)(clock.offset + seconds))
        self._runners.clear()
        for manager in list(self._late):
            with contextlib.suppress(OSError):  # its loop may have ended
                manager.force_wakeup()

    def get_events(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Return the replacement of ``get_events``, the only method in which a loop blocks."""
        clock, runners, late = self._clock, self._runners, self._late

        @functools.wraps(real)
        def get_events(manager: Any, timeout: float) -> Any:
            if timeout <= 0:
                return real(manager, timeout)
            if clock.closed:
                late.add(manager)
                return real(manager, timeout)
            if manager not in runners:
                runners[manager] = _runner()
            if not trio_is_at_rest(manager):
                if events := real(manager, 0):
                    return events
                return recorded(clock, functools.partial(real, manager, timeout), calling_frame())
            wait = PolledWait(
                functools.partial(real, manager),
                functools.partial(is_readable, queue_of_trio(manager)),
                manager.force_wakeup,
            )
            clock.wait(wait, timeout, polled=True)
            return wait.result

        return get_events


def _runner() -> Any:
    """The runner of the calling thread's loop; None if the loop waits in another thread."""
    run: Any = sys.modules["trio._core._run"]
    return getattr(run.GLOBAL_RUN_CONTEXT, "runner", None)
