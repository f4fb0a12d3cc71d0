"""Blocks requests of forked child processes, and reports them to the test's own process."""

from __future__ import annotations

import os
from typing import Final, NoReturn

from pytest_parseapi.clients.guard.process import process_guards
from pytest_parseapi.model.stops import Stops

_MAX_MESSAGE_BYTES: Final = 4000
"""Bytes of one message: as many as a pipe takes at once."""


class Forks:
    """Knows whether this is a forked child of a test's process, and reports to the parent.

    A child has a copy of the simulation: it would meet each scripted failure again, and nothing
    that it does would be on record.
    """

    def __init__(self, stops: Stops) -> None:
        self._stops = stops
        self._pipe: tuple[int, int] | None = None
        self.is_child = False
        self.blocked: list[str] = []
        """What children asked for, as their messages tell it, oldest first."""

    def start(self) -> None:
        """Watch forks from now on."""
        process_guards().forks.append(self)

    def stop(self) -> None:
        """Watch them no more."""
        process_guards().forks.remove(self)
        if self._pipe is not None:
            for end in self._pipe:
                os.close(end)
            self._pipe = None

    def forking(self) -> None:
        """Prepare a pipe for the report of a child. Called before a fork."""
        if self._pipe is None:
            self._pipe = os.pipe()
            os.set_blocking(self._pipe[0], False)

    def forked(self) -> None:
        """Note that this is the child. Called in the child of a fork."""
        self.is_child = True

    def block(self, what: str) -> NoReturn:
        """Stop the child, and report its request to the parent.

        Raises:
            SimulationStopped: always.
        """
        message = (
            f"{what} was blocked: it comes from a forked child process (pid {os.getpid()}), and "
            f"only the test's own process is simulated. Let the child ask the address that "
            f"api.live_url gives."
        )
        if self._pipe is not None:
            os.write(self._pipe[1], message.encode()[:_MAX_MESSAGE_BYTES] + b"\n")
        self._stops.stop(message)

    def look(self) -> None:
        """Stop the test in its own process if a child was blocked."""
        if self._pipe is None or self.is_child:
            return
        try:
            read = os.read(self._pipe[0], 2 * _MAX_MESSAGE_BYTES)
        except BlockingIOError:
            return
        self.blocked += read.decode(errors="replace").splitlines()
        if self._stops.message is None:
            self._stops.message = self.blocked[0]

    def notes(self) -> list[str]:
        """The requests of children, one line each, for the test's timeline."""
        self.look()
        return [message.partition(", and only")[0] for message in self.blocked]
