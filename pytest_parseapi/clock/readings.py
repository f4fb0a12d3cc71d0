"""What each clock function shows, by who asks.

Consumers read the real clock plus every jump. pytest, its plugins and other tools read the real
one. The stdlib's timers, which compute waits from what they read, read the virtual time alone.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from pytest_parseapi.clock.genuine import GENUINE
from pytest_parseapi.clock.ledger import SECOND
from pytest_parseapi.clock.readers import Reader, caller, reader_of
from pytest_parseapi.clock.virtual import VirtualClock
from pytest_parseapi.patching.functions import Redirect
from pytest_parseapi.patching.types import replaced_methods

__all__ = ["Readings"]

# The system's clocks that move as the world does; those of processor time do not.
_MOVING: Final = tuple(
    getattr(time, name)
    for name in (
        *("CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW"),
        *("CLOCK_BOOTTIME", "CLOCK_TAI", "CLOCK_UPTIME_RAW"),
    )
    if hasattr(time, name)
)


class Readings:
    """Redirects the functions of ``time`` and ``datetime`` to one `VirtualClock`."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._redirects: list[Redirect] = []
        self._originals: dict[str, Callable[..., Any]] = {}
        self._began: dict[str, float] = {}
        self._methods = contextlib.ExitStack()
        self._undo = contextlib.ExitStack()

    def start(self) -> None:
        """Show virtual time from now on."""
        targets: dict[str, Callable[[Any, int], Callable[..., Any]]] = {
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
        for name, make in targets.items():
            for variant in (name, name + "_ns"):
                if variant in GENUINE:
                    redirect = Redirect(GENUINE[variant])
                    self._originals[variant] = redirect.original
                    redirect.to(make(redirect.original, 1 if variant == name else SECOND))
                    self._redirects.append(redirect)
        self._clock.read_wall = self._originals["time"]
        self._replace_methods()
        self._stay_on_top()

    def ahead(self) -> float:
        """How many seconds the time of event loops is ahead of the real one."""
        began = self._began.get("monotonic")
        if began is None:
            return 0.0
        now: float = self._originals["monotonic"]()
        return began + self._clock.elapsed - now

    def stop(self) -> None:
        """Show real time again."""
        self._undo.close()
        self._take_out()
        self._redirects.clear()

    def _replace_methods(self) -> None:
        now, utcnow = classmethod(self._now()), classmethod(self._utcnow())
        self._methods.enter_context(replaced_methods(dt.datetime, now=now, utcnow=utcnow))

    def _take_out(self) -> None:
        for redirect in reversed(self._redirects):
            redirect.undo()
        self._methods.close()

    def _stay_on_top(self) -> None:
        """Let time-machine, which patches the same functions, find them as they are without us."""
        other: Any = sys.modules.get("_time_machine")
        for name in ("patch", "patch_if_needed", "unpatch"):
            real = getattr(other, name, None)
            if real is not None:
                setattr(other, name, self._below(real))
                self._undo.callback(setattr, other, name, real)

    def _below(self, real: Callable[[], Any]) -> Callable[[], Any]:
        def call() -> Any:
            self._take_out()
            try:
                return real()
            finally:
                for redirect in self._redirects:
                    redirect.again()
                self._replace_methods()

        return call

    def _sleep(self, real: Callable[[float], None], _unit: int) -> Callable[[float], None]:
        clock = self._clock

        def sleep(seconds: float) -> None:
            if seconds == 0 or reader_of(caller()) is Reader.TOOL:
                real(seconds)
            else:
                clock.sleep(seconds)

        return sleep

    def _counter(self, real: Callable[[], float], unit: int) -> Callable[[], float]:
        ledger, shifted = self._clock.ledger, self._shifted

        def read() -> float:
            if reader_of(caller()) is Reader.TOOL:
                return real()
            ledger.readings += 1
            return real() + shifted(unit)

        return read

    def _timer(self, real: Callable[[], float], unit: int) -> Callable[[], float]:
        ledger, shifted, began = self._clock.ledger, self._shifted, real()
        self._began[real.__name__] = began

        def read() -> float:
            reader = reader_of(caller())
            if reader is Reader.TOOL:
                return real()
            ledger.readings += 1
            if reader is Reader.CONSUMER:
                return real() + shifted(unit)
            now = ledger.now()
            if unit > 1:
                return began + now
            shown: float = began + now / SECOND
            # As after a real time-out, the deadline has passed: ``as_completed`` asks for that.
            return math.nextafter(shown, math.inf) if ledger.expired == now else shown

        return read

    def _broken_down(self, real: Callable[..., Any], _unit: int) -> Callable[..., Any]:
        def read(seconds: float | None = None, /) -> Any:
            if seconds is None and reader_of(caller()) is not Reader.TOOL:
                seconds = self._originals["time"]() + self._shifted(1)
            return real() if seconds is None else real(seconds)

        return read

    def _text(self, real: Callable[..., Any], _unit: int) -> Callable[..., Any]:
        wanted = 0 if real.__name__ == "asctime" else 1

        def read(*arguments: Any) -> Any:
            if len(arguments) == wanted and reader_of(caller()) is not Reader.TOOL:
                now = self._originals["time"]() + self._shifted(1)
                arguments = (*arguments, self._originals["localtime"](now))
            return real(*arguments)

        return read

    def _system_clock(self, real: Callable[[int], float], unit: int) -> Callable[[int], float]:
        def read(clock_id: int, /) -> float:
            moves = clock_id in _MOVING and reader_of(caller()) is not Reader.TOOL
            return real(clock_id) + (self._shifted(unit) if moves else 0)

        return read

    # The inner functions' arguments are named as those of the methods that they stand for.
    def _now(self) -> Callable[..., dt.datetime]:
        def now(cls: type[Any], tz: dt.tzinfo | None = None) -> Any:
            return cls.fromtimestamp(self._seconds_for(caller()), tz)

        return now

    def _utcnow(self) -> Callable[..., dt.datetime]:
        def utcnow(cls: type[Any]) -> Any:
            moment = cls.fromtimestamp(self._seconds_for(caller()), dt.UTC)
            return moment.replace(tzinfo=None)

        return utcnow

    def _seconds_for(self, frame: FrameType | None) -> float:
        tool = reader_of(frame) is Reader.TOOL
        now: float = self._originals["time"]()
        return now if tool else now + self._shifted(1)

    def _shifted(self, unit: int) -> float:
        jumped = self._clock.ledger.jumped
        return jumped if unit > 1 else jumped / SECOND
