"""Whether the waits before retries are as they should be: backoff, and ``Retry-After``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from pytest_parseapi.checks.finding import GIVES_UP, NOT_RETRIED, Finding, Subject
from pytest_parseapi.checks.observed import Observed, nothing_to_check, raise_findings
from pytest_parseapi.checks.precision import no_wait, tolerance, too_fast, unjudgeable
from pytest_parseapi.model.mistakes import UsageError, as_document, number_of
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.operation import Operation

__all__ = [
    "IMMEDIATE",
    "RetryWait",
    "WaitProblem",
    "backoff",
    "retry_after_honoured",
    "too_early",
    "waits_of",
]


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

    What a receiver asks because of a further webhook begins a new row.
    """
    waits: list[RetryWait] = []
    position = 0
    for before, after in zip(operation.attempts, operation.attempts[1:], strict=False):
        if not before.failed or observed.asked_anew(before, after):
            yield waits
            waits, position = [], 0
            continue
        if before.retry_after is None:
            waits.append(RetryWait(position, before, after))
        position += 1
    yield waits


IMMEDIATE: Final = "urllib3's Retry sends its first retry at once"
"""What may explain that a first retry came without a wait."""
_ACCEPTED: Final = f"{IMMEDIATE}; immediate_first=True accepts that"


def backoff(
    observed: Observed,
    initial: float | None = None,
    factor: float = 2.0,
    maximum: float | None = None,
    jitter: float | Literal["full"] = 0.1,
    *,
    immediate_first: bool = False,
    document: str | None = None,
) -> None:
    """The waits before retries grow exponentially."""
    _seconds("initial", initial)
    _seconds("maximum", maximum)
    growth = number_of(factor)
    if growth is None or not 1 <= growth < math.inf:
        raise UsageError(f"factor must be a number >= 1, not {factor!r}")
    spread = number_of(0.0 if jitter == "full" else jitter)
    if spread is None or not 0 <= spread < 1:
        raise UsageError(f"jitter must be a number >= 0 and < 1, or 'full', not {jitter!r}")
    rule = "waits before retries grow exponentially"
    narrowed = observed.about(document, rule)
    judged = [
        (operation, waits)
        for operation in narrowed.operations
        for waits in waits_of(observed, operation)
        if waits
    ]
    if not judged:
        seen, advice = _why_no_waits(narrowed)
        nothing_to_check(narrowed, rule, seen, advice=advice)
    findings = []
    for operation, waits in judged:
        last = waits[-1].retry
        shape = _Shape(initial, float(factor), maximum, jitter)
        shape.allow(tolerance(observed, last), no_wait(observed, last))
        bound = shape.shortest(waits)
        if unjudgeable(observed, last, bound):
            findings.append(too_fast(observed, rule, last, bound, Subject.operation(operation)))
            continue
        problem = shape.problem(waits, immediate_first=immediate_first)
        if problem is not None:
            findings.append(
                Finding(
                    kind="backoff",
                    rule=rule,
                    subject=Subject.operation(operation),
                    expected=shape.text(waits),
                    seen=", ".join(f"{wait.seconds:.3f} s" for wait in waits),
                    nearest=problem.explained(observed),
                    advice=observed.advice("backoff"),
                )
            )
    raise_findings(narrowed, findings)


class _Shape:
    """``min(initial * factor**n, maximum)`` within a jitter."""

    def __init__(
        self,
        initial: float | None,
        factor: float,
        maximum: float | None,
        jitter: float | Literal["full"],
    ) -> None:
        self._initial = initial
        self._factor = factor
        self._maximum = math.inf if maximum is None else maximum
        self._jitter = jitter
        self._tolerance = 0.0
        self._none = 0.0

    def allow(self, tolerance: float, none: float) -> None:
        """Let waits be so far off, and count as none up to so many seconds."""
        self._tolerance = tolerance
        self._none = none

    def shortest(self, waits: list[RetryWait]) -> float:
        """The smallest bound; 0 where nothing but missing waits are to be judged."""
        if self._initial is not None:
            return min(self._bound(self._initial, wait.position) for wait in waits)
        return min((wait.seconds for wait in waits if wait.seconds > self._none), default=0.0)

    def text(self, waits: list[RetryWait]) -> str:
        within = (
            "at most" if self._jitter == "full" else f"within ±{100 * float(self._jitter):g} % of"
        )
        if self._initial is None and self._jitter == "full":
            return "waits above 0 s" + (
                "" if self._maximum == math.inf else f", up to {self._maximum:g} s"
            )
        if self._initial is None:
            return f"each wait {within} {self._factor:g} times the one before" + (
                "" if self._maximum == math.inf else f", up to {self._maximum:g} s"
            )
        bounds = (f"{self._bound(self._initial, wait.position):g} s" for wait in waits)
        return f"{within} " + ", ".join(bounds)

    def problem(self, waits: list[RetryWait], *, immediate_first: bool) -> WaitProblem | None:
        """What is wrong with the waits, if anything."""
        for wait in waits:
            if wait.seconds <= self._none and not (immediate_first and wait.position == 0):
                hint = _ACCEPTED if wait.position == 0 else ""
                return WaitProblem.missing(f"attempt {wait.retry.number}", hint)
        if immediate_first and waits[0].position == 0 and waits[0].seconds <= self._none:
            waits = waits[1:]
            # Some count the immediate retry as the first step (urllib3), some do not.
            ahead = [wait._replace(position=wait.position - 1) for wait in waits]
            if not waits or not self._misfit(waits) or not self._misfit(ahead):
                return None
        return self._misfit(waits)

    def _misfit(self, waits: list[RetryWait]) -> WaitProblem | None:
        if self._initial is not None:
            return self._outside(waits, self._initial)
        # The first wait has a jitter of its own, so any start that fits all waits will do.
        problems = [self._outside(waits, start) for start in self._starts(waits)]
        return None if None in problems else problems[0]

    def _starts(self, waits: list[RetryWait]) -> Iterator[float]:
        if self._jitter == "full":
            # Any wait fits below its bound if the longest does.
            yield max(wait.seconds / self._growth(wait.position) for wait in waits)
            return
        slack = (1 + self._jitter, 1 - self._jitter)
        for wait in waits:
            start = wait.seconds / self._growth(wait.position)
            yield start
            for part in slack:
                yield start / part

    def _outside(self, waits: list[RetryWait], initial: float) -> WaitProblem | None:
        for wait in waits:
            bound = self._bound(initial, wait.position)
            above, below = (0.0, bound) if self._jitter == "full" else (bound * self._jitter,) * 2
            most, least = bound + above, bound - below
            if wait.seconds > most + self._tolerance:
                return WaitProblem(
                    f"the wait before attempt {wait.retry.number} is too long: "
                    f"{wait.seconds:.3f} s, not {most:.3f} s at most"
                )
            if wait.seconds < least - self._tolerance:
                return WaitProblem(
                    f"the wait before attempt {wait.retry.number} is too short: "
                    f"{wait.seconds:.3f} s, not {least:.3f} s at least"
                )
        return None

    def _bound(self, initial: float, position: int) -> float:
        return min(initial * self._growth(position), self._maximum)

    def _growth(self, position: int) -> float:
        try:
            return self._factor**position
        except OverflowError:
            return math.inf


def _why_no_waits(observed: Observed) -> tuple[str, str]:
    """What was seen, and advice."""
    if not observed.failed_operations:
        return "no failed attempt is on record", ""
    if any(True for operation in observed.operations for _ in operation.pairs()):
        advice = "assert_retry_after_honoured() judges such waits"
        return "every retry followed a Retry-After", advice
    return "no failed attempt was retried", NOT_RETRIED


def _seconds(name: str, value: object) -> None:
    if value is None:
        return
    number = number_of(value)
    if number is None or not 0 < number < math.inf:
        raise UsageError(
            f"{name} must be a number of seconds > 0, not {value!r}{as_document(value)}"
        )


def retry_after_honoured(observed: Observed, document: str | None = None) -> None:
    """No retry came before the ``Retry-After`` of the reply that it follows."""
    rule = "no retry comes before the reply's Retry-After"
    narrowed = observed.about(document, rule)
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
            nearest=GIVES_UP,
            advice=NOT_RETRIED,
        )
    raise_findings(narrowed, list(too_early(narrowed)))


def too_early(observed: Observed) -> Iterator[Finding]:
    """Retries that came before they were asked for."""
    for operation in observed.operations:
        for before, after in operation.pairs():
            if before.retry_at is None or observed.asked_anew(before, after):
                continue
            asked = before.retry_at - before.wall_ended
            rule, slack = (
                "no retry comes before the reply's Retry-After",
                tolerance(observed, after),
            )
            if unjudgeable(observed, after, asked):
                subject = Subject.operation(operation)
                yield too_fast(observed, rule, after, round(asked, 3), subject)
                continue
            # Where a test has frozen the wall clock, the wait itself is what tells.
            on_time = after.wall_started >= before.retry_at - slack
            if on_time or _wait(after) >= asked - slack:
                continue
            yield Finding(
                kind="retry_after",
                rule=rule,
                subject=Subject.operation(operation),
                expected=f"a wait of at least {asked:.3f} s (Retry-After: {before.retry_after})",
                seen=f"attempt {after.number} came after {_wait(after):.3f} s",
                nearest=_misread(before, _wait(after), slack),
                advice=observed.advice("retry_after"),
            )


def _misread(before: Attempt, waited: float, slack: float) -> str:
    text = before.retry_after or ""
    if text.replace(".", "", 1).isdecimal():
        if math.isclose(waited, float(text) / 1000, abs_tol=slack) and float(text):
            return "that is its value in milliseconds; Retry-After counts seconds"
        return ""
    return "it is an HTTP date here, and not a number of seconds"


def _wait(attempt: Attempt) -> float:
    return attempt.waited or 0.0
