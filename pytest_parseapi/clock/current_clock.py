"""The current clock and the real functions, which every clock function looks up when it is called.

There is one object for each process: the functions are taken over once, whatever test runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_parseapi.clock import TAKEN_OVER
from pytest_parseapi.clock.threads import Threads
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.patching.process import process


class Current:
    """The clock of the simulated test that runs, if one does."""

    def __init__(self) -> None:
        self.clock: VirtualClock | None = None
        """None outside simulated tests, and in those in real time."""
        self.threads = Threads()
        """Which threads are at rest."""
        self.real_timers: dict[str, None] = {}
        """The libraries whose real timers were used, and that no warning has named yet."""
        self.real: dict[str, Callable[..., Any]] = dict(TAKEN_OVER)
        """By name, the functions that are taken over, as they are when not replaced."""


def current() -> Current:
    """The one object of this process."""
    return process().part("clock", _made)


def _made() -> Current:
    made = Current()
    process().forked.append(made.threads.forked)
    return made
