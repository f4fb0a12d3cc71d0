"""aresponses: its routes for a documented host answer first; recorded, and without a socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import h11

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.mocks.exchange import MockExchange, decoded
from pytest_parseapi.clients.mocks.misses import answer_text
from pytest_parseapi.model.http import Fault, Reply, Request
from pytest_parseapi.record.caller import Caller
from pytest_parseapi.service.pending import Pending
from pytest_parseapi.service.service import SimulatedService

_NAME: Final = "aresponses"
_PART: Final = 65_536
_FRAMING: Final = ("content-length", "transfer-encoding", "expect", "connection")


def routes_for(
    connector: Any, hosts: SimulatedHosts, service: SimulatedService
) -> AresponsesRoutes | None:
    """The routes of the server to which aresponses redirects a connector; None if it does not.

    Args:
        connector: what aiohttp is about to connect by.
        hosts: the simulated hosts.
        service: the one whose host is asked.
    """
    # aresponses replaces this method, and only the replacement knows the server.
    resolver: Any = getattr(type(connector), "_resolve_host", None)
    if getattr(resolver, "__module__", "") != "aresponses.main":
        return None
    kept = dict(zip(resolver.__code__.co_freevars, resolver.__closure__ or (), strict=True))
    return AresponsesRoutes(kept["self"].cell_contents, hosts, service) if "self" in kept else None


class AresponsesRoutes:
    """Calls the routes of one server of aresponses, by the server's own code.

    Args:
        server: an ``aresponses.ResponsesMockServer``.
        hosts: the simulated hosts.
        service: the one whose host is asked.
    """

    def __init__(self, server: Any, hosts: SimulatedHosts, service: SimulatedService) -> None:
        self._server = server
        self._hosts = hosts
        self._service = service

    async def ask(self, request: Request, caller: Caller) -> tuple[bytes, Pending] | None:
        """The reply of the first route that fits a request; None if the simulation answers."""
        if self._service.fails_before_mocks(request):
            return None  # the failure of a sweep comes first

        def begin() -> MockExchange:
            return MockExchange(self._hosts, self._service, request, _NAME, caller)

        asked = _Asked(self._server, begin)
        written = await asked.send(_as_bytes(request))
        if asked.exchange is None:
            if not asked.passed_on:
                self._hosts.misses.note(self._service, request, _NAME, _answers(self._server))
            return None
        return written, asked.exchange.pending(_read(written, request))


class _Asked:
    """One request to the server, which asyncio would read from a socket.

    Args:
        server: the one of aresponses.
        begin: begins an exchange, once a route fits.
    """

    def __init__(self, server: Any, begin: Callable[[], MockExchange]) -> None:
        self._server = server
        self._begin = begin
        self._wire = _Wire()
        self._stop: BaseException | None = None
        self.exchange: MockExchange | None = None
        """None where no route fits."""
        self.passed_on = False
        """Whether a route left the request to the simulation."""

    async def send(self, request: bytes) -> bytes:
        """The reply that the server writes to a request."""
        from aiohttp import web

        protocol = web.Server(self._handle, debug=True, access_log=None)()
        protocol.connection_made(self._wire)
        feeding = asyncio.ensure_future(self._wire.feed(protocol, request))
        try:
            await self._wire.closed.wait()
        except asyncio.CancelledError:
            if self.exchange is not None:
                self.exchange.pending(Fault("read_timeout", "the mock is silent")).abandon()
            raise
        finally:
            feeding.cancel()
            protocol.connection_lost(None)
        if self._stop is not None:
            if self.exchange is not None:
                self.exchange.discard()
            raise self._stop
        return bytes(self._wire.written)

    async def _handle(self, sent: Any) -> Any:
        fits = True
        try:
            try:
                fits = await self._fits(sent)
            finally:
                if fits:
                    self.exchange = self._begin()
            if fits:
                return await self._server._handler(sent)
        except (Exception, asyncio.CancelledError):
            raise  # the server answers it by 500
        except BaseException as error:  # noqa: BLE001 - it is raised where the client waits
            self._stop = error
        self._wire.close()
        raise asyncio.CancelledError

    async def _fits(self, sent: Any) -> bool:
        """Whether a route answers. One that passes requests on is counted, but does not."""
        routes = self._server._responses
        for place, (route, response) in enumerate(routes):
            if await route.matches(sent):
                if response != self._server.passthrough:
                    return True
                route.repeat -= 1
                if route.repeat <= 0:
                    del routes[place]
                self.passed_on = True
                return False
        return False


class _Wire(asyncio.Transport):
    """A connection of the server that keeps the written bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.closed = asyncio.Event()
        self._reads = asyncio.Event()
        self._reads.set()

    async def feed(self, protocol: Any, data: bytes) -> None:
        """Give bytes to a server, as fast as it reads them."""
        for start in range(0, len(data), _PART):
            await self._reads.wait()
            protocol.data_received(data[start : start + _PART])

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed.is_set()

    def close(self) -> None:
        self.closed.set()

    abort = close

    def pause_reading(self) -> None:
        self._reads.clear()

    def resume_reading(self) -> None:
        self._reads.set()


def _answers(server: Any) -> Iterator[str]:
    for route, response in server._responses:
        patterns = (route.host_pattern, route.path_pattern)
        host, path = (getattr(pattern, "pattern", pattern) for pattern in patterns)
        if response != server.passthrough:
            yield answer_text(route.method_pattern, f"{host}{path}")


def _as_bytes(request: Request) -> bytes:
    parts = urlsplit(request.url)
    target = f"{request.path}?{request.query}" if request.query else request.path
    lines = [f"{request.method} {target or '/'} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers if name not in _FRAMING]
    if request.header("host") is None:
        lines.append(f"host: {parts.netloc}")
    lines += [f"content-length: {len(request.body)}", "connection: close", "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + request.body


def _read(written: bytes, request: Request) -> Reply | Fault:
    """The reply that a server wrote."""
    reader = h11.Connection(h11.CLIENT)
    reader.send(h11.Request(method=request.method, target="/", headers=[("host", request.host)]))
    reader.receive_data(written)
    reader.receive_data(b"")
    head: h11.Response | None = None
    body = b""
    with contextlib.suppress(h11.RemoteProtocolError):
        while not isinstance(event := reader.next_event(), h11.EndOfMessage | h11.PAUSED):
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
        if head is not None:
            headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
            coding = headers.get("content-encoding")
            return Reply(status=head.status_code, headers=headers, body=decoded(body, coding))
    if head is None:
        return Fault("connection_reset", "the mock sends no reply of HTTP/1.1")
    return Fault("truncated_body", "the mock's reply breaks off")
