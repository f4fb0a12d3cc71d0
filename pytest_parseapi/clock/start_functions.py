"""The replacements of the functions of ``_thread`` that start a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from pytest_parseapi.clock import STARTS
from pytest_parseapi.clock.clock_state import ClockState
from pytest_parseapi.patching.start_contexts import keep_context

# The method in which a `threading.Thread` starts. Such threads are known by other means.
_BOOTSTRAP: Final = "_bootstrap"


def start_functions(state: ClockState) -> dict[str, Callable[..., Any]]:
    """The replacements of the functions that start threads, by name.

    Args:
        state: what the clock functions of the process share.
    """
    return {name: _starting(state, name) for name in STARTS}


def _starting(state: ClockState, name: str) -> Callable[..., Any]:
    starts, takes_arguments = state.threads.starts, "joinable" not in name

    def start(*given: Any, **named: Any) -> Any:
        real = state.real[name]
        if state.clock is None or not given or not callable(given[0]):
            return real(*given, **named)  # raises the error for wrong arguments, if any
        thread = getattr(given[0], "__self__", None)
        if isinstance(thread, threading.Thread) and given[0].__name__ == _BOOTSTRAP:
            keep_context(thread)
            return real(*given, **named)
        function, *rest = given
        if not takes_arguments:
            return real(starts.noted(function, (), {}), *rest, **named)
        if named or not _are_arguments(*rest):
            return real(*given, **named)  # raises the error for wrong arguments
        return real(starts.noted(function, *rest, *([{}] * (2 - len(rest)))), ())

    start.__name__ = start.__qualname__ = name
    start.__module__ = "_thread"
    return start


def _are_arguments(*rest: object) -> bool:
    """Whether these are a tuple of arguments and, if any, a dictionary of keyword arguments."""
    kinds = (tuple, dict)
    return 0 < len(rest) <= len(kinds) and all(map(isinstance, rest, kinds))
