"""Scripts of failures as values: drawn by Hypothesis, played by `ParseAPI.script`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedFailure:
    """One failure of a script.

    Args:
        name: the documented code, or the network fault.
        surface: ``"http"`` for a failed request, ``"run"`` for a failed run.
        retry_after: the reply's ``Retry-After`` in seconds.
    """

    name: str
    surface: Literal["http", "run"] = "http"
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class FailureScript:
    """Failures in the order in which a consumer meets them, and then success.

    Its text is what to paste into a test.

    Args:
        provider: the provider's name.
        failures: one entry for each time that one is met.
        fixture: what the test calls its `ParseAPI`.

    Example:
        >>> twice = (ScriptedFailure(name="OCR_ERROR"),) * 2
        >>> print(FailureScript("acme", (*twice, ScriptedFailure(name="RATE_LIMIT_EXCEEDED"))))
        api.fail("OCR_ERROR", times=2)
        api.fail("RATE_LIMIT_EXCEEDED")
    """

    provider: str
    failures: tuple[ScriptedFailure, ...]
    fixture: str = "api"

    def __len__(self) -> int:
        return len(self.failures)

    def __iter__(self) -> Iterator[ScriptedFailure]:
        return iter(self.failures)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        names = ", ".join(failure.name for failure in self.failures)
        return f"<FailureScript {self.provider}: {names or 'no failure'}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 - IPython's protocol
        # Hypothesis would spell out every field.
        printer.text(repr(self))

    def steps(self) -> Iterator[tuple[ScriptedFailure, int]]:
        """Each failure with how often in a row it is met."""
        for failure, row in groupby(self.failures):
            yield failure, len(list(row))

    def lines(self) -> list[str]:
        """The calls of ``fail(...)`` and ``fail_run(...)`` that script the same."""
        return [f"{self.fixture}.{_call(failure, times)}" for failure, times in self.steps()]


def show_while_shrinking(script: FailureScript) -> None:
    """Let Hypothesis show a script with the smallest example that it finds."""
    hypothesis = sys.modules.get("hypothesis")
    if hypothesis is None or not hypothesis.currently_in_test_context():
        return
    lines = script.lines() or ["# no failure"]
    hypothesis.note("\n    ".join([f"failures of {script.provider}, to paste:", *lines]))


def _call(failure: ScriptedFailure, times: int) -> str:
    name = "fail" if failure.surface == "http" else "fail_run"
    arguments = [f'"{failure.name}"']
    arguments += [f"times={times}"] if times != 1 else []
    arguments += [f"retry_after={failure.retry_after}"] if failure.retry_after is not None else []
    return f"{name}({', '.join(arguments)})"
