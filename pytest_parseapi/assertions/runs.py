"""The checks of a `ParseAPI` on asynchronous runs, as its users call them."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pytest_parseapi.checks import polling, resubmissions, run_logs
from pytest_parseapi.checks.record import Record

__all__ = ["RunAssertions"]


class RunAssertions(ABC):
    """The ``assert_...`` methods on runs and polls."""

    @property
    @abstractmethod
    def _record(self) -> Record:
        """What the checks look at."""

    def assert_run_failure_logged(
        self, level: int | str | None = None, text: str | None = None
    ) -> None:
        """Each failed run's id and ``failureReason`` are in the consumer's logs or output.

        Args:
            level: only log records at this level or above count.
            text: more text to look in, such as a subprocess's standard error.

        Raises:
            AssertionError: one is missing, or no run failed.
        """
        __tracebackhide__ = True
        run_logs.run_failure_logged(self._record, level, text)

    def assert_polling_stopped(self) -> None:
        """No run was polled again after a reply that showed its end.

        Raises:
            AssertionError: one was, or none was polled to its end.
        """
        __tracebackhide__ = True
        polling.polling_stopped(self._record)

    def assert_polled_politely(self, minimum: float = 0.5) -> None:
        """No two polls of a run came closer than this.

        Args:
            minimum: virtual seconds between the starts of two polls.

        Raises:
            AssertionError: two did, or no run was polled more than once.
        """
        __tracebackhide__ = True
        polling.polled_politely(self._record, minimum)

    def assert_resubmitted(self, times: int | None = None, document: str | None = None) -> None:
        """Each document whose run failed was submitted again.

        Args:
            times: how many new runs exactly; None for at least one.
            document: only runs about this document.

        Raises:
            AssertionError: one was not, or no run failed.
        """
        __tracebackhide__ = True
        resubmissions.resubmitted(self._record, times, document)
