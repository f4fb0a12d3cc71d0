"""Timers of uvloop, gevent and eventlet: they stay real, and are counted with their duration.

They wait in C. The thread that runs them counts as at work, so no time jumps meanwhile.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any, Final

from pytest_parseapi.clock.clock_state import clock_state
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.patching.function_bodies import FunctionBodies
from pytest_parseapi.patching.imports import ImportHook

_SLEEP_MODULES: Final = (("gevent", "gevent.hub"), ("eventlet", "eventlet.greenthread"))
"""The libraries, each with the module that defines its ``sleep``."""


class RealTimers:
    """Adds the duration of these timers to one `VirtualClock`.

    Args:
        clock: the clock of the test.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._patches = Patches()
        self._bodies = FunctionBodies()
        self._imports = ImportHook()
        self._timeouts: weakref.WeakKeyDictionary[Any, Callable[[], None]] = (
            weakref.WeakKeyDictionary()
        )

    def start(self) -> None:
        """Count these timers from now on, also those of libraries that are imported later."""
        self._imports.when("uvloop", self._reach_uvloop)
        for name, module in _SLEEP_MODULES:
            self._imports.when(module, functools.partial(self._reach_sleep, name))
        self._imports.when("gevent.timeout", self._reach_timeout)

    def _reach_uvloop(self, module: ModuleType) -> None:
        for name in ("call_later", "call_at"):
            self._patches.put(vars(module)["Loop"], name, self._call)

    def _reach_sleep(self, name: str, module: ModuleType) -> None:
        sleep = vars(module)["sleep"]
        if isinstance(sleep, FunctionType):
            self._bodies.put(sleep, functools.partial(self._sleep, name))

    def _reach_timeout(self, module: ModuleType) -> None:
        """Count gevent's ``Timeout``, which ends waits for events, queues and locks."""
        kind: Any = vars(module)["Timeout"]
        if hasattr(kind, "_on_expiration"):
            self._patches.put(kind, "start", self._timeout_starts)
            self._patches.put(kind, "_on_expiration", self._timeout_expires)

    def stop(self) -> None:
        """Stop counting them."""
        self._imports.stop()
        self._patches.stop()
        self._bodies.stop()

    def _call(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Return the replacement of ``call_later`` or ``call_at`` of uvloop's loop."""

        @functools.wraps(real)
        def call(loop: Any, when: Any, callback: Any, *arguments: Any, context: Any = None) -> Any:
            if self._clock.closed or not callable(callback):
                return real(loop, when, callback, *arguments, context=context)
            note = self._began("uvloop")

            @functools.wraps(callback)
            def noted(*found: Any) -> Any:
                note()
                return callback(*found)

            return real(loop, when, noted, *arguments, context=context)

        return call

    def _sleep(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def sleep(*arguments: Any) -> Any:
            if self._clock.closed:
                return real(*arguments)
            note = self._began(name)
            try:
                return real(*arguments)
            finally:
                note()

        return sleep

    def _timeout_starts(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def start(timeout: Any) -> None:
            if not self._clock.closed and timeout.seconds:
                self._timeouts[timeout] = self._began("gevent")
            real(timeout)

        return start

    def _timeout_expires(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def expire(timeout: Any, *arguments: Any) -> None:
            note = self._timeouts.pop(timeout, None)
            if note is not None:
                note()
            real(timeout, *arguments)

        return expire

    def _began(self, name: str) -> Callable[[], None]:
        """Note that a wait begins. Return a function to call when it has ended."""
        clock_state().real_timers[name] = None
        elapsed = self._clock.elapsed_time
        before, began = elapsed.now(), elapsed.monotonic()

        def note() -> None:
            if not self._clock.closed:
                self._clock.jumps.passed(before + elapsed.monotonic() - began)

        return note
