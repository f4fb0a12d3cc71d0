"""The part of the plugin that exists only in sessions that are asked for a report."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING

import pytest

from pytest_parseapi.model.provider import Provider
from pytest_parseapi.report.coverage import catalogue, report_of
from pytest_parseapi.report.files import write_html, write_json
from pytest_parseapi.report.format import ReportData
from pytest_parseapi.report.recorder import TestRecorder
from pytest_parseapi.report.request import Wanted
from pytest_parseapi.report.tally import ATTRIBUTE, Tally
from pytest_parseapi.report.terminal import summary, verdict

if TYPE_CHECKING:
    from pytest_parseapi.api.simulation import Simulation

__all__ = ["ReportPlugin"]

_recorder_key = pytest.StashKey[TestRecorder]()
_TITLE = "documented errors"


class ReportPlugin:
    """Records each simulated test, and writes the reports at the end of the session.

    Args:
        wanted: the reports to write.
        providers: gives every provider of the session.
        simulation: gives the simulation of a test that has one.
        is_worker: whether this process only sends its records to the one that reports.
    """

    def __init__(
        self,
        wanted: Wanted,
        providers: Callable[[], Iterable[Provider]],
        simulation: Callable[[pytest.Item], Simulation | None],
        *,
        is_worker: bool,
    ) -> None:
        self._wanted = wanted
        self._providers = providers
        self._simulation = simulation
        self._is_worker = is_worker
        self._tally = Tally()
        self._report: ReportData | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Be there before the test's own code may forget its records."""
        self._recorder(item)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Send a test's record along with the report on its last phase."""
        report = yield
        if call.when == "teardown":
            recorder = self._recorder(item)
            if recorder is not None:
                del item.stash[_recorder_key]
                setattr(report, ATTRIBUTE, json.dumps(recorder.data(), separators=(",", ":")))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect."""
        if not self._is_worker:
            self._tally.add(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the files, and fail the session where too little was checked."""
        if self._is_worker or session.config.option.collectonly:
            return
        self._report = report = report_of(catalogue(self._providers()), self._tally.tests)
        for path in self._wanted.json:
            write_json(report, path)
        for path in self._wanted.html:
            write_html(report, path)
        _, enough = verdict(report, self._wanted.fail_under)
        fine = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if not enough and session.exitstatus in fine:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if not session.config.pluginmanager.has_plugin("terminalreporter"):
            self._print(session.config)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        if self._report is None:
            return
        terminalreporter.section(_TITLE)
        for line in self._lines(self._report):
            terminalreporter.line(line)
        text, enough = verdict(self._report, self._wanted.fail_under)
        terminalreporter.line(text, **({"green": True} if enough else {"red": True, "bold": True}))

    def _print(self, config: pytest.Config) -> None:
        """Print the table where ``-p no:terminal`` leaves nobody else to do it."""
        if self._report is None or not (self._wanted.terminal or self._wanted.fail_under):
            return
        text, _ = verdict(self._report, self._wanted.fail_under)
        capture = config.pluginmanager.getplugin("capturemanager")
        if capture is not None:
            capture.suspend_global_capture(in_=False)
        print("\n".join([*self._lines(self._report), text]))  # noqa: T201 - asked for
        if capture is not None:
            capture.resume_global_capture()

    def _lines(self, report: ReportData) -> list[str]:
        lines = [*summary(report), ""] if self._wanted.terminal else []
        written = [*self._wanted.json, *self._wanted.html]
        return lines + [f"report written to {path}" for path in written]

    def _recorder(self, item: pytest.Item) -> TestRecorder | None:
        simulation = self._simulation(item)
        if simulation is None:
            return None
        recorder = item.stash.get(_recorder_key, None)
        if recorder is None or not recorder.is_of(simulation):
            recorder = item.stash[_recorder_key] = TestRecorder(simulation)
        return recorder
