"""The hooks around each phase of a test, in sessions that simulate."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext

import pytest

from pytest_parseapi.plugin.broken_rules import add_broken_rules
from pytest_parseapi.plugin.simulated_test import test_key

_WITHOUT_TESTS = ("collectonly", "setuponly", "showfixtures", "show_fixtures_per_test")


def runs_no_tests(config: pytest.Config) -> bool:
    """Whether an option only shows what there is, so that nothing can be reported."""
    return any(getattr(config.option, name, False) for name in _WITHOUT_TESTS)


class Phases:
    """The hooks, and the test that runs."""

    def __init__(self) -> None:
        self._item: pytest.Item | None = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Let go of a test's record when its last report is made."""
        before, self._item = self._item, item
        try:
            return (yield)
        finally:
            self._item = before
            if test_key in item.stash:
                del item.stash[test_key]

    # Within the capture of output: what the consumer prints is evidence.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail a test whose simulation was stopped, or whose script was not used up."""
        test = item.stash.get(test_key, None)
        if test is None:
            return (yield)
        return (yield from test.call())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Seed ``random`` last, after plugins that seed it for each call."""
        test = pyfuncitem.stash.get(test_key, None)
        if test is not None:
            test.simulation.begin_call()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep with a failure's report which rules its test broke."""
        report = yield
        if call.excinfo is not None and test_key in item.stash:
            add_broken_rules(item, call.excinfo.value, report)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self) -> Generator[None, object, object]:
        """What pytest and its plugins print of a result is not the consumer's."""
        with self._reporting():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_exception_interact(self) -> Generator[None, object, object]:
        """What pytest and its plugins print of an exception is not the consumer's."""
        with self._reporting():
            return (yield)

    def _reporting(self) -> AbstractContextManager[None]:
        test = None if self._item is None else self._item.stash.get(test_key, None)
        return nullcontext() if test is None else test.simulation.evidence.paused()
