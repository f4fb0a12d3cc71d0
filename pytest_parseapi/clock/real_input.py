"""Waits for sockets, child processes and their locks, on record with what they took.

What comes in time is no more than code that runs, unless it takes long: a client and its server
exchange much in a moment. A time-out that is used up counts, however short it is.
"""

from __future__ import annotations

import functools
import socket
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from pytest_parseapi.clock.callers import calling_frame
from pytest_parseapi.clock.current_clock import Current
from pytest_parseapi.clock.timed_calls import free_within, recorded, recording, used_up
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.patching.imports import ImportHook
from pytest_parseapi.patching.plain_socket import plain_socket

__all__ = ["RealInput", "semaphore_methods"]

_SOCKET_METHODS: Final = (
    *("recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg", "recvmsg_into"),
    *("send", "sendall", "sendto", "sendmsg"),
)
_TLS_METHODS: Final = ("read", "write", "do_handshake")


class RealInput:
    """Notes on one `VirtualClock` what these waits take.

    Args:
        clock: the clock of the test.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._patches = Patches()
        self._imports = ImportHook()

    def start(self) -> None:
        """Note them from now on, also those of modules that are imported later."""
        record = recording(self._clock, _of_socket)
        for name in _SOCKET_METHODS:
            self._patches.put(plain_socket(), name, record)
        self._imports.when("ssl", self._reach_ssl)
        self._imports.when("subprocess", self._reach_child)
        self._imports.when("multiprocessing.synchronize", self._reach_condition)

    def stop(self) -> None:
        """Stop noting them."""
        self._imports.stop()
        self._patches.stop()

    def _reach_ssl(self, module: ModuleType) -> None:
        for name in _TLS_METHODS:
            record = recording(self._clock, _of_socket)
            self._patches.put(vars(module)["SSLSocket"], name, record)

    def _reach_child(self, module: ModuleType) -> None:
        record = recording(self._clock, _of_child)
        self._patches.put(vars(module)["Popen"], "wait", record)

    def _reach_condition(self, module: ModuleType) -> None:
        record = recording(self._clock, _of_condition)
        self._patches.put(vars(module)["Condition"], "wait", record)


def semaphore_methods(current: Current) -> list[tuple[type, dict[str, Callable[..., Any]]]]:
    """The replacements of the methods of the locks that processes share, by type.

    Args:
        current: what the process's clocks share.
    """
    try:
        from _multiprocessing import SemLock  # type: ignore[import-not-found]
    except ImportError:  # not on this machine
        return []
    real = vars(SemLock)["acquire"]

    def acquire(lock: Any, block: Any = True, timeout: Any = None) -> bool:  # noqa: FBT002 - a lock's own signature
        clock = current.clock
        call = functools.partial(real, lock, block, timeout)
        if clock is None or not block or not isinstance(timeout, (int, float)) or timeout <= 0:
            return call()  # type: ignore[no-any-return]
        return recorded(clock, call, calling_frame(), free_within(timeout))  # type: ignore[no-any-return]

    acquire.__qualname__, acquire.__doc__ = real.__qualname__, real.__doc__
    return [(SemLock, {"acquire": acquire})]


def _of_socket(sock: socket.socket, *_arguments: Any, **_named: Any) -> int | None:
    seconds = sock.gettimeout()
    if seconds == 0:
        return None
    # A server's thread waits without a time-out for requests that may come much later.
    if seconds is None and threading.current_thread() is not threading.main_thread():
        return None
    return free_within(seconds)


def _of_child(_child: Any, timeout: float | None = None) -> int | None:
    """What a child process does in time is work of the consumer's, and no wait."""
    return used_up(timeout) if timeout is not None and timeout > 0 else None


def _of_condition(_condition: Any, timeout: float | None = None) -> int | None:
    return free_within(timeout) if timeout is not None and timeout > 0 else None
