"""Signals that a thread sends: the main thread handles them before time jumps on."""

from __future__ import annotations

import _thread
import functools
import os
import signal
import threading
from _thread import get_ident
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.patching.attributes import Patches

_SENDERS: Final[tuple[tuple[ModuleType, str], ...]] = (
    *((os, "kill"), (signal, "raise_signal"), (signal, "pthread_kill")),
    (_thread, "interrupt_main"),
)


class SentSignals:
    """Has one `VirtualClock` count the main thread as at work once it was sent a signal.

    Args:
        clock: the clock of the test.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._patches = Patches()

    def start(self) -> None:
        """Look at what threads send from now on."""
        for module, name in _SENDERS:
            self._patches.put(module, name, self._sending)

    def stop(self) -> None:
        """Let them send it as they do."""
        self._patches.stop()

    def _sending(self, real: Callable[..., Any]) -> Callable[..., Any]:
        jumps = self._clock.jumps

        @functools.wraps(real)
        def send(*arguments: Any) -> Any:
            main = threading.main_thread().ident or get_ident()
            if jumps.closed or get_ident() == main or _is_to_another(real.__name__, arguments):
                return real(*arguments)
            with jumps.alone():
                found = real(*arguments)
                jumps.signalled(main)
            return found

        return send


def _is_to_another(name: str, arguments: tuple[Any, ...]) -> bool:
    """Whether it goes to another process."""
    return name == "kill" and arguments[:1] != (os.getpid(),)
