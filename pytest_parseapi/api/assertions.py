"""The checks of requests, as the users of a `ParseAPI` call them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, Literal, TypeVar

from pytest_parseapi.checks import (
    backoff,
    documentation,
    logs,
    requests,
    retries,
    retry_after,
)
from pytest_parseapi.checks.finding import name_check
from pytest_parseapi.checks.logs import Which
from pytest_parseapi.checks.observed import Observed


class Assertions(ABC):
    """The ``assert_...`` methods that judge requests."""

    @property
    @abstractmethod
    def _observed(self) -> Observed:
        """What the checks look at."""

    @abstractmethod
    def _note_check(self, name: str) -> None:
        """Keep that a check held, for the coverage of the documented errors."""

    def assert_retried(self, times: int | None = None, document: str | None = None) -> None:
        """Each failed operation was tried again.

        Args:
            times: how many more times exactly; None for at least once.
            document: only operations about this document.

        Raises:
            AssertionError: one was not, or nothing failed.

        Example:
            >>> extend_api.fail("OCR_ERROR", times=2)
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_retried(times=2)
        """
        retries.retried(self._observed, times, document)

    def assert_not_retried(self, document: str | None = None) -> None:
        """No failed operation was tried again.

        Args:
            document: only operations about this document.

        Raises:
            AssertionError: one was, or nothing failed.

        Example:
            >>> extend_api.fail("CORRUPT_FILE")
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_not_retried()
        """
        retries.not_retried(self._observed, document)

    def assert_gave_up(self, attempts: int | None = None, document: str | None = None) -> None:
        """The last attempt of each failed operation failed, and nothing followed.

        Args:
            attempts: after how many attempts in all; None for any number.
            document: only operations about this document.

        Raises:
            AssertionError: one went on or recovered, or nothing failed.

        Example:
            >>> extend_api.fail("OCR_ERROR", times=ALWAYS)
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_gave_up(attempts=3)
        """
        retries.gave_up(self._observed, attempts, document)

    def assert_recovered(self, document: str | None = None) -> None:
        """The last attempt of each failed operation succeeded.

        Args:
            document: only operations about this document.

        Raises:
            AssertionError: one did not, or nothing failed.

        Example:
            >>> extend_api.fail("OCR_ERROR")
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_recovered()
        """
        retries.recovered(self._observed, document)

    def assert_parsed_once(self, document: str | None = None) -> None:
        """No document was parsed again, or submitted again, after a success: billed twice.

        A run that failed is no success; submitting its document again is a resubmission.

        Args:
            document: only operations about this document.

        Raises:
            AssertionError: one was, or no document was parsed with success.

        Example:
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_parsed_once()
        """
        retries.parsed_once(self._observed, document)

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

        Example:
            >>> extend_api.fail("OCR_ERROR", times=2)
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_backoff(initial=1.0, factor=2.0)
        """
        backoff.backoff(
            self._observed,
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

        Example:
            >>> extend_api.fail("RATE_LIMIT_EXCEEDED", retry_after=30)
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_retry_after_honoured()
        """
        retry_after.retry_after_honoured(self._observed, document)

    def assert_payload_resent(self, document: str | None = None) -> None:
        """Each retry carried the same body, file name, content type and parts.

        Args:
            document: only operations about this document.

        Raises:
            AssertionError: one did not, or nothing was retried.

        Example:
            >>> extend_api.fail("OCR_ERROR")
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_payload_resent()
        """
        requests.payload_resent(self._observed, document)

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

        Example:
            >>> extend_api.fail("CORRUPT_FILE")
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_request_id_logged(level="WARNING")
        """
        logs.request_id_logged(self._observed, which, level, text, document)

    def assert_credential_not_logged(
        self, text: str | None = None, document: str | None = None
    ) -> None:
        """No credential that the consumer sent is in logs, output or logged exceptions.

        Args:
            text: more text to look in, such as a subprocess's standard error.
            document: fail also where no request was about this document.

        Raises:
            AssertionError: one is, or none was sent.

        Example:
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_credential_not_logged()
        """
        logs.credential_not_logged(self._observed, text, document)

    def assert_timeout_set(self, document: str | None = None) -> None:
        """Every attempt was sent with finite connect and read time-outs.

        Args:
            document: only operations about this document.

        Raises:
            AssertionError: one was not, or nothing was sent.

        Example:
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_timeout_set()
        """
        requests.timeout_set(self._observed, document)

    def assert_api_version_sent(self, document: str | None = None) -> None:
        """Every request named a version of the API that the provider lists.

        `assert_follows_documentation` leaves this out: it is no duty of error handling.

        Args:
            document: only operations about this document.

        Raises:
            AssertionError: one did not, nothing was sent, or the provider has no such header.

        Example:
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_api_version_sent()
        """
        requests.api_version_sent(self._observed, document)

    def assert_follows_documentation(
        self, document: str | None = None, text: str | None = None
    ) -> None:
        """All of the provider's documented advice at once, for what happened in this test.

        Args:
            document: only operations about this document.
            text: more text to look in, such as a subprocess's standard error.

        Raises:
            AssertionError: with every rule that is broken, or because nothing failed.

        Example:
            >>> extend_api.fail("OCR_ERROR", "RATE_LIMIT_EXCEEDED")
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> extend_api.assert_follows_documentation()
        """
        documentation.follows_documentation(self._observed, document, text)


_PREFIX: Final = "assert_"
_Class = TypeVar("_Class", bound=type[Assertions])


def notes_checks(cls: _Class) -> _Class:
    """Let a class note each of its ``assert_...`` methods that returns, and name those that fail.

    One place for all checks: one that is added later cannot be forgotten.
    """
    for name in dir(cls):
        if name.startswith(_PREFIX):
            setattr(cls, name, _noting(name, getattr(cls, name)))
    return cls


def _noting(name: str, check: Callable[..., None]) -> Callable[..., None]:
    @wraps(check)
    def noting(self: Assertions, *args: Any, **kwargs: Any) -> None:
        try:
            check(self, *args, **kwargs)
        except AssertionError as error:
            name_check(error, name)
            raise
        self._note_check(name)

    return noting
