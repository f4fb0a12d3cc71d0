"""Checks that the waits before retries grow: by given numbers, or exponentially at all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from pytest_parseapi.checks.finding import NOT_RETRIED, Finding, Subject
from pytest_parseapi.checks.kinds import rule_of
from pytest_parseapi.checks.observed import Observed, nothing_to_check, raise_findings
from pytest_parseapi.checks.waits import (
    ABOVE_MINIMUM,
    CAP_FROM,
    RetryWait,
    WaitProblem,
    no_wait,
    tolerance,
    too_fast,
    unjudgeable,
    waits_of,
)
from pytest_parseapi.model.mistakes import UsageError, as_document, number_of
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.operation import Operation

_OF_URLLIB3: Final = frozenset({"requests", "urllib3", "server"})
"""The clients whose retries urllib3 may send; a live server does not know who asks it."""
_AT_ONCE: Final = (
    "urllib3's Retry sends its first retry at once unless a subclass overrides get_backoff_time()"
)


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
    """Check that the waits before retries grow exponentially."""
    _seconds("initial", initial)
    _seconds("maximum", maximum)
    growth = number_of(factor)
    if growth is None or not 1 <= growth < math.inf:
        raise UsageError(f"factor must be a number >= 1, not {factor!r}")
    spread = number_of(0.0 if jitter == "full" else jitter)
    if spread is None or not 0 <= spread < 1:
        raise UsageError(f"jitter must be a number >= 0 and < 1, or 'full', not {jitter!r}")
    rule = rule_of("backoff")
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
        shape = _Shape(
            initial=initial,
            factor=float(factor),
            maximum=math.inf if maximum is None else maximum,
            jitter=jitter,
            tolerance=tolerance(observed, last),
            no_wait=no_wait(observed, last),
        )
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """``min(initial * factor**n, maximum)`` within a jitter."""

    initial: float | None
    factor: float
    maximum: float
    jitter: float | Literal["full"]
    tolerance: float
    """How far a wait may differ from its bound, in seconds."""
    no_wait: float
    """The seconds up to which a wait counts as none."""

    def shortest(self, waits: list[RetryWait]) -> float:
        """The smallest bound of the waits; 0 if there are only missing waits."""
        if self.initial is not None:
            return min(self._bound(self.initial, wait.position) for wait in waits)
        return min((wait.seconds for wait in waits if wait.seconds > self.no_wait), default=0.0)

    def text(self, waits: list[RetryWait]) -> str:
        within = (
            "at most" if self.jitter == "full" else f"within ±{100 * float(self.jitter):g} % of"
        )
        if self.initial is None:
            up_to = "" if self.maximum == math.inf else f", up to {self.maximum:g} s"
            if self.jitter == "full":
                return f"waits above 0 s{up_to}"
            return f"each wait {within} {self.factor:g} times the one before{up_to}"
        bounds = (f"{self._bound(self.initial, wait.position):g} s" for wait in waits)
        return f"{within} " + ", ".join(bounds)

    def problem(self, waits: list[RetryWait], *, immediate_first: bool) -> WaitProblem | None:
        """What is wrong with the waits, if anything."""
        for wait in waits:
            if wait.seconds <= self.no_wait and not (immediate_first and wait.position == 0):
                return _missing(wait, "immediate_first=True")
        if immediate_first and waits[0].position == 0 and waits[0].seconds <= self.no_wait:
            waits = waits[1:]
            # Some count the immediate retry as the first step (urllib3), some do not.
            ahead = [wait._replace(position=wait.position - 1) for wait in waits]
            if not waits or not self._misfit(waits) or not self._misfit(ahead):
                return None
        return self._misfit(waits)

    def _misfit(self, waits: list[RetryWait]) -> WaitProblem | None:
        if self.initial is not None:
            return self._outside(waits, self.initial)
        # The first wait has a jitter, too, so any start that fits all waits is accepted.
        problems = [self._outside(waits, start) for start in self._starts(waits)]
        return None if None in problems else problems[0]

    def _starts(self, waits: list[RetryWait]) -> Iterator[float]:
        if self.jitter == "full":
            # Any wait fits below its bound if the longest does.
            yield max(wait.seconds / self._growth(wait.position) for wait in waits)
            return
        slack = (1 + self.jitter, 1 - self.jitter)
        for wait in waits:
            start = wait.seconds / self._growth(wait.position)
            yield start
            for part in slack:
                yield start / part

    def _outside(self, waits: list[RetryWait], initial: float) -> WaitProblem | None:
        for wait in waits:
            bound = self._bound(initial, wait.position)
            above, below = (0.0, bound) if self.jitter == "full" else (bound * self.jitter,) * 2
            most, least = bound + above, bound - below
            if wait.seconds > most + self.tolerance:
                return WaitProblem(
                    f"the wait before attempt {wait.retry.number} is too long: "
                    f"{wait.seconds:.3f} s, not {most:.3f} s at most"
                )
            if wait.seconds < least - self.tolerance:
                return WaitProblem(
                    f"the wait before attempt {wait.retry.number} is too short: "
                    f"{wait.seconds:.3f} s, not {least:.3f} s at least"
                )
        return None

    def _bound(self, initial: float, position: int) -> float:
        return min(initial * self._growth(position), self.maximum)

    def _growth(self, position: int) -> float:
        try:
            return self.factor**position
        except OverflowError:
            return math.inf


def _why_no_waits(observed: Observed) -> tuple[str, str]:
    """Why there are no waits to judge, and advice."""
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


def missing_backoff(
    observed: Observed, operation: Operation, option: str = ""
) -> Iterator[Finding]:
    """Find the waits of one test that cannot be exponential backoff.

    Args:
        observed: what happened.
        operation: whose waits they are.
        option: the option that accepts a first retry without a wait, if there is one.
    """
    for waits in waits_of(observed, operation):
        judged = [wait for wait in waits if observed.advises_retry(wait.before)]
        if not judged:
            continue
        rule, last = "retries wait with exponential backoff", judged[-1].retry
        none, same = no_wait(observed, last), tolerance(observed, last)
        if operation.endpoint.polls:
            pace = _pace(observed, waits[0].before) - same
            judged = [wait for wait in judged if wait.seconds <= none or wait.seconds < pace]
            if not judged:
                continue
        shortest = min(wait.seconds for wait in judged)
        if shortest > none and unjudgeable(observed, last, shortest):
            subject = Subject.operation(operation)
            yield too_fast(observed, rule, last, round(shortest, 3), subject)
            return
        problem = _problem(judged, none, same, option)
        if problem is not None:
            # A wait for a lock or a worker that others held is no backoff.
            alone = [
                wait
                for wait in judged
                if wait.seconds <= none or not observed.waited_for_a_turn(wait.retry, same)
            ]
            problem = _problem(alone, none, same, option) if alone else None
        if problem is not None:
            yield Finding(
                kind="backoff",
                rule=rule,
                subject=Subject.operation(operation),
                expected="waits that grow, each by more than the one before",
                seen=", ".join(f"{wait.seconds:.3f} s" for wait in judged),
                nearest=problem.explained(observed),
                advice=observed.advice("backoff"),
            )
            return


def _pace(observed: Observed, poll: Attempt) -> float:
    """The consumer's normal wait between polls, before one that failed."""
    if poll.waited is not None:
        return poll.waited
    begun = [run.created for run in observed.runs if poll.run_id in (run.id, run.batch_id)]
    return poll.started - min(begun, default=poll.started)


def _problem(waits: list[RetryWait], none: float, same: float, option: str) -> WaitProblem | None:
    for wait in waits:
        if wait.seconds <= none:
            return _missing(wait, option)
    floor = _minimum_waits(waits, same)
    waits = waits[floor:]
    for one, two in pairwise(waits):
        follows = two.position == one.position + 1
        grown = one.seconds > waits[0].seconds + same
        if follows and two.position < CAP_FROM + floor and abs(one.seconds - two.seconds) <= same:
            return WaitProblem(
                f"the waits before attempts {one.retry.number} and {two.retry.number} are equal",
                "for a cap this low, see assert_backoff(maximum=...)" if grown else "",
            )
    for one, two, three in zip(waits, waits[1:], waits[2:], strict=False):
        step, next_step = two.seconds - one.seconds, three.seconds - two.seconds
        # A cap may cut a later step short: 5, 10, 20, 40, 60.
        in_a_row = three.position == one.position + 2 and three.position < CAP_FROM
        if in_a_row and abs(step) > same and abs(step - next_step) <= same:
            if step > 0 and _grows_faster(waits, step + same):
                continue
            how = "grow" if step > 0 else "shrink"
            return WaitProblem(f"the waits {how} by {abs(step):.3f} s each time: that is linear")
    return None


def _missing(wait: RetryWait, option: str) -> WaitProblem:
    """The problem of a retry without a wait; a first one may have a reason, and an option."""
    hints = []
    if wait.position == 0:
        hints += [_AT_ONCE] if wait.retry.client in _OF_URLLIB3 else []
        hints += [f"{option} accepts that"] if option else []
    return WaitProblem.missing(f"attempt {wait.retry.number}", "; ".join(hints))


def _grows_faster(waits: list[RetryWait], step: float) -> bool:
    """Whether any wait grows by more than this step, as in 1, 2, 3, 5, 8."""
    return any(two.seconds - one.seconds > step for one, two in pairwise(waits))


def _minimum_waits(waits: list[RetryWait], same: float) -> int:
    """The number of first waits that are equal because of a minimum: 2, 2, 4, 8 has such waits."""
    for number, (one, two) in enumerate(pairwise(waits)):
        if abs(two.seconds - one.seconds) > same:
            return number if two.seconds >= ABOVE_MINIMUM * one.seconds else 0
    return 0
