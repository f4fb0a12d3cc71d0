"""Notes transports, adapters and connectors of the consumer's own, which are not intercepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from pytest_parseapi.clients.hosts import SimulatedHosts


def noted_transports(hosts: SimulatedHosts, module: Any) -> Callable[[Any], Any]:
    """Return the maker of the replacement of ``_transport_for_url`` of httpx's clients.

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
    """Return the maker of the replacement of ``get_adapter`` of the sessions of requests.

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


def noted_connections(hosts: SimulatedHosts, usual: type) -> Callable[[Any], Any]:
    """Return the maker of the replacement of ``send`` of aiohttp's requests.

    A connector may answer by itself, but it must not send over a connection that it has opened.

    Args:
        hosts: the simulated hosts.
        usual: the transport of a simulated connection.
    """

    def make(real: Any) -> Any:
        async def send(request: Any, connection: Any) -> Any:
            host = request.url.host or ""
            transport = connection.transport
            if not isinstance(transport, usual) and hosts.find(host) is not None:
                connector = connection._connector
                _note(hosts, host, "aiohttp connector", connector)
                if any(transport.get_extra_info(kind) is not None for kind in ("socket", "pipe")):
                    hosts.stops.stop(
                        f"{request.method} {request.url} is not simulated: aiohttp's connector is "
                        f"the consumer's own {_name(connector)}, which opens a connection by "
                        f"itself.\nOpen it by super()._create_connection(...), or mount the usual "
                        f"connector in the test."
                    )
            return await real(request, connection)

        return send

    return make


def _note(hosts: SimulatedHosts, host: str, what: str, sender: object) -> None:
    service = hosts.find(host)
    if service is not None:
        hosts.custom_senders[service.provider.name] = f"{what} {_name(sender)}"


def _name(sender: object) -> str:
    kind = type(sender)
    return f"{kind.__module__}.{kind.__qualname__}"
