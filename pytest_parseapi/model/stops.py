"""The stops of one test: once it is stopped, nothing is simulated any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NoReturn

from pytest_parseapi.model.call_site import call_site, waiting_sites
from pytest_parseapi.model.mistakes import SimulationStopped, some_of
from pytest_parseapi.model.printable_text import printable
from pytest_parseapi.model.redaction import without_secrets

StopKind = Literal["miss", "fuse", "hang"]


class Stops:
    """Remembers why a test was stopped, so that a consumer cannot swallow it."""

    def __init__(self) -> None:
        self.message: str | None = None
        self.before_check: Callable[[], object] | None = None
        """Called whenever the consumer asks or waits: it may stop the test."""
        self.site = ""
        """Where the consumer asked, such as ``client.py:22 in parse``."""
        self.kind: StopKind = "miss"
        """What stopped the test: the test's own mistake, or what the consumer would do forever."""

    def stop(
        self,
        message: str,
        kind: StopKind = "miss",
        *,
        expected: str = "",
        advice: str = "",
        timeline: str = "",
        waits: bool = False,
        also: Sequence[str] = (),
    ) -> NoReturn:
        """Stop the test.

        Args:
            message: why.
            kind: what stops it.
            expected: what a right consumer does; empty where the message says it.
            advice: what to look at next; empty where the message says it.
            timeline: what has happened so far; empty where that tells nothing.
            waits: whether the consumer waits, and does not ask: of an event loop, the lines of its
                tasks are named then.
            also: more lines of the consumer that are to be named.

        Raises:
            SimulationStopped: always.
        """
        if self.message is None:
            rows = {"expected": expected, "next": advice}
            lines = [message, *(f"  {label:<10}{text}" for label, text in rows.items() if text)]
            lines += ["", timeline] if timeline else []
            self.message = printable(without_secrets("\n".join(lines)))
            self.kind = kind
            here = (waiting_sites() if waits else []) or [call_site()]
            self.site = some_of([*here, *also])
        raise SimulationStopped(self.message)

    def broken(self, message: str) -> None:
        """Note an error of the simulation itself: the test fails at its end or next request."""
        self.message = self.message or printable(without_secrets(message))

    def report(self) -> str | None:
        """The message with the place in the consumer, for the report of the test."""
        if self.message is None or not self.site:
            return self.message
        first, line_break, rest = self.message.partition("\n")
        return f"{first}\n  from      {self.site}{line_break}{rest}"

    def check(self) -> None:
        """Raise again if the test was stopped."""
        if self.before_check is not None:
            self.before_check()
        if self.message is not None:
            raise SimulationStopped(self.message)
