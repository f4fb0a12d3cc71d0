"""The simulated providers of one test, or of one token of the live server."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeAlias

from pytest_parseapi.clients.hosts import SimulatedHosts, no_control
from pytest_parseapi.clients.httpx.exchanges import HTTPXExchanges
from pytest_parseapi.clients.replaced_clients import EndedMocks
from pytest_parseapi.clients.server.server import SharedServer
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.model.http import Reply, Request
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.record.evidence.collector import Evidence
from pytest_parseapi.record.retention import Retention
from pytest_parseapi.record.timeline import timeline_of
from pytest_parseapi.service.service import SimulatedService
from pytest_parseapi.service.webhook_sender import WebhookSender

if TYPE_CHECKING:
    from pytest_parseapi.clients.forks import Forks

Control: TypeAlias = Callable[["SimulatedProviders", str, Request], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one test is simulated.

    Args:
        seed: what ids depend on: the test's node id.
        max_attempts: the fuse; infinite for none.
        real_time: leave time alone.
        clients: the client libraries to intercept; None for every installed one.
        signing_parameters: more query parameters that sign a link, beside the well-known ones.
        speed: how many seconds of the clients' time a second of the live server is.
        service: makes the service of a provider.
        retention: bounds the records of a server that runs for days; None for a test, whose
            record is whole.
    """

    seed: str
    max_attempts: float = 100
    real_time: bool = False
    clients: Collection[str] | None = None
    signing_parameters: tuple[str, ...] = ()
    speed: float = 1.0
    service: Callable[..., SimulatedService] = SimulatedService
    retention: Retention | None = None


class SimulatedProviders:
    """The scripts, runs and records of each provider, separate for each test and token.

    Args:
        providers: every provider by name.
        settings: how they are simulated.
        clock: the test's clock.
        stops: where to stop the test.
        evidence: what the consumer logged.
        live: the session's live server.
        control: answers requests to the live server's control, for the provider of a name.
        before_exchange: called before each exchange.
        forks: knows whether this is a forked child process; None where nobody forks.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        settings: Settings,
        *,
        clock: VirtualClock,
        stops: Stops,
        evidence: Evidence,
        live: SharedServer,
        control: Control,
        before_exchange: Callable[[], None] = lambda: None,
        forks: Forks | None = None,
    ) -> None:
        self.providers = providers
        self.settings = settings
        self.clock = clock
        self.stops = stops
        self.evidence = evidence
        self.live = live
        self.services: dict[str, SimulatedService] = {}
        self.checks: dict[str, set[str]] = {}
        """The checks that held, by provider."""
        self.before_reset: list[Callable[[SimulatedService], None]] = []
        """Who reads a service's records before they are forgotten."""
        self.webhook_senders: dict[str, WebhookSender] = {}
        """Who sends webhooks, by provider: from then on the secret may be known to the consumer."""
        self.alter_delivery: Callable[[str, str | None], str | None] = _as_asked
        """Says what is wrong on purpose with the delivery that the test makes now."""
        self.jitter_seed: int | None = None
        """Seeds the global ``random`` again at each exchange, so that all waits draw alike."""
        self.forgotten: dict[str, int] = {}
        """How many attempts of the same token were forgotten, by provider."""
        self._tokens: _Tokens | None = None
        self.hosts = SimulatedHosts(clock, stops, before_exchange, forks)
        self.hosts.speed = settings.speed
        self.hosts.of_token = lambda token: self.within(token).hosts
        self.hosts.control = partial(control, self)
        self.replaced_sleep = ""
        """A function that waits and that the test had replaced while the consumer asked."""
        self.ended_mocks = EndedMocks()
        self._control = control
        self._before_exchange = before_exchange
        self._forks = forks
        for provider in providers.values():
            self._add(provider)

    def notes(self, provider: str) -> list[str]:
        """Further events for the timeline of a provider."""
        forked = [] if self._forks is None else self._forks.notes()
        return [*self.hosts.misses.lines(provider), *forked]

    def reset(self) -> None:
        """Forget what was said, for a test body that runs many times."""
        self.evidence.clear()
        self.replaced_sleep = ""
        self.ended_mocks.found = ""
        self.hosts.misses.clear()

    def within(self, token: str) -> SimulatedProviders:
        """Those of a token, which begin empty when it is first used."""
        if self._tokens is None:
            self._tokens = _Tokens(self._of_token, self.settings.retention)
        return self._tokens.within(token)

    def close(self) -> None:
        """Break reference cycles, so that the memory is freed at once."""
        self.hosts.disconnect()
        del self.hosts.of_token
        self.hosts.control = no_control
        for service in self.services.values():
            service.reset()
        self.services = {}
        self.webhook_senders = {}
        self._tokens = None

    def dropped_attempts(self, provider: str) -> int:
        """How many attempts at a provider a server that runs for days has dropped."""
        return self.services[provider].journal.dropped + self.forgotten.get(provider, 0)

    def _of_token(self, token: str) -> SimulatedProviders:
        return SimulatedProviders(
            self.providers,
            replace(self.settings, seed=f"{self.settings.seed} {token}"),
            clock=self.clock,
            stops=self.stops,
            evidence=self.evidence,
            live=self.live,
            control=self._control,
            before_exchange=self._before_exchange,
            forks=self._forks,
        )

    @cached_property
    def httpx_exchanges(self) -> HTTPXExchanges:
        """Turns requests of httpx into the service's, and its replies into responses."""
        import httpx

        return HTTPXExchanges(httpx, self.hosts)

    def _add(self, provider: Provider) -> None:
        speed, stamp, wall = self.settings.speed, self.clock.stamp, self.clock.wall
        began = wall()
        service: SimulatedService = self.settings.service(
            provider,
            now=stamp if speed == 1 else lambda: stamp() * speed,
            wall=wall if speed == 1 else lambda: began + stamp() * speed,
            stops=self.stops,
            seed=self.settings.seed,
            max_attempts=self.settings.max_attempts,
            draw_timeline=lambda attempts, focus: timeline_of(provider, attempts, focus=focus),
            signing_parameters=self.settings.signing_parameters,
        )
        self.services[provider.name] = service
        self.hosts.add(service)


class _Tokens:
    """The simulated providers of each token: made on first use; the oldest are dropped.

    Args:
        make: makes those of a token.
        retention: bounds them; None for a test, which keeps them all.
    """

    def __init__(
        self, make: Callable[[str], SimulatedProviders], retention: Retention | None = None
    ) -> None:
        self._make = make
        self._retention = retention
        self._by_token: OrderedDict[str, SimulatedProviders] = OrderedDict()
        self._forgotten: OrderedDict[str, dict[str, int]] = OrderedDict()

    def within(self, token: str) -> SimulatedProviders:
        """Those of a token, which begin empty when it is first used."""
        simulated = self._by_token.pop(token, None)
        if simulated is None:
            simulated = self._make(token)
            simulated.forgotten = self._forgotten.pop(token, {})
        self._by_token[token] = simulated
        if self._retention is not None:
            self._bound(self._retention)
        return simulated

    def _bound(self, retention: Retention) -> None:
        """Drop the token that was not used for the longest time, if there are too many."""
        oldest = next(iter(self._by_token))
        services = self._by_token[oldest].services.values()
        recorded = any(service.journal.attempts for service in services)
        if len(self._by_token) > (retention.most if recorded else retention.most_idle):
            self._forget(oldest, retention)

    def _forget(self, token: str, retention: Retention) -> None:
        """Drop a token, and keep only its number of attempts."""
        simulated = self._by_token.pop(token)
        self._forgotten[token] = {
            name: simulated.dropped_attempts(name) + len(service.journal.attempts)
            for name, service in simulated.services.items()
        }
        for service in simulated.services.values():
            retention.drop_all(service)
        simulated.close()
        if len(self._forgotten) > retention.most:
            self._forgotten.popitem(last=False)


def _as_asked(provider: str, wrong: str | None) -> str | None:
    del provider
    return wrong
