"""Waits for signals: virtual, unless there are child processes that may send one."""

from __future__ import annotations

import functools
import signal
from _thread import allocate_lock
from collections.abc import Callable, Iterable
from typing import Any, Final

from pytest_parseapi.clock.blocking import PolledWait, raw_acquire
from pytest_parseapi.clock.callers import caller_of, calling_frame
from pytest_parseapi.clock.threads import has_children
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.patching.attributes import Patches

_WAIT_FUNCTIONS: Final = ("sigwait", "sigwaitinfo", "sigtimedwait")
_PAUSE_SECONDS: Final = 0.005
"""The real seconds between two polls."""


class SignalWaits:
    """Lets ``signal.sigwait`` and similar functions wait by one `VirtualClock`.

    Args:
        clock: the clock of the test.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._patches = Patches()

    def start(self) -> None:
        """Wait in virtual time from now on."""
        if hasattr(signal, "sigtimedwait"):
            within = signal.sigtimedwait
            for name in _WAIT_FUNCTIONS:
                self._patches.put(signal, name, functools.partial(self._waiting, within))

    def stop(self) -> None:
        """Wait in real time again."""
        self._patches.stop()

    def _waiting(self, within: Callable[..., Any], real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def wait(signals: Iterable[int], *timeout: float) -> Any:
            seconds = timeout[0] if timeout else None
            is_at_once = seconds is not None and not seconds > 0
            if is_at_once or self._clock.closed or caller_of(calling_frame()).is_real:
                return real(signals, *timeout)
            wanted = set(signals)
            # The real function raises for signals that are not valid.
            if has_children() or not wanted <= signal.valid_signals():
                with self._clock.jumps.hold():
                    return real(wanted, *timeout)
            for_signals = PolledWait(
                functools.partial(_taken, within, wanted),
                lambda: bool(wanted & signal.sigpending()),
            )
            while not self._clock.wait(for_signals, seconds, polled=True):
                if seconds is not None:
                    return None
            found = for_signals.result
            return signal.Signals(found.si_signo) if real.__name__ == "sigwait" else found

        return wait


def _taken(within: Callable[..., Any], wanted: set[Any], most: float | None) -> Any:
    """Take a pending signal without waiting; or wait a little, and take nothing.

    A signal that comes during the wait stays pending, so that other threads can see it.
    """
    if most is None or most <= 0:
        return within(wanted, 60 if most is None else 0)
    gate = allocate_lock()
    raw_acquire(gate)
    raw_acquire(gate, True, min(most, _PAUSE_SECONDS))  # noqa: FBT003 - a lock's own order
    return None
