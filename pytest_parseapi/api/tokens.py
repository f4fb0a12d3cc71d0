"""The scopes of the live server's tokens: made on first use, and the oldest forgotten."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from pytest_parseapi.record.retention import Retention

if TYPE_CHECKING:
    from pytest_parseapi.api.scope import Scope

__all__ = ["Tokens"]


class Tokens:
    """Scopes by token.

    Args:
        make: makes the scope of a token.
        retention: bounds them; None for a test, which keeps them all.
    """

    def __init__(self, make: Callable[[str], Scope], retention: Retention | None = None) -> None:
        self._make = make
        self._retention = retention
        self._scopes: OrderedDict[str, Scope] = OrderedDict()
        self._forgotten: OrderedDict[str, dict[str, int]] = OrderedDict()

    def within(self, token: str) -> Scope:
        """The scope of a token, which begins empty when it is first used."""
        scope = self._scopes.pop(token, None)
        if scope is None:
            scope = self._make(token)
            scope.forgotten = self._forgotten.pop(token, {})
        self._scopes[token] = scope
        if self._retention is not None:
            self._bound(self._retention)
        return scope

    def _bound(self, retention: Retention) -> None:
        """Forget the token that was not used for longest, where there are too many."""
        oldest = next(iter(self._scopes))
        services = self._scopes[oldest].services.values()
        recorded = any(service.journal.attempts for service in services)
        if len(self._scopes) > (retention.most if recorded else retention.most_idle):
            self._forget(oldest, retention)

    def _forget(self, token: str, retention: Retention) -> None:
        """Keep of a token how many attempts it had."""
        scope = self._scopes.pop(token)
        self._forgotten[token] = {
            name: scope.lost(name) + len(service.journal.attempts)
            for name, service in scope.services.items()
        }
        for service in scope.services.values():
            retention.drop_all(service)
        scope.close()
        if len(self._forgotten) > retention.most:
            self._forgotten.popitem(last=False)
