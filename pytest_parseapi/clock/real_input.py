"""Waits for sockets, child processes and their locks: real waits, counted with their duration.

A short wait that succeeds does not count, just like code that runs: a client and its server may
exchange many messages in a moment. A wait that ends by its time-out counts, however short it is.
"""

from __future__ import annotations

import functools
import os
import socket
import threading
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any, Final

from pytest_parseapi.clock.callers import CallerKind, caller_named, calling_frame
from pytest_parseapi.clock.clock_state import ClockState, clock_state
from pytest_parseapi.clock.pools import work_of_processes
from pytest_parseapi.clock.real_waits import RealWait
from pytest_parseapi.clock.timed_calls import free_within, recorded, recording, used_up
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.patching.imports import ImportHook
from pytest_parseapi.patching.plain_types import plain_socket

_SOCKET_METHODS: Final = (
    *("recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg", "recvmsg_into"),
    *("send", "sendall", "sendto", "sendmsg"),
)
_CHILD_MODULES: Final = ("popen_fork", "popen_forkserver", "popen_spawn_win32")
# Its threads call what the consumer gave them.
_EXECUTOR_MODULE: Final = "concurrent.futures.thread"
_TLS_METHODS: Final = ("read", "write", "do_handshake")


class RealInput:
    """Adds the duration of these waits to one `VirtualClock`.

    Args:
        clock: the clock of the test.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._patches = Patches()
        self._imports = ImportHook()

    def start(self) -> None:
        """Count these waits from now on, also those of modules that are imported later."""
        record = recording(self._clock, _of_socket)
        for name in _SOCKET_METHODS:
            self._patches.put(plain_socket(), name, record)
        self._imports.when("ssl", self._reach_ssl)
        self._imports.when("subprocess", self._reach_child)
        self._imports.when("multiprocessing.synchronize", self._reach_condition)
        self._imports.when("multiprocessing.connection", self._reach_connection)
        for name in _CHILD_MODULES:
            self._imports.when(f"multiprocessing.{name}", self._reach_process)
        self._patches.put(os, "waitpid", self._waiting_for)

    def stop(self) -> None:
        """Stop counting them."""
        self._imports.stop()
        self._patches.stop()

    def _reach_ssl(self, module: ModuleType) -> None:
        for name in _TLS_METHODS:
            record = recording(self._clock, _of_socket)
            self._patches.put(vars(module)["SSLSocket"], name, record)

    def _reach_child(self, module: ModuleType) -> None:
        record = recording(self._clock, _of_child)
        self._patches.put(vars(module)["Popen"], "wait", record)
        self._reach_process(module)

    def _reach_process(self, module: ModuleType) -> None:
        kind = vars(module)["Popen"]
        if "poll" in vars(kind):
            self._patches.put(kind, "poll", self._polling)

    def _polling(self, real: Callable[..., Any]) -> Callable[..., Any]:
        clock = self._clock

        @functools.wraps(real)
        def poll(child: Any, *arguments: Any) -> Any:
            found = real(child, *arguments)
            if found is None and not clock.closed and _is_consumer_s(calling_frame()):
                clock.jumps.note_running_child(child.pid, lambda: real(child) is None)
            return found

        return poll

    def _waiting_for(self, real: Callable[..., Any]) -> Callable[..., Any]:
        clock = self._clock

        @functools.wraps(real)
        def waitpid(*arguments: Any) -> Any:
            found = real(*arguments)
            if found == (0, 0) and not clock.closed and _is_consumer_s(calling_frame()):
                child = arguments[0]
                clock.jumps.note_running_child(child, functools.partial(_runs, child))
            return found

        return waitpid

    def _reach_connection(self, module: ModuleType) -> None:
        self._patches.put(vars(module)["Connection"], "recv", self._receiving)

    def _receiving(self, real: Callable[..., Any]) -> Callable[..., Any]:
        shared = clock_state()

        @functools.wraps(real)
        def recv(connection: Any) -> Any:
            # A pool keeps the method, and may outlive the test.
            is_at_work = None if shared.clock is None else work_of_processes(calling_frame())
            if is_at_work is None:
                return real(connection)
            return RealWait(shared.threads)(lambda: real(connection), is_ready=is_at_work)

        return recv

    def _reach_condition(self, module: ModuleType) -> None:
        record = recording(self._clock, _of_condition)
        self._patches.put(vars(module)["Condition"], "wait", record)


def semaphore_methods(state: ClockState) -> list[tuple[type, dict[str, Callable[..., Any]]]]:
    """The replacements of the methods of locks that are shared by processes, by type.

    Args:
        state: what the clock functions of the process share.
    """
    try:
        from _multiprocessing import SemLock  # type: ignore[import-not-found]
    except ImportError:  # not on this machine
        return []
    real = vars(SemLock)["acquire"]

    def acquire(lock: Any, block: Any = True, timeout: Any = None) -> bool:  # noqa: FBT002 - a lock's own signature
        clock = state.clock
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
    """A wait for a child process counts only if its time-out is used up: else it is work."""
    return used_up(timeout) if timeout is not None and timeout > 0 else None


def _is_consumer_s(frame: FrameType | None) -> bool:
    """Whether the consumer polls a child process, and not a pool its own workers."""
    while frame is not None and frame.f_globals.get("__name__") == "multiprocessing.process":
        if frame.f_code.co_name == "start":
            return False  # `start` polls all child processes that were started before
        frame = frame.f_back
    module = "" if frame is None else frame.f_globals.get("__name__") or ""
    return frame is not None and (
        caller_named(module) is CallerKind.CONSUMER or module == _EXECUTOR_MODULE
    )


def _runs(child: int) -> bool:
    """Whether a child process runs. Its exit status is not taken."""
    kind, number = (os.P_PID, child) if child > 0 else (os.P_ALL, 0)
    try:
        return os.waitid(kind, number, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False


def _of_condition(_condition: Any, timeout: float | None = None) -> int | None:
    return free_within(timeout) if timeout is not None and timeout > 0 else None
