"""Takes the clock functions over once a session, and gives them back at its end.

There is one object for each process. Nested sessions share it; the last one gives back.
"""

from __future__ import annotations

from _queue import SimpleQueue
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from pytest_parseapi.clock import CLASSES, SIGNAL_SENDERS, TAKEN_OVER
from pytest_parseapi.clock.clock_state import ClockState, clock_state
from pytest_parseapi.clock.locks import LOCK, RLOCK, lock_methods, queue_methods
from pytest_parseapi.clock.platform_support import limits_line, why_not_in_place
from pytest_parseapi.clock.polling import poll_methods
from pytest_parseapi.clock.readings import Readings
from pytest_parseapi.clock.real_input import semaphore_methods
from pytest_parseapi.clock.sent_signals import sender_functions
from pytest_parseapi.clock.start_functions import start_functions
from pytest_parseapi.clock.substitutes import ReplacedClasses, ReplacedName
from pytest_parseapi.clock.time_machine import TimeMachine
from pytest_parseapi.patching.process import process

if TYPE_CHECKING:
    from pytest_parseapi.clock.virtual_clock import VirtualClock
    from pytest_parseapi.patching.bound_class_methods import BoundClassMethods


class _Taken(Protocol):
    """Something that can be taken over."""

    def take(self) -> None:
        """Take it over."""

    def give_back(self) -> None:
        """Undo the take-over."""


class _TakenFunction(_Taken, Protocol):
    """A function that can be taken over."""

    def redirect(self, target: Callable[..., Any] | None) -> None:
        """Send calls to a callable, or with None to the real function."""


class TakeOver:
    """Takes over the clock functions of the process, and counts the sessions that need it.

    Args:
        state: what the clock functions of the process share.
    """

    def __init__(self, state: ClockState) -> None:
        self._state = state
        self._clocks: list[VirtualClock] = []
        self._users = 0
        self._is_taken = False
        self._targets = (
            Readings(state).functions() | start_functions(state) | sender_functions(state)
        )
        self._functions: dict[str, _TakenFunction] = {}
        self._others: list[_Taken] = []
        self._bound_methods: BoundClassMethods | None = None
        self.lost = ""
        """One line about what stays real, if attributes are replaced instead."""

    def hold(self) -> None:
        """Take everything over, unless that is done already."""
        self._users += 1
        if not self._is_taken:
            self._prepare()
            for taken in (*self._functions.values(), *self._others):
                taken.take()
            self._is_taken = True

    def release(self) -> None:
        """Give everything back, if no other session needs it."""
        self._users -= 1
        if not self._users:
            for taken in (*self._others, *self._functions.values()):
                taken.give_back()
            self._is_taken = False

    def begin(self, clock: VirtualClock) -> None:
        """Let all clock functions read this clock."""
        state = self._state
        clock.install(state.threads, state.real, lambda: state.clock is not clock)
        self._clocks.append(clock)
        self._state.clock = clock
        if len(self._clocks) == 1:
            for name, function in self._functions.items():
                function.redirect(self._targets[name])
            if self._bound_methods is not None:
                self._bound_methods.redirect(here=True)

    def end(self, clock: VirtualClock) -> None:
        """Let the clock functions read the clock before this one again, if there is one."""
        if clock in self._clocks:
            self._clocks.remove(clock)
            self._state.clock = self._clocks[-1] if self._clocks else None
            if self._clocks:
                self._state.threads.ended = self._clocks[-1].jumps.look
                self._state.threads.test_begins()
            else:
                for function in self._functions.values():
                    function.redirect(None)
                if self._bound_methods is not None:
                    self._bound_methods.redirect(here=False)

    def without(self, call: Callable[[], Any]) -> Any:
        """Call a function while nothing is taken over: another library does the same itself."""
        kept = [] if self._bound_methods is None else [self._bound_methods]
        for taken in (*kept, *self._functions.values()):
            taken.give_back()
        try:
            return call()
        finally:
            for name, function in self._functions.items():
                function.take()
                if self._clocks:
                    function.redirect(self._targets[name])
            for methods in kept:
                methods.take()
                methods.redirect(here=bool(self._clocks))

    def _prepare(self) -> None:
        """Create the objects that take over, once."""
        if self._functions:
            return
        try:
            why = why_not_in_place()
            if not why:
                self._prepare_in_place()
        except (OSError, RuntimeError, ImportError, AttributeError) as error:
            why = str(error)
        if why:
            self.lost = limits_line(why)
            self._functions = {name: self._replaced(name) for name in self._targets}
            self._others = [ReplacedClasses(self._state), TimeMachine(self.without)]

    def _prepare_in_place(self) -> None:
        # Nothing of this loads where no test has virtual time.
        from pytest_parseapi.patching.bound_class_methods import BoundClassMethods
        from pytest_parseapi.patching.builtin_functions import BuiltinFunction, Trampolines, check
        from pytest_parseapi.patching.builtin_type_methods import BuiltinTypeMethods

        trampolines: Trampolines | None
        try:
            trampolines = Trampolines()
        except (OSError, RuntimeError):
            trampolines = None
        check(trampolines)
        functions = {
            name: BuiltinFunction(TAKEN_OVER[name], trampolines)
            for name in self._targets
            if trampolines is not None or name not in SIGNAL_SENDERS
        }
        methods = Readings(self._state).methods()
        class_methods: dict[str, Any] = {name: classmethod(item) for name, item in methods.items()}
        self._others = [
            BuiltinTypeMethods(CLASSES["datetime"], class_methods),
            *(BuiltinTypeMethods(kind, lock_methods(self._state, kind)) for kind in (LOCK, RLOCK)),
            BuiltinTypeMethods(SimpleQueue, queue_methods(self._state)),
            *(BuiltinTypeMethods(kind, methods) for kind, methods in poll_methods(self._state)),
            *(
                BuiltinTypeMethods(kind, methods)
                for kind, methods in semaphore_methods(self._state)
            ),
            TimeMachine(self.without),
        ]
        for taken in self._others:
            taken.take()
            taken.give_back()
        self._bound_methods = BoundClassMethods(CLASSES["datetime"], methods, trampolines)
        self._others.append(self._bound_methods)
        self._state.real.update((name, found.original) for name, found in functions.items())
        others = [name for name in self._targets if name not in functions]
        self._functions = {**functions, **{name: self._replaced(name) for name in others}}

    def _replaced(self, name: str) -> ReplacedName:
        return ReplacedName(TAKEN_OVER[name].__self__, name, self._targets[name])


def take_over() -> TakeOver:
    """The one object of this process."""
    return process().part("take-over", lambda: TakeOver(clock_state()))
