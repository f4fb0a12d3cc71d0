"""Transports and adapters of the consumer's own, which answer where no request comes to us."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from pytest_parseapi.clients.hosts import SimulatedHosts

__all__ = ["noted_adapters", "noted_transports"]


def noted_transports(hosts: SimulatedHosts, module: Any) -> Callable[[Any], Any]:
    """Makes what takes the place of ``_transport_for_url`` of httpx's clients.

    Args:
        hosts: the simulated hosts.
        module: httpx, or httpx2.
    """
    usual = (module.HTTPTransport, module.AsyncHTTPTransport)

    def make(real: Any) -> Any:
        def transport_for_url(client: Any, url: Any) -> Any:
            transport = real(client, url)
            if not isinstance(transport, usual):
                _note(hosts, url.host, f"{module.__name__} transport", transport)
            return transport

        return transport_for_url

    return make


def noted_adapters(hosts: SimulatedHosts, module: Any) -> Callable[[Any], Any]:
    """Makes what takes the place of ``get_adapter`` of the sessions of requests.

    Args:
        hosts: the simulated hosts.
        module: ``requests.sessions``.
    """

    def make(real: Any) -> Any:
        def get_adapter(session: Any, url: Any) -> Any:
            adapter = real(session, url)
            kinds = type(adapter).__mro__
            if next(kind for kind in kinds if "send" in vars(kind)) is not module.HTTPAdapter:
                _note(hosts, urlsplit(url).hostname or "", "requests adapter", adapter)
            return adapter

        return get_adapter

    return make


def _note(hosts: SimulatedHosts, host: str, what: str, sender: object) -> None:
    service = hosts.find(host)
    if service is not None:
        kind = type(sender)
        hosts.own_senders[service.provider.name] = f"{what} {kind.__module__}.{kind.__qualname__}"
