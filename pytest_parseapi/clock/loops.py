"""The waits of asyncio's loops, in virtual time.

A loop blocks in one call only, the one by which it waits for input. With input that is real (a
socket, a child process) on its way, that call stays real, and no thread's time jumps meanwhile.
"""

from __future__ import annotations

import functools
import selectors
import sys
import threading
import weakref
from collections.abc import Callable, Sized
from math import inf, nextafter
from types import FrameType
from typing import Any, Final

from pytest_parseapi.clock.blocking import PolledWait
from pytest_parseapi.clock.callers import (
    NOT_ASKED,
    CallerKind,
    ask_for_frame,
    caller_of,
    calling_frame,
)
from pytest_parseapi.clock.current_clock import current
from pytest_parseapi.clock.elapsed_time import SECOND_NS
from pytest_parseapi.clock.input import has_input
from pytest_parseapi.clock.pools import work_of_processes
from pytest_parseapi.clock.real_waits import RealWait
from pytest_parseapi.clock.timed_calls import free_within, recorded, used_up
from pytest_parseapi.clock.trio_loops import TrioWaits
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.patching.attributes import Patches, set_on

# Callbacks of a loop that wait for work which may never come.
_IDLE_CALLBACKS: Final = frozenset({"_read_from_self", "_accept_connection"})
# Where a selector keeps, during a test, which loop it is of.
_LOOP_ATTRIBUTE: Final = "__parseapi_loop__"
# So many seconds a loop's clock may show less than ``time.monotonic()``.
_MAX_LAG_SECONDS: Final = 0.05
_SELECTORS: Final = ("EpollSelector", "KqueueSelector", "PollSelector", "SelectSelector")


class LoopWaits:
    """Puts the waits of event loops on one `VirtualClock`.

    Args:
        clock: the clock of the test.
        idle: returns whether a loop's selector key belongs to a connection at rest.
    """

    def __init__(self, clock: VirtualClock, idle: Callable[[selectors.SelectorKey], bool]) -> None:
        self._clock = clock
        self._idle = idle
        self._patches = Patches()
        self._threads = current().threads
        self._real_wait = RealWait(self._threads)
        self._real_monotonic: Callable[[], float] = current().real["monotonic"]
        self._asyncio_call_at: Any = None
        self._loop_asks = False
        self._trio = TrioWaits(clock)
        self._trio_done = False
        self._loop_done = False
        self._ahead: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()
        self._is_ahead = False
        self._selectors: weakref.WeakSet[Any] = weakref.WeakSet()
        self._late: weakref.WeakSet[Any] = weakref.WeakSet()
        """Those that read their clock while the test ended."""

    def start(self) -> None:
        """Wait in virtual time from now on."""
        for name in _SELECTORS:
            kind = getattr(selectors, name, None)
            if kind is not None:
                self._patches.put(kind, "select", self._select)
        self.catch_up()

    def catch_up(self) -> None:
        """Reach the loops of libraries that were imported since the start."""
        asyncio: Any = sys.modules.get("asyncio.base_events")
        if not self._loop_done and hasattr(asyncio, "BaseEventLoop"):
            self._patches.put(asyncio.BaseEventLoop, "time", self._time)
            self._patches.put(asyncio.BaseEventLoop, "call_at", self._call_at)
            self._patches.put(asyncio.BaseEventLoop, "call_later", self._call_later)
            self._loop_done = True
        trio = sys.modules.get("trio")
        if trio is not None and not self._trio_done and hasattr(trio, "_core"):
            manager = getattr(trio._core._run, "TheIOManager", None)
            if manager is not None:
                self._patches.put(manager, "get_events", self._trio.get_events)
                self._trio_done = True

    def stop(self) -> None:
        """End virtual time: timers that are still open fire after the same delay as in it."""
        ahead = self._clock.ahead
        for selector in list(self._selectors):
            known = vars(selector).pop(_LOOP_ATTRIBUTE, None)
            loop = None if known is None else known.loop()
            if loop is not None:
                _shift(loop, -ahead - self._ahead.get(loop, 0.0))
        self._trio.put_back(ahead)
        self._patches.stop()
        self._selectors.clear()
        for loop in list(self._late):
            # It may be about to wait for as long as the test's time went.
            if loop.is_running() and hasattr(loop, "_write_to_self"):
                loop._write_to_self()

    def _time(self, real: Callable[..., float]) -> Callable[..., float]:
        """A loop's clock shows waits alone; where a consumer asks, it follows the other clocks."""
        clock, elapsed = self._clock, self._clock.elapsed_time
        began = clock.began["monotonic"]
        jumps, late = clock.jumps, self._late
        base_globals = sys.modules["asyncio.base_events"].__dict__

        @functools.wraps(real)
        def read(loop: Any) -> float:
            if jumps.closed:
                late.add(loop)
                return real(loop)
            if self._loop_asks:
                self._loop_asks = False
            else:
                try:
                    frame = ask_for_frame()
                except NOT_ASKED:
                    frame = sys._getframe(1)
                if frame is None or frame.f_globals is base_globals:
                    if getattr(loop, "_current_handle", None) is not None:
                        # Around each callback, in the loop's debug mode: no iteration.
                        elapsed.reads -= 1
                elif _is_asyncio(frame):
                    elapsed.reads -= 1  # as of a delay, below
                else:
                    self._follow(loop)
            elapsed.reads += 1
            now = elapsed.now()
            shown: float = began + now / SECOND_NS
            if elapsed.last_expiry_ns == now:
                shown = nextafter(shown, inf)
            return shown + self._ahead.get(loop, 0.0) if self._is_ahead else shown

        return read

    def _follow(self, loop: Any) -> None:
        """Put the clock and the timers of a loop forward, if code has run for long."""
        self._loop_asks = True
        more = self._real_monotonic() + self._clock.jumped_ns / SECOND_NS - loop.time()
        if more > _MAX_LAG_SECONDS:
            self._ahead[loop] = more + self._ahead.get(loop, 0.0)
            self._is_ahead = True
            _shift(loop, more)

    def _call_at(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """A consumer's deadline may come from ``time.monotonic()``."""
        base_globals = sys.modules["asyncio.base_events"].__dict__

        @functools.wraps(real)
        def call_at(loop: Any, *arguments: Any, **named: Any) -> Any:
            frame = calling_frame()
            asks = (
                frame is not None and frame.f_globals is not base_globals and not _is_asyncio(frame)
            )
            if asks and not self._clock.closed:
                self._follow(loop)
            return real(loop, *arguments, **named)

        self._asyncio_call_at = real
        return call_at

    def _call_later(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """As asyncio's own, without a look at the caller: a delay starts from now for all."""
        clock, call_at = self._clock, self._asyncio_call_at
        base: Any = sys.modules["asyncio.base_events"]
        replaced = base.BaseEventLoop.call_at

        @functools.wraps(real)
        def call_later(
            loop: Any, delay: Any, callback: Any, *arguments: Any, context: Any = None
        ) -> Any:
            if delay is None or clock.closed or type(loop).call_at is not replaced:
                return real(loop, delay, callback, *arguments, context=context)
            self._loop_asks = True
            # A delay is none of the readings by which code that waits for a clock is known: many
            # tasks may begin to wait at once.
            clock.elapsed_time.reads -= 1
            timer = call_at(loop, loop.time() + delay, callback, *arguments, context=context)
            if timer._source_traceback:  # with the loop's debug mode
                del timer._source_traceback[-1]
            return timer

        return call_later

    def _select(self, real: Callable[..., Any]) -> Callable[..., Any]:
        jumps, is_only_thread = self._clock.jumps, self._threads.is_only_thread

        @functools.wraps(real)
        def select(selector: Any, timeout: float | None = None) -> Any:
            if jumps.closed:
                return real(selector, timeout)
            known: _Loop | None = getattr(selector, _LOOP_ATTRIBUTE, None)
            if known is None:
                if timeout is not None and timeout <= 0:
                    return real(selector, timeout)
                frame = calling_frame()
                loop = None if frame is None else frame.f_locals.get("self")
                # By its own module or another one, as nest_asyncio does.
                if getattr(loop, "_selector", None) is not selector or not hasattr(loop, "_ready"):
                    return self._outside_loops(functools.partial(real, selector, timeout), timeout)
                known = _Loop(loop)
                set_on(selector, _LOOP_ATTRIBUTE, known)
                self._selectors.add(selector)
            self._loop_asks = True  # next, to see which timers are due
            if timeout is None or len(selector._fd_to_key) > 1 or known.signal_handlers:
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
        self, real: Callable[..., Any], selector: Any, timeout: float | None, known: _Loop
    ) -> Any:
        if timeout is not None and timeout <= 0:
            return real(timeout)
        is_quiet = known.is_quiet(selector)
        if not (is_quiet or all(self._is_idle(key) for key in selector.get_map().values())):
            if events := real(0):
                return events
            return recorded(self._clock, functools.partial(real, timeout), calling_frame())
        # Other threads ask for it at each jump: the kernel takes long to answer.
        came = known.has_callbacks if is_quiet else functools.partial(has_input, selector)
        wait = PolledWait(real, came, known.wake)
        self._clock.wait(wait, timeout, polled=True)
        return wait.brought

    def _outside_loops(self, call: Callable[[], Any], timeout: float | None) -> Any:
        """A wait for real input by no loop."""
        frame = calling_frame()
        above = None if frame is None else frame.f_back
        caller = caller_of(above)
        serves = above is not None and above.f_globals.get("__name__") == "socketserver"
        if serves or caller is CallerKind.TOOL:
            # A server without a request, such as the live one: none may ever come.
            return self._real_wait(call, outside=True)
        if _looks_after_threads(above):
            return self._real_wait(call)
        is_at_work = work_of_processes(above)
        if is_at_work is not None:
            return self._real_wait(call, over=is_at_work)
        if not caller.is_real:
            return recorded(self._clock, call, frame)
        if timeout is None:
            return call()
        # A child process: what it does in time is work, and no wait.
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


class _Loop:
    """A loop that waits by a selector; it does not keep the loop alive."""

    __slots__ = ("loop", "ready", "signal_handlers")

    def __init__(self, loop: Any) -> None:
        self.loop: weakref.ref[Any] = weakref.ref(loop)
        self.ready: Sized = loop._ready
        """The callbacks to be called next."""
        self.signal_handlers: Sized = getattr(loop, "_signal_handlers", ())

    def is_quiet(self, selector: Any) -> bool:
        """Whether nothing comes by the selector but what `ready` shows as well.

        What it then looks at is the one descriptor by which other threads wake the loop.
        """
        return len(selector._fd_to_key) == 1 and not self.signal_handlers

    def has_callbacks(self) -> bool:
        """Whether another thread has given the loop something to call."""
        return len(self.ready) > 0

    def wake(self) -> None:
        """Let the loop look at its timers; it may be closed."""
        loop = self.loop()
        if loop is not None:
            loop._write_to_self()


def _looks_after_threads(frame: FrameType | None) -> bool:
    """Whether it is the thread of a pool of threads that waits for one of them to end."""
    while frame is not None and frame.f_globals.get("__name__") == "multiprocessing.connection":
        frame = frame.f_back
    keeper = None if frame is None else frame.f_back  # above what waits for changes
    if keeper is None or keeper.f_code.co_name != "_handle_workers":
        return False
    workers = keeper.f_locals.get("pool", [None])
    return all(isinstance(worker, threading.Thread) for worker in workers)


def _is_asyncio(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).startswith("asyncio.")


def _shift(loop: Any, seconds: float) -> None:
    """Put the timers of a loop off by the same time, as its clock is."""
    for timer in getattr(loop, "_scheduled", ()):
        set_on(timer, "_when", timer._when + seconds)
