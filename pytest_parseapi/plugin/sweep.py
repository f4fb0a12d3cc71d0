"""``--parseapi-sweep``: makes each request of each passing simulated test fail, and judges."""

from __future__ import annotations

import json
import unittest
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from _pytest.nodes import Node

from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.plugin import markers
from pytest_parseapi.plugin.contract import ParseErrorContract
from pytest_parseapi.plugin.reruns import ItemState, beside, rerun
from pytest_parseapi.plugin.session import session_of
from pytest_parseapi.plugin.simulated_test import watch_key
from pytest_parseapi.plugin.sweep_options import SweepRequest, sweep_request
from pytest_parseapi.plugin.sweep_summary import SweepSummary
from pytest_parseapi.record.evidence.frames import ConsumerCode
from pytest_parseapi.sweep.one_test import SweptTest, why_not
from pytest_parseapi.sweep.reproduction import Fixture
from pytest_parseapi.sweep.results import LeftOutData, SweepData
from pytest_parseapi.sweep.trial import Trial, trial_of
from pytest_parseapi.sweep.variations import Variation
from pytest_parseapi.sweep.watch import Watch

_SENT: Final = "parseapi_sweep"
"""Where a worker of xdist sends its results."""
_SLOWER: Final = 10
_LEAST_SECONDS: Final = 2.0
_SUBTESTS: Final = ("SubTestReport", "SubtestReport")


def register_sweep(config: pytest.Config) -> None:
    """Register the sweep in this session.

    Raises:
        pytest.UsageError: an option is wrong.
    """
    request = sweep_request(config)
    summary = SweepSummary(config, request)
    manager = config.pluginmanager
    manager.register(SweepPlugin(config, request, summary), "parseapi-sweep")
    if not hasattr(config, "workerinput"):
        manager.register(summary, "parseapi-sweep-summary")
        if manager.has_plugin("xdist"):
            manager.register(_Workers(summary), "parseapi-sweep-workers")


@dataclass
class _Plain:
    """The result of a test's plain run.

    Args:
        passed: whether every phase of its last try passed.
        tries: how often it was set up.
        skipped: whether a phase was skipped.
        seconds: how long its phases took.
        state: what plugins keep with it while it runs.
    """

    state: ItemState
    passed: bool = True
    skipped: bool = False
    tries: int = 0
    seconds: float = 0.0


class SweepPlugin:
    """Runs the variations of a class's or module's tests when all of its plain runs are over."""

    def __init__(self, config: pytest.Config, request: SweepRequest, summary: SweepSummary) -> None:
        self._config = config
        self._request = request
        self._summary = summary
        self._own = ConsumerCode(config.rootpath, request.packages)
        self._plain: dict[pytest.Item, _Plain] = {}
        self._subtests: set[str] = set()
        self._pending: list[tuple[pytest.Function, SweptTest]] = []
        """The tests whose variations are still to be run."""
        self._watch: Watch | None = None
        self._inside = False
        """Whether the protocol of a test runs within this plugin's."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note the test modules: requests from them are the tests' own."""
        files = {str(item.path) for item in items}
        self._own = ConsumerCode(self._config.rootpath, self._request.packages, files)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> object:
        """Run a test as always, and the variations of what ends with it."""
        if self._inside:
            return None
        closing = _closing(item, nextitem)
        plain = self._plain[item] = _Plain(ItemState(item))
        watch = self._watch = Watch(self._own)
        item.stash[watch_key] = watch
        stays = beside(item) if closing and self._may_sweep(item) else nextitem
        self._inside = True
        try:
            item.ihook.pytest_runtest_protocol(item=item, nextitem=stays)
        finally:
            self._inside = False
            self._watch = None
            del item.stash[watch_key], self._plain[item]
        plain.state.restore(item)
        self._judge(item, watch, plain)
        session = item.session
        if not (session.shouldstop or session.shouldfail):
            self._sweep(closing)
        if stays is not nextitem or closing:
            self._tear_down(item, nextitem)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, object, object]:
        """Note that the test's own code begins."""
        if self._watch is not None:
            self._watch.in_setup = False
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any]
    ) -> Generator[None, object, object]:
        """Note which fixture that outlives the test is being set up."""
        watch = self._watch
        if watch is None or fixturedef.scope == "function" or watch.wider_fixture:
            return (yield)
        watch.wider_fixture = fixturedef.argname
        try:
            return (yield)
        finally:
            watch.wider_fixture = ""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep how a phase of the plain run ended."""
        report = yield
        plain = self._plain.get(item)
        if plain is not None:
            if call.when == "setup":
                plain.passed, plain.skipped = True, False
                plain.seconds = 0.0
                plain.tries += 1
            plain.passed &= report.outcome == "passed" and not hasattr(report, "wasxfail")
            plain.skipped |= report.outcome == "skipped"
            plain.seconds += call.duration
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note which tests have subtests, whose reports no further run may repeat."""
        if type(report).__name__ in _SUBTESTS:
            self._subtests.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Send the results to the process that reports."""
        output: dict[str, Any] | None = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_SENT] = json.dumps(self._summary.data)

    def _may_sweep(self, item: pytest.Item) -> bool:
        return bool(self._pending) or "_parseapi_test" in getattr(item, "fixturenames", ())

    def _judge(self, item: pytest.Item, watch: Watch, plain: _Plain) -> None:
        """Whether a test is to be swept, when its plain run is over."""
        if not (watch.attached or self._ran_elsewhere(item, plain)) or plain.skipped:
            return
        reason, counted = self._why_not(item, watch, plain)
        if reason:
            self._leave(item, reason, counted=counted)
            return
        assert isinstance(item, pytest.Function)
        settings = markers.settings(item)
        most = max(_LEAST_SECONDS, _SLOWER * plain.seconds)
        self._watch = None
        try:
            swept = SweptTest(
                test=item.nodeid,
                plain=trial_of(watch, "passed", None),
                run=lambda variation: self._run(item, variation, most, plain.state),
                providers=session_of(self._config).providers,
                fixture=lambda provider: self._fixture(item, settings, provider),
                kinds=self._request.kinds,
                accepted=settings.sweep_accept,
            )
        except UsageError as mistake:  # in the provider of another plugin
            self._leave(item, str(mistake), counted=False)
            return
        self._summary.data["own_calls"] += swept.own_calls
        self._summary.total += len(swept.variations)
        self._pending.append((item, swept))

    def _leave(self, item: pytest.Item, reason: str, *, counted: bool) -> None:
        left = LeftOutData(test=item.nodeid, reason=reason, counted=counted)
        self._summary.data["left_out"].append(left)

    def _ran_elsewhere(self, item: pytest.Item, plain: _Plain) -> bool:
        """Whether no phase of a simulated test took place here, as with pytest-forked."""
        return plain.tries == 0 and "_parseapi_test" in getattr(item, "fixturenames", ())

    def _why_not(self, item: pytest.Item, watch: Watch, plain: _Plain) -> tuple[str, bool]:
        """Why a test is left out, and whether that is only counted."""
        trial = trial_of(watch, "passed", None)
        if not markers.settings(item).sweep:
            return "parseapi(sweep=False)", True
        if issubclass(getattr(item, "cls", None) or object, ParseErrorContract):
            return "it is a case of a contract", True
        if watch.scripted and not watch.real_time:
            return "it scripts failures itself", True
        reason = self._named_reason(item, plain) or why_not(
            trial, was_reset=watch.was_reset, real_time=watch.real_time
        )
        return reason, False

    def _named_reason(self, item: pytest.Item, plain: _Plain) -> str:
        """Why a test is left out by name, whatever it asked."""
        names = getattr(item, "fixturenames", ())
        reasons = {
            "another plugin runs it in a process of its own": self._ran_elsewhere(item, plain),
            "it fails without any failure of the API": not plain.passed,
            "it is flaky: it passed when it was run again": plain.tries > 1,
            "it is no test function": not isinstance(item, pytest.Function),
            "it is a Hypothesis test, which runs many times by itself": getattr(
                getattr(item, "obj", None), "is_hypothesis_test", False
            ),
            "it has subtests": item.nodeid in self._subtests or "subtests" in names,
            "it measures with the fixture benchmark": "benchmark" in names,
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    def _run(
        self,
        item: pytest.Function,
        variation: Variation | None,
        most: float,
        state: ItemState,
    ) -> Trial:
        self._watch = watch = Watch(self._own, variation, most)
        try:
            return rerun(item, watch, state)
        finally:
            self._watch = None

    def _fixture(
        self, item: pytest.Function, settings: markers.TestSettings, provider: str
    ) -> Fixture:
        """How a test names a provider's `ParseAPI`."""
        session = session_of(self._config)
        arguments = item._fixtureinfo.argnames
        api = session.providers[provider].in_tests
        is_default = session.default_provider(settings.provider).name == provider
        if api not in arguments and is_default and "parseapi" in arguments:
            api = "parseapi"
        is_testcase = issubclass(item.cls or object, unittest.TestCase)
        return Fixture(api=api, provider=provider, arguments=arguments, is_testcase=is_testcase)

    def _sweep(self, closing: list[Node]) -> None:
        """Run the variations of the tests whose collector ends, the innermost first."""
        for collector in closing:
            due = [pending for pending in self._pending if pending[0].parent is collector]
            self._pending = [
                pending for pending in self._pending if pending[0].parent is not collector
            ]
            for item, swept in due:
                # What is set up beside this collector, such as a class, has ended.
                item.session._setupstate.teardown_exact(beside(item))
                for result in swept.sweep():
                    if result is not None:
                        self._summary.data["results"].append(result)
                    self._summary.one_more(self._config, result)
                self._summary.data["left_out"] += swept.left_out
        if closing:
            self._summary.clear_line(self._config)

    def _tear_down(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Tear down what would have ended with a test; an error is one of that test."""
        call = pytest.CallInfo.from_call(
            lambda: item.session._setupstate.teardown_exact(nextitem),
            when="teardown",
            reraise=(KeyboardInterrupt, pytest.exit.Exception),
        )
        if call.excinfo is not None:
            hook = item.ihook
            report = hook.pytest_runtest_makereport(item=item, call=call)
            hook.pytest_runtest_logreport(report=report)


class _Workers:
    """Collects what the workers of xdist send."""

    def __init__(self, summary: SweepSummary) -> None:
        self._summary = summary

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Note that a worker has ended."""
        sent = getattr(node, "workeroutput", {}).get(_SENT)
        if sent is None:
            self._summary.problems.append(f"a worker sent no results of its sweep: {error}")
            return
        data: SweepData = json.loads(sent)
        self._summary.add(data)


def _closing(item: pytest.Item, nextitem: pytest.Item | None) -> list[Node]:
    """The collectors that end with a test, innermost first."""
    stays = [] if nextitem is None else nextitem.listchain()
    return [node for node in reversed(item.listchain()[:-1]) if node not in stays]
