"""All of a provider's documented advice at once, judged by what happened in one test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from pytest_parseapi.checks.finding import Finding, Subject, asked_to_wait
from pytest_parseapi.checks.known_runs import failed_runs
from pytest_parseapi.checks.logs import leaks, unlogged
from pytest_parseapi.checks.observed import Observed, nothing_to_check, raise_findings
from pytest_parseapi.checks.polls import polls_after_end, polls_too_close
from pytest_parseapi.checks.precision import no_wait, tolerance, too_fast, unjudgeable
from pytest_parseapi.checks.requests import changed_payloads, missing_timeouts
from pytest_parseapi.checks.runs import unlogged_failures, wrong_resubmissions
from pytest_parseapi.checks.waits import IMMEDIATE, RetryWait, WaitProblem, too_early, waits_of
from pytest_parseapi.checks.webhooks import repeated_acts, unaccepted, unrejected
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.operation import Operation
from pytest_parseapi.record.timeline import describe_error

__all__ = [
    "findings",
    "follows_documentation",
    "missing_backoff",
    "missing_retries",
    "pointless_retries",
]

# From the fourth wait on, equal waits may be a cap.
_CAP_FROM: Final = 3
_OFF_THE_FLOOR: Final = 1.5


def follows_documentation(
    observed: Observed, document: str | None = None, text: str | None = None
) -> None:
    """Everything that the provider advises holds for what happened."""
    rule = f"the consumer follows {observed.provider.title}'s documentation"
    narrowed = observed.about(document, rule).with_text(text)
    if not (narrowed.failed_operations or failed_runs(narrowed) or narrowed.answers):
        nothing_to_check(narrowed, rule, "no failed attempt is on record")
    raise_findings(narrowed, list(findings(narrowed)))


def findings(observed: Observed) -> Iterator[Finding]:
    """Every rule that is broken; none where nothing failed and all is well."""
    lines = observed.lines(None)
    for operation in observed.operations:
        yield from pointless_retries(observed, operation)
        yield from missing_retries(observed, operation)
        yield from missing_backoff(observed, operation)
        last = operation.attempts[-1]
        if last.failed and last.request_id is not None and not observed.success_beside(operation):
            yield from unlogged(observed, operation, [last], lines)
    yield from too_early(observed)
    yield from changed_payloads(observed)
    yield from missing_timeouts(observed)
    yield from leaks(observed)
    yield from unlogged_failures(observed, None, None, None)
    yield from wrong_resubmissions(observed)
    yield from polls_too_close(observed)
    yield from polls_after_end(observed)
    yield from unaccepted(observed)
    yield from unrejected(observed)
    yield from repeated_acts(observed)


def pointless_retries(observed: Observed, operation: Operation) -> Iterator[Finding]:
    """The first retry after an error that no retry can fix."""
    for before, after in operation.pairs():
        error = before.error
        if not isinstance(error, DocumentedError) or error.retryable:
            continue
        if not before.same_credential(after):
            # Another credential is another request.
            continue
        if observed.delivered_between(before, after):
            # The provider has delivered again, and the receiver cannot but look again.
            continue
        yield Finding(
            kind="final_error",
            rule=f"{error.code} is not retried",
            subject=Subject.operation(operation),
            expected=f"no attempt after the {describe_error(before)} of attempt {before.number}"
            + _basis(error),
            seen=f"attempt {after.number} after {after.waited or 0:.3f} s",
            advice=observed.advice("retryable"),
        )
        break


def missing_retries(observed: Observed, operation: Operation) -> Iterator[Finding]:
    """A last attempt that met an error which may be retried, and was alone."""
    attempts = operation.attempts
    last = attempts[-1]
    if len(attempts) > 1 and attempts[-2].failed:
        return
    error = last.error
    if not isinstance(error, DocumentedError) or not error.retryable:
        return
    if observed.success_beside(operation) is None:
        yield Finding(
            kind="retryable_error",
            rule=f"{error.code} is retried",
            subject=Subject.operation(operation),
            expected=f"a retry after the {describe_error(last)} of attempt {last.number}"
            + _basis(error),
            seen="nothing followed",
            nearest=asked_to_wait(last),
            advice=observed.advice("retryable"),
        )


def missing_backoff(
    observed: Observed, operation: Operation, hint: str = IMMEDIATE
) -> Iterator[Finding]:
    """Waits of one test that cannot be exponential backoff.

    Args:
        observed: what happened.
        operation: whose waits they are.
        hint: what may explain that a first retry came without a wait.
    """
    for waits in waits_of(observed, operation):
        judged = [wait for wait in waits if _is_retryable(wait.before)]
        if not judged:
            continue
        rule, last = "retries wait with exponential backoff", judged[-1].retry
        none, same = no_wait(observed, last), tolerance(observed, last)
        shortest = min(wait.seconds for wait in judged)
        if shortest > none and unjudgeable(observed, last, shortest):
            subject = Subject.operation(operation)
            yield too_fast(observed, rule, last, round(shortest, 3), subject)
            return
        problem = _problem(judged, none, same, hint)
        if problem is not None:
            # How long others held a lock or a worker says nothing about the backoff.
            alone = [
                wait
                for wait in judged
                if wait.seconds <= none or not observed.waited_for_a_turn(wait.retry, same)
            ]
            problem = _problem(alone, none, same, hint) if alone else None
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


def _is_retryable(attempt: Attempt) -> bool:
    return isinstance(attempt.error, DocumentedError) and attempt.error.retryable


def _problem(waits: list[RetryWait], none: float, same: float, hint: str) -> WaitProblem | None:
    for wait in waits:
        if wait.seconds <= none:
            hint = hint if wait.position == 0 else ""
            return WaitProblem.missing(f"attempt {wait.retry.number}", hint)
    floor = _floor(waits, same)
    waits = waits[floor:]
    for one, two in pairwise(waits):
        follows = two.position == one.position + 1
        grown = one.seconds > waits[0].seconds + same
        if follows and two.position < _CAP_FROM + floor and abs(one.seconds - two.seconds) <= same:
            return WaitProblem(
                f"the waits before attempts {one.retry.number} and {two.retry.number} are equal",
                "for a cap this low, see assert_backoff(maximum=...)" if grown else "",
            )
    for one, two, three in zip(waits, waits[1:], waits[2:], strict=False):
        step, next_step = two.seconds - one.seconds, three.seconds - two.seconds
        # A cap may cut a later step short: 5, 10, 20, 40, 60.
        in_a_row = three.position == one.position + 2 and three.position < _CAP_FROM
        if in_a_row and abs(step) > same and abs(step - next_step) <= same:
            how = "grow" if step > 0 else "shrink"
            return WaitProblem(f"the waits {how} by {abs(step):.3f} s each time: that is linear")
    return None


def _floor(waits: list[RetryWait], same: float) -> int:
    """How many waits are lifted to a least wait that later ones leave: 2, 2, 4, 8 has one."""
    for number, (one, two) in enumerate(pairwise(waits)):
        if abs(two.seconds - one.seconds) > same:
            return number if two.seconds >= _OFF_THE_FLOOR * one.seconds else 0
    return 0


def _basis(error: DocumentedError) -> str:
    return "" if error.basis == "documented" else f" (basis: {error.basis})"
