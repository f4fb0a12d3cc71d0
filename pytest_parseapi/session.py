"""What one pytest session shares among its tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final

import pytest

from pytest_parseapi import markers
from pytest_parseapi.api import ParseAPI
from pytest_parseapi.catalogue.model import Provider
from pytest_parseapi.errors import UsageError
from pytest_parseapi.evidence.collector import Source
from pytest_parseapi.providers import provider_named, registry
from pytest_parseapi.service.run_script import RunStep
from pytest_parseapi.service.script import Step
from pytest_parseapi.simulation import Settings, Simulation
from pytest_parseapi.wires.server_shared import SharedServer
from pytest_parseapi.wires.tls import SharedContexts

__all__ = ["Session", "SimulatedTest", "implied_provider"]

CASE_FIXTURE: Final = "documented_error"
_PACKAGE: Final = __name__.partition(".")[0]


class Session:
    """Makes simulated tests.

    Args:
        config: the session's configuration.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._contexts = SharedContexts()
        self._live = SharedServer()
        config.add_cleanup(self._live.stop)

    @cached_property
    def providers(self) -> Mapping[str, Provider]:
        """Every provider by name, of hooks too."""
        given = self._config.hook.pytest_parseapi_providers()
        return registry(provider for providers in given for provider in providers)

    @cached_property
    def _sources(self) -> list[Source]:
        return [
            source
            for source in self._config.hook.pytest_parseapi_evidence(config=self._config)
            if source is not None
        ]

    def default_provider(self, asked: str | None = None) -> Provider:
        """The provider asked for, or the ini value's."""
        name = self._config.getini("parseapi_provider") if asked is None else asked
        return provider_named(self.providers, name)

    def cases(self, marked: list[pytest.Mark], default: str | None) -> Iterator[markers.Case]:
        """The cases of markers ``each_parse_error``."""
        for arguments in markers.case_arguments(marked):
            asked = default if arguments.provider is None else arguments.provider
            yield from arguments.select(self.default_provider(asked))

    def test(self, item: pytest.Item) -> SimulatedTest:
        """A simulation for one test."""
        chosen = markers.settings(item)
        self.default_provider(chosen.provider)
        settings = Settings(
            seed=item.nodeid,
            max_attempts=int(self._config.getini("parseapi_max_attempts")),
            real_time=chosen.real_time,
            clients=chosen.clients,
        )
        simulation = Simulation(self.providers, settings, self._contexts, self._sources, self._live)
        return SimulatedTest(self, item, simulation, chosen)


class SimulatedTest:
    """One test under simulation, from the set-up of its first fixture to its tear-down."""

    def __init__(
        self,
        session: Session,
        item: pytest.Item,
        simulation: Simulation,
        settings: markers.TestSettings,
    ) -> None:
        self._session = session
        self._item = item
        self._settings = settings
        self.simulation = simulation
        self._apis: dict[str, ParseAPI] = {}
        self._told = False

    def default_api(self) -> ParseAPI:
        """The test's default provider."""
        return self.api(self._session.default_provider(self._settings.provider).name)

    def api(self, name: str) -> ParseAPI:
        """The provider of a name."""
        provider = provider_named(self._session.providers, name)
        if provider.name not in self._apis:
            self._apis[provider.name] = ParseAPI(self.simulation, provider)
        return self._apis[provider.name]

    def script(self) -> None:
        """Script what the test's markers say."""
        for scripted in markers.scripts(self._item):
            name = self._implied() if scripted.provider is None else scripted.provider
            api = self.default_api() if name is None else self.api(name)
            if scripted.of_runs:
                api.fail_run(scripted.errors[0], **scripted.options)
            else:
                api.fail(*scripted.errors, **scripted.options)
        callspec = getattr(self._item, "callspec", None)
        case = None if callspec is None else callspec.params.get(CASE_FIXTURE)
        if case is None and self._item.get_closest_marker("each_parse_error") is not None:
            raise UsageError(
                "each_parse_error makes no cases of unittest.TestCase methods: use a plain "
                "function or class"
            )
        if isinstance(case, markers.Case):
            api = self.api(case.error.provider)
            # A webhook tells of a failed run: webhook() without a run makes the one scripted here.
            fail = api.fail if case.surface == "http" else api.fail_run
            fail(case.error, times=case.times)

    def problem(self) -> str | None:
        """Why the test fails although its own code passed; told once."""
        if self._told:
            return None
        message = self.simulation.stops.report()
        if message is None and self._settings.strict:
            message = self.unused_text()
        self._told = message is not None
        return message

    def keep_quiet(self) -> None:
        """The session ends here: whatever went wrong before is no longer told."""
        self._told = True

    def section(self, error: BaseException) -> str:
        """What the simulation adds to the report of a test that failed by itself."""
        if isinstance(error, UsageError):
            _hide_own_frames(error)
            return ""
        unused = self.unused_text() if self._settings.strict else None
        self._told = True
        if unused is not None:
            return unused
        return "" if "timeline of" in str(error) else self.pictures()

    def unused_text(self) -> str | None:
        """What was scripted and never met, in words."""
        unused = self.simulation.unused()
        if not unused:
            return None
        lines = ["scripted failures that no request met:"]
        for provider, step in unused:
            lines.append(f"  {provider.name}: {step}{_how_often(step)}")
            lines += [f"      a request passed it by: {reason}" for reason in step.passed]
            lines += _where_runs_fail(step)
        lines.append("parseapi(strict=False) allows that.")
        pictures = [api.timeline() for api in self._apis.values()]
        return "\n".join([*lines, "", *pictures])

    def pictures(self) -> str:
        """The timelines of the providers that were asked something."""
        return "\n\n".join(api.timeline() for api in self._apis.values() if api.attempts)

    def _implied(self) -> str | None:
        """The one provider whose fixture the test names, where no marker names another."""
        return implied_provider(self._session, self._settings, self._item.fixturenames)  # type: ignore[attr-defined]


def implied_provider(
    session: Session, settings: markers.TestSettings, fixtures: list[str]
) -> str | None:
    """The provider that markers mean when they name none: that of the only fixture asked for."""
    if settings.provider is not None or "parseapi" in fixtures:
        return settings.provider
    named = [name for name in session.providers if f"{name}_api" in fixtures]
    return named[0] if len(named) == 1 else None


def _hide_own_frames(error: BaseException) -> None:
    """Let the traceback of a mistake end where the test made it."""
    last = trace = error.__traceback__
    while trace is not None:
        if not trace.tb_frame.f_globals.get("__name__", "").startswith(f"{_PACKAGE}."):
            last = trace
        trace = trace.tb_next
    if last is not None:
        last.tb_next = None


def _how_often(step: Step | RunStep) -> str:
    return f" (met {step.met} of {step.times:g} times)" if step.met else ""


def _where_runs_fail(step: Step | RunStep) -> list[str]:
    if isinstance(step, RunStep):
        return [] if step.passed else ["      no run was created; POST /parse fails by fail()"]
    surfaces = getattr(step.error, "surfaces", ())
    if "run" in surfaces and any("/parse_runs" in reason for reason in step.passed):
        return ["      a run fails by fail_run() or the marker parse_run_failed"]
    return []
