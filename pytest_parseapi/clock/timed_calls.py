"""Calls that wait for something real: they are counted with their duration.

No virtual time jumps during such a call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from pytest_parseapi.clock.callers import CallerKind, caller_of, calling_frame
from pytest_parseapi.clock.elapsed_time import FREE_NS, SECOND_NS
from pytest_parseapi.clock.virtual_clock import VirtualClock

# A system's timer may fire a little early.
_USED_UP_SHARE: Final = 0.9


def free_within(seconds: float | None) -> int:
    """The nanoseconds from which on a wait counts: below, it counts as code that runs.

    Args:
        seconds: the time-out of the wait, which counts if it is used up; None for none.
    """
    return FREE_NS if seconds is None else min(FREE_NS, used_up(seconds))


def used_up(seconds: float) -> int:
    """The nanoseconds from which on a wait with this time-out has used it up."""
    return round(seconds * SECOND_NS * _USED_UP_SHARE)


def recorded(
    clock: VirtualClock, call: Callable[[], Any], frame: FrameType | None, free: int = 0
) -> Any:
    """Make a call that waits for something real.

    Args:
        clock: the clock of the test.
        call: what to call.
        frame: the frame of the caller.
        free: the number of nanoseconds from which on the call counts.
    """
    if clock.jumps.threads.unregistered.is_back(frame):
        # A thread that is older than the test repeats its wait: that is not part of the test.
        return call()
    with clock.jumps.hold(free):
        return call()


def recording(
    clock: VirtualClock, least: Callable[..., int | None]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator of methods: it counts the duration of each call.

    Args:
        clock: the clock of the test.
        least: gets the arguments of a call, and returns the number of nanoseconds from which on
            it counts; None if the call does not wait.
    """

    def make(real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def method(*arguments: Any, **named: Any) -> Any:
            free = None if clock.closed else least(*arguments, **named)
            frame = None if free is None else calling_frame()
            if free is None or caller_of(frame) is CallerKind.TOOL:
                return real(*arguments, **named)
            return recorded(clock, functools.partial(real, *arguments, **named), frame, free)

        return method

    return make
