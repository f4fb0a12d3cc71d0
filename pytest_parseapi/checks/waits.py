"""The waits before retries, as the rules about them look at them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pytest_parseapi.checks.observed import Observed
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.operation import Operation


class RetryWait(NamedTuple):
    """The wait before one retry."""

    position: int
    """How many retries in this row came before."""
    before: Attempt
    retry: Attempt

    @property
    def seconds(self) -> float:
        """How long it was, in virtual seconds."""
        return self.retry.waited or 0.0


class WaitProblem(NamedTuple):
    """What is wrong with the waits before retries."""

    text: str
    hint: str = ""
    """What may explain it, or help."""
    is_missing: bool = False
    """Whether a retry came without a wait."""

    @classmethod
    def missing(cls, retry: str, hint: str) -> WaitProblem:
        """A retry came without a wait."""
        return cls(f"{retry} came without a wait", hint, is_missing=True)

    def __str__(self) -> str:
        return f"{self.text} ({self.hint})" if self.hint else self.text

    def explained(self, observed: Observed) -> str:
        """The problem; with its reason where the test itself has seen to it that nothing waits."""
        replaced = observed.replaced_sleep() if self.is_missing else ""
        if not replaced:
            return str(self)
        return (
            f"{self.text}: the test has put something else in place of {replaced}, so nothing "
            "waits; time is virtual here, and needs no such thing"
        )


def waits_of(observed: Observed, operation: Operation) -> Iterator[list[RetryWait]]:
    """The waits before retries, a list for each row of failures; none after a Retry-After.

    What a receiver asks because of a further webhook begins a new row, and so does what is asked
    with another credential, which may be another customer's.
    """
    waits: list[RetryWait] = []
    position = 0
    for before, after in zip(operation.attempts, operation.attempts[1:], strict=False):
        anew = observed.asked_anew(before, after) or not before.same_credential(after)
        if not before.failed or anew:
            yield waits
            waits, position = [], 0
            continue
        if before.retry_at is None:
            waits.append(RetryWait(position, before, after))
        position += 1
    yield waits
