"""aioresponses: its mocks answer first, and the simulation answers the other requests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from pytest_parseapi.clients.aiohttp.connection import timeouts_of
from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.mocks.exchange import FAULT_TEXTS, MockExchange
from pytest_parseapi.clients.mocks.interceptor import MockInterceptor
from pytest_parseapi.clients.mocks.misses import answer_text
from pytest_parseapi.model.http import Fault, Reply, Request


class AioresponsesInterceptor(MockInterceptor):
    """Let the mocks of ``aioresponses`` answer first, and record what they answer."""

    module = "aioresponses.core"

    def _take_over(self, module: Any, hosts: SimulatedHosts) -> None:
        def requests(real: Any) -> Any:
            async def request_mock(
                own: Any, session: Any, method: str, url: Any, *args: Any, **options: Any
            ) -> Any:
                full = module.normalize_url(
                    module.merge_params(session._build_url(url), options.get("params"))
                )
                service = hosts.find(full.host or "")
                if service is None:
                    return await real(own, session, method, url, *args, **options)
                fits = any(item.match(method, full) for item in own._matches.values())
                sent = await _neutral(session, method, full, options if fits else {})
                if not fits:
                    hosts.misses.note(service, sent, "aioresponses", _answers(own))
                    return await own.patcher.temp_original(session, method, url, *args, **options)
                if service.fails_before_mocks(sent):  # the failure of a sweep comes first
                    if options.get("data") is not None:
                        options |= {"data": sent.body, "headers": dict(sent.headers)}
                    return await own.patcher.temp_original(session, method, url, *args, **options)
                exchange = MockExchange(hosts, service, sent, "aioresponses")
                try:
                    response = await real(own, session, method, url, *args, **options)
                except BaseException as error:
                    found = _met(error)
                    if found is None:
                        exchange.discard()
                    else:
                        await exchange.wait_async(found)
                    raise
                result = await exchange.wait_async(_reply(response))
                if isinstance(result, Fault):
                    import aiohttp

                    raise aiohttp.SocketTimeoutError("Timeout on reading data from socket")
                return response

            return request_mock

        self._put(module.aioresponses, "_request_mock", requests)


def _answers(own: Any) -> Iterator[str]:
    for item in own._matches.values():
        yield answer_text(item.method, item.url_or_pattern)


async def _neutral(session: Any, method: str, url: Any, options: dict[str, Any]) -> Request:
    """The request that aiohttp would send. A file is read to its end, as by sending."""
    headers = [
        (name.lower(), value)
        for name, value in session._prepare_headers(options.get("headers")).items()
    ]
    body, media_type = b"", ""
    if options.get("json") is not None:
        body, media_type = session._json_serialize(options["json"]).encode(), "application/json"
    elif options.get("data") is not None:
        body, media_type = await _written(options["data"])
    if media_type and "content-type" not in dict(headers):
        headers.append(("content-type", media_type))
    limits: Any = options.get("timeout")
    return Request(
        method=method.upper(),
        url=str(url),
        host=url.host,
        path=url.raw_path,
        query=url.raw_query_string,
        headers=tuple(headers),
        body=body,
        client="aiohttp",
        timeouts=timeouts_of(limits if hasattr(limits, "sock_read") else session._timeout),
    )


async def _written(data: Any) -> tuple[bytes, str]:
    """The bytes of a body, and its media type; empty if aiohttp cannot write it."""
    from aiohttp import FormData, payload

    writer: Any = _Writer()
    with contextlib.suppress(TypeError, ValueError, RuntimeError):
        given: Any = data() if isinstance(data, FormData) else data
        try:
            found = payload.PAYLOAD_REGISTRY.get(given, disposition=None)
        except payload.LookupError:
            found = FormData(given)()
        await found.write(writer)
        return bytes(writer.data), found.headers.get("content-type", "")
    return b"", ""


class _Writer:
    """The writer of a payload."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self.data += chunk


def _met(error: BaseException) -> Fault | Reply | None:
    """The fault that an exception of the mock stands for; None if it is no answer."""
    import aiohttp

    if isinstance(error, aiohttp.ClientResponseError):
        return Reply(status=error.status)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        name = "connect_timeout"
    elif isinstance(error, TimeoutError):
        name = "read_timeout"
    elif isinstance(error, aiohttp.ClientConnectorError | ConnectionRefusedError):
        name = "connect_error"
    elif isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError | OSError):
        name = "connection_reset"
    else:
        return None
    return Fault(name, str(error) or FAULT_TEXTS[name])


def _reply(response: Any) -> Reply:
    return Reply(
        status=response.status,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=b"".join(response.content._buffer),
    )
