"""Checks that retries wait as long as ``Retry-After`` asks."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pytest_parseapi.checks.finding import GIVES_UP, NOT_RETRIED, Finding, Subject
from pytest_parseapi.checks.kinds import rule_of
from pytest_parseapi.checks.observed import Observed, nothing_to_check, raise_findings
from pytest_parseapi.checks.waits import tolerance, too_fast, unjudgeable
from pytest_parseapi.record.attempt import Attempt


def retry_after_honoured(observed: Observed, document: str | None = None) -> None:
    """Check that no retry came before the ``Retry-After`` of the reply before it."""
    rule = rule_of("retry_after")
    narrowed = observed.about(document, rule)
    replies = [item for item in narrowed.attempts if item.failed and item.retry_at is not None]
    if not replies:
        # A test's own mock may send any value.
        unread = (item.retry_after for item in narrowed.attempts if item.failed)
        text = next(filter(None, unread), None)
        nothing_to_check(
            narrowed,
            rule,
            "no failed reply on record carried a Retry-After"
            if text is None
            else f"Retry-After: {text} is neither seconds >= 0 nor an HTTP date",
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
            nearest=GIVES_UP,
            advice=NOT_RETRIED,
        )
    raise_findings(narrowed, list(too_early(narrowed)))


def too_early(observed: Observed) -> Iterator[Finding]:
    """Find retries that came before the ``Retry-After`` of the reply before them."""
    for operation in observed.operations:
        for before, after in operation.pairs():
            if before.retry_at is None or observed.asked_anew(before, after):
                continue
            if not before.same_credential(after):
                # The header was for another customer.
                continue
            asked = before.retry_at - before.wall_ended
            rule, slack, waited = (
                rule_of("retry_after"),
                tolerance(observed, after),
                after.waited or 0.0,
            )
            if unjudgeable(observed, after, asked):
                subject = Subject.operation(operation)
                yield too_fast(observed, rule, after, round(asked, 3), subject)
                continue
            # If a test has frozen the wall clock, only the wait itself can be judged.
            on_time = after.wall_started >= before.retry_at - slack
            if on_time or waited >= asked - slack:
                continue
            yield Finding(
                kind="retry_after",
                rule=rule,
                subject=Subject.operation(operation),
                expected=f"a wait of at least {asked:.3f} s (Retry-After: {before.retry_after})",
                seen=f"attempt {after.number} came after {waited:.3f} s",
                nearest=_misread(before, waited, slack),
                advice=observed.advice("retry_after"),
            )


def _misread(before: Attempt, waited: float, slack: float) -> str:
    text = before.retry_after or ""
    if text.replace(".", "", 1).isdecimal():
        if math.isclose(waited, float(text) / 1000, abs_tol=slack) and float(text):
            return "that is its value in milliseconds; Retry-After counts seconds"
        return ""
    return "it is an HTTP date here, and not a number of seconds"
