"""Functions that send signals: time does not jump before the main thread has run the handler."""

from __future__ import annotations

import os
import threading
from _thread import get_ident
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_parseapi.clock import SIGNAL_SENDERS

if TYPE_CHECKING:
    from pytest_parseapi.clock.clock_state import ClockState


def sender_functions(state: ClockState) -> dict[str, Callable[..., Any]]:
    """The replacements of the functions that send a signal, by name.

    Args:
        state: what the clock functions of the process share.
    """
    return {name: _sending(state, name) for name in SIGNAL_SENDERS}


def _sending(state: ClockState, name: str) -> Callable[..., Any]:
    def send(*arguments: Any) -> Any:
        real, clock = state.real[name], state.clock
        main = threading.main_thread().ident or get_ident()
        if clock is None or get_ident() == main or _is_to_another(name, arguments):
            return real(*arguments)
        with clock.jumps.alone():
            found = real(*arguments)
            clock.jumps.signalled(main)
        return found

    send.__name__ = send.__qualname__ = name
    send.__module__ = SIGNAL_SENDERS[name].__module__
    send.__doc__ = SIGNAL_SENDERS[name].__doc__
    return send


def _is_to_another(name: str, arguments: tuple[Any, ...]) -> bool:
    """Whether the signal is sent to another process."""
    return name == "kill" and arguments[:1] != (os.getpid(),)
