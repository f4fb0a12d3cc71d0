"""requests-mock: its mocks answer first, and the simulation answers the other requests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from traceback import walk_stack
from typing import Any

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.mocks.for_requests import NotAnswered, first_answer
from pytest_parseapi.clients.mocks.interceptor import MockInterceptor
from pytest_parseapi.clients.mocks.misses import answer_text


class RequestsMockInterceptor(MockInterceptor):
    """Let the mocks of ``requests_mock`` answer first, and record what they answer."""

    module = "requests_mock.adapter"

    def _take_over(self, module: Any, hosts: SimulatedHosts) -> None:
        def sends(real: Any) -> Any:
            def send(adapter: Any, request: Any, **options: Any) -> Any:
                service = hosts.find_by_url(request.url)
                if service is None:
                    return real(adapter, request, **options)

                def ask(body: bytes) -> Any:
                    copy = request.copy()
                    copy.body = body or request.body
                    try:
                        return real(adapter, copy, **options)
                    except (module.exceptions.NoMockAddress, module._RunRealHTTP):
                        raise NotAnswered from None

                timeout, answers = options.get("timeout"), _answers(adapter)
                found = first_answer(
                    hosts, service, request, timeout, "requests-mock", ask, answers
                )
                if found is not None:
                    return found
                if _is_sent_on():
                    raise module._RunRealHTTP
                return sys.modules["requests.adapters"].HTTPAdapter().send(request, **options)

            return send

        self._put(module.Adapter, "send", sends)


def _answers(adapter: Any) -> Iterator[str]:
    for item in adapter._matchers:
        if item._real_http:
            continue
        found = {"headers": item._request_headers, "matcher": item._additional_matcher}
        yield answer_text(item._method, item._url, [name for name in found if found[name]])


def _is_sent_on() -> bool:
    """Whether a mocker calls, which passes on unmocked requests; a mounted adapter does not."""
    frames = walk_stack(sys._getframe(1))
    return any(frame.f_code.co_name == "_fake_send" for frame, _ in frames)
