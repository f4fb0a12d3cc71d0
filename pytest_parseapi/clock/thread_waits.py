"""The waits ``Thread.join``, ``socket.accept`` and ``select.select``, while a test is simulated."""

from __future__ import annotations

import functools
import select as system
import socket
import threading
from collections.abc import Callable
from typing import Any

from pytest_parseapi.clock.blocking import Taking
from pytest_parseapi.clock.callers import CallerKind, caller_of, calling_frame
from pytest_parseapi.clock.clock_state import clock_state
from pytest_parseapi.clock.real_waits import RealWait, wait_in_real_time
from pytest_parseapi.clock.timed_calls import recorded
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.patching.plain_types import plain_socket


class ThreadWaits:
    """Replaces ``join``, which waits in virtual time, and ``select`` and ``accept``, which do not.

    Args:
        clock: the clock of the test.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        state = clock_state()
        self._threads, self._select_holders = state.threads, state.select_holders
        self._real_wait = RealWait(self._threads)
        self._patches = Patches()

    def start(self) -> None:
        """Replace the functions."""
        self._patches.put(threading.Thread, "join", self._join)
        self._patches.put(threading.Thread, "_delete", self._delete)
        for module in self._select_holders.of(system.select):
            self._patches.put(module, "select", self._select)
        self._patches.put(plain_socket(), "accept", self._accept)

    def stop(self) -> None:
        """Wait in real time again."""
        self._patches.stop()

    def _select(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Return the replacement of ``select.select``: a real wait, counted with its duration."""

        @functools.wraps(real)
        def select(reading: Any, writing: Any, failing: Any, timeout: Any = None, /) -> Any:
            frame = calling_frame()
            call = functools.partial(real, reading, writing, failing, timeout)
            if timeout == 0 or self._clock.closed or caller_of(frame).is_real:
                return call()
            return recorded(self._clock, call, frame)

        return select

    def _accept(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Return the replacement of ``accept``: the thread is at rest, since no client may come."""
        elapsed = self._clock.elapsed_time

        @functools.wraps(real)
        def accept(listener: socket.socket) -> Any:
            is_main = threading.current_thread() is threading.main_thread()
            seconds = listener.gettimeout() if is_main else None
            before, began = elapsed.now(), elapsed.monotonic()
            try:
                return self._real_wait(functools.partial(real, listener), outside=True)
            except TimeoutError:
                # The main thread is the consumer; other threads are servers that poll.
                if seconds and not self._clock.closed:
                    self._clock.jumps.passed(before + elapsed.monotonic() - began)
                raise

        return accept

    def _delete(self, real: Callable[..., None]) -> Callable[..., None]:
        """Return the replacement of ``_delete``, the last method that a thread calls."""

        @functools.wraps(real)
        def delete(thread: threading.Thread) -> None:
            real(thread)
            self._threads.has_ended(id(thread))

        return delete

    def _join(self, real: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(real)
        def join(thread: threading.Thread, timeout: float | None = None) -> None:
            if self._clock.closed or (timeout is not None and timeout <= 0):
                real(thread, timeout)
                return
            caller = None if timeout is None else caller_of(calling_frame())
            if caller is CallerKind.WORK:
                real(thread, timeout)
                return
            # A wrong use (a thread that was not started) shows at once, as it does for real.
            if thread is threading.current_thread() or not thread._started.is_set():  # type: ignore[attr-defined]
                real(thread, 0)
            wait = Taking(
                functools.partial(_has_ended, thread),
                functools.partial(_has_ended_within, real, thread),
                thread,
            )
            if caller is CallerKind.TOOL:
                ended = wait_in_real_time(self._threads, wait, timeout, id(thread))
            else:
                ended = self._clock.wait(wait, timeout, key=id(thread))
            if ended:
                real(thread)

        return join


def _has_ended(thread: threading.Thread) -> bool:
    """Whether the code of a thread has ended: Python may still clean up."""
    active: dict[int, Any] = threading._active  # type: ignore[attr-defined]
    return active.get(thread.ident or 0) is not thread


def _has_ended_within(
    join: Callable[..., None], thread: threading.Thread, seconds: float | None
) -> bool:
    join(thread, seconds)
    return not thread.is_alive()
