"""Passes the requests of the live server's connections to the test that runs."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.server.allowed_hosts import AllowedHosts
from pytest_parseapi.clients.server.connection import Connection
from pytest_parseapi.clients.server.http import text_reply
from pytest_parseapi.clients.server.loop import ServerLoop
from pytest_parseapi.clients.server.real_time import ServerTime
from pytest_parseapi.clients.server.sockets import LocalClients
from pytest_parseapi.clients.server.target import Target, target_of
from pytest_parseapi.model.http import Fault, Reply, Request
from pytest_parseapi.model.mistakes import SimulationStopped
from pytest_parseapi.service.pending import Pending


class RequestDispatcher:
    """Keeps the connections of a session, and passes each request to the test that runs.

    Args:
        loop: the server's thread.
        local_clients: tells which clients are of this process.
        names: the names that the control answers to.
        strict: whether a request to the API by another name of this machine is refused, too.
    """

    def __init__(
        self, loop: ServerLoop, local_clients: LocalClients, names: AllowedHosts, *, strict: bool
    ) -> None:
        self.selector = loop.selector
        """Tells when sockets are ready."""
        self._loop = loop
        self._local_clients = local_clients
        self._names = names
        self._strict = strict
        self._connections: dict[Any, Connection] = {}
        self._hosts: SimulatedHosts | None = None
        self._time: ServerTime | None = None
        self._waiting = 0
        self._outside = 0

    @property
    def attached(self) -> bool:
        """Whether a test runs."""
        return self._hosts is not None

    @property
    def busy(self) -> bool:
        """Whether an exchange is under way, or a client of another process is connected."""
        return self._waiting > 0 or self._outside > 0

    def attach(self, hosts: SimulatedHosts) -> None:
        """Send requests to this test from now on."""
        self._time = ServerTime(hosts.clock)
        self._hosts = hosts

    def detach(self, hosts: SimulatedHosts) -> bool:
        """Note that a test is over. Return whether it got the requests until now."""
        if self._hosts is not hosts:
            return False
        self._hosts = None
        return True

    def accept(self, sock: socket.socket, address: Any, provider: str, base_path: str) -> None:
        """Keep a new connection.

        Args:
            sock: the accepted socket.
            address: the client's address.
            provider: the name of the provider that it asks.
            base_path: the path of the provider's base URL.
        """
        self._connections[address] = Connection(self, sock, address, provider, base_path)

    def connection_of(self, address: Any) -> Connection | None:
        """The connection of the client at an address."""
        return self._connections.get(address)

    def cut_off(self) -> None:
        """Abandon the exchanges that are in progress."""
        for connection in list(self._connections.values()):
            if connection.pending is not None:
                connection.leave()

    def close(self) -> None:
        """Close every connection."""
        for connection in list(self._connections.values()):
            connection.close()

    def receive(self, connection: Connection, request: Request) -> Pending | Reply:
        """Pass a request to the test that runs, or answer it if none does."""
        hosts, clock = self._hosts, self._time
        target = target_of(request, connection.base_path)
        if self._strict or target.control:
            why_not = self._names.why_not(request, control=target.control)
            if why_not is not None:
                return text_reply(403, why_not)
        if target.problem is not None:
            return text_reply(400, target.problem)
        if hosts is None or clock is None:
            return text_reply(
                503, "The test that this address was for is over, and no other one runs."
            )
        if connection.outside is None:
            connection.outside = connection.address not in self._local_clients
            self._outside += connection.outside
        if connection.outside:
            clock.count_outside()
        try:
            answer = _answer(hosts, connection, request, target)
        except SimulationStopped as stopped:
            return text_reply(501, f"{stopped}")
        except Exception:  # noqa: BLE001 - the other connections are to be served
            return self._broken(hosts, f"{request.method} {request.path}")
        if isinstance(answer, Pending) and answer.seconds:
            self._waiting += 1
            connection.began = clock.now()
        return answer

    def finish(self, connection: Connection, pending: Pending) -> Reply | Fault:
        """Record the end of an exchange."""
        self._over(connection, pending)
        try:
            return pending.finish()
        except SimulationStopped as stopped:
            return text_reply(501, f"{stopped}")
        except Exception:  # noqa: BLE001 - the other connections are to be served
            return self._broken(self._hosts, "the end of an exchange")

    def abandon(self, connection: Connection, pending: Pending) -> None:
        """Record that the client closed the connection, as it does after a time-out."""
        self._over(connection, pending)
        pending.abandon("read_timeout")

    def later(self, seconds: float, connection: Connection, pending: Pending | None) -> None:
        """Call `Connection.due` after so many seconds."""
        hosts = self._hosts
        if pending is not None and hosts is not None:
            seconds /= hosts.speed
        self._loop.later(seconds, connection.due, pending)

    def closed(self, connection: Connection) -> None:
        """Forget a connection that was closed."""
        self._connections.pop(connection.address, None)
        self._local_clients.forget(connection.address)
        self._outside -= bool(connection.outside)

    def failed(self, call: Callable[[Any], None]) -> None:
        """Stop the test because of the current exception, which a call of the loop raised."""
        owner = getattr(call, "__self__", None)
        self._broken(self._hosts, "the live server")
        if isinstance(owner, Connection):
            owner.close()

    def _broken(self, hosts: SimulatedHosts | None, what: str) -> Reply:
        """Stop the test because of the current exception, which the simulation raised."""
        text = f"The simulation broke at {what}:\n{traceback.format_exc()}"
        if hosts is not None:
            hosts.stops.broken(text)
        return text_reply(500, text)

    def _over(self, connection: Connection, pending: Pending) -> None:
        clock = self._time
        if pending.seconds:
            self._waiting -= 1
            if clock is not None and connection.outside:
                clock.count_outside()
            elif clock is not None and connection.began is not None:
                clock.count_since(connection.began)


def _answer(
    hosts: SimulatedHosts, connection: Connection, request: Request, target: Target
) -> Pending | Reply:
    """The answer of the service, or of the control."""
    own = hosts if target.token is None else hosts.of_token(target.token)
    request = replace(request, path=target.path, base_url=target.base_url)
    if target.control:
        return own.control(connection.provider, request)
    service = own.service_of(connection.provider)
    return own.receive(service, request, connection.caller)
