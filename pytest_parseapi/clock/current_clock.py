"""What every clock function asks when it is called: which clock is current, and the real functions.

One object for each process: the functions are taken over once, whichever test and session runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_parseapi.clock import FUNCTIONS, STARTS
from pytest_parseapi.clock.threads import Threads
from pytest_parseapi.patching.process import process

if TYPE_CHECKING:
    from pytest_parseapi.clock.virtual_clock import VirtualClock

__all__ = ["Current", "current"]


class Current:
    """The clock of the simulated test that runs, if one does."""

    def __init__(self) -> None:
        self.clock: VirtualClock | None = None
        """None outside simulated tests, and in those in real time."""
        self.threads = Threads()
        """Which threads are at rest."""
        self.real_timers: dict[str, None] = {}
        """The libraries whose timers were met, which stay real; whoever tells takes them out."""
        self.real: dict[str, Callable[..., Any]] = {**FUNCTIONS, **STARTS}
        """By name, what does what a function of ``time`` or ``_thread`` does by itself."""


def current() -> Current:
    """That of this process."""
    return process().part("clock", _made)


def _made() -> Current:
    made = Current()
    process().forked.append(made.threads.forked)
    return made
