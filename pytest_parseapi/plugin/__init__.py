"""pytest's side: options, ini values, markers, fixtures and hooks. Private.

Whatever is heavy loads when the first simulated test needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_parseapi.clock import real as _real  # noqa: F401 - keeps them from the start
from pytest_parseapi.plugin import hookspecs

if TYPE_CHECKING:
    from pytest_parseapi.api.parse_api import ParseAPI
    from pytest_parseapi.model.errors import DocumentedError
    from pytest_parseapi.plugin.simulated_test import SimulatedTest

_FIXTURE = "_parseapi_test"
_MARKERS = {
    "parse_error": "(*errors, times=1, provider=None, document=None, endpoint=None, "
    "retry_after=None, message=None): script failures of a parsing API, as api.fail(...)",
    "parse_run_failed": "(error, times=1, provider=None, document=None, polls=1, message=None): "
    "script failing runs of a parsing API, as api.fail_run(...)",
    "each_parse_error": "(provider=None, surface='http', endpoint=None, retryable=None, "
    "status=None, codes=None, exclude=(), basis=None, times=1): one case for each documented "
    "error that fits",
    "parseapi": "(provider=None, real_time=False, strict=True, clients=None, sweep=True, "
    "sweep_accept=None): how a test is simulated, and whether --parseapi-sweep fails its calls",
}
_test_key = pytest.StashKey["SimulatedTest"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options and ini values."""
    group = parser.getgroup("parseapi", "failures of document-parsing APIs")
    group.addoption(
        "--parseapi-errors",
        action="store_true",
        help="print every documented error of every provider, and exit",
    )
    group.addoption(
        "--parseapi-contract",
        metavar="MODULE:FUNCTION",
        help="audit a callable that takes a document, or a ParseErrorContract, with no test file",
    )
    group.addoption(
        "--parseapi-init",
        metavar="MODULE:FUNCTION",
        help="write a contract class for a callable, with the policy that was measured, as "
        "test_NAME_contract.py in the current folder, and exit",
    )
    group.addoption(
        "--parseapi-provider",
        metavar="NAME",
        help="the provider of --parseapi-contract or --parseapi-init",
    )
    group.addoption(
        "--parseapi-surface",
        metavar="http|run",
        help="the surface of --parseapi-contract or --parseapi-init",
    )
    group.addoption(
        "--parseapi-report",
        action="append",
        nargs="?",
        const="terminal",
        default=[],
        type=_report_kind,
        metavar="terminal|html:PATH|json:PATH|github",
        help="report which documented errors the tests simulated and checked, as a table or "
        "into a file; may be given several times",
    )
    group.addoption(
        "--parseapi-fail-under",
        type=_fail_under,
        metavar="PERCENT",
        help="fail the session if less of the documented errors was checked",
    )
    _add_sweep_options(group)
    parser.addini("parseapi_provider", "provider of the fixture parseapi", default="extend")
    parser.addini(
        "parseapi_max_attempts",
        "failed attempts in a row at one operation after which a test is stopped",
        default="100",
    )
    parser.addini(
        "parseapi_signing_parameters",
        "more query parameters that sign a link, beside those of S3, GCS, Azure and CloudFront",
        type="args",
        default=[],
    )
    parser.addini(
        "parseapi_sweep_code",
        "installed packages whose code is the consumer's, for --parseapi-sweep, beside the files "
        "under pytest's root directory",
        type="args",
        default=[],
    )
    parser.addini(
        "parseapi_guard",
        "block the documented hosts in the whole session, also outside simulated tests",
        type="bool",
        default=False,
    )


def _add_sweep_options(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--parseapi-sweep",
        action="store_true",
        help="run each simulated test that passes again, once for each place where the consumer "
        "asks the API and each failure that the place documents, and judge the consumer",
    )
    group.addoption(
        "--parseapi-sweep-kinds",
        metavar="KIND,...",
        help="the failures of the sweep: retryable, final, network, runs, webhooks (default: all); "
        "deep takes every code and every exchange, and not one for all that are alike",
    )
    group.addoption(
        "--parseapi-sweep-baseline",
        metavar="FILE",
        help="known findings: only new ones fail the session",
    )
    group.addoption(
        "--parseapi-sweep-baseline-write",
        action="store_true",
        help="write the findings to the file of --parseapi-sweep-baseline",
    )
    group.addoption(
        "--parseapi-sweep-depth",
        type=int,
        metavar="N",
        help="how many failures in a row one variation has at most (default: 1)",
    )


def _report_kind(text: str) -> str:
    """Check a value of ``--parseapi-report``; the module behind it loads only for that."""
    from pytest_parseapi.report.request import report_kind

    return report_kind(text)


def _fail_under(text: str) -> float:
    """Check the value of ``--parseapi-fail-under``."""
    from pytest_parseapi.report.request import fail_under

    return fail_under(text)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Announce the hooks that others implement."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and check the ini values."""
    for name, text in _MARKERS.items():
        config.addinivalue_line("markers", name + text)
    most = config.getini("parseapi_max_attempts")
    if not most.isdecimal() or int(most) < 1:
        raise pytest.UsageError(f"parseapi_max_attempts must be an integer >= 1, not {most!r}")
    config.pluginmanager.register(_BrokenRules(), "parseapi-rules")
    _register_parts(config)


def pytest_report_header() -> str | None:
    """Say what virtual time does not reach on this interpreter, if anything."""
    from pytest_parseapi.clock.supported import lost, untried

    return lost(untried()) or None


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer ``--parseapi-errors`` and ``--parseapi-init``."""
    if config.getoption("parseapi_errors"):
        from pytest_parseapi.plugin.optional_plugins import print_errors

        print_errors(config)
        return 0
    if config.getoption("parseapi_init") is not None:
        from pytest_parseapi.plugin.new_contract import write_contract

        write_contract(config)
        return 0
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one case for each documented error that a marker ``each_parse_error`` asks for."""
    marked = list(metafunc.definition.iter_markers("each_parse_error"))
    if marked:
        from pytest_parseapi.plugin.session import parametrize

        parametrize(metafunc, marked)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Simulate marked tests that name no fixture."""
    for item in items:
        names = getattr(item, "fixturenames", None)
        if names is None or _FIXTURE in names:
            continue
        if not _MARKERS.keys().isdisjoint(mark.name for mark in item.iter_markers()):
            from pytest_parseapi.plugin.session import first_of_function

            names.insert(first_of_function(item, names), _FIXTURE)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let go of a test's record when its last report is made."""
    try:
        return (yield)
    finally:
        if _test_key in item.stash:
            del item.stash[_test_key]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test whose simulation was stopped, or whose script was not used up."""
    test = item.stash.get(_test_key, None)
    if test is None:
        return (yield)
    return (yield from test.call())


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Show a failure from the line of the test, and not from within the plugin."""
    if call.excinfo is not None and not item.config.getoption("fulltrace", default=False):
        from pytest_parseapi.plugin.tracebacks import trim

        trim(call.excinfo)


class _BrokenRules:
    """Ends a session with a table of the rules that its tests broke."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep with a report which rules its test broke."""
        report = yield
        if call.excinfo is not None and _test_key in item.stash:
            from pytest_parseapi.plugin.results import note

            note(item, call.excinfo.value, report)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, config: pytest.Config
    ) -> Generator[None, object, object]:
        """Print the table."""
        failed = terminalreporter.stats.get("failed", ())
        github = "github" in config.option.parseapi_report
        if not github and not any(hasattr(report, "parseapi_rules") for report in failed):
            return (yield)
        from pytest_parseapi.plugin.results import broken_rules, fold, show

        fold(terminalreporter)
        result = yield
        show(terminalreporter, broken_rules(terminalreporter), github=github)
        return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Seed ``random`` last, after plugins that seed it for each call."""
    test = pyfuncitem.stash.get(_test_key, None)
    if test is not None:
        test.simulation.begin_call()
    return (yield)


@pytest.fixture
def _parseapi_test(request: pytest.FixtureRequest) -> Iterator[SimulatedTest]:
    """The simulation of the present test."""
    from pytest_parseapi.plugin.simulated_test import simulated

    yield from simulated(request.node, _test_key)


@pytest.fixture
def parseapi_factory(_parseapi_test: SimulatedTest) -> Callable[[str], ParseAPI]:
    """Gives the simulated API of any registered provider: ``parseapi_factory("extend")``."""

    def make(name: str) -> ParseAPI:
        return _parseapi_test.api(name)

    return make


@pytest.fixture
def parseapi(_parseapi_test: SimulatedTest) -> ParseAPI:
    """The simulated API of the default provider."""
    return _parseapi_test.default_api()


@pytest.fixture
def extend_api(_parseapi_test: SimulatedTest) -> ParseAPI:
    """Extend's Parse API, simulated for this test."""
    return _parseapi_test.api("extend")


@pytest.fixture
def nutrient_api(_parseapi_test: SimulatedTest) -> ParseAPI:
    """Nutrient's Data Extraction API, simulated for this test."""
    return _parseapi_test.api("nutrient")


@pytest.fixture
def documented_error(
    request: pytest.FixtureRequest, _parseapi_test: SimulatedTest
) -> DocumentedError:
    """The error of the present case of a test marked ``each_parse_error``."""
    case = getattr(request, "param", None)
    if case is None:
        pytest.fail("documented_error needs the marker each_parse_error", pytrace=False)
    error: DocumentedError = case.error
    return error


def _register_parts(config: pytest.Config) -> None:
    """Register what options and ini values ask for."""
    options = config.option
    if options.parseapi_sweep:
        from pytest_parseapi.plugin.sweep import register_sweep

        register_sweep(config)
    elif options.parseapi_sweep_baseline_write or any(
        getattr(options, f"parseapi_sweep_{name}") is not None
        for name in ("kinds", "baseline", "depth")
    ):
        from pytest_parseapi.plugin.sweep_options import refuse_without_sweep

        refuse_without_sweep(config)
    reports = options.parseapi_report or options.parseapi_fail_under is not None
    given = (options.parseapi_contract, options.parseapi_provider, options.parseapi_surface)
    if reports or any(item is not None for item in given) or config.getini("parseapi_guard"):
        from pytest_parseapi.plugin.optional_plugins import register

        register(config, _test_key)
