"""The hooks around each phase of a test, in sessions that simulate."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from pytest_parseapi.plugin.broken_rules import add_broken_rules
from pytest_parseapi.plugin.simulated_test import test_key

_WITHOUT_TESTS = ("collectonly", "setuponly", "showfixtures", "show_fixtures_per_test")


def runs_no_tests(config: pytest.Config) -> bool:
    """Whether an option only shows what there is, so that nothing can be reported."""
    return any(getattr(config.option, name, False) for name in _WITHOUT_TESTS)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let go of a test's record when its last report is made."""
    try:
        return (yield)
    finally:
        if test_key in item.stash:
            del item.stash[test_key]


# Within the capture of output: what the consumer prints is evidence.
@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test whose simulation was stopped, or whose script was not used up."""
    test = item.stash.get(test_key, None)
    if test is None:
        return (yield)
    return (yield from test.call())


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Seed ``random`` last, after plugins that seed it for each call."""
    test = pyfuncitem.stash.get(test_key, None)
    if test is not None:
        test.simulation.begin_call()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep with a failure's report which rules its test broke."""
    report = yield
    if call.excinfo is not None and test_key in item.stash:
        add_broken_rules(item, call.excinfo.value, report)
    return report
