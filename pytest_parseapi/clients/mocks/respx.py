"""respx: its routes for a documented host answer first."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from pytest_parseapi.clients.mocks.for_httpx import HTTPXMockAnswers, NoAnswerLeft
from pytest_parseapi.clients.mocks.misses import answer_text
from pytest_parseapi.model.http import Request
from pytest_parseapi.service.service import SimulatedService


class RespxRoutes:
    """Calls the routes that a test has set up.

    Args:
        mocks: puts on record what they answer.
    """

    def __init__(self, mocks: HTTPXMockAnswers) -> None:
        self._mocks = mocks

    def active(self) -> Sequence[Any]:
        """The routers that answer below httpx's transports, which is the default of respx."""
        module = sys.modules.get("respx.mocks")
        return () if module is None else module.HTTPCoreMocker.routers

    def of_handler(self, handler: Any) -> tuple[Sequence[Any] | None, bool]:
        """The routers behind the handler of an `httpx.MockTransport`.

        Returns:
            The routers, or None where the handler is of no router; and whether respx sends on what
            they do not know.
        """
        module = sys.modules.get("respx")
        owner = getattr(handler, "__self__", None)
        if module is None or owner is None:
            return None, False
        if isinstance(owner, module.Router):
            return [owner], False
        is_mocker = isinstance(owner, type) and issubclass(owner, module.mocks.Mocker)
        return (owner.routers, True) if is_mocker else (None, False)

    def ask(
        self, service: SimulatedService, request: Request, sent: Any, routers: Sequence[Any]
    ) -> Any:
        """The answer of the first route that fits a request; None if the simulation has to answer.

        Args:
            service: the one whose host is asked.
            request: what is asked.
            sent: the same as an `httpx.Request`, which the routes may read.
            routers: in the order in which they are asked.
        """
        for router, route in _fitting(routers, sent):
            if route.is_pass_through:
                router.record(sent, response=None, route=route)
                return None
            asked = _Asked(router, route, sent)
            response = self._mocks.ask(service, request, _name(route), asked.answer)
            if response is not None or asked.passed_on:
                return response
        self._mocks.hosts.misses.note(service, request, "respx", _answers(routers))
        return None

    async def ask_async(
        self, service: SimulatedService, request: Request, sent: Any, routers: Sequence[Any]
    ) -> Any:
        """As `ask`, on an event loop."""
        for router, route in _fitting(routers, sent):
            if route.is_pass_through:
                router.record(sent, response=None, route=route)
                return None
            asked = _Asked(router, route, sent)
            response = await self._mocks.ask_async(
                service, request, _name(route), asked.answer_async
            )
            if response is not None or asked.passed_on:
                return response
        self._mocks.hosts.misses.note(service, request, "respx", _answers(routers))
        return None


def _answers(routers: Sequence[Any]) -> Iterator[str]:
    for router in routers:
        for route in router.routes:
            if route.pattern:
                yield _described(route.pattern)


def _described(pattern: Any) -> str:
    """The text of a pattern. Only method and URL are shown: other values may be secrets."""
    values = {item.key: _text(item) for item in pattern}
    url = values.pop("url", None)
    if url is None:
        scheme, host, port, path = (
            values.pop(key, "") for key in ("scheme", "host", "port", "path")
        )
        url = f"{scheme and f'{scheme}://'}{host}{port and f':{port}'}{path}"
    return answer_text(values.pop("method", None), url, values)


def _text(pattern: Any) -> str:
    """The value of one part of a pattern, with that of its router's base URL."""
    value = pattern.value
    if isinstance(value, tuple | list):
        value = "/".join(map(str, value))
    text = str(getattr(value, "pattern", value))
    return text if pattern.base is None else f"{_text(pattern.base).rstrip('/')}{text}"


def _fitting(routers: Sequence[Any], sent: Any) -> Iterator[tuple[Any, Any]]:
    for router in tuple(routers):
        for route in tuple(router.routes):
            if not route.pattern or route.pattern.match(sent):
                yield router, route


class _Asked:
    """A route, and the router that counts its call."""

    def __init__(self, router: Any, route: Any, sent: Any) -> None:
        self._router = router
        self._route = route
        self._sent = sent
        self.passed_on = False
        """Whether the route left the request to the simulation."""

    def answer(self) -> Any:
        """The answer of the route: a response, or None."""
        prospect = self._matched()
        if inspect.isawaitable(prospect):
            if inspect.iscoroutine(prospect):
                prospect.close()
            raise TypeError("a route with an asynchronous side effect needs an httpx.AsyncClient")
        return self._record(prospect)

    async def answer_async(self) -> Any:
        """As `answer`; the side effect may be a coroutine function."""
        prospect = self._matched()
        if inspect.isawaitable(prospect):
            try:
                prospect = await prospect
            except Exception:
                self._router.record(self._sent, response=None, route=self._route)
                raise
        return self._record(prospect)

    def _matched(self) -> Any:
        try:
            return self._route.match(self._sent)
        except StopIteration:
            raise NoAnswerLeft from None
        except Exception as error:
            raise self._raised(error) from error

    def _raised(self, error: Exception) -> Exception:
        """The exception that respx raises for an error of a side effect."""
        origin: Exception | None = getattr(error, "origin", None)
        if origin is None:
            raise error
        self._router.record(self._sent, response=None, route=self._route)
        return origin

    def _record(self, prospect: Any) -> Any:
        if prospect is None:
            return None
        if type(prospect) is type(self._sent):
            self.passed_on = True
            prospect = None
        elif type(prospect.stream).__name__ == "ByteStream":
            prospect.read()
        self._router.record(self._sent, response=prospect, route=self._route)
        return prospect


def _name(route: Any) -> str:
    return f"respx route {route.name!r}" if route.name else "respx route"
