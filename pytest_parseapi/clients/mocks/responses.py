"""responses: its mocks answer first, and its retries wait as urllib3's do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.mocks.for_requests import neutral_request, read_body, recorded_answer
from pytest_parseapi.clients.mocks.interceptor import MockInterceptor
from pytest_parseapi.clients.mocks.misses import answer_text
from pytest_parseapi.model.http import Request
from pytest_parseapi.patching.attributes import set_on
from pytest_parseapi.service.service import SimulatedService

_LAST: Final = "_parseapi_last"


class ResponsesInterceptor(MockInterceptor):
    """Let the mocks of ``responses`` answer first, and record what they answer."""

    module = "responses"

    def _take_over(self, module: Any, hosts: SimulatedHosts) -> None:
        def finds(real: Any) -> Any:
            def find_match(mock: Any, request: Any) -> Any:
                service = hosts.find_by_url(request.url)
                if service is None:
                    return real(mock, request)
                # responses has already read a file; a generator is read to its end, too.
                request.body = read_body(request)[0] or request.body
                match, reasons = real(mock, request)
                if match is None:
                    hosts.misses.note(service, _sent(request), "responses", _answers(mock))
                    return module.PassthroughResponse(request.method, request.url), reasons
                if not match.passthrough and service.fails_before_mocks(_sent(request)):
                    # The failure of a sweep comes first.
                    return module.PassthroughResponse(request.method, request.url), reasons
                return (match if match.passthrough else _Noted(match, hosts, service)), reasons

            return find_match

        def retries(real: Any) -> Any:
            def on_request(
                mock: Any, adapter: Any, request: Any, *, retries: Any = None, **options: Any
            ) -> Any:
                if retries is not None and hasattr(request, _LAST):
                    # Otherwise responses would send its retries without a wait.
                    retries.sleep(getattr(request, _LAST))
                return real(mock, adapter, request, retries=retries, **options)

            return on_request

        self._put(module.RequestsMock, "_find_match", finds)
        self._put(module.RequestsMock, "_on_request", retries)


def _answers(mock: Any) -> Iterator[str]:
    for item in mock.registered():
        yield answer_text(item.method, item.url, ["matchers"] if item.match else [])


class _Noted:
    """A registered answer. Its use is recorded."""

    def __init__(self, match: Any, hosts: SimulatedHosts, service: SimulatedService) -> None:
        self._match = match
        self._hosts = hosts
        self._service = service

    def __getattr__(self, name: str) -> Any:
        return getattr(self._match, name)

    def get_response(self, request: Any) -> Any:
        sent = _sent(request)
        response = recorded_answer(
            self._hosts, self._service, sent, "responses", lambda: self._match.get_response(request)
        )
        set_on(request, _LAST, response)
        return response


def _sent(request: Any) -> Request:
    timeout = getattr(request, "req_kwargs", {}).get("timeout")
    return neutral_request(request, read_body(request)[0], timeout)
