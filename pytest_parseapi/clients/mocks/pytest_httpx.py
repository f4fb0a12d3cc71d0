"""pytest-httpx: its mocks answer first, and the simulation answers the other requests."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Final

from pytest_parseapi.clients.httpx.exchanges import HTTPXExchanges
from pytest_parseapi.clients.mocks.misses import answer_text

_NAME: Final = "pytest-httpx"


class PytestHTTPX:
    """The replacements of the methods of ``HTTPXMock``, which gets every request.

    Args:
        exchanges: where requests go that the mock has no answer for.
    """

    def __init__(self, exchanges: HTTPXExchanges) -> None:
        self._exchanges = exchanges

    def sync(self, real: Any) -> Any:
        """Make ``_handle_request``."""
        exchanges = self._exchanges

        def handle_request(mock: Any, transport: Any, request: Any) -> Any:
            service = exchanges.hosts.find(request.url.host)
            if service is None:
                return real(mock, transport, request)
            body = b"".join(request.stream)
            sent = exchanges.mocks.copy(request, body)
            neutral = exchanges.neutral_request(request, body)
            if service.fails_before_mocks(neutral):
                return exchanges.run(service, transport, request, body)
            if not _has_answer(mock, transport, sent):
                exchanges.hosts.misses.note(service, neutral, _NAME, _answers(mock))
                return exchanges.run(service, transport, request, body)
            answer = functools.partial(real, mock, transport, sent)
            return exchanges.mocks.ask(service, neutral, _NAME, answer)

        return handle_request

    def asynchronous(self, real: Any) -> Any:
        """Make ``_handle_async_request``."""
        exchanges = self._exchanges

        async def handle_async_request(mock: Any, transport: Any, request: Any) -> Any:
            service = exchanges.hosts.find(request.url.host)
            if service is None:
                return await real(mock, transport, request)
            body = b"".join([chunk async for chunk in request.stream])
            sent = exchanges.mocks.copy(request, body)
            neutral = exchanges.neutral_request(request, body)
            if service.fails_before_mocks(neutral):
                return await exchanges.run_async(service, transport, request, body)
            if not _has_answer(mock, transport, sent):
                exchanges.hosts.misses.note(service, neutral, _NAME, _answers(mock))
                return await exchanges.run_async(service, transport, request, body)
            answer = functools.partial(real, mock, transport, sent)
            return await exchanges.mocks.ask_async(service, neutral, _NAME, answer)

        return handle_async_request


def _answers(mock: Any) -> Iterator[str]:
    for matcher, _ in mock._callbacks:
        used_up = matcher.nb_calls and not getattr(matcher, "is_reusable", False)
        more = (name for name in ("headers", "content", "json") if getattr(matcher, name, None))
        yield answer_text(matcher.method, matcher.url, more, used_up=used_up)


def _has_answer(mock: Any, transport: Any, sent: Any) -> bool:
    """Whether a mock has an unused answer for a request."""
    fitting = [matcher for matcher, _ in mock._callbacks if matcher.match(transport, sent)]
    return any(not matcher.nb_calls for matcher in fitting) or bool(
        fitting and getattr(fitting[-1], "is_reusable", False)
    )
