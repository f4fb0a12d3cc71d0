"""The waits before retries, for the rules about backoff, and how exactly they are measured.

In this process they are exact to the millisecond, over a socket less so.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from pytest_parseapi.checks.finding import Finding, Subject
from pytest_parseapi.checks.observed import Observed
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.operation import Operation

NO_WAIT: Final = 0.001
"""The seconds up to which a wait counts as none."""
TOLERANCE: Final = 0.002
"""The tolerance of a wait, in seconds."""
CAP_FROM: Final = 3
"""The index of the first wait (the fourth) from which on equal waits may be a cap."""
ABOVE_MINIMUM: Final = 1.5
"""How many times the first wait a later one must be to be above a minimum of all waits."""
_OVER_A_SOCKET: Final = 0.010
_AT_ONCE_OVER_A_SOCKET: Final = 0.002
_SERVER: Final = "server"


class RetryWait(NamedTuple):
    """The wait before one retry."""

    position: int
    """The number of retries before it in this series."""
    before: Attempt
    retry: Attempt

    @property
    def seconds(self) -> float:
        """The duration of the wait, in virtual seconds."""
        return self.retry.waited or 0.0


class WaitProblem(NamedTuple):
    """What is wrong with the waits before retries."""

    text: str
    hint: str = ""
    """A possible reason, or advice."""
    is_missing: bool = False
    """Whether a retry came without a wait."""

    @classmethod
    def missing(cls, retry: str, hint: str) -> WaitProblem:
        """The problem of a retry without a wait."""
        return cls(f"{retry} came without a wait", hint, is_missing=True)

    def __str__(self) -> str:
        return f"{self.text} ({self.hint})" if self.hint else self.text

    def explained(self, observed: Observed) -> str:
        """The problem as text, with its reason if the test has replaced the waiting function."""
        replaced = observed.replaced_sleep() if self.is_missing else ""
        if not replaced:
            return str(self)
        return (
            f"{self.text}: the test has put something else in place of {replaced}, so nothing "
            "waits; time is virtual here, and needs no such thing"
        )


def waits_of(observed: Observed, operation: Operation) -> Iterator[list[RetryWait]]:
    """The waits before retries, a list for each series of failures; none after a Retry-After.

    What a receiver asks because of a further webhook begins a new row, and so does what is asked
    with another credential, which may be another customer's.
    """
    waits: list[RetryWait] = []
    position = 0
    for before, after in pairwise(operation.attempts):
        anew = observed.asked_anew(before, after) or not before.same_credential(after)
        if not before.failed or anew:
            yield waits
            waits, position = [], 0
            continue
        if before.retry_at is None:
            waits.append(RetryWait(position, before, after))
        position += 1
    yield waits


def tolerance(observed: Observed, attempt: Attempt) -> float:
    """The tolerance of the wait before an attempt, in seconds.

    Over a socket it is real time, multiplied by the speed of the live server.
    """
    if attempt.client != _SERVER:
        return TOLERANCE
    return max(TOLERANCE, _OVER_A_SOCKET * observed.speed)


def no_wait(observed: Observed, attempt: Attempt) -> float:
    """The seconds up to which the wait before an attempt counts as none."""
    if attempt.client != _SERVER:
        return NO_WAIT
    return max(NO_WAIT, _AT_ONCE_OVER_A_SOCKET * observed.speed)


def unjudgeable(observed: Observed, attempt: Attempt, bound: float) -> bool:
    """Whether a bound for the wait before an attempt is too small for the precision."""
    return attempt.client == _SERVER and 0 < bound <= 2 * tolerance(observed, attempt)


def too_fast(
    observed: Observed, rule: str, attempt: Attempt, bound: float, subject: Subject
) -> Finding:
    """The finding for waits that cannot be judged: the server is too fast."""
    limit = bound / (2 * _OVER_A_SOCKET)
    slower = f"serve with a --speed below {limit:g}, or " if observed.speed > 1 else ""
    return Finding(
        kind="nothing_to_check",
        rule=rule,
        subject=subject,
        expected=f"waits above {2 * tolerance(observed, attempt):g} s, which can be judged over a "
        "socket",
        seen=f"speed {observed.speed:g} is too fast to judge waits of {bound:g} s",
        advice=f"{slower}let the client wait longer",
    )
