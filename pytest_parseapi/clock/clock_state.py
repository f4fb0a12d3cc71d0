"""What the replaced clock functions of the process share: the current clock and the real functions.

There is one object for each process: the functions are replaced once, whatever test runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_parseapi.clock import TAKEN_OVER
from pytest_parseapi.clock.threads import Threads
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.patching.name_holders import NameHolders
from pytest_parseapi.patching.process import process


class ClockState:
    """The clock of the simulated test that runs now, and what all tests share."""

    def __init__(self) -> None:
        self.clock: VirtualClock | None = None
        """The clock of the test that runs; None outside simulated tests, and in real-time tests."""
        self.threads = Threads()
        """Which threads are at rest."""
        self.select_holders = NameHolders("select")
        """Where to replace ``select.select`` before each test."""
        self.real_timers: dict[str, None] = {}
        """The libraries whose real timers were used, and that no warning has named yet."""
        self.real: dict[str, Callable[..., Any]] = dict(TAKEN_OVER)
        """By name, the functions that are taken over, as they are when not replaced."""


def clock_state() -> ClockState:
    """The one object of this process."""
    return process().part("clock", _made)


def _made() -> ClockState:
    made = ClockState()
    process().forked.append(made.threads.forked)
    return made
