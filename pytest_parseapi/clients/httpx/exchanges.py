"""Exchanges of httpx: each with a route of the test's own, or with the simulation."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from pytest_parseapi.clients.header_cache import HeaderCache
from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.httpx.responses import responses_of
from pytest_parseapi.clients.mocks.for_httpx import HTTPXMockAnswers
from pytest_parseapi.clients.mocks.respx import RespxRoutes
from pytest_parseapi.clients.refusals import PLAIN_METHODS, check_by_httpcore
from pytest_parseapi.model.frozen import writable_class
from pytest_parseapi.model.http import Fault, HeaderLines, Reply, Request, shared_timeouts
from pytest_parseapi.service.service import SimulatedService

_Address: TypeAlias = tuple[str, str, str, str]
"""A URL, its host, its path and its query."""
_Lines: TypeAlias = tuple[tuple[bytes, bytes, bytes], ...]
"""Headers as httpx keeps them: name, name in lower case, value."""
_Shape: TypeAlias = tuple[tuple[str, str], ...]
_MOST_KEPT: Final = 256
# No library refuses these, whatever they are, but where the name gives them a meaning.
_PLAIN_VALUE: Final = re.compile(r"[!-~]+(?: [!-~]+)*")
_MEANINGFUL: Final = frozenset({"content-length", "transfer-encoding"})
_LENGTH: Final = re.compile(r"[0-9]{1,18}")
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
        self._header_cache = HeaderCache(self._read_headers)
        self._accepted: set[_Shape] = set()
        self._addresses: dict[Any, _Address] = {}
        self._library: str = module.__name__
        self._byte_stream: type = module.ByteStream
        # respx mocks httpx alone.
        self._active: Callable[[], Sequence[Any]] = (
            self.routes.active if self._library == "httpx" else tuple
        )
        self.responses = responses_of(module)

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
        return self.responses.make(request, result)

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
        return self.responses.make(request, result)

    def _check(self, service: SimulatedService, request: Any, read: Request) -> None:
        """Raise what the library itself raises for a request below the intercepted method."""
        headers = read.headers
        assert isinstance(headers, _Headers)
        # A stream that an attempt before has used up is a payload that was lost: checks say so.
        streamed = not isinstance(request.stream, self._byte_stream)
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
        if len(self._accepted) > _MOST_KEPT:
            self._accepted.clear()
        self._accepted.add(headers.shape)

    def neutral_request(self, request: Any, body: bytes) -> Request:
        """A request as the service reads it."""
        url, headers = request.url, request.headers
        try:
            # As httpx keeps them: to write them in full takes it several calls.
            parts, lines = url._uri_reference, tuple(headers._list)
        except AttributeError:
            parts = str(url)
            lines = tuple((name, name.lower(), value) for name, value in headers.raw)
        address = self._addresses.get(parts) or self._read(parts, url)
        timeouts = request.extensions.get("timeout") or _NO_TIMEOUTS
        made: Any = object.__new__(_WRITABLE_REQUEST)
        made.method = request.method
        made.url, made.host, made.path, made.query = address
        made.headers = self._header_cache[lines]
        made.body = body
        made.base_url = ""
        made.client = self._library
        made.timeouts = shared_timeouts(timeouts.get("connect"), timeouts.get("read"))
        made._json = None
        made.__class__ = Request
        neutral: Request = made
        return neutral

    def _read(self, parts: Any, url: Any) -> _Address:
        """The parts of a URL; they are kept, as most requests go to a few URLs."""
        if len(self._addresses) > _MOST_KEPT:
            self._addresses.clear()
        path, _, query = url.raw_path.decode("ascii").partition("?")
        address = self._addresses[parts] = (str(url), url.host, path, query)
        return address

    def _read_headers(self, lines: _Lines) -> _Headers:
        """The headers of a request; most have the shape of ones that were accepted before."""
        made = _Headers(
            (name.decode("latin-1"), value.decode("latin-1")) for _, name, value in lines
        )
        made.accepted = made.shape in self._accepted
        return made


class _Headers(HeaderLines):
    """The headers of equal requests, and what is known about them."""

    accepted = False
    """Whether the library does not refuse them."""

    @functools.cached_property
    def length(self) -> int | None:
        """The value of ``Content-Length``; None if there is none."""
        length = self.first.get("content-length")
        return None if length is None else int(length)

    @functools.cached_property
    def shape(self) -> _Shape:
        """What the library checks: no plain values, nor a length that is compared with the body."""
        shown = [
            (name, "" if name not in _MEANINGFUL and _PLAIN_VALUE.fullmatch(value) else value)
            for name, value in self
        ]
        lengths = [line for line in shown if line[0] == "content-length"]
        if len(lengths) == 1 and _LENGTH.fullmatch(lengths[0][1]):
            shown.remove(lengths[0])
        return tuple(shown)


def _connect_pauses(transport: Any) -> list[float]:
    """The pauses of ``HTTPTransport(retries=...)``, which connects again by itself."""
    retries = getattr(getattr(transport, "_pool", None), "_retries", 0)
    return [0.0, *(0.5 * 2**n for n in range(retries - 1))] if retries else []


def _failed_to_connect(result: Reply | Fault) -> bool:
    return isinstance(result, Fault) and result.name in _CONNECT_FAULTS
