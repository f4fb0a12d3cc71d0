"""pytest's side: options, ini values, markers, fixtures and hooks. Private.

Whatever is heavy loads when the first simulated test needs it. There is no assertion here for
pytest to rewrite, and to look for one takes its time in each session: PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

import pytest_parseapi.clock  # noqa: F401 - keeps the clock functions from the start
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


def _report_kind(text: str) -> str:
    """Check a value of ``--parseapi-report``; the module behind it loads only for that."""
    from pytest_parseapi.report.options import report_kind

    return report_kind(text)


def _fail_under(text: str) -> float:
    """Check the value of ``--parseapi-fail-under``."""
    from pytest_parseapi.report.options import fail_under

    return fail_under(text)


# Tables, and not a call each: where Python keeps no bytecode, each session compiles this module.
_OPTIONS: dict[str, dict[str, Any]] = {
    "errors": {
        "action": "store_true",
        "default": None,
        "help": "print every documented error of every provider, and exit",
    },
    "contract": {
        "metavar": "MODULE:FUNCTION",
        "help": "audit a callable that takes a document, or a ParseErrorContract, with no test "
        "file",
    },
    "init": {
        "metavar": "MODULE:FUNCTION",
        "help": "write a contract class for a callable, with the policy that was measured, as "
        "test_NAME_contract.py in the current folder, and exit",
    },
    "provider": {
        "metavar": "NAME",
        "help": "the provider of --parseapi-contract or --parseapi-init",
    },
    "surface": {
        "metavar": "http|run",
        "help": "the surface of --parseapi-contract or --parseapi-init",
    },
    "report": {
        "metavar": "terminal|html:PATH|json:PATH|github",
        "help": "report which documented errors the tests simulated and checked, as a table or "
        "into a file; may be given several times",
        "action": "append",
        "nargs": "?",
        "const": "terminal",
        "type": _report_kind,
    },
    "fail-under": {
        "metavar": "PERCENT",
        "help": "fail the session if less of the documented errors was checked",
        "type": _fail_under,
    },
    "sweep": {
        "action": "store_true",
        "default": None,
        "help": "run each simulated test that passes again, once for each place where the "
        "consumer asks the API and each failure that the place documents, and judge the consumer",
    },
    "sweep-kinds": {
        "metavar": "KIND,...",
        "help": "the failures of the sweep: retryable, final, network, runs, webhooks (default: "
        "all); deep takes every code and every exchange, and not one for all that are alike",
    },
    "sweep-baseline": {
        "metavar": "FILE",
        "help": "known findings: only new ones fail the session",
    },
    "sweep-baseline-write": {
        "action": "store_true",
        "default": None,
        "help": "write the findings to the file of --parseapi-sweep-baseline",
    },
    "sweep-depth": {
        "metavar": "N",
        "help": "how many failures in a row one variation has at most (default: 1)",
        "type": int,
    },
}
_INI_VALUES: dict[str, dict[str, Any]] = {
    "provider": {"help": "provider of the fixture parseapi", "default": "extend"},
    "max_attempts": {
        "help": "attempts in a row at one operation without progress after which a test is stopped",
        "default": "100",
    },
    "signing_parameters": {
        "help": "more query parameters that sign a link, beside those of S3, GCS, Azure and "
        "CloudFront",
        "type": "args",
        "default": [],
    },
    "sweep_code": {
        "help": "installed packages whose code is the consumer's, for --parseapi-sweep, beside "
        "the files under pytest's root directory",
        "type": "args",
        "default": [],
    },
    "guard": {
        "help": "block the documented hosts in the whole session, also outside simulated tests",
        "type": "bool",
        "default": False,
    },
}


def __dir__() -> list[str]:
    """What is defined here: pytest looks for hooks and fixtures at each name that it is given."""
    return [name for name, item in globals().items() if getattr(item, "__module__", 0) == __name__]


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Announce the hooks that others implement."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options and ini values."""
    group = parser.getgroup("parseapi", "failures of document-parsing APIs")
    for name, option in _OPTIONS.items():
        # Without a dest, pytest compares the one that it makes with those of all other options.
        dest = f"parseapi_{name.replace('-', '_')}"
        group.addoption(f"--parseapi-{name}", dest=dest, **option)
    for name, value in _INI_VALUES.items():
        parser.addini(f"parseapi_{name}", **value)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and check the ini values."""
    for name, text in _MARKERS.items():
        config.addinivalue_line("markers", name + text)
    most = config.getini("parseapi_max_attempts")
    if not most.isdecimal() or int(most) < 1:
        raise pytest.UsageError(f"parseapi_max_attempts must be an integer >= 1, not {most!r}")
    options = vars(config.option)
    given = [options[name] for name in options if name.startswith("parseapi_")]
    if given.count(None) < len(given) or config.getini("parseapi_guard"):
        from pytest_parseapi.plugin.registration import register

        register(config)


def pytest_report_header() -> str | None:
    """Say what virtual time does not reach on this interpreter, if anything."""
    from pytest_parseapi.clock.platform_support import limits_line, why_not_in_place

    return limits_line(why_not_in_place()) or None


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer ``--parseapi-errors`` and ``--parseapi-init``."""
    if config.option.parseapi_errors or config.option.parseapi_init is not None:
        from pytest_parseapi.plugin.registration import answer

        answer(config)
        return 0
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one case for each documented error that a marker ``each_parse_error`` asks for."""
    marked = list(metafunc.definition.iter_markers("each_parse_error"))
    if marked:
        from pytest_parseapi.plugin.session import parametrize

        parametrize(metafunc, marked)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Simulate marked tests that name no fixture."""
    simulated = False
    side_by_side = config.pluginmanager.has_plugin("run-parallel")
    for item in items:
        names = getattr(item, "fixturenames", None)
        if names is None:
            continue
        if _FIXTURE not in names and any(mark.name in _MARKERS for mark in item.iter_markers()):
            from pytest_parseapi.plugin.session import first_of_function

            names.insert(first_of_function(item, names), _FIXTURE)
        if _FIXTURE in names:
            simulated = True
            if side_by_side:
                item.add_marker(pytest.mark.thread_unsafe(reason="its time is the process's"))
    if simulated:
        _watch_tests(config)


def _watch_tests(config: pytest.Config) -> None:
    """Register the hooks around each test; a session that simulates nothing does without them."""
    if config.pluginmanager.has_plugin("parseapi-phases"):
        return
    from pytest_parseapi.clock.platform_support import why_no_virtual_time

    if why := why_no_virtual_time():
        raise pytest.UsageError(f"parseapi: {why}")
    from pytest_parseapi.plugin import tracebacks
    from pytest_parseapi.plugin.phases import Phases

    config.pluginmanager.register(Phases(), "parseapi-phases")
    config.pluginmanager.register(tracebacks, "parseapi-tracebacks")
    if hasattr(config, "workerinput"):
        from pytest_parseapi.plugin import worker_reports

        config.pluginmanager.register(worker_reports, "parseapi-worker-reports")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, object, object]:
    """End a session with a table of the rules that its tests broke, also those of workers."""
    failed = terminalreporter.stats.get("failed", ())
    github = "github" in (config.option.parseapi_report or ())
    if not (failed or github):
        return (yield)
    from pytest_parseapi.report.rules import RULES

    if not github and not any(hasattr(report, RULES) for report in failed):
        return (yield)
    from pytest_parseapi.plugin.broken_rules import broken_rules, fold, show

    fold(terminalreporter)
    result = yield
    show(terminalreporter, broken_rules(terminalreporter), github=github)
    return result


@pytest.fixture
def _parseapi_test(request: pytest.FixtureRequest) -> Iterator[SimulatedTest]:
    """The simulation of the present test."""
    from pytest_parseapi.plugin.simulated_test import simulated

    _watch_tests(request.config)
    yield from simulated(request.node)


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
