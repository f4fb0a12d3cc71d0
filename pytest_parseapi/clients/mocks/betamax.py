"""betamax: replies that a cassette plays are recorded here; it does not record the simulation."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Final

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.mocks.for_requests import NotAnswered, first_answer
from pytest_parseapi.clients.mocks.interceptor import MockInterceptor
from pytest_parseapi.clients.mocks.misses import answer_text
from pytest_parseapi.patching.attributes import set_on

_BETAMAX: Final = "betamax's cassette"
_LEFT: Final = "_parseapi_left"
_OPTIONS: Final = ("stream", "timeout", "verify", "cert", "proxies")


class BetamaxInterceptor(MockInterceptor):
    """Lets betamax's cassettes answer first; the simulation answers the other requests."""

    module = "betamax.adapter"

    def _take_over(self, module: Any, hosts: SimulatedHosts) -> None:
        adapter, cassette = vars(module)["BetamaxAdapter"], module.cassette.Cassette
        for owner, name, make in (
            (adapter, "send", _sends),
            (cassette, "_save_cassette", _saves),
            (cassette, "clear", _clears),
        ):
            self._put(owner, name, functools.partial(make, hosts))


def _sends(hosts: SimulatedHosts, real: Any) -> Any:
    def send(adapter: Any, request: Any, *args: Any) -> Any:
        service, cassette = hosts.find_by_url(request.url), adapter.cassette
        if service is None or cassette is None:
            return real(adapter, request, *args)
        options = dict(zip(_OPTIONS, args, strict=True))

        def ask(body: bytes) -> Any:
            copy = request.copy()
            copy.body = body or request.body
            found = _match(cassette, copy)
            if found is None:
                raise NotAnswered
            return found.as_response()

        timeout, answers = options["timeout"], _answers(cassette)
        response = first_answer(hosts, service, request, timeout, _BETAMAX, ask, answers)
        if response is None:
            set_on(cassette, _LEFT, value=True)
            return adapter.find_adapter(request.url).send(request, **options)
        set_on(response, "connection", adapter)
        return response

    return send


def _saves(_hosts: SimulatedHosts, real: Any) -> Any:
    def save(cassette: Any) -> None:
        # An empty cassette would not be recorded the next time.
        if cassette.interactions or not getattr(cassette, _LEFT, False):
            real(cassette)

    return save


def _clears(hosts: SimulatedHosts, real: Any) -> Any:
    def clear(cassette: Any) -> None:
        # After its re_record_interval, it would lose exchanges that are not recorded again.
        kept = [item for item in cassette.interactions if _is_simulated(hosts, item)]
        if kept:
            cassette.interactions = kept
        else:
            real(cassette)

    return clear


def _is_simulated(hosts: SimulatedHosts, interaction: Any) -> bool:
    return hosts.find_by_url(interaction.data["request"]["uri"]) is not None


def _answers(cassette: Any) -> Iterator[str]:
    if cassette.record_mode != "all":
        for item in cassette.interactions:
            asked = item.data["request"]
            yield answer_text(asked["method"], asked["uri"], used_up=item.used)


def _match(cassette: Any, request: Any) -> Any:
    # In the mode that records all again, it would delete the recorded exchange.
    if not cassette.interactions or cassette.record_mode == "all":
        return None
    return cassette.find_match(request)
