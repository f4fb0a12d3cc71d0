"""Reports the sweep of a session: progress, findings, the exit status, the baseline."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Generator, Iterable
from typing import Any

import pytest
from _pytest.junitxml import bin_xml_escape, xml_key

from pytest_parseapi.model.mistakes import counted
from pytest_parseapi.model.redaction import redacted
from pytest_parseapi.plugin.phases import runs_no_tests
from pytest_parseapi.plugin.plain_output import PlainOutput
from pytest_parseapi.plugin.sweep_options import SweepRequest
from pytest_parseapi.report.data import ReportedVariation, SweepSection
from pytest_parseapi.report.files import ReportFileError, write
from pytest_parseapi.sweep.baseline import baseline_text
from pytest_parseapi.sweep.findings import SweepFinding, sweep_findings
from pytest_parseapi.sweep.results import FindingData, LeftOutTest, SweepData, VariationData
from pytest_parseapi.sweep.text import (
    counts_line,
    finding_lines,
    left_out_lines,
    note_lines,
    test_lines,
)


class SweepSummary:
    """Collects the results of a sweep, and shows them."""

    def __init__(self, config: pytest.Config, request: SweepRequest) -> None:
        self._request = request
        self.data = SweepData(results=[], left_out=[], own_calls=0)
        self.problems: list[str] = []
        self.total = 0
        """How many variations are known so far."""
        self._done = 0
        self._findings: list[SweepFinding] = []
        self._new: list[SweepFinding] = []
        self._is_worker = hasattr(config, "workerinput")
        self._junit = _JUnit(config)

    @property
    def findings(self) -> list[FindingData]:
        """The findings, worst first, when the session is over."""
        new = {id(finding) for finding in self._new}
        return [finding.data(is_new=id(finding) in new) for finding in self._findings]

    def section(self) -> SweepSection:
        """The sweep's part of a report."""
        results = sorted(self.data["results"], key=lambda item: (item["test"], item["place"]["id"]))
        return SweepSection(
            findings=[_redacted(item) for item in self.findings],
            results=[_redacted(_shown(item)) for item in results],
            left_out=[
                LeftOutTest(test=item["test"], reason=item["reason"])
                for item in sorted(self.data["left_out"], key=lambda item: item["test"])
            ],
            own_calls=self.data["own_calls"],
        )

    def add(self, data: SweepData) -> None:
        """Take the results of a worker."""
        self.data["results"] += data["results"]
        self.data["left_out"] += data["left_out"]
        self.data["own_calls"] += data["own_calls"]

    def one_more(self, config: pytest.Config, result: VariationData | None) -> None:
        """A variation was run, or left out."""
        if result is not None and not result["verdict"]:
            return
        self._done += 1
        terminal = self._reporter(config)
        if terminal is not None and terminal.isatty:
            terminal.rewrite(f"sweep: {self._done}/{self.total}")

    def clear_line(self, config: pytest.Config) -> None:
        """All variations that were known have been run."""
        terminal = self._reporter(config)
        if terminal is None or not self._done:
            return
        if terminal.isatty:
            terminal.rewrite(f"sweep: {self._done}/{self.total}", erase=True)
        else:
            terminal.ensure_newline()
            terminal.write(f"sweep: {self._done}/{self.total}")
        terminal.ensure_newline()

    def _reporter(self, config: pytest.Config) -> Any:
        if self._is_worker:
            return None
        return config.pluginmanager.getplugin("terminalreporter")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what JUnit's XML has of a test."""
        self._junit.keep(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the session where there is a new finding."""
        if runs_no_tests(session.config):
            return
        self._findings = sweep_findings(self.data["results"])
        self._new = self._request.baseline.new(self._findings)
        self._write_baseline()
        self._junit.write(self.data["results"])
        fine = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if (self._new or self.problems) and session.exitstatus in fine:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if not (self._is_worker or session.config.pluginmanager.has_plugin("terminalreporter")):
            plain = PlainOutput()
            self._show(plain)
            plain.print(session.config)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, config: pytest.Config
    ) -> Generator[None, object, object]:
        """Print the findings after the short summary of the tests."""
        result = yield
        if not runs_no_tests(config):
            self._show(terminalreporter)
        return result

    def _write_baseline(self) -> None:
        path = self._request.path
        if not self._request.write or path is None:
            return
        try:
            write({path: baseline_text(self._findings)})
        except ReportFileError as error:
            self.problems.append(f"the baseline was not written to {error}")
        else:
            self._new = []

    def _show(self, terminal: pytest.TerminalReporter | PlainOutput) -> None:
        terminal.section("sweep")
        line = terminal.write_line
        line(counts_line(self.data))
        for number, finding in enumerate(self.findings, 1):
            line("")
            first, *rest = finding_lines(number, finding)
            line(first, red=finding["is_new"], bold=finding["is_new"])
            for text in rest:
                line(text)
        others = [*note_lines(self.data), *left_out_lines(self.data)]
        if others:
            line("")
        for text in others:
            line(text)
        self._show_baseline(terminal)
        for problem in self.problems:
            line(f"pytest-parseapi warning: {problem}", yellow=True)
        text = counted(len(self._new), "finding")
        known_ones = len(self._findings) - len(self._new)
        if known_ones:
            text = f"{counted(len(self._new), 'new finding')}, {known_ones} in the baseline"
        line("")
        line(f"sweep: {text}", red=bool(self._new), green=not self._new, bold=True)

    def _show_baseline(self, terminal: pytest.TerminalReporter | PlainOutput) -> None:
        path = self._request.path
        if path is None:
            return
        if self._request.write:
            terminal.write_line(f"baseline of {counted(len(self._findings), 'finding')}: {path}")
            return
        for key in self._request.baseline.gone(self._findings):
            terminal.write_line(f"no longer found, though in the baseline: {key}")


class _JUnit:
    """Writes the variations of each test into JUnit's XML: one ``system-out`` for each test."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._tests: dict[str, Any] = {}

    def keep(self, report: pytest.TestReport) -> None:
        """Keep what the XML has of a test, before its last report closes it."""
        xml = self._config.stash.get(xml_key, None)
        if xml is not None and report.when == "teardown":
            self._tests[report.nodeid] = xml.node_reporter(report)

    def write(self, results: Iterable[VariationData]) -> None:
        """Add the variations to their tests."""
        by_test: dict[str, list[VariationData]] = {}
        for result in results:
            by_test.setdefault(result["test"], []).append(result)
        for test, found in by_test.items():
            reporter = self._tests.get(test)
            if reporter is None:
                continue
            element = ET.SubElement(reporter.to_xml(), "system-out")
            element.text = bin_xml_escape(test_lines(found))


def _shown(result: VariationData) -> ReportedVariation:
    """One variation as a report has it."""
    place = result["place"]
    return ReportedVariation(
        test=result["test"],
        provider=place["provider"],
        place=f"{place['endpoint']}  {place['chain']}".rstrip(),
        where=place["where"],
        kind=result["kind"],
        failure=result["failure"],
        verdict=result["verdict"],
        why=result["why"] or "; ".join(item["seen"] for item in result["broken"]),
        broken=[item["kind"] for item in result["broken"]],
        lines=result["lines"] or [line for item in result["broken"] for line in item["lines"]],
        timeline=result["timeline"],
        accepted=result["accepted"],
    )


def _redacted(value: Any) -> Any:
    """A report is passed around: no credential, and no query of a URL, stays in it."""
    if isinstance(value, dict):
        return {key: _redacted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item) for item in value]
    return redacted(value) if isinstance(value, str) else value
