"""Collects what the tests of a session did, in whatever order and however often they ran."""

from __future__ import annotations

import json
from typing import Any, Final, Protocol

from pytest_parseapi.model.redaction import redacted
from pytest_parseapi.report.format import Outcome, TestData

__all__ = ["ATTRIBUTE", "PhaseReport", "TestResults"]

ATTRIBUTE: Final = "_parseapi"
"""Where a test's last report carries its data: xdist takes it along, and what a worker has sent is
safe when it crashes later."""

_LONGEST: Final = 6_000
_READ: Final = 100_000
_CRASHED: Final = "???"
"""The phase in xdist's report on the test in which a worker crashed."""


class PhaseReport(Protocol):
    """What is read of a report on one phase of a test."""

    nodeid: str
    when: Any
    outcome: Any
    longrepr: Any


class TestResults:
    """One entry a test, from the reports on its phases; the last try of several is its result."""

    __test__ = False

    def __init__(self) -> None:
        self.problems: list[str] = []
        """What could not be recorded, one line each."""
        self._phases: dict[str, list[PhaseReport]] = {}
        self._tests: dict[str, tuple[Outcome, int, str, str]] = {}

    @property
    def tests(self) -> list[TestData]:
        """Every test that simulated something, and each in which a worker crashed."""
        return [
            TestData(
                id=redacted(name),
                outcome=outcome,
                tries=tries,
                message=message,
                apis=json.loads(text),
            )
            for name, (outcome, tries, message, text) in self._tests.items()
        ]

    def add(self, report: PhaseReport) -> None:
        """Take one report on a phase of a test."""
        phases = self._phases.setdefault(report.nodeid, [])
        phases.append(report)
        if report.when == _CRASHED:
            self._keep(report.nodeid, phases, "[]")
        if report.when != "teardown":
            return
        data = getattr(report, ATTRIBUTE, None)
        if data is None:
            del self._phases[report.nodeid]
            return
        delattr(report, ATTRIBUTE)
        problem, text = data
        if problem:
            self.problems.append(f"{report.nodeid}: {problem}")
        self._keep(report.nodeid, phases, text)

    def _keep(self, name: str, phases: list[PhaseReport], text: str) -> None:
        del self._phases[name]
        _, tries, _, _ = self._tests.get(name, (None, 0, None, None))
        # Text until the end: thousands of small objects would slow the garbage collector down.
        self._tests[name] = _outcome(phases), tries + 1, _message(phases), text


def _outcome(phases: list[PhaseReport]) -> Outcome:
    if any(report.outcome not in ("passed", "skipped") for report in phases):
        return "failed"
    skipped = [report for report in phases if report.outcome == "skipped"]
    if any(hasattr(report, "wasxfail") for report in skipped):
        return "xfailed"
    return "skipped" if skipped else "passed"


def _message(phases: list[PhaseReport]) -> str:
    for report in phases:
        if report.outcome not in ("passed", "skipped"):
            crash = getattr(report.longrepr, "reprcrash", None)
            text = str(getattr(crash, "message", None) or report.longrepr or "")
            text = redacted(text[:_READ])
            return text if len(text) <= _LONGEST else text[:_LONGEST] + "\n..."
    return ""
