"""The state that one pytest session shares among its tests."""

from __future__ import annotations

import warnings
from _thread import get_ident
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

import pytest

from pytest_parseapi.api.simulated_providers import Settings
from pytest_parseapi.api.simulation import Simulation
from pytest_parseapi.clients.guard.process import process_guards
from pytest_parseapi.clients.server.server import SharedServer
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.clock.clock_state import clock_state
from pytest_parseapi.clock.takeover import take_over
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.plugin import markers
from pytest_parseapi.plugin.hook_results import providers_of_plugins, sources_of_plugins
from pytest_parseapi.providers.registry import provider_named, registry
from pytest_parseapi.record.evidence.collector import Source

CASE_FIXTURE: Final = "documented_error"
_session_key = pytest.StashKey["Session"]()


class Session:
    """Makes simulated tests."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._contexts = SharedContexts()
        self._live = SharedServer()
        config.add_cleanup(self._live.stop)
        guards = process_guards()
        guards.leftover.hold()
        config.add_cleanup(guards.release)
        self._has_time = False
        self._running: dict[str, int] = {}
        self._told: set[str] = set()
        self.lost = ""
        """What virtual time does not reach on this interpreter, in one line."""

    @cached_property
    def providers(self) -> Mapping[str, Provider]:
        """Every provider by name, of hooks too."""
        return registry(providers_of_plugins(self._config.pluginmanager))

    @cached_property
    def _sources(self) -> list[Source]:
        return sources_of_plugins(self._config)

    def default_provider(self, asked: str | None = None) -> Provider:
        """The provider asked for, or the ini value's."""
        providers = self.providers
        if asked is not None:
            return provider_named(providers, asked)
        try:
            return provider_named(providers, self._config.getini("parseapi_provider"))
        except UsageError as error:
            raise UsageError(f"ini value parseapi_provider: {error}") from None

    def _marked_provider(self, named: str | None) -> Provider:
        """The provider that a marker ``parseapi`` names, or the ini value's."""
        if named is None:
            return self.default_provider()
        with markers.blamed("parseapi"):
            return provider_named(self.providers, named)

    def cases(self, marked: list[pytest.Mark], default: str | None) -> Iterator[markers.ErrorCase]:
        """The cases of markers ``each_parse_error``."""
        for arguments in markers.case_arguments(marked):
            named = arguments.provider
            provider = self._marked_provider(default) if named is None else None
            with markers.blamed("each_parse_error"):
                found = provider or provider_named(self.providers, named)
                yield from arguments.select(found, self.providers.values())

    def begin(self, item: pytest.Item) -> None:
        """Note that a simulated test begins.

        Raises:
            UsageError: another thread is in the middle of one.
        """
        other = next((name for name, by in self._running.items() if by != get_ident()), None)
        if other is not None:
            raise UsageError(
                f"two simulated tests at once in one process: {other} runs in another thread. The "
                f"clock and the client libraries are the process's: run tests side by side in "
                f"processes of their own (pytest-xdist; pytest-parallel with --tests-per-worker=1)"
            )
        self._running[item.nodeid] = get_ident()

    def end(self, item: pytest.Item) -> None:
        """Note that a simulated test has ended."""
        self._running.pop(item.nodeid, None)
        met = clock_state().real_timers
        for name in [name for name in met if name not in self._told]:
            self._told.add(name)
            _tell(item, name)
        met.clear()

    def simulate(self, item: pytest.Item, chosen: markers.TestSettings) -> Simulation:
        """Make the simulation of one test."""
        self._marked_provider(chosen.provider)
        settings = Settings(
            seed=item.nodeid,
            max_attempts=int(self._config.getini("parseapi_max_attempts")),
            real_time=chosen.real_time,
            clients=chosen.clients,
            signing_parameters=tuple(self._config.getini("parseapi_signing_parameters")),
        )
        if not chosen.real_time:
            self._take_time_over()
        return Simulation(self.providers, settings, self._contexts, self._sources, self._live)

    def _take_time_over(self) -> None:
        """Take the clock functions over for the whole session, with its first virtual test."""
        if not self._has_time:
            self._has_time = True
            functions = take_over()
            functions.hold()
            self._config.add_cleanup(functions.release)
            self.lost = functions.lost


def _tell(item: pytest.Item, name: str) -> None:
    """Warn that a library's timers are real; no warning filter can turn this into an error."""
    text = (
        f"parseapi: timers of {name} are real. Its waits take the time that they say, and are on "
        f"record with what they took"
    )
    warning = warnings.WarningMessage(pytest.PytestWarning(text), pytest.PytestWarning, "", 0)
    item.ihook.pytest_warning_recorded.call_historic(
        kwargs={
            "warning_message": warning,
            "when": "runtest",
            "nodeid": item.nodeid,
            "location": None,
        }
    )


def session_of(config: pytest.Config) -> Session:
    """The `Session` of a pytest session; made when a test first needs it."""
    session = config.stash.get(_session_key, None)
    if session is None:
        session = config.stash[_session_key] = Session(config)
    return session


@contextmanager
def told_by_pytest() -> Iterator[None]:
    """Let pytest end the session with a mistake in its options or providers, in one line.

    Raises:
        pytest.UsageError: with the text of the mistake.
    """
    try:
        yield
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def implied_provider(
    session: Session, settings: markers.TestSettings, fixtures: list[str]
) -> str | None:
    """The provider that markers mean when they name none: that of the only fixture asked for."""
    if settings.provider is not None or "parseapi" in fixtures:
        return settings.provider
    named = [name for name in session.providers if f"{name}_api" in fixtures]
    return named[0] if len(named) == 1 else None


def parametrize(metafunc: pytest.Metafunc, marked: list[pytest.Mark]) -> None:
    """Make one case for each documented error that markers ``each_parse_error`` ask for.

    Raises:
        pytest.Collector.CollectError: a marker is wrong.
    """
    session = session_of(metafunc.config)
    try:
        chosen = markers.settings(metafunc.definition)
        default = implied_provider(session, chosen, metafunc.fixturenames)
        cases = list(session.cases(marked, default))
    except UsageError as error:
        where = metafunc.definition.nodeid
        raise pytest.Collector.CollectError(f"{where}: {error}") from None
    if CASE_FIXTURE not in metafunc.fixturenames:
        metafunc.fixturenames.append(CASE_FIXTURE)
    metafunc.parametrize(CASE_FIXTURE, cases, ids=[str(case) for case in cases], indirect=True)


def first_of_function(item: Any, names: list[str]) -> int:
    """Where the fixtures of function scope begin; wider ones are set up outside the simulation."""
    definitions = item._fixtureinfo.name2fixturedefs
    for index, name in enumerate(names):
        found = definitions.get(name)
        if found and found[-1].scope == "function":
            return index
    return len(names)
