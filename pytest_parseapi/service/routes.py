"""Finds the endpoint of a request."""

from __future__ import annotations

from typing import NoReturn

from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.http import Request
from pytest_parseapi.model.mistakes import nearest
from pytest_parseapi.model.provider import Provider, path_of
from pytest_parseapi.model.stops import Stops


class Routes:
    """Finds the endpoint of a request by its method and path.

    Args:
        provider: whose endpoints.
        stops: where to stop a test that asks for what is not simulated.
    """

    def __init__(self, provider: Provider, stops: Stops) -> None:
        self._provider = provider
        self._stops = stops
        self._base_path = path_of(provider.base_url)
        self._found: dict[tuple[str, str], tuple[Endpoint, dict[str, str]]] = {}

    def find(self, request: Request) -> tuple[Endpoint, dict[str, str]]:
        """The endpoint, and the variables of its path.

        Raises:
            SimulationStopped: there is none.
        """
        known = self._found.get((request.method, request.path))
        return known or self.search(request) or self._miss(request)

    def search(self, request: Request) -> tuple[Endpoint, dict[str, str]] | None:
        """The endpoint, and the variables of its path; None where there is none."""
        key = (request.method, request.path)
        if key in self._found:
            return self._found[key]
        path = request.path.removeprefix(self._base_path)
        for endpoint in self._provider.endpoints:
            params = endpoint.match(path) if endpoint.method == request.method else None
            if params is not None:
                if not params:
                    self._found[key] = (endpoint, params)
                return endpoint, params
        return None

    def _miss(self, request: Request) -> NoReturn:
        known = [
            f"{endpoint.method} {self._base_path}{endpoint.path}"
            for endpoint in self._provider.endpoints
        ]
        asked = f"{request.method} {request.path}"
        near = nearest(asked, known)
        self._stops.stop(
            f"{asked} is not simulated: {self._provider.title} does not document it, or the "
            f"simulation does not cover it.\n"
            f"  asked     {request.method} {request.url} (by {request.client})\n"
            + (f"  nearest   {near}\n" if near.startswith("did you") else "")
            + "  exists    "
            + "\n            ".join(known)
        )
