"""The checks of a `ParseAPI` on webhook receivers, as its users call them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from pytest_parseapi.checks import webhooks
from pytest_parseapi.checks.record import Record

__all__ = ["WebhookAssertions"]


class WebhookAssertions(ABC):
    """The ``assert_webhook_...`` methods."""

    @property
    @abstractmethod
    def _record(self) -> Record:
        """What the checks look at."""

    def assert_webhook_rejected(self) -> None:
        """Each wrong delivery got a 4xx (or an exception of a plain function), and had no effect.

        Raises:
            AssertionError: one was taken or crashed the receiver, or none was delivered.
        """
        __tracebackhide__ = True
        webhooks.webhook_rejected(self._record)

    def assert_webhook_accepted(self) -> None:
        """Each good event was answered with a 2xx within 30 s in the end.

        Raises:
            AssertionError: one was not, or none was delivered.
        """
        __tracebackhide__ = True
        webhooks.webhook_accepted(self._record)

    def assert_webhook_handled_once(self, effects: Callable[..., Any] | None = None) -> None:
        """Each event that was delivered more than once had one effect.

        Args:
            effects: counts the receiver's effects: ``effects(event_id)`` those of one event, or
                ``effects()`` all of them. Without it, the requests that the consumer sent to the
                API about the event's run and document count.

        Raises:
            AssertionError: an event had another number of effects, or none came twice.
        """
        __tracebackhide__ = True
        webhooks.webhook_handled_once(self._record, effects)
