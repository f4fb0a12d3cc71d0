"""What each clock function returns, depending on its caller.

Consumers read the real clock plus every jump. pytest, its plugins and other tools read the real
one. The stdlib's timers, which compute waits from what they read, read the virtual time alone.
"""

from __future__ import annotations

import concurrent.futures
import datetime as dt
import math
import time
from collections.abc import Callable
from typing import Any, Final

from pytest_parseapi.clock import CLASSES, FUNCTIONS
from pytest_parseapi.clock.callers import (
    NOT_ASKED,
    CallerKind,
    ask_for_frame,
    caller_named,
    caller_of,
    calling_frame,
)
from pytest_parseapi.clock.clock_state import ClockState
from pytest_parseapi.clock.elapsed_time import SECOND_NS
from pytest_parseapi.clock.real_waits import RealWait

# The system's clocks that move as the world does; those of processor time do not.
_MOVING_CLOCKS: Final = tuple(
    getattr(time, name)
    for name in (
        *("CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW"),
        *("CLOCK_BOOTTIME", "CLOCK_TAI", "CLOCK_UPTIME_RAW"),
    )
    if hasattr(time, name)
)

# In units of the last place: a sum and a difference of two readings may be off by less.
_STEP_ULPS: Final = 2
# It gives up after its deadline only, and asks again and again until then without a wait.
_ASKS_UNTIL_LATE: Final = concurrent.futures.as_completed.__code__


class Readings:
    """The replacements of the functions of ``time`` and ``datetime``.

    Args:
        state: what the clock functions of the process share.
    """

    def __init__(self, state: ClockState) -> None:
        self._state = state

    def functions(self) -> dict[str, Callable[..., Any]]:
        """By name, those of ``time``."""
        makers: dict[str, Callable[[str, int], Callable[..., Any]]] = {
            "sleep": self._sleep,
            "time": self._counter,
            "monotonic": self._timer,
            "perf_counter": self._timer,
            "gmtime": self._broken_down,
            "localtime": self._broken_down,
            "ctime": self._broken_down,
            "asctime": self._text,
            "strftime": self._text,
            "clock_gettime": self._system_clock,
        }
        made = {}
        for name, make in makers.items():
            for variant in (name, name + "_ns"):
                if variant in FUNCTIONS:
                    made[variant] = make(variant, 1 if variant == name else SECOND_NS)
                    made[variant].__name__ = made[variant].__qualname__ = variant
                    made[variant].__module__ = "time"
        return made

    def methods(self) -> dict[str, Any]:
        """By name, the class methods of ``datetime``, which get the class first."""
        state, shifted = self._state, self._shifted

        def seconds() -> float:
            now: float = state.real["time"]()
            return now + shifted(1)

        # The arguments are named as those of the methods that they replace.
        def now(cls: type[Any], tz: dt.tzinfo | None = None) -> Any:
            if state.clock is None or caller_of(calling_frame()).is_real:
                return real_now(cls, tz)
            return cls.fromtimestamp(seconds(), tz)

        def utcnow(cls: type[Any]) -> Any:
            if state.clock is None or caller_of(calling_frame()).is_real:
                return real_utcnow(cls)
            return cls.fromtimestamp(seconds(), dt.UTC).replace(tzinfo=None)

        real_now, real_utcnow = (
            _of_class(vars(CLASSES["datetime"])[name]) for name in ("now", "utcnow")
        )
        for method in (now, utcnow):
            method.__qualname__ = f"datetime.{method.__name__}"
            method.__module__ = "datetime"
        return {"now": now, "utcnow": utcnow}

    def _sleep(self, name: str, _unit: int) -> Callable[..., None]:
        state = self._state

        def sleep(*arguments: Any) -> None:
            clock = state.clock
            if clock is None or len(arguments) != 1 or arguments[0] == 0:
                state.real[name](*arguments)
                return
            caller = caller_of(calling_frame())
            if not caller.is_real:
                clock.sleep(arguments[0])
            elif caller is CallerKind.TOOL:
                RealWait(state.threads)(lambda: state.real[name](*arguments))
            else:
                state.real[name](*arguments)

        return sleep

    def _counter(self, name: str, unit: int) -> Callable[[], float]:
        return self._reading(name, unit, is_counter=True)

    def _timer(self, name: str, unit: int) -> Callable[[], float]:
        return self._reading(name, unit, is_counter=False)

    def _reading(self, name: str, unit: int, *, is_counter: bool) -> Callable[[], float]:
        """Make the replacement of a clock. Clients read it often, so it does as little as it can.

        Args:
            name: the function of ``time``.
            unit: how many of what it gives are a second.
            is_counter: whether all who read it see what their own work takes, and not consumers
                alone.
        """
        state, real, consumer = self._state, self._state.real, CallerKind.CONSUMER
        in_ns = unit > 1

        def read() -> Any:
            clock = state.clock
            if clock is None:
                return real[name]()
            try:
                frame = ask_for_frame()
            except NOT_ASKED:
                frame = calling_frame()
            elapsed = clock.elapsed_time
            # Mostly the consumer calls directly, and there is no need to look further up.
            if frame is None or caller_named(frame.f_globals.get("__name__") or "") is consumer:
                caller = consumer
            else:
                caller = caller_of(frame)
                if caller.is_real:
                    return real[name]()
            elapsed.reads += 1
            if is_counter or caller is consumer:
                jumped = elapsed.jumped_ns
                return real[name]() + (jumped if in_ns else jumped / SECOND_NS)
            now = elapsed.now()
            if in_ns:
                return clock.began[name] + now
            shown: float = clock.began[name] + now / SECOND_NS
            # As after a real time-out, the deadline has passed.
            if frame is not None and frame.f_code is _ASKS_UNTIL_LATE:
                elapsed.expire(now)
            if elapsed.last_expiry_ns == now:
                elapsed.late_was_read = True
                shown += _STEP_ULPS * elapsed.late_steps * math.ulp(shown)
            return shown

        return read

    def _broken_down(self, name: str, _unit: int) -> Callable[..., Any]:
        state = self._state

        def read(*arguments: Any) -> Any:
            asks = state.clock is not None and arguments in ((), (None,))
            if asks and not caller_of(calling_frame()).is_real:
                arguments = (state.real["time"]() + self._shifted(1),)
            return state.real[name](*arguments)

        return read

    def _text(self, name: str, _unit: int) -> Callable[..., Any]:
        state = self._state
        wanted = 0 if name == "asctime" else 1

        def read(*arguments: Any) -> Any:
            asks = state.clock is not None and len(arguments) == wanted
            if asks and not caller_of(calling_frame()).is_real:
                now = state.real["time"]() + self._shifted(1)
                arguments = (*arguments, state.real["localtime"](now))
            return state.real[name](*arguments)

        return read

    def _system_clock(self, name: str, unit: int) -> Callable[..., Any]:
        state = self._state

        def read(*arguments: Any) -> Any:
            found = state.real[name](*arguments)
            if state.clock is None or arguments[0] not in _MOVING_CLOCKS:
                return found
            return found if caller_of(calling_frame()).is_real else found + self._shifted(unit)

        return read

    def _shifted(self, unit: int) -> float:
        clock = self._state.clock
        jumped = 0 if clock is None else clock.elapsed_time.jumped_ns
        return jumped if unit > 1 else jumped / SECOND_NS


def _of_class(method: Any) -> Callable[..., Any]:
    """A method of a class as a function of the class and the arguments."""
    return lambda cls, *args: method.__get__(None, cls)(*args)
