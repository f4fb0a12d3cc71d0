"""Records the answers of mocks of httpx, and converts them to responses and exceptions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.mocks.exchange import FAULT_TEXTS, MockExchange
from pytest_parseapi.model.http import Fault, Reply, Request
from pytest_parseapi.record.outcome import Outcome
from pytest_parseapi.service.service import SimulatedService

PLANNED: Final = "pytest_parseapi"
"""The extension of a response, or the attribute of an exception, that holds a planned `Outcome`."""


class NoAnswerLeft(Exception):  # noqa: N818 - it is the end of a list
    """A mock has no answer left."""


class HTTPXMockAnswers:
    """Records the answers of mocks of httpx.

    Args:
        module: httpx, or httpx2.
        hosts: the simulated hosts.
    """

    def __init__(self, module: Any, hosts: SimulatedHosts) -> None:
        self._module = module
        self.hosts = hosts

    def copy(self, request: Any, body: bytes) -> Any:
        """The request for a mock, which reads it whole: the consumer's stream stays as spent."""
        copy = self._module.Request(
            request.method,
            request.url,
            headers=request.headers,
            stream=self._module.ByteStream(body),
            extensions=request.extensions,
        )
        copy.read()
        return copy

    def ask(
        self, service: SimulatedService, request: Request, mock: str, answer: Callable[[], Any]
    ) -> Any:
        """The answer of a mock; None if it does not answer.

        Args:
            service: the one whose host is asked.
            request: what is asked.
            mock: what messages call the mock.
            answer: asks the mock: gives a response, or raises.
        """
        exchange = MockExchange(self.hosts, service, request, mock)
        try:
            response = self._with_body_read(answer())
        except BaseException as error:  # noqa: BLE001 - it is raised again
            found = self._answer_of_error(exchange, request, mock, error)
            self._raise(exchange.wait(found), error)
        if not isinstance(response, self._module.Response):
            exchange.discard()
            return None
        return self._fresh_response(exchange.wait(_answer(response)), response)

    async def ask_async(
        self, service: SimulatedService, request: Request, mock: str, answer: Callable[[], Any]
    ) -> Any:
        """As `ask`, on an event loop."""
        exchange = MockExchange(self.hosts, service, request, mock)
        try:
            response = answer()
            if inspect.isawaitable(response):
                response = await response
            response = await self._whole_async(response)
        except BaseException as error:  # noqa: BLE001 - it is raised again
            found = self._answer_of_error(exchange, request, mock, error)
            self._raise(await exchange.wait_async(found), error)
        if not isinstance(response, self._module.Response):
            exchange.discard()
            return None
        return self._fresh_response(await exchange.wait_async(_answer(response)), response)

    def _with_body_read(self, response: Any) -> Any:
        """Read a response whose body is a stream, such as an application's, to record it."""
        if not self._is_stream(response) or not hasattr(response.stream, "__iter__"):
            return response
        try:
            body = b"".join(response.stream)
        finally:
            # The body may be a plain iterable instead of a stream.
            if hasattr(response.stream, "close"):
                response.stream.close()
        return self._with_body(response, body)

    async def _whole_async(self, response: Any) -> Any:
        """As `_with_body_read`, on an event loop."""
        if not self._is_stream(response) or not hasattr(response.stream, "__aiter__"):
            return self._with_body_read(response)
        try:
            body = b"".join([chunk async for chunk in response.stream])
        finally:
            if hasattr(response.stream, "aclose"):
                await response.stream.aclose()
        return self._with_body(response, body)

    def _is_stream(self, response: Any) -> bool:
        if not isinstance(response, self._module.Response) or _is_whole(response):
            return False
        return PLANNED not in response.extensions  # what is planned may break off

    def _with_body(self, response: Any, body: bytes) -> Any:
        return self._module.Response(
            response.status_code,
            headers=response.headers.raw,
            stream=self._module.ByteStream(body),
            extensions=response.extensions,
        )

    def _answer_of_error(
        self, exchange: MockExchange, request: Request, mock: str, error: BaseException
    ) -> Reply | Fault | Outcome:
        """The fault that an exception of a mock stands for; raise it if it stands for none."""
        if isinstance(error, NoAnswerLeft):
            exchange.discard()
            self.hosts.stops.stop(
                f"{mock} has no answer left for {request.method} {request.url}: its side_effect "
                f"is used up.\nGive it as many answers as the consumer may ask for."
            )
        planned = getattr(error, PLANNED, None)
        if isinstance(planned, Outcome):
            return planned
        if isinstance(error, self._module.HTTPStatusError):
            return _reply(error.response)
        name = self._fault_name(error)
        if name is None:
            exchange.discard()
            raise error
        return Fault(name, str(error) or FAULT_TEXTS[name])

    def _fault_name(self, error: BaseException) -> str | None:
        module = self._module
        if isinstance(error, module.ConnectTimeout | module.PoolTimeout):
            return "connect_timeout"
        if isinstance(error, module.TimeoutException | TimeoutError):
            return "read_timeout"
        if isinstance(error, module.ConnectError | module.ProxyError | ConnectionRefusedError):
            return "connect_error"
        return "connection_reset" if isinstance(error, module.TransportError | OSError) else None

    def _raise(self, result: Reply | Fault, error: BaseException) -> None:
        """Raise the mock's exception, unless the client timed out before."""
        if isinstance(result, Fault) and result.name == "read_timeout":
            self._time_out(error)
        raise error

    def _time_out(self, error: BaseException | None) -> None:
        if not isinstance(error, self._module.TimeoutException | TimeoutError):
            raise self._module.ReadTimeout("The read operation timed out") from error

    def _fresh_response(self, result: Reply | Fault, response: Any) -> Any:
        """The response as a transport returns it; raise if the client timed out before.

        Raises:
            httpx.ReadTimeout: it came too late for the client.
        """
        if isinstance(result, Fault):
            self._time_out(None)
        extensions = {name: value for name, value in response.extensions.items() if name != PLANNED}
        return self._module.Response(
            response.status_code,
            headers=response.headers.raw,
            stream=response.stream,
            extensions=extensions,
        )


def _answer(response: Any) -> Reply | Outcome:
    planned = response.extensions.get(PLANNED)
    return planned if isinstance(planned, Outcome) else _reply(response)


def _is_whole(response: Any) -> bool:
    return type(response.stream).__name__ == "ByteStream"


def _reply(response: Any) -> Reply:
    """The reply to record for a response. An unreadable stream has no body there."""
    return Reply(
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=response.read() if _is_whole(response) else b"",
    )
