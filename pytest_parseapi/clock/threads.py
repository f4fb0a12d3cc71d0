"""Whether other threads are at rest, so that time may jump.

A thread that waits for another one (a lock, a queue, a future) is at rest. One that computes,
waits for the interpreter, or waits for something real (a socket, a child process) is not. Linux
tells these apart; elsewhere the threads' Python frames are watched for a moment.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import sys
import threading
import time
from _thread import get_ident
from types import FrameType
from typing import Final, NamedTuple

from pytest_parseapi.clock.readers import is_tool

__all__ = ["ThreadStates", "only_tools_run_beside"]

_FUTEX: Final = {"x86_64": ("202", "449"), "aarch64": ("98", "449")}.get(platform.machine(), ())
_RUNNING: Final = ("running", "-1")
# How long frames are watched where the system does not tell: a thread runs a line within it.
_WATCH: Final = 0.002
# Files whose innermost frame means a wait for something real; used where the system does not tell.
_REAL: Final = tuple(
    os.sep + name
    for name in ("socket.py", "ssl.py", "selectors.py", "subprocess.py", "connection.py")
)
# Functions that wait for work that may never come; a server in the test is not work under way.
_SERVES: Final = frozenset({"accept", "serve_forever", "get_request", "_wait_for_updates"})


class _State(NamedTuple):
    running: bool
    turns: str
    """Changes whenever the thread has run."""
    on_lock: bool
    told: bool
    """Whether the system tells, or a frame was looked at."""


class ThreadStates:
    """What the threads of the process are doing, as far as a jump in time is concerned."""

    def __init__(self) -> None:
        self._main = get_ident()
        frames = sys._current_frames()
        self._elders = {ident: self._native(ident) for ident in frames}
        self._places = {ident: _place(frame) for ident, frame in frames.items()}
        self._at_rest: dict[int, str] = {}

    def is_new(self, ident: int) -> bool:
        """Whether the thread was started after this object was made."""
        return ident not in self._elders or self._elders[ident] != self._native(ident)

    def all_blocked(self, frames: dict[int, FrameType]) -> bool:
        """Whether, at one moment during this call, all these threads waited for other threads.

        Elders may wait for anything, where they did when the test began. Each thread is looked at
        twice: one that has not run between the looks was at rest throughout, and so all were at
        once.
        """
        first = {ident: self._state(ident, frame) for ident, frame in frames.items()}
        if not self._are_blocked(first, frames):
            return False
        if all(self._at_rest.get(ident) == state.turns for ident, state in first.items()):
            return True
        if not all(state.told for state in first.values()):
            time.sleep(_WATCH)
            now = sys._current_frames()
            frames = {ident: now[ident] for ident in frames if ident in now}
        second = {ident: self._state(ident, frame) for ident, frame in frames.items()}
        if first != second or not self._are_blocked(second, frames):
            return False
        self._at_rest = {ident: state.turns for ident, state in second.items()}
        return True

    def _are_blocked(self, states: dict[int, _State], frames: dict[int, FrameType]) -> bool:
        return not any(
            state.running or not (state.on_lock or self._may_be_ignored(ident, frames[ident]))
            for ident, state in states.items()
        )

    def _may_be_ignored(self, ident: int, frame: FrameType) -> bool:
        if ident == self._main:
            return False
        # An elder that is elsewhere now (a worker of a pool) may do something for this test.
        if not self.is_new(ident) and self._places.get(ident) == _place(frame):
            return True
        callers: FrameType | None = frame
        for _ in range(4):
            if callers is not None:
                if callers.f_code.co_name in _SERVES:
                    return True
                callers = callers.f_back
        return False

    def _native(self, ident: int) -> int | None:
        thread = threading._active.get(ident)  # type: ignore[attr-defined]
        return None if thread is None else thread.native_id

    def _state(self, ident: int, frame: FrameType) -> _State:
        task = f"/proc/self/task/{self._native(ident)}/"
        try:
            call, _, rest = _read(task + "syscall").partition(" ")
            turns = _read(task + "schedstat").rpartition(" ")[2]
        except OSError:
            call = rest = turns = ""
        if not (turns and _FUTEX):
            where = f"{id(frame)}:{frame.f_lasti}"
            return _State(
                running=False, turns=where, on_lock=not _waits_for_real(frame), told=False
            )
        on_lock = call in _FUTEX
        running = call.strip() in _RUNNING
        if on_lock and int(rest.partition(" ")[0], 16) in _interpreter():
            running = True
        return _State(running=running, turns=turns, on_lock=on_lock, told=True)


def only_tools_run_beside(ident: int) -> bool:
    """Whether this thread is the only one of the process, but for those that run for a tool."""
    if threading._limbo:  # type: ignore[attr-defined]  # threads about to start
        return False
    others = (frame for other, frame in sys._current_frames().items() if other != ident)
    return all(map(is_tool, others))


@functools.cache
def _interpreter() -> range:
    """The memory that the interpreter's own lock lies in: a wait for it is no wait for a thread."""
    runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
    for line in _read("/proc/self/maps").splitlines():
        first, _, last = line.partition(" ")[0].partition("-")
        memory = range(int(first, 16), int(last, 16))
        if runtime in memory:
            return memory
    return range(0)


def _place(frame: FrameType | None) -> tuple[tuple[int, int], ...]:
    """Where a thread is: the same again when it has come back to the same wait."""
    place = []
    while frame is not None:
        place.append((id(frame.f_code), frame.f_lasti))
        frame = frame.f_back
    return tuple(place)


def _waits_for_real(frame: FrameType) -> bool:
    return frame.f_code.co_filename.endswith(_REAL)


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123 - hot path
        return file.read()
