"""One exchange of httpx's: with a route of the test's own, or with the simulation."""

from __future__ import annotations

import functools
import http.client
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.httpx.headers import KnownHeaders
from pytest_parseapi.clients.httpx.streams import truncated_streams
from pytest_parseapi.clients.mocks.httpx import HTTPXMocks
from pytest_parseapi.clients.mocks.respx import RespxRoutes
from pytest_parseapi.clients.refusals import PLAIN_METHODS, check_by_httpcore
from pytest_parseapi.model.frozen import open_class
from pytest_parseapi.model.http import Fault, HeaderLines, Reply, Request, shared_timeouts
from pytest_parseapi.service.service import SimulatedService

__all__ = ["HTTPXExchanges"]

_EXCEPTIONS: Final = {
    "connect_error": ("ConnectError", "[Errno 111] Connection refused"),
    "connect_timeout": ("ConnectTimeout", "timed out"),
    "read_timeout": ("ReadTimeout", "The read operation timed out"),
    "connection_reset": ("ReadError", "[Errno 104] Connection reset by peer"),
}
_OPEN_REQUEST: Final = open_class(Request)
_CONNECT_FAULTS: Final = ("connect_error", "connect_timeout")
_NO_LIMITS: Final[Mapping[str, float | None]] = MappingProxyType({})
_MOST_ACCEPTED: Final = 256


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
        self._accepted: set[object] = set()
        """Headers that the library does not refuse."""
        self._library: str = module.__name__
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
        if routers and not service.claims(neutral):
            sent = self.mocks.copy(request, body)
            response = self.routes.ask(service, neutral, sent, routers)
            if response is not None:
                return response
        self._check(service, request, neutral)
        result = self.hosts.wait(self.hosts.receive(service, neutral))
        if _failed_to_connect(result):
            for pause in _connect_pauses(transport):
                self.hosts.clock.sleep(pause)
                result = self.hosts.wait(self.hosts.receive(service, neutral))
                if not _failed_to_connect(result):
                    break
        return self.respond(request, result)

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
        if routers and not service.claims(neutral):
            sent = self.mocks.copy(request, body)
            response = await self.routes.ask_async(service, neutral, sent, routers)
            if response is not None:
                return response
        self._check(service, request, neutral)
        result = await self.hosts.wait_async(self.hosts.receive(service, neutral))
        if _failed_to_connect(result):
            import anyio

            for pause in _connect_pauses(transport):
                await anyio.sleep(pause)
                result = await self.hosts.wait_async(self.hosts.receive(service, neutral))
                if not _failed_to_connect(result):
                    break
        return self.respond(request, result)

    def _check(self, service: SimulatedService, request: Any, read: Request) -> None:
        """Refuse what the library itself refuses, below the place of the interception."""
        headers = read.headers
        # A stream that an attempt before has used up is a payload that was lost: checks say so.
        streamed = not isinstance(request.stream, self.module.ByteStream)
        if (
            headers in self._accepted
            and request.method in PLAIN_METHODS
            and (streamed or _length(read) in (None, len(read.body)))
            and "target" not in request.extensions
        ):
            return
        try:
            check_by_httpcore(self.module, request, None if streamed else read.body)
        except BaseException:
            service.refused(read)
            raise
        if len(self._accepted) > _MOST_ACCEPTED:
            self._accepted.clear()
        self._accepted.add(headers)

    def _active(self) -> Sequence[Any]:
        return self.routes.active() if self._library == "httpx" else ()

    def neutral(self, request: Any, body: bytes) -> Request:
        """A request as the service reads it."""
        url = request.url
        path, _, query = url.raw_path.decode("ascii").partition("?")
        limits = request.extensions.get("timeout") or _NO_LIMITS
        made: Any = object.__new__(_OPEN_REQUEST)
        made.method = request.method
        made.url = str(url)
        made.host = url.host
        made.path = path
        made.query = query
        made.headers = self._known_headers.of(tuple(request.headers.raw))
        made.body = body
        made.base_url = ""
        made.client = self._library
        made.timeouts = shared_timeouts(limits.get("connect"), limits.get("read"))
        made._found = {}
        made.__class__ = Request
        neutral: Request = made
        return neutral

    def respond(self, request: Any, result: Reply | Fault) -> Any:
        """The response that stands for a reply.

        Raises:
            httpx.TransportError: what stands for a fault.
        """
        if isinstance(result, Fault):
            name, text = _EXCEPTIONS[result.name]
            raise getattr(self.module, name)(text, request=request)
        headers = [(name.encode(), value.encode()) for name, value in result.headers.items()]
        if "content-length" not in result.headers:
            headers.append((b"content-length", b"%d" % len(result.body)))
        stream = (self._streams if result.truncated else self.module.ByteStream)(result.body)
        extensions = {"http_version": b"HTTP/1.1", "reason_phrase": _reason(result.status)}
        return self.module.Response(
            result.status, headers=headers, stream=stream, extensions=extensions
        )


def _headers(raw: tuple[tuple[bytes, bytes], ...]) -> HeaderLines:
    return HeaderLines(
        (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw
    )


def _length(request: Request) -> int | None:
    """The length of the body that its headers tell; None where they tell none."""
    length = request.header("content-length")
    return None if length is None else int(length)


@functools.cache
def _reason(status: int) -> bytes:
    return http.client.responses.get(status, "").encode()


def _connect_pauses(transport: Any) -> list[float]:
    """The pauses of ``HTTPTransport(retries=...)``, which connects again by itself."""
    retries = getattr(getattr(transport, "_pool", None), "_retries", 0)
    return [0.0, *(0.5 * 2**n for n in range(retries - 1))] if retries else []


def _failed_to_connect(result: Reply | Fault) -> bool:
    return isinstance(result, Fault) and result.name in _CONNECT_FAULTS
