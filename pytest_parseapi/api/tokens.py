"""What is simulated for each token of the live server: made on first use, the oldest forgotten."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from pytest_parseapi.record.retention import Retention

if TYPE_CHECKING:
    from pytest_parseapi.api.simulated_providers import SimulatedProviders

__all__ = ["Tokens"]


class Tokens:
    """Simulated providers by token.

    Args:
        make: makes those of a token.
        retention: bounds them; None for a test, which keeps them all.
    """

    def __init__(
        self, make: Callable[[str], SimulatedProviders], retention: Retention | None = None
    ) -> None:
        self._make = make
        self._retention = retention
        self._by_token: OrderedDict[str, SimulatedProviders] = OrderedDict()
        self._forgotten: OrderedDict[str, dict[str, int]] = OrderedDict()

    def within(self, token: str) -> SimulatedProviders:
        """Those of a token, which begin empty when it is first used."""
        simulated = self._by_token.pop(token, None)
        if simulated is None:
            simulated = self._make(token)
            simulated.forgotten = self._forgotten.pop(token, {})
        self._by_token[token] = simulated
        if self._retention is not None:
            self._bound(self._retention)
        return simulated

    def _bound(self, retention: Retention) -> None:
        """Forget the token that was not used for longest, where there are too many."""
        oldest = next(iter(self._by_token))
        services = self._by_token[oldest].services.values()
        recorded = any(service.journal.attempts for service in services)
        if len(self._by_token) > (retention.most if recorded else retention.most_idle):
            self._forget(oldest, retention)

    def _forget(self, token: str, retention: Retention) -> None:
        """Keep of a token how many attempts it had."""
        simulated = self._by_token.pop(token)
        self._forgotten[token] = {
            name: simulated.lost(name) + len(service.journal.attempts)
            for name, service in simulated.services.items()
        }
        for service in simulated.services.values():
            retention.drop_all(service)
        simulated.close()
        if len(self._forgotten) > retention.most:
            self._forgotten.popitem(last=False)
