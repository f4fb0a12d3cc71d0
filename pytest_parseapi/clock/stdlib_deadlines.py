"""Corrects the deadlines of stdlib functions that still wait when their test ends.

``queue.get(timeout=1)`` computes its deadline once. After a test whose clock was an hour ahead,
that deadline would be an hour in the future.
"""

from __future__ import annotations

import concurrent.futures
import queue
import sys
import threading
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Final

from pytest_parseapi.clock import FUNCTIONS
from pytest_parseapi.clock.callers import CallerKind, caller_named

_DEADLINE_VARIABLES: Final = {
    queue.Queue.get.__code__: "endtime",
    queue.Queue.put.__code__: "endtime",
    threading.Condition.wait_for.__code__: "endtime",
    threading.Semaphore.acquire.__code__: "endtime",
    concurrent.futures.as_completed.__code__: "end_time",
    # The results of `Executor.map` come from a generator within it.
    **{
        inner: "end_time"
        for inner in concurrent.futures.Executor.map.__code__.co_consts
        if isinstance(inner, CodeType) and "end_time" in inner.co_freevars
    },
}
"""By code of a function that waits in a loop, the variable that holds its deadline."""
_LOCALS_WRITE_THROUGH_FROM: Final = (3, 13)
"""From this version on, a write to ``frame.f_locals`` changes the variable."""


def put_back_deadlines(seconds: float) -> None:
    """Move the deadlines of the stdlib functions on the stack of the calling thread back.

    Args:
        seconds: how far the clock that they read was ahead.
    """
    for frame, name in _waiting_frames(sys._getframe(1)):
        if isinstance(frame.f_locals.get(name), float):
            _put_back(frame, name, seconds)


def timeout_after_test(timeout: float, frame: FrameType | None) -> float:
    """The time-out of a wait that begins while no test is simulated.

    Its thread may have computed the deadline just before the test ended. Such a deadline is
    further away than the caller's time-out, and is put back.

    Args:
        timeout: the time-out that the function of the stdlib's computed, in seconds.
        frame: the frame that waits.
    """
    for waiting, name in _waiting_frames(frame):
        deadline, longest = waiting.f_locals.get(name), waiting.f_locals.get("timeout")
        if isinstance(deadline, float) and isinstance(longest, (int, float)):
            too_far = deadline - FUNCTIONS["monotonic"]() - longest
            if too_far > 0:
                _put_back(waiting, name, too_far)
                timeout = min(timeout, longest)
    return timeout


def _waiting_frames(frame: FrameType | None) -> Iterator[tuple[FrameType, str]]:
    """The stdlib's frames up a stack that wait until a deadline, and the variable of each."""
    while frame is not None:
        if caller_named(frame.f_globals.get("__name__") or "") is CallerKind.CONSUMER:
            return
        name = _DEADLINE_VARIABLES.get(frame.f_code)
        if name is not None:
            yield frame, name
        frame = frame.f_back


def _put_back(frame: FrameType, name: str, seconds: float) -> None:
    frame.f_locals[name] -= seconds
    if sys.version_info < _LOCALS_WRITE_THROUGH_FROM:
        import ctypes

        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
