"""The stops of one test: once it is stopped, nothing is simulated any more."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Literal, NoReturn

from pytest_parseapi.model.library_code import is_library
from pytest_parseapi.model.mistakes import SimulationStopped
from pytest_parseapi.model.one_line import printable
from pytest_parseapi.model.redaction import without_secrets

__all__ = ["StopKind", "Stops"]

StopKind = Literal["miss", "fuse", "hang"]


class Stops:
    """Remembers why a test was stopped, so that a consumer cannot swallow it."""

    def __init__(self) -> None:
        self.message: str | None = None
        self.before_check: Callable[[], object] = bool
        """Called whenever the consumer asks or waits: it may stop the test."""
        self.site = ""
        """Where the consumer asked, such as ``client.py:22 in parse``."""
        self.kind: StopKind = "miss"
        """What stopped the test: the test's own mistake, or what the consumer would do forever."""

    def stop(self, message: str, kind: StopKind = "miss") -> NoReturn:
        """Stop the test.

        Raises:
            SimulationStopped: always.
        """
        if self.message is None:
            self.message = printable(without_secrets(message))
            self.kind = kind
            self.site = _call_site()
        raise SimulationStopped(self.message)

    def broken(self, message: str) -> None:
        """The simulation itself broke: the test fails at its end, or at the next request."""
        self.message = self.message or printable(without_secrets(message))

    def report(self) -> str | None:
        """The message with the place in the consumer, for the report of the test."""
        if self.message is None or not self.site:
            return self.message
        first, line_break, rest = self.message.partition("\n")
        return f"{first}\n  from      {self.site}{line_break}{rest}"

    def check(self) -> None:
        """Raise again if the test was stopped."""
        self.before_check()
        if self.message is not None:
            raise SimulationStopped(self.message)


def _call_site() -> str:
    """Where the consumer asks: its innermost line that is of no library, or an empty text."""
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if not (code.co_filename.startswith("<") or is_library(code.co_filename)):
            shown = os.path.relpath(code.co_filename)
            shown = code.co_filename if shown.startswith("..") else shown
            return f"{shown}:{frame.f_lineno} in {code.co_name}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
