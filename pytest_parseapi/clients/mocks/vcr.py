"""vcrpy: replies that a cassette plays are recorded here; it does not record the simulation."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.mocks.exchange import MockExchange, decoded, sending_client
from pytest_parseapi.clients.mocks.interceptor import MockInterceptor
from pytest_parseapi.clients.mocks.misses import answer_text
from pytest_parseapi.model.http import Reply, Request, shared_timeouts
from pytest_parseapi.patching.attributes import set_on

_VCR: Final = "vcrpy's cassette"
_LOADING: Final = "_parseapi_loading"
_CLIENTS: Final = {
    "vcr.stubs.httpx_stubs": "httpx",
    "vcr.stubs.aiohttp_stubs": "aiohttp",
    "requests.adapters": "requests",
    "urllib3.connectionpool": "urllib3",
}


class VCRInterceptor(MockInterceptor):
    """Lets vcrpy's cassettes answer first; the simulation answers the other requests."""

    module = "vcr.cassette"

    def _take_over(self, module: Any, hosts: SimulatedHosts) -> None:
        ways = {
            "_load": _loads,
            "can_play_response_for": _can_play,
            "play_response": _plays,
            "append": _records,
            "filter_request": _filters,
        }
        for name, make in ways.items():
            self._put(module.Cassette, name, functools.partial(make, hosts))


def _can_play(hosts: SimulatedHosts, real: Any) -> Any:
    def can_play_response_for(cassette: Any, request: Any) -> Any:
        service = hosts.find_by_url(request.uri)
        # The failure of a sweep comes first.
        if service is None:
            return real(cassette, request)
        sent = _neutral(request)
        if service.fails_before_mocks(sent):
            return False
        found = real(cassette, request)
        if not found:
            hosts.misses.note(service, sent, _VCR, _answers(cassette))
        return found

    return can_play_response_for


def _answers(cassette: Any) -> Iterator[str]:
    if cassette.record_mode == "all":
        return
    for index, (asked, _) in enumerate(cassette.data):
        used_up = cassette.play_counts[index] and not cassette.allow_playback_repeats
        yield answer_text(asked.method, asked.uri, used_up=used_up)


def _plays(hosts: SimulatedHosts, real: Any) -> Any:
    def play_response(cassette: Any, request: Any) -> Any:
        service = hosts.find_by_url(request.uri)
        if service is None:
            return real(cassette, request)
        exchange = MockExchange(hosts, service, _neutral(request), _VCR)
        try:
            played = real(cassette, request)
        except BaseException:
            exchange.discard()
            raise
        reply = _reply(played)
        body = decoded(reply.body, reply.headers.get("content-encoding"))
        exchange.finish(Reply(status=reply.status, headers=reply.headers, body=body))
        return played

    return play_response


def _loads(_hosts: SimulatedHosts, real: Any) -> Any:
    def load(cassette: Any) -> Any:
        set_on(cassette, _LOADING, value=True)
        try:
            return real(cassette)
        finally:
            set_on(cassette, _LOADING, value=False)

    return load


def _records(hosts: SimulatedHosts, real: Any) -> Any:
    def append(cassette: Any, request: Any, response: Any) -> Any:
        known = hosts.find_by_url(request.uri)
        if known is None or getattr(cassette, _LOADING, False):
            real(cassette, request, response)

    return append


def _filters(hosts: SimulatedHosts, real: Any) -> Any:
    def filter_request(cassette: Any, request: Any) -> Any:
        # For a missing exchange vcrpy would raise an error; here the simulation answers.
        if hosts.find_by_url(request.uri) is not None:
            return None
        return real(cassette, request)

    return filter_request


def recorded(connection: Any, request: Request) -> Reply | None:
    """The reply that the cassette of a connection plays for a request; None if it has none.

    Args:
        connection: what urllib3 is about to send by.
        request: what is sent.
    """
    cassette = getattr(type(connection), "cassette", None)
    if cassette is None:
        return None
    made = sys.modules["vcr.request"].Request(
        request.method, request.url, request.body, dict(request.headers)
    )
    return _reply(cassette.play_response(made)) if cassette.can_play_response_for(made) else None


def _neutral(request: Any) -> Request:
    parts = urlsplit(request.uri)
    headers = []
    for name, value in request.headers.items():
        several = value if isinstance(value, list | tuple) else [value]
        headers += [(str(name).lower(), _text(item)) for item in several]
    if isinstance(request.body, dict | list) and "content-type" not in dict(headers):
        # aiohttp adds the content type of its ``json=`` only after vcrpy has read the headers.
        headers.append(("content-type", "application/json"))
    return Request(
        method=request.method,
        url=request.uri,
        host=parts.hostname or "",
        path=parts.path,
        query=parts.query,
        headers=tuple(headers),
        body=_bytes(request.body),
        client=sending_client(_CLIENTS, "urllib"),
        timeouts=shared_timeouts(known=False),
    )


def _bytes(body: object) -> bytes:
    """The bytes of a body, which vcrpy keeps as aiohttp got it."""
    if isinstance(body, dict | list):
        body = json.dumps(body)
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, bytes | bytearray) else b""


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _reply(played: Any) -> Reply:
    body = played.get("content", None) or (played.get("body") or {}).get("string") or b""
    status = played["status"]["code"] if "status" in played else played["status_code"]
    headers = {}
    for name, value in played.get("headers", {}).items():
        several = value if isinstance(value, list | tuple) else [value]
        headers[name.lower()] = ", ".join(map(str, several))
    headers.pop("transfer-encoding", None)
    return Reply(
        status=status, headers=headers, body=body.encode() if isinstance(body, str) else body
    )
