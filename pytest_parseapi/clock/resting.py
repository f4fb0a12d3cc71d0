"""Real waits during which a thread is at rest: for connections, and those of tools."""

from __future__ import annotations

import functools
from collections.abc import Callable
from operator import call as call_each
from typing import Any, Final

from pytest_parseapi.clock.blocking import Gate
from pytest_parseapi.clock.real import FUNCTIONS
from pytest_parseapi.clock.rest import Rest, Waiting

__all__ = ["RestingCall", "wait_in_real_time"]

_CALL: Final[Callable[..., Any]] = call_each


def wait_in_real_time(rest: Rest, wait: Gate, seconds: float | None, key: int) -> bool:
    """Let a thread be at rest, while a tool has it wait.

    Args:
        rest: the threads at rest.
        wait: what it waits for.
        seconds: how long at most, in real time.
        key: the identity of what others say that it came.

    Returns:
        Whether it came.
    """
    now = FUNCTIONS["monotonic_ns"]
    until = None if seconds is None else now() + round(seconds * 1e9)
    entry = Waiting(wait)
    again = False
    rest.lock()
    try:
        while True:
            rest.listen(key, entry, first=again)
            rest.add(entry)
            try:
                if wait.comes():
                    return True
                left = 60.0 if until is None else (until - now()) / 1e9
                if left <= 0:
                    return False
                wait.close()
                rest.unlock()
                try:
                    wait.block(left)
                finally:
                    rest.lock()
            finally:
                rest.remove(entry)
                rest.listen_no_more(key, entry)
            again = True
    finally:
        rest.unlock()


class RestingCall:
    """Makes calls during which the thread is at rest: waits for connections, and those of tools.

    Args:
        rest: the threads at rest.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def __call__(self, call: Callable[[], Any], *, outside: bool = False) -> Any:
        """Make a call.

        Args:
            call: what to call.
            outside: whether another program may end it.
        """
        rest = self._rest
        entry = Waiting(Gate(), outside=outside)
        rest.lock()
        rest.add(entry)
        rest.unlock()
        leave = (
            functools.partial(rest._waits.pop, entry.ident, None),
            functools.partial(rest._known.pop, entry.ident, None),
        )
        try:
            # In C: no other thread runs between the end of the call and what says that it ended.
            made: list[Any] = list(map(_CALL, (call, *leave)))
        finally:
            rest.lock()
            rest.remove(entry)
            rest.unlock()
        return made[0]
