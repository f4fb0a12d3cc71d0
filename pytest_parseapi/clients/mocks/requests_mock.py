"""requests-mock: a test's own answers come first, the simulation has the rest."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.mocks.for_requests import (
    NotAnswered,
    neutral_request,
    read_body,
    recorded_answer,
)
from pytest_parseapi.clients.mocks.misses import answer_text
from pytest_parseapi.patching.function_bodies import FunctionBodies
from pytest_parseapi.patching.imports import ImportHook


class RequestsMockInterceptor:
    """Let the mocks of ``requests_mock`` answer first, and record what they answer."""

    def __init__(self) -> None:
        self._imports = ImportHook()
        self._function_bodies = FunctionBodies()

    def start(self, hosts: SimulatedHosts) -> None:
        """Note what it answers from now on."""
        self._imports.when("requests_mock.adapter", lambda module: self._hook(module, hosts))

    def stop(self) -> None:
        """Note nothing more."""
        self._imports.stop()
        self._function_bodies.stop()

    def _hook(self, module: ModuleType, hosts: SimulatedHosts) -> None:
        mocks: Any = module

        def sends(real: Any) -> Any:
            def send(adapter: Any, request: Any, **options: Any) -> Any:
                service = hosts.find(urlsplit(request.url).hostname or "")
                if service is None:
                    return real(adapter, request, **options)
                body, rewind = read_body(request)
                sent = neutral_request(request, body, options.get("timeout"))
                copy = request.copy()
                copy.body = body or request.body

                def ask() -> Any:
                    try:
                        return real(adapter, copy, **options)
                    except (mocks.exceptions.NoMockAddress, mocks._RunRealHTTP):
                        raise NotAnswered from None

                if not service.fails_before_mocks(sent):  # the failure of a sweep comes first
                    try:
                        return recorded_answer(hosts, service, sent, "requests-mock", ask)
                    except NotAnswered:
                        name = service.provider.name
                        hosts.misses.note(name, sent, "requests-mock", _answers(adapter))
                rewind()
                if _is_sent_on():
                    raise mocks._RunRealHTTP
                return sys.modules["requests.adapters"].HTTPAdapter().send(request, **options)

            return send

        self._function_bodies.put(vars(mocks.Adapter)["send"], sends)


def _answers(adapter: Any) -> Iterator[str]:
    for item in adapter._matchers:
        if item._real_http:
            continue
        found = {"headers": item._request_headers, "matcher": item._additional_matcher}
        yield answer_text(item._method, item._url, [name for name in found if found[name]])


def _is_sent_on() -> bool:
    """Whether a mocker asks, which sends on what its adapter leaves; not a mounted adapter."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "_fake_send":
            return True
        frame = frame.f_back
    return False
