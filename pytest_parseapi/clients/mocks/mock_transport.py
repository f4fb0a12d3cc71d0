"""respx's routes behind an ``httpx.MockTransport``. Other handlers are left alone."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from pytest_parseapi.clients.httpx.exchanges import HTTPXExchanges
from pytest_parseapi.clients.httpx.streams import replayed


class MockTransports:
    """The replacements of the methods of ``MockTransport``.

    Args:
        exchanges: where requests go that no route knows.
    """

    def __init__(self, exchanges: HTTPXExchanges) -> None:
        self._exchanges = exchanges

    def sync(self, real: Any) -> Any:
        """Make ``handle_request``."""
        exchanges = self._exchanges

        def handle_request(transport: Any, request: Any) -> Any:
            service = exchanges.hosts.find(request.url.host)
            routers, sends_on = exchanges.routes.of_handler(transport.handler)
            if service is None or routers is None:
                return real(transport, request)
            body = b"".join(request.stream)
            neutral = exchanges.neutral_request(request, body)
            sent = exchanges.mocks.copy(request, body)
            if service.fails_before_mocks(neutral):
                return exchanges.run(service, transport, request, body)
            response = exchanges.routes.ask(service, neutral, sent, routers)
            if response is not None:
                return response
            if sends_on:
                self._pass_through(request, body)
            return exchanges.run(service, transport, request, body)

        return handle_request

    def asynchronous(self, real: Any) -> Any:
        """Make ``handle_async_request``."""
        exchanges = self._exchanges

        async def handle_async_request(transport: Any, request: Any) -> Any:
            service = exchanges.hosts.find(request.url.host)
            routers, sends_on = exchanges.routes.of_handler(transport.handler)
            if service is None or routers is None:
                return await real(transport, request)
            body = b"".join([chunk async for chunk in request.stream])
            neutral = exchanges.neutral_request(request, body)
            sent = exchanges.mocks.copy(request, body)
            if service.fails_before_mocks(neutral):
                return await exchanges.run_async(service, transport, request, body)
            response = await exchanges.routes.ask_async(service, neutral, sent, routers)
            if response is not None:
                return response
            if sends_on:
                self._pass_through(request, body)
            return await exchanges.run_async(service, transport, request, body)

        return handle_async_request

    def _pass_through(self, request: Any, body: bytes) -> NoReturn:
        """Let respx pass on requests without a route, as to the client's own transport."""
        replayed(self._exchanges.module, request, body)
        raise sys.modules["respx.models"].PassThrough(
            "left to the simulation", request=request, origin=None
        )
