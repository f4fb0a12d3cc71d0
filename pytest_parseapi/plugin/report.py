"""The part of the plugin that is only registered in sessions with a report."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.printable_text import error_line, one_line, show
from pytest_parseapi.plugin.broken_rules import place_of
from pytest_parseapi.plugin.phases import runs_no_tests
from pytest_parseapi.plugin.plain_output import PlainOutput
from pytest_parseapi.plugin.session import session_of
from pytest_parseapi.plugin.simulated_test import test_key
from pytest_parseapi.report.commit import commit_of
from pytest_parseapi.report.coverage import catalogue, report_of
from pytest_parseapi.report.data import ReportData, ReportedProvider
from pytest_parseapi.report.data_check import misfit
from pytest_parseapi.report.files import ReportFileError, json_text, page, write
from pytest_parseapi.report.options import ReportRequest
from pytest_parseapi.report.recorder import TestRecorder
from pytest_parseapi.report.results import ATTRIBUTE, TestResults
from pytest_parseapi.report.terminal import summary, verdict

if TYPE_CHECKING:
    from pytest_parseapi.plugin.sweep_summary import SweepSummary

_recorder_key = pytest.StashKey[TestRecorder]()
_TITLE: Final = "documented errors"
_MOST_PROBLEMS: Final = 5


class ReportPlugin:
    """Records each simulated test, and writes the reports at the end of the session.

    Whatever goes wrong with a report costs one warning line, and neither the results of the tests
    nor the session's exit status.
    """

    def __init__(self, config: pytest.Config, request: ReportRequest) -> None:
        self._config = config
        self._request = request
        # A worker of xdist only sends its records to the process that reports.
        self._is_worker = hasattr(config, "workerinput")
        self._results = TestResults()
        self._report: ReportData | None = None
        self._lines: list[str] = []
        self._problems: list[str] = []
        self._verdict: tuple[str, bool] = ("", True)

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
                setattr(report, ATTRIBUTE, [*_recorded(recorder), *_place(item)])
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect."""
        if not self._is_worker:
            self._results.add(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the files, and fail the session where too little was checked."""
        if self._is_worker or runs_no_tests(self._config):
            return
        self._problems += self._results.problems
        try:
            self._finish()
        except (Exception, UsageError) as error:  # noqa: BLE001 - the results are worth more
            self._problems.append(f"no report was made: {error_line(error)}")
            if self._request.fail_under is not None:
                self._verdict = "FAIL the documented errors could not be counted", False
        fine = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if not self._verdict[1] and session.exitstatus in fine:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if not self._config.pluginmanager.has_plugin("terminalreporter"):
            self._print()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        if self._report is None and not self._problems:
            return
        terminalreporter.section(_TITLE)
        for line in self._lines:
            terminalreporter.line(line)
        for line in self._warnings():
            terminalreporter.line(line, yellow=True)
        text, enough = self._verdict
        if text:
            colour = {"green": True} if enough else {"red": True, "bold": True}
            terminalreporter.line(text, **colour)

    def pytest_unconfigure(self) -> None:
        """Warn where no summary was printed (``--no-summary``)."""
        for line in self._warnings():
            show(line, sys.stderr)

    def _finish(self) -> None:
        sweep: SweepSummary | None = self._config.pluginmanager.get_plugin("parseapi-sweep-summary")
        report = report_of(
            self._catalogue(),
            self._results.tests,
            commit=commit_of(self._request.root),
            threshold=self._request.fail_under,
            sweep=None if sweep is None else sweep.section(),
        )
        self._verdict = verdict(report, self._request.fail_under)
        self._report = report
        self._lines = [*summary(report), ""] if self._request.terminal else []
        formats = ((self._request.json, json_text), (self._request.html, page))
        for paths, text_of in formats:
            for path in paths:
                try:
                    write({path: text_of(report)})
                except ReportFileError as error:
                    self._problems.append(f"report not written to {error}")
                except Exception as error:  # noqa: BLE001 - the other reports are to be written
                    self._problems.append(f"report not written to {path}: {error_line(error)}")
                else:
                    self._lines.append(one_line(f"report written to {path}"))

    def _catalogue(self) -> list[ReportedProvider]:
        """The providers; one that a report cannot describe is left out."""
        described = []
        for provider in session_of(self._config).providers.values():
            try:
                (data,) = catalogue([provider])
                problem = misfit(data, ReportedProvider)
            except Exception as error:  # noqa: BLE001 - the other providers are to be reported
                problem = error_line(error)
            if problem is None:
                described.append(data)
            else:
                name = getattr(provider, "name", provider)
                self._problems.append(f"provider {name!r} is not in the report: {problem}")
        return described

    def _print(self) -> None:
        """Print the table where ``-p no:terminal`` has switched pytest's own reporter off."""
        text, _ = self._verdict
        asked = self._request.terminal or self._request.fail_under is not None
        lines = [*self._lines, text] if self._report is not None and asked else []
        lines += self._warnings()
        if not lines:
            return
        plain = PlainOutput()
        for line in lines:
            plain.write_line(line)
        plain.print(self._config)

    def _warnings(self) -> list[str]:
        """The warning lines, which are printed once."""
        found = list(dict.fromkeys(self._problems))
        self._problems.clear()
        shown = found[:_MOST_PROBLEMS]
        if len(found) > len(shown):
            shown.append(f"{len(found) - len(shown)} more problems with the report")
        return [one_line(f"pytest-parseapi warning: {line}") for line in shown]

    def _recorder(self, item: pytest.Item) -> TestRecorder | None:
        test = item.stash.get(test_key, None)
        if test is None:
            return None
        recorder = item.stash.get(_recorder_key, None)
        if recorder is None or not recorder.is_of(test.simulation):
            recorder = item.stash[_recorder_key] = TestRecorder(test.simulation)
        return recorder


def _recorded(recorder: TestRecorder) -> list[str]:
    """What went wrong, and the record as text, which every worker can send."""
    try:
        return ["", json.dumps(recorder.data(), separators=(",", ":"), allow_nan=False)]
    except (Exception, UsageError) as error:  # noqa: BLE001 - the results are worth more
        return [f"not recorded: {error_line(error)}", "[]"]


def _place(item: pytest.Item) -> tuple[str, int]:
    """The test's file as its id names it, and its line."""
    path, line = place_of(item)
    return Path(os.path.relpath(path, item.config.rootpath)).as_posix(), line
