"""Whether other threads are at rest, so that time may jump.

A thread that waits for another one (a lock, a queue, a future) is at rest. One that computes or
waits for something real (a socket, a child process) is not.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from _thread import get_ident
from types import FrameType
from typing import Final, NamedTuple

__all__ = ["ThreadStates"]

_FUTEX: Final = {"x86_64": ("202", "449"), "aarch64": ("98", "449")}.get(platform.machine(), ())
_STOPPED: Final = frozenset("SDZX")
_REST: Final = 0.00005
# Files whose innermost frame means a wait for something real; used where the system does not tell.
_REAL: Final = ("socket.py", "ssl.py", "selectors.py", "subprocess.py", "connection.py")
# Functions that wait for work that may never come; a server in the test is not work under way.
_SERVES: Final = frozenset({"accept", "serve_forever", "get_request"})


class _State(NamedTuple):
    running: bool
    turns: str
    """Changes whenever the thread has run."""
    on_lock: bool


class ThreadStates:
    """What the threads of the process are doing, as far as a jump in time is concerned."""

    def __init__(self) -> None:
        self._main = get_ident()
        self._elders = {ident: self._native(ident) for ident in sys._current_frames()}
        self._at_rest: dict[int, str] = {}

    def is_new(self, ident: int) -> bool:
        """Whether the thread was started after this object was made."""
        return ident not in self._elders or self._elders[ident] != self._native(ident)

    def all_blocked(self, frames: dict[int, FrameType]) -> bool:
        """Whether the threads of these frames wait for other threads (older ones: for anything)."""
        before = {ident: self._state(ident, frame) for ident, frame in frames.items()}
        if any(state.running for state in before.values()):
            return False
        doubtful = [
            ident for ident, state in before.items() if self._at_rest.get(ident) != state.turns
        ]
        if not doubtful:
            return True
        # Whoever only waits for the interpreter runs now, and is seen to have run.
        time.sleep(_REST)
        frames = sys._current_frames()
        for ident in doubtful:
            if ident not in frames:
                return False
            after = self._state(ident, frames[ident])
            if after.running or after.turns != before[ident].turns:
                return False
            if not (after.on_lock or self._may_be_ignored(ident, frames[ident])):
                return False
            self._at_rest[ident] = after.turns
        return True

    def _may_be_ignored(self, ident: int, frame: FrameType) -> bool:
        if ident == self._main:
            return False
        if not self.is_new(ident):
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
        native = self._native(ident)
        where = f"{id(frame)}:{frame.f_lasti}"
        task = f"/proc/self/task/{native}/"
        try:
            stat = _read(task + "stat")
            turns = _read(task + "schedstat").rpartition(" ")[2]
            call = _read(task + "syscall").partition(" ")[0]
        except OSError:
            return _State(False, where, not _waits_for_real(frame))
        on_lock = call in _FUTEX if _FUTEX else not _waits_for_real(frame)
        return _State(stat.rpartition(") ")[2][:1] not in _STOPPED, turns + where, on_lock)


def _waits_for_real(frame: FrameType) -> bool:
    return os.path.basename(frame.f_code.co_filename) in _REAL


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123 - hot path
        return file.read()
