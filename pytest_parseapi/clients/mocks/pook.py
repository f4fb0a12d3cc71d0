"""pook: its mocks for a documented host answer first, and the simulation answers the others."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.mocks.exchange import (
    FAULT_TEXTS,
    MockExchange,
    decoded,
    sending_client,
)
from pytest_parseapi.clients.mocks.interceptor import MockInterceptor
from pytest_parseapi.clients.mocks.misses import answer_text
from pytest_parseapi.model.http import Fault, Reply, Request, shared_timeouts

_CLIENTS: Final = MappingProxyType(
    {
        "pook.interceptors._httpx": "httpx",
        "pook.interceptors.aiohttp": "aiohttp",
        "pook.interceptors.urllib3": "requests",
    }
)
_BYPASS: Final = "__urllib3_bypass__"


class PookInterceptor(MockInterceptor):
    """The interceptor of pook, which finds a mock by one function for all clients."""

    module = "pook.engine"

    def _take_over(self, module: Any, hosts: SimulatedHosts) -> None:
        self._put(module.Engine, "match", functools.partial(_matches, hosts))


def _matches(hosts: SimulatedHosts, real: Any) -> Any:
    def match(engine: Any, request: Any) -> Any:
        service = hosts.find_by_url(request.rawurl)
        if service is None:
            return real(engine, request)
        sent = _neutral(request)
        if service.fails_before_mocks(sent):
            return None  # the failure of a sweep comes first
        exchange = MockExchange(hosts, service, sent, "pook")
        try:
            found = real(engine, request)
        except sys.modules["pook.exceptions"].PookNoMatches:
            # Without a mock pook would raise an error; here the simulation answers.
            exchange.discard()
            hosts.misses.note(service, sent, "pook", _answers(engine))
            return None
        except OSError as error:
            name = "read_timeout" if isinstance(error, TimeoutError) else "connection_reset"
            exchange.finish(Fault(name, str(error) or FAULT_TEXTS[name]))
            raise
        except BaseException:
            exchange.discard()
            raise
        if found:
            exchange.finish(_reply(found._response))
        else:
            exchange.discard()
            hosts.misses.note(service, sent, "pook", _answers(engine))
        return found

    return match


def _answers(engine: Any) -> Iterator[str]:
    for mock in engine.mocks:
        values = {type(item).__name__.removesuffix("Matcher"): item for item in mock.matchers}
        method, url, path = (values.pop(name, None) for name in ("Method", "URL", "Path"))
        where = f"{getattr(url, 'url', '')}{getattr(path, 'expectation', '')}"
        yield answer_text(getattr(method, "expectation", None), where, map(str.lower, values))


def _neutral(request: Any) -> Request:
    parts = urlsplit(request.rawurl)
    headers = request.headers.items() if request.headers else ()
    return Request(
        method=request.method,
        url=request.rawurl,
        host=parts.hostname or "",
        path=parts.path,
        query=parts.query,
        headers=tuple(
            (str(name).lower(), str(value)) for name, value in headers if name.lower() != _BYPASS
        ),
        body=request.body if isinstance(request.body, bytes) else b"",
        client=sending_client(_CLIENTS, "http.client"),
        # pook knows no time-out: it raises its exceptions at once.
        timeouts=shared_timeouts(0, 0, known=False),
    )


def _reply(response: Any) -> Reply:
    body = response._body or b""
    headers = {name.lower(): str(value) for name, value in response._headers.items()}
    return Reply(
        status=response._status,
        headers=headers,
        body=decoded(
            b"".join(body) if isinstance(body, list) else body, headers.get("content-encoding")
        ),
    )
