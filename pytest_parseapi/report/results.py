"""Collects what the tests of a session did, in whatever order and however often they ran."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple, Protocol

from pytest_parseapi.model.redaction import redacted
from pytest_parseapi.report.data import RuleData, TestData, TestOutcome
from pytest_parseapi.report.rules import MESSAGE, RULES

ATTRIBUTE: Final = "_parseapi"
"""Where a test's last report carries its data: xdist takes it along, and what a worker has sent is
safe when it crashes later."""

_MAX_TEXT_CHARS: Final = 6_000
_MAX_READ_CHARS: Final = 100_000
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
        self._tests: dict[str, _Kept] = {}

    @property
    def tests(self) -> list[TestData]:
        """Every test that simulated something, and each in which a worker crashed."""
        return [
            TestData(
                id=redacted(name),
                file=kept.file,
                line=kept.line,
                outcome=kept.outcome,
                tries=kept.tries,
                message=kept.message,
                rules=kept.rules,
                apis=json.loads(kept.text),
            )
            for name, kept in self._tests.items()
        ]

    def add(self, report: PhaseReport) -> None:
        """Take one report on a phase of a test."""
        phases = self._phases.setdefault(report.nodeid, [])
        phases.append(report)
        if report.when == _CRASHED:
            self._keep(report.nodeid, phases, ("", 0), "[]")
        if report.when != "teardown":
            return
        data = getattr(report, ATTRIBUTE, None)
        if data is None:
            del self._phases[report.nodeid]
            return
        delattr(report, ATTRIBUTE)
        problem, text, file, line = data
        if problem:
            self.problems.append(f"{report.nodeid}: {problem}")
        self._keep(report.nodeid, phases, (file, line), text)

    def _keep(
        self, name: str, phases: list[PhaseReport], place: tuple[str, int], text: str
    ) -> None:
        del self._phases[name]
        file, line = place
        before = self._tests.get(name)
        self._tests[name] = _Kept(
            file=file,
            line=_failed_line(phases, file) or line,
            outcome=_outcome(phases),
            tries=1 if before is None else before.tries + 1,
            message=_message(phases),
            rules=_rules(phases),
            text=text,
        )


class _Kept(NamedTuple):
    """A test's result."""

    file: str
    line: int
    outcome: TestOutcome
    tries: int
    message: str
    rules: list[RuleData]
    text: str
    """Its record, as text until the end: thousands of small objects would slow the garbage
    collector down."""


def _failed(phases: list[PhaseReport]) -> PhaseReport | None:
    """The report on the first phase that failed."""
    found = (report for report in phases if report.outcome not in ("passed", "skipped"))
    return next(found, None)


def _outcome(phases: list[PhaseReport]) -> TestOutcome:
    if _failed(phases) is not None:
        return "failed"
    skipped = [report for report in phases if report.outcome == "skipped"]
    if any(hasattr(report, "wasxfail") for report in skipped):
        return "xfailed"
    return "skipped" if skipped else "passed"


def _message(phases: list[PhaseReport]) -> str:
    failed = _failed(phases)
    if failed is not None:
        crash = getattr(failed.longrepr, "reprcrash", None)
        whole = getattr(failed, MESSAGE, None) or getattr(crash, "message", None)
        return _readable(str(whole or failed.longrepr or ""))
    reasons = (_reason(report) for report in phases if report.outcome == "skipped")
    return _readable(next(reasons, ""))


def _failed_line(phases: list[PhaseReport], file: str) -> int:
    """The line of the test's file in which it failed, or 0."""
    for report in phases:
        crash = getattr(report.longrepr, "reprcrash", None)
        path = str(getattr(crash, "path", "")).replace("\\", "/")
        if report.outcome not in ("passed", "skipped") and file and path.endswith(file):
            line: int = getattr(crash, "lineno", 0)
            return line
    return 0


def _reason(report: PhaseReport) -> str:
    """Why a test is expected to fail, or was skipped."""
    expected = getattr(report, "wasxfail", None)
    if expected is not None:
        return str(expected).removeprefix("reason: ")
    # Pytest's own shape of it: file, line, text.
    place = report.longrepr
    return str(place[-1]) if isinstance(place, tuple) else ""


def _readable(text: str) -> str:
    text = redacted(text[:_MAX_READ_CHARS])
    return text if len(text) <= _MAX_TEXT_CHARS else text[:_MAX_TEXT_CHARS] + "\n..."


def _rules(phases: list[PhaseReport]) -> list[RuleData]:
    return [
        RuleData(
            name=broken["name"],
            rule=redacted(broken["rule"]),
            page=broken["page"],
            attempts=list(broken["attempts"]),
        )
        for report in phases
        for broken in getattr(report, RULES, ())
    ]
