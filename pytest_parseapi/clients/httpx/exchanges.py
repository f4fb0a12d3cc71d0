"""One exchange of httpx's: with a route of the test's own, or with the simulation."""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from typing import Any, Final

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.httpx.headers import Headers, KnownHeaders
from pytest_parseapi.clients.httpx.streams import truncated_streams
from pytest_parseapi.clients.mocks.httpx import HTTPXMocks
from pytest_parseapi.clients.mocks.respx import RespxRoutes
from pytest_parseapi.clients.refusals import PLAIN_METHODS, check_by_httpcore
from pytest_parseapi.model.http import Fault, Reply, Request, Timeouts
from pytest_parseapi.service.service import SimulatedService

__all__ = ["HTTPXExchanges"]

_EXCEPTIONS: Final = {
    "connect_error": ("ConnectError", "[Errno 111] Connection refused"),
    "connect_timeout": ("ConnectTimeout", "timed out"),
    "read_timeout": ("ReadTimeout", "The read operation timed out"),
    "connection_reset": ("ReadError", "[Errno 104] Connection reset by peer"),
}
_CONNECT_FAULTS: Final = ("connect_error", "connect_timeout")


class HTTPXExchanges:
    """Turns requests of httpx into the service's, and its replies into responses.

    Args:
        module: httpx, or httpx2.
        hosts: the simulated hosts.
    """

    def __init__(self, module: Any, hosts: SimulatedHosts) -> None:
        self.module = module
        self.hosts = hosts
        self.mocks = HTTPXMocks(module, hosts)
        self.routes = RespxRoutes(self.mocks)
        self._known_headers = KnownHeaders(_headers)
        self._accepted: KnownHeaders[tuple[tuple[bytes, bytes], ...]] = KnownHeaders(_headers)
        self._streams = truncated_streams(module)

    def run(
        self,
        service: SimulatedService,
        transport: Any,
        request: Any,
        body: bytes,
    ) -> Any:
        """One exchange: with a route of the test's own, or with the simulation."""
        neutral = self.neutral(request, body)
        routers = self._active()
        if routers:
            sent = self.mocks.copy(request, body)
            response = self.routes.ask(service, neutral, sent, routers)
            if response is not None:
                return response
        self._check(service, request, neutral)
        pauses = _connect_pauses(transport)
        while True:
            result = self.hosts.wait(self.hosts.receive(service, neutral))
            if _gives_up(result, pauses):
                return self.respond(request, result)
            self.hosts.clock.sleep(pauses.pop(0))

    async def run_async(
        self,
        service: SimulatedService,
        transport: Any,
        request: Any,
        body: bytes,
    ) -> Any:
        """As `run`, on an event loop."""
        neutral = self.neutral(request, body)
        routers = self._active()
        if routers:
            sent = self.mocks.copy(request, body)
            response = await self.routes.ask_async(service, neutral, sent, routers)
            if response is not None:
                return response
        self._check(service, request, neutral)
        pauses = _connect_pauses(transport)
        while True:
            result = await self.hosts.wait_async(self.hosts.receive(service, neutral))
            if _gives_up(result, pauses):
                return self.respond(request, result)
            import anyio

            await anyio.sleep(pauses.pop(0))

    def _check(self, service: SimulatedService, request: Any, read: Request) -> None:
        """Refuse what the library itself refuses, below the place of the interception."""
        raw = tuple(request.headers.raw)
        # A stream that an attempt before has used up is a payload that was lost: checks say so.
        streamed = not isinstance(request.stream, self.module.ByteStream)
        if (
            raw in self._accepted
            and request.method in PLAIN_METHODS
            and (streamed or _length(read.headers) in (None, len(read.body)))
            and "target" not in request.extensions
        ):
            return
        try:
            check_by_httpcore(self.module, request, None if streamed else read.body)
        except BaseException:
            service.refused(read)
            raise
        self._accepted.of(raw)

    def _active(self) -> Sequence[Any]:
        return self.routes.active() if self.module.__name__ == "httpx" else ()

    def neutral(self, request: Any, body: bytes) -> Request:
        """A request as the service reads it."""
        url = request.url
        path, _, query = url.raw_path.decode("ascii").partition("?")
        limits = request.extensions.get("timeout") or {}
        return Request(
            method=request.method,
            url=str(url),
            host=url.host,
            path=path,
            query=query,
            headers=self._known_headers.of(tuple(request.headers.raw)),
            body=body,
            client=self.module.__name__,
            timeouts=Timeouts(limits.get("connect"), limits.get("read")),
        )

    def respond(self, request: Any, result: Reply | Fault) -> Any:
        """The response that stands for a reply.

        Raises:
            httpx.TransportError: what stands for a fault.
        """
        if isinstance(result, Fault):
            name, text = _EXCEPTIONS[result.name]
            raise getattr(self.module, name)(text, request=request)
        headers = [(name.encode(), value.encode()) for name, value in result.headers.items()]
        headers.append((b"content-length", str(len(result.body)).encode()))
        stream = self.module.ByteStream(result.body)
        if result.truncated:
            stream = self._streams(result.body)
        return self.module.Response(
            result.status, headers=headers, stream=stream, extensions=_extensions(result.status)
        )


def _headers(raw: tuple[tuple[bytes, bytes], ...]) -> Headers:
    return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw)


def _length(headers: Headers) -> int | None:
    """The length of the body that headers tell; None where they tell none."""
    for name, value in headers:
        if name == "content-length":
            return int(value)
    return None


def _extensions(status: int) -> dict[str, Any]:
    reason = http.client.responses.get(status, "")
    return {"http_version": b"HTTP/1.1", "reason_phrase": reason.encode()}


def _connect_pauses(transport: Any) -> list[float]:
    """The pauses of ``HTTPTransport(retries=...)``, which connects again by itself."""
    retries = getattr(getattr(transport, "_pool", None), "_retries", 0)
    return [0.0, *(0.5 * 2**n for n in range(retries - 1))] if retries else []


def _gives_up(result: Reply | Fault, pauses: list[float]) -> bool:
    return not (pauses and isinstance(result, Fault) and result.name in _CONNECT_FAULTS)
