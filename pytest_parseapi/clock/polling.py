"""The methods of ``select.poll`` and similar types: real waits, counted with their duration."""

from __future__ import annotations

import functools
import select as system
from collections.abc import Callable
from typing import Any

from pytest_parseapi.clock.callers import CallerKind, caller_of, calling_frame
from pytest_parseapi.clock.clock_state import ClockState
from pytest_parseapi.clock.timed_calls import recorded


def poll_methods(state: ClockState) -> list[tuple[type, dict[str, Callable[..., Any]]]]:
    """The replacements of the methods, by type.

    Args:
        state: what the clock functions of the process share.
    """
    kinds: list[tuple[Any, str]] = []
    if hasattr(system, "poll"):
        kinds.append((type(system.poll()), "poll"))
    kinds += [
        (getattr(system, kind), method)
        for kind, method in (("epoll", "poll"), ("kqueue", "control"), ("devpoll", "poll"))
        if hasattr(system, kind)
    ]
    return [(kind, {name: _recorded(state, vars(kind)[name])}) for kind, name in kinds]


def _recorded(state: ClockState, real: Callable[..., Any]) -> Callable[..., Any]:
    def poll(*arguments: Any, **named: Any) -> Any:
        clock = state.clock
        frame = None if clock is None else calling_frame()
        if clock is None or 0 in arguments[1:] or caller_of(frame) is not CallerKind.CONSUMER:
            return real(*arguments, **named)
        return recorded(clock, functools.partial(real, *arguments, **named), frame)

    poll.__name__, poll.__qualname__ = real.__name__, real.__qualname__
    poll.__doc__ = real.__doc__
    return poll
