"""The thread of the live server: it serves sockets and timers, and runs functions for others."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

PATIENCE: Final = 5.0
"""How many seconds other threads wait for this one."""
_MAX_WAIT_SECONDS: Final = 3600.0
"""How many seconds the thread sleeps at most: systems refuse to wait for a month or more."""


class ServerLoop:
    """Calls the object that has registered a socket with `selector` when the socket is ready."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        """Tells when sockets are ready; the data of its keys is what to call, with the events."""
        self.works = False
        """Whether the thread does something at this moment."""
        self.stopping = False
        """Whether the thread is to end."""
        self._orders: deque[Callable[[], None]] = deque()
        self._wake_writer, self._wake_reader = socket.socketpair()
        self._timers: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    @property
    def started(self) -> bool:
        """Whether there is a thread."""
        return self._thread is not None

    def start(self, failed: Callable[[Callable[[Any], None]], None]) -> None:
        """Serve from now on.

        Args:
            failed: called where a call raised an error, with that call.
        """
        self._report_failure = failed
        self._wake_reader.setblocking(False)  # noqa: FBT003 - the socket's own order
        self.selector.register(self._wake_reader, selectors.EVENT_READ, self._run_orders)
        self._thread = threading.Thread(
            target=self.serve_forever, name="parseapi live server", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self.stopping = True
            self._wake()
            self._thread.join(PATIENCE)

    def close(self) -> None:
        """Close the selector and the wake-up pipe after the thread has ended."""
        self._wake_writer.close()
        self._wake_reader.close()
        self.selector.close()

    # By this name, the clock knows that a thread in here does not wait for its test.
    def serve_forever(self) -> None:
        """Serve until the loop is stopped."""
        while not self.stopping:
            events = self.selector.select(self._until_next())
            self.works = True
            for key, mask in events:
                self._guarded(key.data, mask)
            while self._timers and self._timers[0][0] <= time.monotonic():
                _, _, call, argument = heapq.heappop(self._timers)
                self._guarded(call, argument)
            self.works = False

    def later(self, seconds: float, call: Callable[[Any], None], argument: Any) -> None:
        """Call a function after so many real seconds."""
        entry = (time.monotonic() + seconds, next(self._numbers), call, argument)
        heapq.heappush(self._timers, entry)

    def order(self, call: Callable[[], None]) -> None:
        """Run a function in the thread, and wait for it."""
        done = threading.Event()

        def carry_out() -> None:
            call()
            done.set()

        self._orders.append(carry_out)
        self._wake()
        done.wait(PATIENCE)

    def _guarded(self, call: Callable[[Any], None], argument: Any) -> None:
        """Call a function. An exception stops the test, but not the other connections."""
        try:
            call(argument)
        except Exception:  # noqa: BLE001 - the other connections are to be served
            self._report_failure(call)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._wake_writer.send(b"!")

    def _run_orders(self, _mask: int) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_reader.recv(1024)
        while self._orders:
            self._orders.popleft()()

    def _until_next(self) -> float | None:
        if not self._timers:
            return None
        return min(max(0.0, self._timers[0][0] - time.monotonic()), _MAX_WAIT_SECONDS)
