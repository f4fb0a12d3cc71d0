"""Corrects the deadlines of stdlib functions that still wait when their test ends.

``queue.get(timeout=1)`` computes its deadline once. After a test whose clock was an hour ahead,
that deadline would be an hour in the future.
"""

from __future__ import annotations

import concurrent.futures
import queue
import sys
import threading
from types import FrameType
from typing import Final

from pytest_parseapi.clock.callers import CallerKind, caller_named

_DEADLINE_VARIABLES: Final = {
    queue.Queue.get.__code__: "endtime",
    queue.Queue.put.__code__: "endtime",
    threading.Condition.wait_for.__code__: "endtime",
    threading.Semaphore.acquire.__code__: "endtime",
    concurrent.futures.as_completed.__code__: "end_time",
}
"""By code of a function that waits in a loop, the variable that holds its deadline."""
_LOCALS_WRITE_THROUGH_FROM: Final = (3, 13)
"""From this version on, a write to ``frame.f_locals`` changes the variable."""


def put_back_deadlines(seconds: float) -> None:
    """Move the deadlines of the stdlib functions on the stack of the calling thread back.

    Args:
        seconds: how far the clock that they read was ahead.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        kind = caller_named(frame.f_globals.get("__name__") or "")
        if kind is CallerKind.CONSUMER:
            return
        if frame.f_code in _DEADLINE_VARIABLES:
            _put_back(frame, _DEADLINE_VARIABLES[frame.f_code], seconds)
        frame = frame.f_back


def _put_back(frame: FrameType, name: str, seconds: float) -> None:
    variables = frame.f_locals
    if isinstance(variables.get(name), float):
        variables[name] -= seconds
        if sys.version_info < _LOCALS_WRITE_THROUGH_FROM:
            import ctypes

            ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
