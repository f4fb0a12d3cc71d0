"""Calls that wait for something real, as they are while tests are simulated.

They go on record with what they took, and no time jumps meanwhile.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from pytest_parseapi.clock.callers import CallerKind, caller_of, calling_frame
from pytest_parseapi.clock.elapsed_time import FREE_NS, SECOND_NS
from pytest_parseapi.clock.virtual_clock import VirtualClock

# A system's timer may ring a little early.
_USED_UP_SHARE: Final = 0.9


def free_within(seconds: float | None) -> int:
    """How many nanoseconds a wait may take and be no more than code that runs.

    Args:
        seconds: its time-out, which is on record where it is used up; None for none.
    """
    return FREE_NS if seconds is None else min(FREE_NS, used_up(seconds))


def used_up(seconds: float) -> int:
    """From how many nanoseconds on a wait has used up its time-out."""
    return round(seconds * SECOND_NS * _USED_UP_SHARE)


def recorded(
    clock: VirtualClock, call: Callable[[], Any], frame: FrameType | None, free: int = 0
) -> Any:
    """Make a call that waits for something real.

    Args:
        clock: the clock of the test.
        call: what to call.
        frame: who calls.
        free: so many nanoseconds at least it has to take to be on record.
    """
    if clock.jumps.threads.unregistered.is_back(frame):
        # A thread older than the test that waits as ever: nothing of this test's.
        return call()
    with clock.jumps.hold(free):
        return call()


def recording(
    clock: VirtualClock, least: Callable[..., int | None]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What makes a method that records what it takes from one that does not.

    Args:
        clock: the clock of the test.
        least: by the arguments, from how many nanoseconds on it is on record; None where it
            does not wait.
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
