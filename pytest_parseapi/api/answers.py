"""Documented failures as the side effect of a respx route."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pytest_parseapi.clients.mocks.for_httpx import PLANNED
from pytest_parseapi.model.http import Fault
from pytest_parseapi.model.mistakes import UsageError, kind
from pytest_parseapi.service.script import Script, Step

if TYPE_CHECKING:
    import httpx

    from pytest_parseapi.api.simulated_providers import SimulatedProviders
    from pytest_parseapi.service.service import SimulatedService


class Answers:
    """What `ParseAPI.answers` gives: a side effect that fails as scripted, and then succeeds.

    Args:
        simulation: the test's; asked for at each call, so that a test that is over says so.
        service: whose failures they are.
        steps: the failures, in order.
    """

    def __init__(
        self,
        simulation: Callable[[], SimulatedProviders],
        service: SimulatedService,
        steps: Iterable[Step],
    ) -> None:
        self._simulation = simulation
        self._service = service
        self._script = Script(service.provider.base_url, service.document_names)
        for step in steps:
            self._script.add(step)
        service.mock_scripts.append(self._script)

    def __repr__(self) -> str:
        steps = ", ".join(map(str, self._script.steps))
        return f"<Answers of {self._service.provider.name}: {steps or 'success'}>"

    def __call__(self, request: httpx.Request, **_groups: Any) -> httpx.Response:
        """Return the next answer of the script.

        Args:
            request: what the route was asked.

        Raises:
            httpx.TransportError: the script has a network fault.
            UsageError: another library than respx asks.
        """
        if not hasattr(request, "extensions"):
            raise UsageError(
                "answers() is the side_effect of a respx route: it takes an httpx.Request, not a "
                f"{kind(request)}. fail() scripts the same failures for every client"
            )
        exchanges = self._simulation().httpx_exchanges
        outcome = self._service.planned(
            exchanges.neutral_request(request, request.content), self._script
        )
        try:
            response: httpx.Response = exchanges.responses.make(request, outcome.result)
        except Exception as error:
            setattr(error, PLANNED, outcome)
            raise
        assert not isinstance(outcome.result, Fault)
        response.request = request
        response.extensions[PLANNED] = outcome
        return response
