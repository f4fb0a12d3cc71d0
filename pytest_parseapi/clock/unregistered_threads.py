"""Threads that do not register their waits: those older than the test, and those of C code.

A thread that is older than the test counts as at rest while its frame and instruction are those
that it had when the test began. A thread that C code starts during the test counts as at work.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from _thread import allocate_lock, get_ident
from collections.abc import Callable, Iterable, Mapping
from types import CodeType, FrameType
from typing import Any, Final, NamedTuple

from pytest_parseapi.clock import FUNCTIONS
from pytest_parseapi.clock.blocking import raw_acquire
from pytest_parseapi.clock.callers import CallerKind, caller_named
from pytest_parseapi.clock.older_waits import GRACE_NS, is_clock_frame, is_wait
from pytest_parseapi.clock.waiting_thread import WaitingThread
from pytest_parseapi.model.other_threads import frames_of_others

# To look at all threads takes time. The pause before the next look is so many times as long as the
# processor time of the last one, and at least so many nanoseconds. A few old threads are looked at
# each time.
_PAUSE_FACTOR: Final = 20
_MIN_PAUSE_NS: Final = 1_000_000
_MAX_CHEAP_LOOKS: Final = 4
# Before a test, the threads are looked at so often, with so many real seconds between.
_MAX_SETTLE_LOOKS: Final = 6
_SETTLE_PAUSE_SECONDS: Final = 0.001
# How many positions of resting threads are kept: some threads rest at another one before each test.
_MAX_KNOWN_RESTS: Final = 1_000
# The opcode of the cache entries that follow some instructions.
_CACHE_OPCODE: Final = 0


class _Place(NamedTuple):
    """The position of a thread: its frame and instruction, and those above it."""

    frame: FrameType
    instruction: int
    chain: tuple[tuple[int, int], ...]


class LiveThreads:
    """A set of threads that recognises them while they live. Identities of ended ones are reused.

    Args:
        idents: the identities of the threads.
    """

    def __init__(self, idents: Iterable[int]) -> None:
        self._references = {ident: _reference(ident) for ident in idents}

    def __contains__(self, ident: int) -> bool:
        """Whether the thread that has this identity now is in the set."""
        reference = self._references.get(ident)
        if reference is None:
            return ident in self._references and _reference(ident) is None
        thread = reference()
        return thread is not None and thread is threading._active.get(ident)  # type: ignore[attr-defined]

    def discard(self, ident: int) -> None:
        """Remove a thread from the set."""
        self._references.pop(ident, None)


def _reference(ident: int) -> Callable[[], object] | None:
    """A weak reference to a thread that ``threading`` started; None if it did not start it."""
    thread = threading._active.get(ident)  # type: ignore[attr-defined]
    if thread is None or isinstance(thread, threading._DummyThread):
        return None
    return weakref.ref(thread)


class UnregisteredThreads:
    """The threads of the process that have not registered a wait.

    Args:
        waits: the registered waits, by the identity of the thread.
        left: the threads that wait since an earlier test, and are at rest meanwhile.
        returning: by thread of a pool, a function that returns whether it is about to run.
    """

    def __init__(
        self,
        waits: Mapping[int, WaitingThread],
        left: Mapping[int, object],
        returning: Mapping[int, Callable[[], bool]],
    ) -> None:
        self._waits = waits
        self._left = left
        self._returning = returning
        self.old: dict[int, _Place] = {}
        """The positions of the threads that are older than the test, and known to ``threading``."""
        self._unknown_to_python: dict[int, _Place] = {}
        self.first = LiveThreads(())
        """All threads that are older than the test."""
        self._ended: set[int] = set()
        self.monotonic: Callable[[], int] = FUNCTIONS["monotonic_ns"]
        """What a monotonic clock would read without jumps."""
        self._look_after = 0
        self._is_at_work = False
        self._places: dict[int, tuple[int, int]] = {}
        self._known_rests: set[tuple[int, CodeType, int]] = set()

    def settle(self) -> None:
        """Give threads that the previous test left running the time to come to rest.

        A thread that is in no recognised wait may only lack a processor on a loaded machine. It
        gets time to move, once for each position: it may also wait in C code.
        """
        gate: Any = allocate_lock()
        raw_acquire(gate)
        last = self.monotonic() + GRACE_NS
        for look in itertools.count(1):
            before, self._places, doubtful = self._places, {}, set()
            for ident, frame in frames_of_others().items():
                if ident in self._waits or ident in self._left:
                    continue
                place = self._places[ident] = id(frame), frame.f_lasti
                rest = ident, frame.f_code, frame.f_lasti
                if before.get(ident) in (None, place) and not (
                    rest in self._known_rests or is_wait(frame) or _is_of_tool(frame)
                ):
                    doubtful.add(rest)
            if self.monotonic() > last:
                if len(self._known_rests) > _MAX_KNOWN_RESTS:
                    self._known_rests.clear()
                self._known_rests |= doubtful
                return
            if not doubtful and (
                look >= _MAX_SETTLE_LOOKS or self._places.items() <= before.items()
            ):
                return
            raw_acquire(gate, True, _SETTLE_PAUSE_SECONDS)  # noqa: FBT003 - a lock's own order

    def note(self) -> None:
        """Keep the position of every thread but this one. Called when a test begins."""
        self.old, self._unknown_to_python = {}, {}
        active = threading._active  # type: ignore[attr-defined]
        for ident, frame in frames_of_others().items():
            if ident not in self._waits:
                found = self.old if ident in active else self._unknown_to_python
                found[ident] = _place(frame)
        self.first = LiveThreads({*self.old, *self._unknown_to_python, *self._waits, get_ident()})

    def all_old(self) -> list[tuple[int, _Place]]:
        """The position of each thread that is older than the test."""
        return [*self.old.items(), *self._unknown_to_python.items()]

    def forget(self) -> None:
        """Forget the positions. Called when a test is over, and in the child of a fork."""
        self.old, self._unknown_to_python = {}, {}
        self._ended.clear()

    def registered(self, ident: int) -> None:
        """Note that a thread has registered a wait."""
        self._ended.discard(ident)
        if self.old:
            self.moved(ident)

    def moved(self, ident: int) -> None:
        """Note that a thread has moved from its position at the start of the test."""
        place = self.old.pop(ident, None)
        if place is not None and ident in self._returning:
            self._unknown_to_python[ident] = place

    def begins(self, ident: int) -> None:
        """Note that a thread begins. Its identity may be that of a thread that has ended."""
        self._ended.discard(ident)
        self.first.discard(ident)

    def ends(self, ident: int) -> None:
        """Note that a thread ends: it does not count as at work any more."""
        self._ended.add(ident)
        self.old.pop(ident, None)
        self.first.discard(ident)

    def is_back(self, frame: FrameType | None) -> bool:
        """Whether the calling thread repeats the call that it was in when the test began.

        Args:
            frame: the frame of the calling thread.
        """
        ident = get_ident()
        place = self.old.get(ident) or self._unknown_to_python.get(ident)
        if place is None:
            return False
        chain = _chain(frame)
        return bool(chain) and place.chain[-len(chain) :] == chain

    def has_one_of_few_moved(self) -> bool:
        """Whether an older thread has moved. Always False if there are too many to look at each."""
        old = self.old
        return 0 < len(old) <= _MAX_CHEAP_LOOKS and any(
            frame.f_lasti != instruction for frame, instruction, _ in old.values()
        )

    def look_if_due(self) -> bool:
        """Whether any of these threads is at work. The last answer is kept for a while."""
        if self._is_at_work or self.monotonic() > self._look_after:
            began = FUNCTIONS["thread_time_ns"]()
            frames = frames_of_others()
            counted = threading._active.keys() - self.old.keys()  # type: ignore[attr-defined]
            unregistered = frames.keys() - counted - self._waits.keys() - self._ended
            self._is_at_work = any(self._has_moved(ident, frames[ident]) for ident in unregistered)
            took = FUNCTIONS["thread_time_ns"]() - began
            self._look_after = self.monotonic() + max(_MIN_PAUSE_NS, _PAUSE_FACTOR * took)
        return self._is_at_work

    def any_work(self) -> bool:
        """Look at each thread but the calling one, and return whether any is at work."""
        active = threading._active  # type: ignore[attr-defined]
        frames = frames_of_others()
        for ident, frame in frames.items():
            if ident in self._waits:
                continue
            if ident in self._ended and ident not in active:
                continue
            if self._has_moved(ident, frame):
                return True
        for ident in [ident for ident in self.old if ident not in frames]:
            del self.old[ident]
        return False

    def _has_moved(self, ident: int, frame: FrameType) -> bool:
        """Whether a thread has left its position at the start of the test, or had none."""
        if ident in self._left:
            return False
        places = self.old if ident in self.old else self._unknown_to_python
        place = places.get(ident)
        if place is None:
            return True
        if frame is not place.frame or frame.f_lasti != place.instruction:
            # It may have returned to its position.
            now = _place(frame)
            # A tool's thread may have been at work as the test began, such as xdist's receiver.
            if now.chain != place.chain and (ident in self.old or not _is_of_tool(frame)):
                return True
            places[ident] = now
        is_ready = self._returning.get(ident)
        return is_ready is not None and is_ready()


def _place(frame: FrameType) -> _Place:
    return _Place(frame, frame.f_lasti, _chain(frame))


def _chain(frame: FrameType | None) -> tuple[tuple[int, int], ...]:
    """The code and instruction of each frame of a thread, without those of replaced functions."""
    chain = []
    while frame is not None:
        if not is_clock_frame(frame):
            chain.append((id(frame.f_code), _call_at(frame)))
        frame = frame.f_back
    return tuple(chain)


def _call_at(frame: FrameType) -> int:
    """The instruction that a frame is at. During a call, ``f_lasti`` may point behind it."""
    code, at = frame.f_code.co_code, frame.f_lasti
    while at > 0 and code[at] == _CACHE_OPCODE:
        at -= 2
    return at


def _is_of_tool(frame: FrameType) -> bool:
    return caller_named(frame.f_globals.get("__name__") or "") is CallerKind.TOOL
