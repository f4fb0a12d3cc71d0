"""The checks of a `ParseAPI` on HTTP attempts, as its users call them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from pytest_parseapi.checks import backoff, documentation, logs, requests, retries, retry_after
from pytest_parseapi.checks.logs import Which
from pytest_parseapi.checks.record import Record

__all__ = ["HTTPAssertions"]


class HTTPAssertions(ABC):
    """The ``assert_...`` methods on attempts, retries, waits and logs."""

    @property
    @abstractmethod
    def _record(self) -> Record:
        """What the checks look at."""

    def assert_retried(self, times: int | None = None, document: str | None = None) -> None:
        """Each failed operation was tried again.

        Args:
            times: how many more times exactly; None for at least once.
            document: only operations about this document.

        Raises:
            AssertionError: one was not, or nothing failed.
        """
        __tracebackhide__ = True
        retries.retried(self._record, times, document)

    def assert_not_retried(self, document: str | None = None) -> None:
        """No failed operation was tried again.

        Args:
            document: only operations about this document.

        Raises:
            AssertionError: one was, or nothing failed.
        """
        __tracebackhide__ = True
        retries.not_retried(self._record, document)

    def assert_gave_up(self, attempts: int | None = None, document: str | None = None) -> None:
        """The last attempt of each failed operation failed, and nothing followed.

        Args:
            attempts: after how many attempts in all; None for any number.
            document: only operations about this document.

        Raises:
            AssertionError: one went on or recovered, or nothing failed.
        """
        __tracebackhide__ = True
        retries.gave_up(self._record, attempts, document)

    def assert_recovered(self, document: str | None = None) -> None:
        """The last attempt of each failed operation succeeded.

        Args:
            document: only operations about this document.

        Raises:
            AssertionError: one did not, or nothing failed.
        """
        __tracebackhide__ = True
        retries.recovered(self._record, document)

    def assert_backoff(
        self,
        initial: float | None = None,
        factor: float = 2.0,
        maximum: float | None = None,
        jitter: float | Literal["full"] = 0.1,
        immediate_first: bool = False,  # noqa: FBT001, FBT002 - the documented signature
        document: str | None = None,
    ) -> None:
        """The waits before retries follow ``min(initial * factor**n, maximum)`` within a jitter.

        A wait of zero never passes; waits after a reply with ``Retry-After`` are not judged here.

        Args:
            initial: the first wait in seconds; None takes it from the waits.
            factor: how each wait grows from the one before.
            maximum: the longest wait in seconds; None for no limit.
            jitter: a fraction above and below; ``"full"`` accepts anything from 0 to the bound.
            immediate_first: the first retry may come at once, as with urllib3's ``Retry``.
            document: only operations about this document.

        Raises:
            AssertionError: a wait is too short or too long, or no wait is on record.
        """
        __tracebackhide__ = True
        backoff.backoff(
            self._record,
            initial,
            factor,
            maximum,
            jitter,
            immediate_first=immediate_first,
            document=document,
        )

    def assert_retry_after_honoured(self, document: str | None = None) -> None:
        """No retry came before the ``Retry-After`` of the reply that it follows.

        Args:
            document: only operations about this document.

        Raises:
            AssertionError: one did, or no retry followed such a reply.
        """
        __tracebackhide__ = True
        retry_after.retry_after_honoured(self._record, document)

    def assert_payload_resent(self, document: str | None = None) -> None:
        """Each retry carried the same body, file name, content type and parts.

        Args:
            document: only operations about this document.

        Raises:
            AssertionError: one did not, or nothing was retried.
        """
        __tracebackhide__ = True
        requests.payload_resent(self._record, document)

    def assert_request_id_logged(
        self,
        which: Which = "last",
        level: int | str | None = None,
        text: str | None = None,
        document: str | None = None,
    ) -> None:
        """The ``requestId`` of failed replies is in the consumer's logs or output.

        Args:
            which: ``"last"``, ``"all"`` or ``"any"`` of an operation's failed replies.
            level: only log records at this level or above count.
            text: more text to look in, such as a subprocess's standard error.
            document: only operations about this document.

        Raises:
            AssertionError: an id is missing, or no failed reply carried one.
        """
        __tracebackhide__ = True
        logs.request_id_logged(self._record, which, level, text, document)

    def assert_credential_not_logged(self) -> None:
        """No credential that the consumer sent is in logs, output or logged exceptions.

        Raises:
            AssertionError: one is, or none was sent.
        """
        __tracebackhide__ = True
        logs.credential_not_logged(self._record)

    def assert_timeout_set(self) -> None:
        """Every attempt was sent with finite connect and read time-outs.

        Raises:
            AssertionError: one was not, or nothing was sent.
        """
        __tracebackhide__ = True
        requests.timeout_set(self._record)

    def assert_follows_documentation(self, document: str | None = None) -> None:
        """All of the provider's documented advice at once, for what happened in this test.

        Args:
            document: only operations about this document.

        Raises:
            AssertionError: with every rule that is broken, or because nothing failed.
        """
        __tracebackhide__ = True
        documentation.follows_documentation(self._record, document)
