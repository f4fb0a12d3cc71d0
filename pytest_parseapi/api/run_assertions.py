"""The checks of runs and webhooks, as the users of a `ParseAPI` call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_parseapi.api.assertions import Assertions
from pytest_parseapi.checks import polls, runs, webhook_effects, webhooks


class RunAssertions(Assertions):
    """The ``assert_...`` methods, those of runs and webhooks among them."""

    def assert_run_failure_logged(
        self,
        level: int | str | None = None,
        text: str | None = None,
        document: str | None = None,
    ) -> None:
        """Each failed run's id and ``failureReason`` are in the consumer's logs or output.

        Args:
            level: only log records at this level or above count.
            text: more text to look in, such as a subprocess's standard error.
            document: only runs about this document.

        Raises:
            AssertionError: one is missing, or no run failed.

        Example:
            >>> extend_api.fail_run("CORRUPT_FILE")
            >>> our_app.parse_run("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_run_failure_logged()
        """
        runs.run_failure_logged(self._observed, level, text, document)

    def assert_polling_stopped(self, document: str | None = None) -> None:
        """No run was polled again after a reply that showed its end.

        Args:
            document: only runs about this document.

        Raises:
            AssertionError: one was, or none was polled to its end.

        Example:
            >>> extend_api.runs_take(polls=3)
            >>> our_app.parse_run("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_polling_stopped()
        """
        polls.polling_stopped(self._observed, document)

    def assert_polled_politely(self, minimum: float = 0.5, document: str | None = None) -> None:
        """No two polls of a run came closer than this.

        Args:
            minimum: virtual seconds between the starts of two polls.
            document: only runs about this document.

        Raises:
            AssertionError: two did, or no run was polled more than once.

        Example:
            >>> extend_api.runs_take(polls=3)
            >>> our_app.parse_run("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_polled_politely(minimum=1.0)
        """
        polls.polled_politely(self._observed, minimum, document)

    def assert_resubmitted(self, times: int | None = None, document: str | None = None) -> None:
        """Each document whose run failed was submitted again.

        Args:
            times: how many new runs exactly; None for at least one.
            document: only runs about this document.

        Raises:
            AssertionError: one was not, or no run failed.

        Example:
            >>> extend_api.fail_run("OCR_ERROR")
            >>> our_app.parse_run("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_resubmitted(times=1)
        """
        runs.resubmitted(self._observed, times, document)

    def assert_webhook_rejected(self, document: str | None = None) -> None:
        """Each wrong delivery got a 4xx (or an exception of a plain function), and had no effect.

        Args:
            document: only deliveries about a run of this document.

        Raises:
            AssertionError: one was taken or crashed the receiver, or none was delivered.

        Example:
            >>> forged = extend_api.webhook(wrong="bad_signature")
            >>> answers = extend_api.deliver(forged, our_app.receive)
            >>> extend_api.assert_webhook_rejected()
        """
        webhooks.webhook_rejected(self._observed, document)

    def assert_webhook_accepted(self, document: str | None = None) -> None:
        """Each good event was answered with a 2xx in time in the end.

        Args:
            document: only deliveries about a run of this document.

        Raises:
            AssertionError: one was not, or none was delivered.

        Example:
            >>> answers = extend_api.deliver(extend_api.webhook("OCR_ERROR"), our_app.receive)
            >>> extend_api.assert_webhook_accepted()
        """
        webhooks.webhook_accepted(self._observed, document)

    def assert_webhook_handled_once(
        self, effects: Callable[..., Any] | None = None, document: str | None = None
    ) -> None:
        """Each event that was delivered more than once had one effect.

        Args:
            effects: counts the receiver's effects: ``effects(event_id)`` those of one event, or
                ``effects()`` all of them. Without it, the requests that the consumer sent to the
                API about the event's run and document count.
            document: only deliveries about a run of this document.

        Raises:
            AssertionError: an event had another number of effects, or none came twice.

        Example:
            >>> delivery = extend_api.webhook("OCR_ERROR")
            >>> answers = [extend_api.deliver(delivery, our_app.receive) for _ in range(2)]
            >>> extend_api.assert_webhook_handled_once(our_app.effects)
        """
        webhook_effects.webhook_handled_once(self._observed, effects, document)
