"""HTTMock: its mocks answer first, and the simulation answers the other requests."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.mocks.for_requests import NotAnswered, first_answer
from pytest_parseapi.clients.mocks.interceptor import MockInterceptor
from pytest_parseapi.clients.mocks.misses import answer_text
from pytest_parseapi.patching.attributes import set_on


class HTTMockInterceptor(MockInterceptor):
    """Let the mocks of ``httmock`` answer first, and record what they answer."""

    module = "httmock"

    def _take_over(self, module: Any, hosts: SimulatedHosts) -> None:
        def intercepts(real: Any) -> Any:
            def intercept(mock: Any, request: Any, **options: Any) -> Any:
                service = hosts.find_by_url(request.url)
                if service is None:
                    return real(mock, request, **options)
                given = request.body

                def ask(body: bytes) -> Any:
                    set_on(request, "body", body or given)
                    try:
                        response = real(mock, request, **options)
                    finally:
                        set_on(request, "body", given)
                    if response is None:
                        raise NotAnswered
                    return response

                timeout, answers = options.get("timeout"), _answers(mock)
                return first_answer(hosts, service, request, timeout, "HTTMock", ask, answers)

            return intercept

        self._put(module.HTTMock, "intercept", intercepts)


def _answers(mock: Any) -> Iterator[str]:
    """The requests that its handlers answer, as its decorator keeps them."""
    for handler in mock.handlers:
        kept = inspect.getclosurevars(handler).nonlocals
        if kept.get("netloc"):
            yield answer_text(kept.get("method"), f"{kept['netloc']}{kept.get('path') or ''}")
