"""pytest's door: options, ini values, markers, fixtures and hooks.

Whatever is heavy loads when the first simulated test needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_parseapi import hookspecs
from pytest_parseapi.clock import genuine as _genuine  # noqa: F401 - keeps them from the start

if TYPE_CHECKING:
    from pytest_parseapi.api import ParseAPI
    from pytest_parseapi.catalogue.model import DocumentedError, Provider
    from pytest_parseapi.session import Session, SimulatedTest
    from pytest_parseapi.simulation import Simulation

_FIXTURE = "_parseapi_test"
_CASE = "documented_error"
_MARKERS = {
    "parse_error": "(*errors, times=1, provider=None, document=None, endpoint=None, "
    "retry_after=None, message=None): script failures of a parsing API, as api.fail(...)",
    "parse_run_failed": "(error, times=1, provider=None, document=None, polls=1, message=None): "
    "script failing runs of a parsing API, as api.fail_run(...)",
    "each_parse_error": "(provider=None, surface='http', retryable=None, status=None, codes=None, "
    "exclude=(), basis=None, times=1): one case for each documented error that fits",
    "parseapi": "(provider=None, real_time=False, strict=True, clients=None): how a test is "
    "simulated",
}
_session_key = pytest.StashKey["Session"]()
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
        "--parseapi-provider", metavar="NAME", help="the provider of --parseapi-contract"
    )
    group.addoption(
        "--parseapi-surface",
        default="http",
        metavar="http|run",
        help="the surface of --parseapi-contract",
    )
    group.addoption(
        "--parseapi-report",
        action="append",
        nargs="?",
        const="terminal",
        default=[],
        type=_report_kind,
        metavar="terminal|html:PATH|json:PATH",
        help="report which documented errors the tests simulated and checked, as a table or "
        "into a file; may be given several times",
    )
    group.addoption(
        "--parseapi-fail-under",
        type=_fail_under,
        metavar="PERCENT",
        help="fail the session if less of the documented errors was checked",
    )
    parser.addini("parseapi_provider", "provider of the fixture parseapi", default="extend")
    parser.addini(
        "parseapi_max_attempts",
        "failed attempts in a row at one operation after which a test is stopped",
        default="100",
    )
    parser.addini(
        "parseapi_guard",
        "block the documented hosts in the whole session, also outside simulated tests",
        type="bool",
        default=False,
    )


def _report_kind(text: str) -> str:
    """Check a value of ``--parseapi-report``; the module behind it loads only for that."""
    from pytest_parseapi.report.wanted import report_kind

    return report_kind(text)


def _fail_under(text: str) -> float:
    """Check the value of ``--parseapi-fail-under``."""
    from pytest_parseapi.report.wanted import fail_under

    return fail_under(text)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Announce the hooks that others implement."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and check the ini values."""
    for name, text in _MARKERS.items():
        config.addinivalue_line("markers", name + text)
    most = config.getini("parseapi_max_attempts")
    if not most.isdigit() or int(most) < 1:
        raise pytest.UsageError(f"parseapi_max_attempts is a number from 1 up, not {most!r}")
    _register_report(config)
    _register_guard(config)
    _register_audit(config)


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer ``--parseapi-errors``."""
    if not config.getoption("parseapi_errors"):
        return None
    from pytest_parseapi.listing import error_table

    config._do_configure()
    print(error_table(_session(config).providers.values()))  # noqa: T201 - that is the option's job
    return 0


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one case for each documented error that a marker ``each_parse_error`` asks for."""
    marked = list(metafunc.definition.iter_markers("each_parse_error"))
    if not marked:
        return
    from pytest_parseapi.errors import UsageError
    from pytest_parseapi.markers import settings
    from pytest_parseapi.session import implied_provider

    session = _session(metafunc.config)
    try:
        chosen = settings(metafunc.definition)
        default = implied_provider(session, chosen, metafunc.fixturenames)
        cases = list(session.cases(marked, default))
    except UsageError as error:
        where = metafunc.definition.nodeid
        raise pytest.Collector.CollectError(f"{where}: {error}") from None
    if _CASE not in metafunc.fixturenames:
        metafunc.fixturenames.append(_CASE)
    metafunc.parametrize(_CASE, cases, ids=[str(case) for case in cases], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Simulate marked tests that name no fixture."""
    for item in items:
        names = getattr(item, "fixturenames", None)
        if names is None or _FIXTURE in names:
            continue
        if not _MARKERS.keys().isdisjoint(mark.name for mark in item.iter_markers()):
            names.insert(_first_of_function(item, names), _FIXTURE)


def _first_of_function(item: Any, names: list[str]) -> int:
    """Where the fixtures of function scope begin; wider ones are set up outside the simulation."""
    definitions = item._fixtureinfo.name2fixturedefs
    for index, name in enumerate(names):
        found = definitions.get(name)
        if found and found[-1].scope == "function":
            return index
    return len(names)


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
    test.simulation.begin_call()
    result: object = None
    try:
        result = yield
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | pytest.exit.Exception):
            test.keep_quiet()
            raise
        if test.simulation.stops.message is None:
            if section := test.section(error):
                item.add_report_section("call", "parseapi", section)
            raise
    # A stop is told whatever has become of it on its way: swallowed, wrapped, or gathered.
    problem = test.problem()
    if problem is not None:
        pytest.fail(problem, pytrace=False)
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
    from pytest_parseapi.errors import UsageError

    mistake = None
    test = None
    try:
        test = _session(request.config).test(request.node)
        test.simulation.start()
        test.script()
    except UsageError as error:
        mistake = str(error)
    try:
        if test is None or mistake is not None:
            pytest.fail(mistake or "", pytrace=False)
        request.node.stash[_test_key] = test
        yield test
    finally:
        if test is not None:
            test.simulation.stop()
    if test.simulation.stops.message is not None and (problem := test.problem()) is not None:
        pytest.fail(problem, pytrace=False)


@pytest.fixture
def parseapi_factory(_parseapi_test: SimulatedTest) -> Callable[[str], ParseAPI]:
    """Gives the simulated API of any registered provider: ``parseapi_factory("extend")``."""

    def make(name: str) -> ParseAPI:
        __tracebackhide__ = True
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


def _register_guard(config: pytest.Config) -> None:
    if not config.getini("parseapi_guard"):
        return
    from pytest_parseapi.session_guard import SessionGuard

    def hosts() -> frozenset[str]:
        providers = _session(config).providers.values()
        return frozenset(host for provider in providers for host in provider.hosts)

    guard = SessionGuard(hosts)
    config.pluginmanager.register(guard, "parseapi-guard")
    config.add_cleanup(guard.stop)
    guard.start()


def _register_report(config: pytest.Config) -> None:
    """Record tests only where a report is asked for."""
    options = config.option
    if not options.parseapi_report and options.parseapi_fail_under is None:
        return
    from pytest_parseapi.report.session import ReportPlugin
    from pytest_parseapi.report.wanted import wanted

    root = config.invocation_params.dir
    asked = wanted(options.parseapi_report, options.parseapi_fail_under, root)

    def providers() -> Iterable[Provider]:
        return _session(config).providers.values()

    def simulation(item: pytest.Item) -> Simulation | None:
        test = item.stash.get(_test_key, None)
        return None if test is None else test.simulation

    is_worker = hasattr(config, "workerinput")
    plugin = ReportPlugin(asked, providers, simulation, is_worker=is_worker)
    config.pluginmanager.register(plugin, "parseapi-report")


def _register_audit(config: pytest.Config) -> None:
    """Audit a callable where one is asked for."""
    options = config.option
    if options.parseapi_contract is None:
        return
    from pytest_parseapi.contract.audit import AuditPlugin
    from pytest_parseapi.errors import UsageError

    try:
        provider = _session(config).default_provider(options.parseapi_provider)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    plugin = AuditPlugin(config, options.parseapi_contract, provider.name, options.parseapi_surface)
    config.pluginmanager.register(plugin, "parseapi-contract")


def _session(config: pytest.Config) -> Session:
    session = config.stash.get(_session_key, None)
    if session is None:
        from pytest_parseapi.session import Session

        session = config.stash[_session_key] = Session(config)
    return session
