"""The base class of the parts of a `ParseAPI`: one provider in the simulation of one test."""

from __future__ import annotations

from pytest_parseapi.api.simulated_providers import SimulatedProviders
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.service.service import SimulatedService


class Controls:
    """One provider of one test."""

    def __init__(self, simulation: SimulatedProviders, provider: Provider | None = None) -> None:
        if not isinstance(simulation, SimulatedProviders) or provider is None:
            raise UsageError(
                "a ParseAPI is made by fixtures, for one test: parseapi, one of a provider's own, "
                "or parseapi_factory('name')"
            )
        self._simulation = simulation
        self._provider = provider

    @property
    def provider(self) -> Provider:
        """What is simulated: hosts, endpoints, documented errors.

        Example:
            >>> extend_api.provider.error_of("OCR_ERROR").status
            500
        """
        return self._service.provider

    @property
    def _active_simulation(self) -> SimulatedProviders:
        """The simulation, while its test runs."""
        if self._simulation.clock.closed:
            raise UsageError(
                f"the test of this ParseAPI ({self._provider.name}) is over: fixtures give each "
                "test one of its own"
            )
        return self._simulation

    @property
    def _service(self) -> SimulatedService:
        """The simulated service."""
        return self._active_simulation.services[self._provider.name]
