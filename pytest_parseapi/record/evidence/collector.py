"""All evidence of one test in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from pytest_parseapi.record.evidence.line import Line
from pytest_parseapi.record.evidence.logs import Logs
from pytest_parseapi.record.evidence.output import Output

Source = Callable[[], str | Iterable[str]]
"""A further place to look: called when a check runs, it gives the log text so far."""


class Evidence:
    """What the consumer logged and printed during one test.

    Args:
        now: virtual seconds since the test began.
        sources: further places to look, from ``pytest_parseapi_evidence`` hooks.
    """

    def __init__(self, now: Callable[[], float], sources: Sequence[Source] = ()) -> None:
        self._logs = Logs(now)
        self._output = Output(now)
        self.look: Final = self._output.look
        """Reaches streams that came up since the last look."""
        self.paused: Final = self._output.paused
        """While this context lasts, what is printed is not the consumer's."""
        self._sources = sources

    def start(self) -> None:
        """Record from now on."""
        self._logs.start()
        self._output.start()

    def stop(self) -> None:
        """Stop recording, and remove all patches."""
        self._logs.stop()
        self._output.stop()

    def clear(self) -> None:
        """Forget all lines so far."""
        self._logs.clear()
        self._output.clear()

    def lines(self, text: str | None = None) -> list[Line]:
        """All lines so far.

        Args:
            text: more text to count as evidence, such as a subprocess's standard error.
        """
        found = [*self._logs.lines(), *self._output.lines()]
        for source in self._sources:
            given = source()
            texts = [given] if isinstance(given, str) else list(given)
            name = getattr(source, "__name__", "hook")
            found += [Line(name, line) for item in texts for line in item.splitlines()]
        if text is not None:
            found += [Line("text", line) for line in text.splitlines()]
        return found
