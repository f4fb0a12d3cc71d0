"""Collects what the tests of a session did, in whatever order and however often they ran."""

from __future__ import annotations

import json
import re
from typing import Final

import pytest

from pytest_parseapi.report.format import Outcome, TestData

__all__ = ["ATTRIBUTE", "Tally"]

ATTRIBUTE: Final = "_parseapi"
"""Where a test's last report carries its data: xdist takes it along, and what a worker has sent is
safe when it crashes later."""

_LONGEST: Final = 6_000
# A presigned URL is a credential.
_QUERY: Final = re.compile(r"""(https?://[^\s?"']+)\?[^\s"']+""")


class Tally:
    """One entry a test, from the reports on its phases; the last try of several is its result."""

    def __init__(self) -> None:
        self._phases: dict[str, list[pytest.TestReport]] = {}
        self._tests: dict[str, tuple[Outcome, int, str, str]] = {}

    @property
    def tests(self) -> list[TestData]:
        """Every test that simulated something."""
        return [
            TestData(id=name, outcome=outcome, tries=tries, message=message, apis=json.loads(text))
            for name, (outcome, tries, message, text) in self._tests.items()
        ]

    def add(self, report: pytest.TestReport) -> None:
        """Take one report on a phase of a test."""
        phases = self._phases.setdefault(report.nodeid, [])
        phases.append(report)
        if report.when != "teardown":
            return
        del self._phases[report.nodeid]
        text = getattr(report, ATTRIBUTE, None)
        if text is None:
            return
        delattr(report, ATTRIBUTE)
        _, tries, _, _ = self._tests.get(report.nodeid, (None, 0, None, None))
        # Text until the end: thousands of small objects would slow the garbage collector down.
        self._tests[report.nodeid] = _outcome(phases), tries + 1, _message(phases), text


def _outcome(phases: list[pytest.TestReport]) -> Outcome:
    if any(report.outcome not in ("passed", "skipped") for report in phases):
        return "failed"
    return "skipped" if any(report.outcome == "skipped" for report in phases) else "passed"


def _message(phases: list[pytest.TestReport]) -> str:
    for report in phases:
        if report.outcome not in ("passed", "skipped"):
            crash = getattr(report.longrepr, "reprcrash", None)
            text = str(getattr(crash, "message", None) or report.longrepr or "")
            text = _QUERY.sub(r"\1?...", text)
            return text if len(text) <= _LONGEST else text[:_LONGEST] + "\n..."
    return ""
