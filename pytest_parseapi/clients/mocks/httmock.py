"""HTTMock: a test's own answers come first, the simulation has the rest."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.mocks.for_requests import (
    NotAnswered,
    neutral_request,
    read_body,
    recorded_answer,
)
from pytest_parseapi.clients.mocks.interceptor import MockInterceptor
from pytest_parseapi.clients.mocks.misses import answer_text
from pytest_parseapi.patching.attributes import set_on


class HTTMockInterceptor(MockInterceptor):
    """Let the mocks of ``httmock`` answer first, and record what they answer."""

    module = "httmock"

    def _take_over(self, module: Any, hosts: SimulatedHosts) -> None:
        def intercepts(real: Any) -> Any:
            def intercept(mock: Any, request: Any, **options: Any) -> Any:
                service = hosts.find(urlsplit(request.url).hostname or "")
                if service is None:
                    return real(mock, request, **options)
                body, rewind = read_body(request)
                sent = neutral_request(request, body, options.get("timeout"))
                given = request.body

                def ask() -> Any:
                    set_on(request, "body", body or given)
                    try:
                        response = real(mock, request, **options)
                    finally:
                        set_on(request, "body", given)
                    if response is None:
                        raise NotAnswered
                    return response

                if not service.fails_before_mocks(sent):  # the failure of a sweep comes first
                    try:
                        return recorded_answer(hosts, service, sent, "HTTMock", ask)
                    except NotAnswered:
                        name = service.provider.name
                        hosts.misses.note(name, sent, "HTTMock", _answers(mock))
                rewind()
                return None

            return intercept

        self._put(module.HTTMock, "intercept", intercepts)


def _answers(mock: Any) -> Iterator[str]:
    """What its handlers are for, as its decorator keeps it."""
    for handler in mock.handlers:
        kept = inspect.getclosurevars(handler).nonlocals
        if kept.get("netloc"):
            yield answer_text(kept.get("method"), f"{kept['netloc']}{kept.get('path') or ''}")
