"""The waits of asyncio's event loops, in virtual time.

A loop blocks in one call only: ``select``, which waits for input. If the loop watches something
real (a socket, a child process), that call stays real, and no virtual time jumps meanwhile.
"""

from __future__ import annotations

import functools
import selectors
import sys
import threading
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from pytest_parseapi.clock.blocking import PolledWait
from pytest_parseapi.clock.callers import CallerKind, caller_of, calling_frame
from pytest_parseapi.clock.clock_state import clock_state
from pytest_parseapi.clock.input import has_input
from pytest_parseapi.clock.loop_clocks import LoopClocks
from pytest_parseapi.clock.pools import work_of_processes
from pytest_parseapi.clock.quiet_turns import LOOP_ATTRIBUTE, KnownLoop, QuietTurns
from pytest_parseapi.clock.real_waits import RealWait
from pytest_parseapi.clock.timed_calls import free_within, recorded, used_up
from pytest_parseapi.clock.trio_loops import TrioWaits
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.patching.attributes import Patches, set_on

# Callbacks of a loop that wait for work which may never come.
_IDLE_CALLBACKS: Final = frozenset({"_read_from_self", "_accept_connection"})
_SELECTORS: Final = ("EpollSelector", "KqueueSelector", "PollSelector", "SelectSelector")


class LoopWaits:
    """Lets event loops wait by one `VirtualClock`.

    Args:
        clock: the clock of the test.
        idle: returns whether a loop's selector key belongs to a connection at rest.
    """

    def __init__(self, clock: VirtualClock, idle: Callable[[selectors.SelectorKey], bool]) -> None:
        self._clock = clock
        self._idle = idle
        self._patches = Patches()
        self._threads = clock_state().threads
        self._real_wait = RealWait(self._threads)
        self._clocks = LoopClocks(clock, clock_state().real["monotonic"])
        self._trio = TrioWaits(clock)
        self._trio_done = False
        self._loop_done = False
        self._selectors: weakref.WeakSet[Any] = weakref.WeakSet()

    def start(self) -> None:
        """Wait in virtual time from now on."""
        for name in _SELECTORS:
            kind = getattr(selectors, name, None)
            if kind is not None:
                self._patches.put(kind, "select", self._select)
        self.catch_up()

    def catch_up(self) -> None:
        """Replace the methods of loops of libraries that were imported since the start."""
        asyncio: Any = sys.modules.get("asyncio.base_events")
        if not self._loop_done and hasattr(asyncio, "BaseEventLoop"):
            self._clocks.install(self._patches, asyncio.BaseEventLoop)
            take = QuietTurns(self._clock, self._clocks).take
            self._patches.put(asyncio.BaseEventLoop, "_run_once", take)
            self._loop_done = True
        trio = sys.modules.get("trio")
        if trio is not None and not self._trio_done and hasattr(trio, "_core"):
            manager = getattr(trio._core._run, "TheIOManager", None)
            if manager is not None:
                self._patches.put(manager, "get_events", self._trio.get_events)
                self._trio_done = True

    def stop(self) -> None:
        """End virtual time. Timers that are still open keep the delay that they have left."""
        ahead = self._clock.ahead
        for selector in list(self._selectors):
            known = vars(selector).pop(LOOP_ATTRIBUTE, None)
            loop = None if known is None else known.loop()
            if loop is not None:
                self._clocks.restore_timers(loop, ahead)
        self._trio.restore_clocks(ahead)
        self._patches.stop()
        self._selectors.clear()
        self._clocks.wake_late()

    def _select(self, real: Callable[..., Any]) -> Callable[..., Any]:
        jumps, is_only_thread = self._clock.jumps, self._threads.is_only_thread

        @functools.wraps(real)
        def select(selector: Any, timeout: float | None = None) -> Any:
            if jumps.closed:
                return real(selector, timeout)
            known: KnownLoop | None = getattr(selector, LOOP_ATTRIBUTE, None)
            if known is None:
                if timeout is not None and timeout <= 0:
                    return real(selector, timeout)
                frame = calling_frame()
                # A selector may have a method of its own that calls this one.
                while frame is not None and _is_method_of(selector, frame):
                    frame = frame.f_back
                loop = None if frame is None else frame.f_locals.get("self")
                # The loop may be run by another module than asyncio, such as nest_asyncio.
                if getattr(loop, "_selector", None) is not selector or not hasattr(loop, "_ready"):
                    return self._outside_loops(functools.partial(real, selector, timeout), timeout)
                known = KnownLoop(loop, selector, plain=_is_plain(selector, select))
                set_on(selector, LOOP_ATTRIBUTE, known)
                self._selectors.add(selector)
            if timeout is None or not known.is_quiet():
                passes = False
            elif timeout > 0:
                passes = jumps.pass_at_once(timeout, known.ready)
            else:
                passes = is_only_thread()
            if passes:
                return []
            return self._wait(functools.partial(real, selector), selector, timeout, known)

        return select

    def _wait(
        self, real: Callable[..., Any], selector: Any, timeout: float | None, known: KnownLoop
    ) -> Any:
        if timeout is not None and timeout <= 0:
            return real(timeout)
        is_quiet = known.is_quiet()
        if not (is_quiet or all(self._is_idle(key) for key in selector.get_map().values())):
            if events := real(0):
                return events
            return recorded(self._clock, functools.partial(real, timeout), calling_frame())
        # Other threads call this before each jump, and a system call takes long.
        has_input_now = known.has_callbacks if is_quiet else functools.partial(has_input, selector)
        wait = PolledWait(real, has_input_now, known.wake)
        self._clock.wait(wait, timeout, polled=True)
        return wait.result

    def _outside_loops(self, call: Callable[[], Any], timeout: float | None) -> Any:
        """Wait in a selector that belongs to no event loop."""
        frame = calling_frame()
        above = None if frame is None else frame.f_back
        caller = caller_of(above)
        serves = above is not None and above.f_globals.get("__name__") == "socketserver"
        if serves or caller is CallerKind.TOOL:
            # A server without a request: no client may ever come.
            return self._real_wait(call, outside=True)
        if _looks_after_threads(above):
            return self._real_wait(call)
        is_at_work = work_of_processes(above)
        if is_at_work is not None:
            return self._real_wait(call, is_ready=is_at_work)
        if not caller.is_real:
            return recorded(self._clock, call, frame)
        if timeout is None:
            return call()
        # A wait for a child process counts only if its time-out is used up.
        is_child = above is not None and above.f_globals.get("__name__") == "subprocess"
        free = used_up(timeout) if is_child else free_within(timeout)
        return recorded(self._clock, call, frame, free)

    def _is_idle(self, key: selectors.SelectorKey) -> bool:
        handles = key.data if isinstance(key.data, tuple) else ()
        names = {
            getattr(getattr(handle, "_callback", None), "__name__", "")
            for handle in handles
            if handle is not None
        }
        return names <= _IDLE_CALLBACKS or self._idle(key)


def _is_method_of(selector: object, frame: FrameType) -> bool:
    return frame.f_locals.get("self") is selector


def _is_plain(selector: Any, select: object) -> bool:
    """Whether the selector still has the replaced method, and no other one."""
    return getattr(selector.select, "__func__", None) is select


def _looks_after_threads(frame: FrameType | None) -> bool:
    """Whether it is the thread of a thread pool that waits for a worker to end."""
    while frame is not None and frame.f_globals.get("__name__") == "multiprocessing.connection":
        frame = frame.f_back
    keeper = None if frame is None else frame.f_back  # above what waits for changes
    if keeper is None or keeper.f_code.co_name != "_handle_workers":
        return False
    workers = keeper.f_locals.get("pool", [None])
    return all(isinstance(worker, threading.Thread) for worker in workers)
