"""The simulated services of one test, by host: the interceptors of client libraries use them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from pytest_parseapi.clients.mocks.misses import MockMisses
from pytest_parseapi.clients.mocks.socket_mocks import SOCKET_MOCKS, unasked_mock
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.model.http import Fault, Reply, Request
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.record.caller import Caller
from pytest_parseapi.record.journal import Opened
from pytest_parseapi.service.pending import Pending
from pytest_parseapi.service.service import SimulatedService

if TYPE_CHECKING:
    from pytest_parseapi.clients.forks import Forks


def plain_host(host: str) -> str:
    """A host in the form in which hosts are compared: lower case, without a dot at the end."""
    return host.lower().rstrip(".")


class Interceptor(Protocol):
    """Intercepts the requests of one client library; a new library needs one of these.

    It finds the service of a host by `SimulatedHosts.find`, hands it a request by
    `SimulatedHosts.receive`, and waits for the reply by `SimulatedHosts.wait` or `wait_async`.
    """

    def start(self, hosts: SimulatedHosts) -> None:
        """Intercept from now on."""

    def stop(self) -> None:
        """Intercept no more."""


class SimulatedHosts:
    """The services of one test, by host.

    Args:
        clock: the test's clock.
        stops: the test's stops.
        before_exchange: called before each exchange, so that evidence is complete when the
            consumer speaks.
        forks: knows whether this is a forked child process; None where nobody forks.
    """

    def __init__(
        self,
        clock: VirtualClock,
        stops: Stops,
        before_exchange: Callable[[], None] = lambda: None,
        forks: Forks | None = None,
    ) -> None:
        self._forks = forks
        self.clock = clock
        self.stops = stops
        self._before_exchange = before_exchange
        self._services: dict[str, SimulatedService] = {}
        self.custom_senders: dict[str, str] = {}
        """What of the consumer's own was to send a request, by the name of the provider."""
        self.misses = MockMisses()
        """What mocks of the test's own had no answer for."""
        self.speed = 1.0
        """How many seconds of the clients' time a second of the live server is."""
        self.of_token: Callable[[str], SimulatedHosts] = self.no_token
        """The services of a token, for clients of the live server that share it."""
        self.control: Callable[[str, Request], Reply] = no_control
        """Answers a request to the live server's control, for the provider of a name."""

    def add(self, service: SimulatedService) -> None:
        """Connect every host of a service."""
        self._services.update(dict.fromkeys(service.provider.hosts, service))

    def no_token(self, token: str) -> SimulatedHosts:
        """Return the same services: there are no tokens here."""
        del token
        return self

    def disconnect(self) -> None:
        """Let every request pass through: the test is over."""
        self._services.clear()

    def names(self) -> Collection[str]:
        """Every documented host."""
        return self._services.keys()

    def service_of(self, provider: str) -> SimulatedService:
        """The service of a provider, by the provider's name."""
        return next(
            service for service in self._services.values() if service.provider.name == provider
        )

    def find(self, host: str) -> SimulatedService | None:
        """The service at a host, or None where the request passes through."""
        return self._services.get(host) or self._services.get(plain_host(host))

    def find_by_url(self, url: str) -> SimulatedService | None:
        """The service that a URL leads to, or None where the request passes through."""
        return self.find(urlsplit(url).hostname or "")

    def receive(
        self, service: SimulatedService, request: Request, caller: Caller | None = None
    ) -> Pending:
        """Check that a request can be simulated, and hand it to its service.

        Args:
            service: the service.
            request: the request.
            caller: who makes it, where that is not the thread or task that calls this.
        """
        if request.client != "server":
            scheme = service.provider.base_url.partition(":")[0]
            if not request.url.startswith(f"{scheme}:"):
                self.stops.stop(
                    f"{request.method} {request.url} is not simulated: {service.provider.title} "
                    f"documents {scheme} only."
                )
            if not sys.modules.keys().isdisjoint(SOCKET_MOCKS) and (mock := unasked_mock(request)):
                self.stops.stop(
                    f"{mock} has an answer for {request.method} {request.url}, and is not asked: "
                    f"it answers at the socket, which no request of a simulated test reaches.\n"
                    f"Script it by api.fail(...), or answer it by responses, requests-mock, respx, "
                    f"aioresponses or aresponses."
                )
        if self._forks is not None and self._forks.is_child:
            self._forks.block(f"{request.method} {request.url} by {request.client}")
        self._before_exchange()
        return service.receive(request, caller)

    def open(
        self, service: SimulatedService, request: Request, caller: Caller | None = None
    ) -> Opened:
        """Begin an exchange that a mock of the test's own answers."""
        self._before_exchange()
        return service.open(request, caller)

    def wait(self, pending: Pending) -> Reply | Fault:
        """Let a reply take its time, for a client that blocks its thread meanwhile."""
        if pending.seconds:
            try:
                self.clock.sleep(pending.seconds)
            except BaseException:
                pending.abandon()
                raise
        return pending.finish()

    async def wait_async(self, pending: Pending) -> Reply | Fault:
        """Let a reply take its time, for a client on an event loop."""
        if pending.seconds:
            import anyio

            try:
                await anyio.sleep(pending.seconds)
            except BaseException:
                pending.abandon()
                raise
        return pending.finish()


def no_control(provider: str, request: Request) -> Reply:
    """The reply of the control where there is no live server."""
    del provider, request
    return Reply(status=404)
