"""betamax: what a cassette plays for a documented host is on record; it records no simulation."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final
from urllib.parse import urlsplit

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.mocks.for_requests import neutral_request, read_body, recorded_answer
from pytest_parseapi.patching.attributes import set_on
from pytest_parseapi.patching.function_bodies import FunctionBodies
from pytest_parseapi.patching.imports import ImportHook

_BETAMAX: Final = "betamax's cassette"
_LEFT: Final = "_parseapi_left"


class BetamaxInterceptor:
    """Goes on beside betamax, whose cassettes answer first, and leave us the rest."""

    def __init__(self) -> None:
        self._imports = ImportHook()
        self._function_bodies = FunctionBodies()

    def start(self, hosts: SimulatedHosts) -> None:
        """Note what cassettes play from now on."""
        self._imports.when("betamax.adapter", lambda module: self._hook(module, hosts))

    def stop(self) -> None:
        """Note nothing more."""
        self._imports.stop()
        self._function_bodies.stop()

    def _hook(self, module: ModuleType, hosts: SimulatedHosts) -> None:
        adapter: Any = vars(module)["BetamaxAdapter"]

        def sends(real: Any) -> Any:
            def send(adapter: Any, request: Any, *args: Any) -> Any:
                service = hosts.find(urlsplit(request.url).hostname or "")
                cassette = adapter.cassette
                if service is None or cassette is None:
                    return real(adapter, request, *args)
                body, rewind = read_body(request)
                _, timeout, *_ = args
                sent = neutral_request(request, body, timeout)
                copy = request.copy()
                copy.body = body or request.body
                found = None if service.fails_before_mocks(sent) else _match(cassette, copy)
                if found is None:
                    rewind()
                    set_on(cassette, _LEFT, value=True)
                    names = ("stream", "timeout", "verify", "cert", "proxies")
                    options = dict(zip(names, args, strict=True))
                    return adapter.find_adapter(request.url).send(request, **options)
                response = recorded_answer(hosts, service, sent, _BETAMAX, found.as_response)
                set_on(response, "connection", adapter)
                return response

            return send

        def saves(real: Any) -> Any:
            def save(cassette: Any) -> None:
                # One that says that it has nothing would record nothing more next time.
                if cassette.interactions or not getattr(cassette, _LEFT, False):
                    real(cassette)

            return save

        self._function_bodies.put(vars(adapter)["send"], sends)
        self._function_bodies.put(vars(module.cassette.Cassette)["_save_cassette"], saves)


def _match(cassette: Any, request: Any) -> Any:
    # Where all is recorded again, it would throw away what fits.
    if not cassette.interactions or cassette.record_mode == "all":
        return None
    return cassette.find_match(request)
