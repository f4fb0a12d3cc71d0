"""Everything that one simulated test needs, put in place and taken out again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pytest_parseapi.clients.forks import Forks
from pytest_parseapi.clients.guard.guard import Guard
from pytest_parseapi.clients.guard.messages import blocked_in_test
from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.httpx.exchanges import HTTPXExchanges
from pytest_parseapi.clients.libraries import interceptors_for
from pytest_parseapi.clients.server.server import SharedServer
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.clock.installed import VirtualTime
from pytest_parseapi.clock.virtual import VirtualClock
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.record.evidence.collector import Evidence, Source
from pytest_parseapi.record.timeline import draw
from pytest_parseapi.service.run_script import RunStep
from pytest_parseapi.service.script import Step
from pytest_parseapi.service.service import SimulatedService

__all__ = ["Settings", "Simulation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one test is simulated.

    Args:
        seed: what ids depend on: the test's node id.
        max_attempts: the fuse.
        real_time: leave time alone.
        clients: the client libraries to intercept; None for every installed one.
        signing_parameters: more query parameters that sign a link, beside the well-known ones.
    """

    seed: str
    max_attempts: int = 100
    real_time: bool = False
    clients: Collection[str] | None = None
    signing_parameters: tuple[str, ...] = ()


class Simulation:
    """The simulated providers of one test, with its clock and evidence.

    Args:
        providers: every provider by name.
        settings: how the test is simulated.
        contexts: the session's shared TLS contexts.
        sources: further places to look for log text.
        live: the session's live server.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        settings: Settings,
        contexts: SharedContexts,
        sources: Sequence[Source] = (),
        live: SharedServer | None = None,
    ) -> None:
        self.providers = providers
        self.settings = settings
        self.stops = Stops()
        self.clock = VirtualClock(real=settings.real_time, stops=self.stops)
        self.evidence = Evidence(self.clock.stamp, sources)
        self.services: dict[str, SimulatedService] = {}
        self.checks: dict[str, set[str]] = {}
        """The checks that held, by provider."""
        self.before_reset: list[Callable[[SimulatedService], None]] = []
        """Who reads a service's records before they are forgotten."""
        self.live = SharedServer() if live is None else live
        self._time = VirtualTime(self.clock, self.live.is_idle)
        self.jitter_seed: int | None = None
        """Seeds the global ``random`` anew at each exchange, so that all waits draw alike."""
        self.forks = Forks(self.stops)
        self._hosts = SimulatedHosts(self.clock, self.stops, self._look, self.forks)
        self._contexts = contexts
        self._undo = contextlib.ExitStack()
        for provider in providers.values():
            self._add(provider)

    def start(self) -> None:
        """Put everything in place; what was put in place is taken out if a part of it fails."""
        with contextlib.ExitStack() as undo:
            undo.callback(self._hosts.disconnect)
            undo.callback(self.forks.stop)
            self.forks.start()
            # Before the interceptors, so that what they answer never comes to it.
            guard = Guard(self._hosts.names, self._block)
            undo.callback(guard.stop)
            guard.start()
            for interceptor in interceptors_for(self.settings.clients, self._contexts):
                undo.callback(interceptor.stop)
                interceptor.start(self._hosts)
            undo.callback(self.evidence.stop)
            self.evidence.start()
            undo.callback(self.live.detach, self._hosts)
            self.live.attach(self._hosts)
            undo.callback(self._time.stop)
            self._time.start()
            self._undo = undo.pop_all()

    @cached_property
    def httpx_exchanges(self) -> HTTPXExchanges:
        """Turns requests of httpx into the service's, and its replies into responses."""
        import httpx

        return HTTPXExchanges(httpx, self._hosts)

    def stop(self) -> None:
        """Take everything out."""
        self._undo.close()

    def begin_call(self) -> None:
        """The test's own code is about to run: its fixtures may have changed streams and seeds."""
        self.evidence.look()
        self._time.seed()
        self._time.catch_up()

    def unused(self) -> list[tuple[Provider, Step | RunStep]]:
        """Scripted failures that no request and no run met."""
        unused: list[tuple[Provider, Step | RunStep]] = []
        for service in self.services.values():
            if service.lenient:
                continue
            for script in (service.script, *service.mock_scripts):
                unused += [(service.provider, step) for step in script.unused()]
            if service.runs is not None:
                unused += [(service.provider, step) for step in service.runs.script.unused()]
        return unused

    def reset(self) -> None:
        """Forget what was said, for a test body that runs many times."""
        self.evidence.clear()

    def _look(self) -> None:
        self.forks.look()
        self.evidence.look()
        if self.jitter_seed is not None:
            self._time.seed(self.jitter_seed)

    def _add(self, provider: Provider) -> None:
        service = SimulatedService(
            provider,
            now=self.clock.stamp,
            wall=self.clock.wall,
            stops=self.stops,
            seed=self.settings.seed,
            max_attempts=self.settings.max_attempts,
            picture=lambda: draw(provider.title, service.journal.attempts),
            signing_parameters=self.settings.signing_parameters,
        )
        self.services[provider.name] = service
        self._hosts.add(service)

    def _block(self, host: str, library: str) -> None:
        if self.forks.is_child:
            self.forks.block(f"A request to {host} by {library}")
        self.stops.stop(blocked_in_test(host, library, self.settings.clients))
