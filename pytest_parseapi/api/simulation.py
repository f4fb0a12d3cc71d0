"""Starts and stops everything that one simulated test needs."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from pytest_parseapi.api.simulated_providers import Settings, SimulatedProviders
from pytest_parseapi.clients.forks import Forks
from pytest_parseapi.clients.guard.guard import Guard
from pytest_parseapi.clients.guard.messages import blocked_in_test
from pytest_parseapi.clients.libraries import interceptors_for
from pytest_parseapi.clients.server.server import SharedServer
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.clock.platform_support import why_no_virtual_time, why_not_in_place
from pytest_parseapi.clock.replaced_sleep import SleepFunctions
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.clock.virtual_time import VirtualTime
from pytest_parseapi.model.http import Reply, Request
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.record.evidence.collector import Evidence, Source
from pytest_parseapi.service.run_script import RunStep
from pytest_parseapi.service.script import Scripted


class Simulation(SimulatedProviders):
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
        stops = Stops()
        clock = VirtualClock(real=settings.real_time, stops=stops)
        self.forks = Forks(stops)
        super().__init__(
            providers,
            settings,
            clock=clock,
            stops=stops,
            evidence=Evidence(clock.stamp, sources),
            live=SharedServer() if live is None else live,
            control=_control,
            before_exchange=self._prepare_exchange,
            forks=self.forks,
        )
        self._time = VirtualTime(self.clock, self.live.is_idle)
        self._contexts = contexts
        self._sleep_functions = SleepFunctions()
        self._undo = contextlib.ExitStack()

    def start(self) -> None:
        """Start all parts. If one fails, stop those that were started.

        Raises:
            UsageError: Python's threads were replaced, so that time cannot be virtual.
        """
        if not self.settings.real_time and (why := why_no_virtual_time()):
            raise UsageError(f"{why}, or mark the test real_time=True")
        with contextlib.ExitStack() as undo:
            undo.callback(self.hosts.disconnect)
            undo.callback(self.forks.stop)
            self.forks.start()
            # Before the interceptors, so that what they answer never comes to it.
            patch_c_types = not (self.settings.real_time or why_not_in_place())
            guard = Guard(self.hosts.names, self._block, patch_c_types=patch_c_types)
            undo.callback(guard.stop)
            guard.start()
            for interceptor in interceptors_for(self.settings.clients, self._contexts):
                undo.callback(interceptor.stop)
                interceptor.start(self.hosts)
            undo.callback(self.ended_mocks.stop)
            self.ended_mocks.start()
            undo.callback(self.evidence.stop)
            self.evidence.start()
            undo.callback(self.live.detach, self.hosts)
            self.live.attach(self.hosts)
            undo.callback(self._time.stop)
            self._time.start()
            self._undo = undo.pop_all()

    def stop(self) -> None:
        """Stop all parts."""
        self._undo.close()

    def begin_call(self) -> None:
        """Prepare the call of the test itself: its fixtures may have changed streams and seeds."""
        self.evidence.look()
        self._time.seed()
        self._time.catch_up()

    def unused(self) -> list[tuple[Provider, Scripted | RunStep]]:
        """Scripted failures that no request and no run met."""
        unused: list[tuple[Provider, Scripted | RunStep]] = []
        for service in self.services.values():
            if service.lenient:
                continue
            for script in (service.script, *service.mock_scripts):
                unused += [(service.provider, step) for step in script.unused()]
            if service.runs is not None:
                unused += [(service.provider, step) for step in service.runs.script.unused()]
        return unused

    def _prepare_exchange(self) -> None:
        self.forks.look()
        self.evidence.look()
        self.replaced_sleep = self._sleep_functions.replaced() or self.replaced_sleep
        if self.jitter_seed is not None:
            self._time.seed(self.jitter_seed)

    def _block(self, host: str, library: str) -> None:
        if self.forks.is_child:
            self.forks.block(f"A request to {host} by {library}")
        self.stops.stop(blocked_in_test(host, library, self.settings.clients))


def _control(simulated: SimulatedProviders, provider: str, request: Request) -> Reply:
    # Few tests ask for it, and it takes its time to import.
    from pytest_parseapi.api.server_control import answer

    return answer(simulated, provider, request)
