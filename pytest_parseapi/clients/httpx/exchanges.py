"""One exchange of httpx's: with a route of the test's own, or with the simulation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.httpx.headers import KnownHeaders
from pytest_parseapi.clients.httpx.streams import truncated_streams
from pytest_parseapi.clients.mocks.for_httpx import HTTPXMockAnswers
from pytest_parseapi.clients.mocks.respx import RespxRoutes
from pytest_parseapi.clients.refusals import PLAIN_METHODS, check_by_httpcore
from pytest_parseapi.model.frozen import writable_class
from pytest_parseapi.model.http import Fault, HeaderLines, Reply, Request, shared_timeouts
from pytest_parseapi.service.service import SimulatedService

_EXCEPTIONS: Final = {
    "connect_error": ("ConnectError", "[Errno 111] Connection refused"),
    "connect_timeout": ("ConnectTimeout", "timed out"),
    "read_timeout": ("ReadTimeout", "The read operation timed out"),
    "connection_reset": ("ReadError", "[Errno 104] Connection reset by peer"),
}
_Address: TypeAlias = tuple[str, str, str, str]
"""A URL, its host, its path and its query."""
_MOST_ADDRESSES: Final = 256
_WRITABLE_REQUEST: Final = writable_class(Request)
_CONNECT_FAULTS: Final = ("connect_error", "connect_timeout")
_NO_TIMEOUTS: Final[Mapping[str, float | None]] = MappingProxyType({})


class HTTPXExchanges:
    """Turns requests of httpx into the service's, and its replies into responses.

    Args:
        module: httpx, or httpx2.
        hosts: the simulated hosts.
    """

    def __init__(self, module: Any, hosts: SimulatedHosts) -> None:
        self.module = module
        self.hosts = hosts
        self.mocks = HTTPXMockAnswers(module, hosts)
        self.routes = RespxRoutes(self.mocks)
        self._known_headers = KnownHeaders(_headers)
        self._addresses: dict[str, _Address] = {}
        self._library: str = module.__name__
        # respx mocks httpx alone.
        self._active: Callable[[], Sequence[Any]] = (
            self.routes.active if self._library == "httpx" else tuple
        )
        self._streams = truncated_streams(module)

    def run(
        self,
        service: SimulatedService,
        transport: Any,
        request: Any,
        body: bytes,
    ) -> Any:
        """One exchange: with a route of the test's own, or with the simulation."""
        neutral = self.neutral_request(request, body)
        routers = self._active()
        if routers and not service.fails_before_mocks(neutral):
            sent = self.mocks.copy(request, body)
            response = self.routes.ask(service, neutral, sent, routers)
            if response is not None:
                return response
        self._check(service, request, neutral)
        result = self.hosts.wait(self.hosts.receive(service, neutral))
        if isinstance(result, Fault) and _failed_to_connect(result):
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
        neutral = self.neutral_request(request, body)
        routers = self._active()
        if routers and not service.fails_before_mocks(neutral):
            sent = self.mocks.copy(request, body)
            response = await self.routes.ask_async(service, neutral, sent, routers)
            if response is not None:
                return response
        self._check(service, request, neutral)
        result = await self.hosts.wait_async(self.hosts.receive(service, neutral))
        if isinstance(result, Fault) and _failed_to_connect(result):
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
        assert isinstance(headers, _Headers)
        # A stream that an attempt before has used up is a payload that was lost: checks say so.
        streamed = not isinstance(request.stream, self.module.ByteStream)
        if (
            headers.accepted
            and request.method in PLAIN_METHODS
            and (streamed or headers.length in (None, len(read.body)))
            and "target" not in request.extensions
        ):
            return
        try:
            check_by_httpcore(self.module, request, None if streamed else read.body)
        except BaseException:
            service.keep_secrets(read)
            raise
        headers.accepted = True

    def neutral_request(self, request: Any, body: bytes) -> Request:
        """A request as the service reads it."""
        url = str(request.url)
        address = self._addresses.get(url) or self._read(url, request.url)
        timeouts = request.extensions.get("timeout") or _NO_TIMEOUTS
        made: Any = object.__new__(_WRITABLE_REQUEST)
        made.method = request.method
        made.url, made.host, made.path, made.query = address
        made.headers = self._known_headers.of(tuple(request.headers.raw))
        made.body = body
        made.base_url = ""
        made.client = self._library
        made.timeouts = shared_timeouts(timeouts.get("connect"), timeouts.get("read"))
        made._json = None
        made.__class__ = Request
        neutral: Request = made
        return neutral

    def _read(self, text: str, url: Any) -> _Address:
        """What a URL is made of; it is kept, as most requests go to the same few."""
        if len(self._addresses) > _MOST_ADDRESSES:
            self._addresses.clear()
        path, _, query = url.raw_path.decode("ascii").partition("?")
        address = self._addresses[text] = (text, url.host, path, query)
        return address

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
        response = self.module.Response(
            result.status, headers=headers, stream=stream, extensions=extensions
        )
        if all(map(str.isascii, result.headers.values())):
            # As the response would find out by itself: it decodes each header for that.
            response.headers.encoding = "ascii"
        return response


class _Headers(HeaderLines):
    """The headers of requests that send the same ones, and what is known of them."""

    accepted = False
    """Whether the library does not refuse them."""

    @functools.cached_property
    def length(self) -> int | None:
        """The length of the body that they tell; None where they tell none."""
        length = self.first.get("content-length")
        return None if length is None else int(length)


def _headers(raw: tuple[tuple[bytes, bytes], ...]) -> _Headers:
    return _Headers(
        (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw
    )


@functools.cache
def _reason(status: int) -> bytes:
    import http.client

    return http.client.responses.get(status, "").encode()


def _connect_pauses(transport: Any) -> list[float]:
    """The pauses of ``HTTPTransport(retries=...)``, which connects again by itself."""
    retries = getattr(getattr(transport, "_pool", None), "_retries", 0)
    return [0.0, *(0.5 * 2**n for n in range(retries - 1))] if retries else []


def _failed_to_connect(result: Reply | Fault) -> bool:
    return isinstance(result, Fault) and result.name in _CONNECT_FAULTS
