"""Whether the consumer waited as long as the reply's ``Retry-After`` asked."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pytest_parseapi.attempt import Attempt
from pytest_parseapi.checks.record import (
    NOT_RETRIED,
    Finding,
    Record,
    fail,
    nothing_to_check,
)
from pytest_parseapi.checks.waits import TOLERANCE

__all__ = ["retry_after_honoured", "too_early"]


def retry_after_honoured(record: Record, document: str | None = None) -> None:
    """No retry came before the ``Retry-After`` of the reply that it follows."""
    __tracebackhide__ = True
    rule = "no retry comes before the reply's Retry-After"
    narrowed = record.about(document, rule)
    replies = [item for item in narrowed.attempts if item.failed and item.retry_at is not None]
    if not replies:
        nothing_to_check(
            narrowed,
            rule,
            "no failed reply on record carried a Retry-After",
            advice="script one that does: api.fail(..., retry_after=5)",
        )
    followed = [
        before
        for operation in narrowed.operations
        for before, _ in operation.pairs()
        if before.retry_at is not None
    ]
    if not followed:
        nothing_to_check(
            narrowed,
            rule,
            "no reply with a Retry-After was followed by a retry",
            advice=NOT_RETRIED,
        )
    fail(narrowed, list(too_early(narrowed)))


def too_early(record: Record) -> Iterator[Finding]:
    """Retries that came before they were asked for."""
    for operation in record.operations:
        for before, after in operation.pairs():
            if before.retry_at is None or after.wall_started >= before.retry_at - TOLERANCE:
                continue
            asked = before.retry_at - before.wall_ended
            # Where a test has frozen the wall clock, the wait itself is what tells.
            if _wait(after) >= asked - TOLERANCE:
                continue
            yield Finding(
                rule="no retry comes before the reply's Retry-After",
                where=operation.name,
                expected=f"a wait of at least {asked:.3f} s (Retry-After: {before.retry_after})",
                seen=f"attempt {after.number} came after {_wait(after):.3f} s",
                nearest=_misread(before, _wait(after)),
                advice=record.advice("retry_after"),
            )


def _misread(before: Attempt, waited: float) -> str:
    text = before.retry_after or ""
    if text.replace(".", "", 1).isdigit():
        if math.isclose(waited, float(text) / 1000, abs_tol=TOLERANCE) and float(text):
            return "that is its value in milliseconds; Retry-After counts seconds"
        return ""
    return "it is an HTTP date here, and not a number of seconds"


def _wait(attempt: Attempt) -> float:
    return attempt.waited or 0.0
