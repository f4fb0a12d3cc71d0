"""Runs the cases about HTTP replies: a success, errors and network faults."""

from __future__ import annotations

import datetime
import functools
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pytest_parseapi.api.internals import simulation_of
from pytest_parseapi.checks.finding import Finding, Subject
from pytest_parseapi.checks.kinds import rule_of
from pytest_parseapi.checks.requests import wrong_api_versions
from pytest_parseapi.checks.retry_after import too_early
from pytest_parseapi.checks.waits import waits_of
from pytest_parseapi.contract.call import CallResult, Harness
from pytest_parseapi.contract.cases import (
    UNAVAILABLE,
    Case,
    documented,
    may_be_retried,
    retryable_by_status,
)
from pytest_parseapi.contract.growth import growth_problem, has_noise, means
from pytest_parseapi.contract.rules import Violation, general_violations
from pytest_parseapi.contract.scripted_rules import failure_never_met, not_retried, recovers
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.lookup import ErrorOrFault
from pytest_parseapi.model.mistakes import counted
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.service.script import ALWAYS

_SEEDS: Final = 16
_MOST_SEEDS: Final = 64
# The first five numbers that `random` gives after it are below 0.12.
_LOW_SEED: Final = 79_229
_QUIET_SECONDS: Final = 600.0
_STANDARD: Final = (
    "RFC 9110, 10.2.3: with a 503, Retry-After says how long the service is expected to be down"
)


def success(_case: Case, harness: Harness) -> Iterator[Violation]:
    """Parse a document; nothing fails."""
    call = harness.call()
    yield from general_violations(call, harness.policy)
    if call.error is not None or call.last is None or call.last.failed:
        asked = "sent no request" if call.last is None else "sent requests"
        yield Violation(
            "succeeds",
            Finding(
                rule="a document is parsed if nothing fails",
                expected=f"a request to {harness.api.base_url}, and a result",
                seen=f"{call.outcome}; it {asked}",
                advice="the contract needs a parse() that works: it is called with "
                f"{harness.document!r}",
            ),
        )


def api_version(_case: Case, harness: Harness) -> Iterator[Violation]:
    """Parse with one failure; check that each request names a documented version."""
    error, *_ = retryable_by_status(harness.api.provider, harness.policy)
    harness.api.fail(error)
    call = harness.call()
    if not call.stopped:
        # A consumer that gave up has not shown all of its requests.
        call = harness.call()
    for finding in wrong_api_versions(call.observed):
        yield Violation("api_version", finding)


def single_failure(case: Case, harness: Harness) -> Iterator[Violation]:
    """Parse with one failure."""
    error = case.failure
    harness.api.fail(error, endpoint=case.endpoint)
    call = harness.call()
    yield from failure_never_met(call, error, harness)
    yield from general_violations(call, harness.policy)
    if may_be_retried(harness.api.provider, error):
        yield from recovers(call, error)


def lasting_failure(case: Case, harness: Harness) -> Iterator[Violation]:
    """Parse with a failure that does not end."""
    error = case.failure
    harness.api.fail(error, times=ALWAYS)
    call = harness.call()
    yield from failure_never_met(call, error, harness)
    yield from general_violations(call, harness.policy)
    if isinstance(error, DocumentedError) and error.retryable:
        yield from _exact_attempts(call, error, harness)


def backoff(case: Case, harness: Harness) -> Iterator[Violation]:
    """Parse with a failure that does not end, and measure the waits with several seeds."""
    error = case.failure
    problem_of = functools.partial(
        growth_problem, immediate_first=harness.policy.immediate_first_retry
    )
    runs: list[list[float]] = []
    call: CallResult | None = None
    for seed in range(_MOST_SEEDS):
        if seed == _SEEDS and not (has_noise(runs) and problem_of(runs)):
            # With its own random numbers, the consumer's growth may have been hidden by chance.
            break
        call = _lasting(harness, error, seed)
        if runs and not _waits(call) and not call.stopped:
            # State that is kept on purpose, such as a circuit breaker, recovers with time.
            harness.api.reset()
            harness.api.clock.advance(_QUIET_SECONDS)
            harness.call()
            call = _lasting(harness, error, seed)
            if not (_waits(call) or call.stopped) and call.last and call.last.error == error:
                yield _forgotten(call, error)
                break
        yield from failure_never_met(call, error, harness)
        runs += _waits(call)
        if call.stopped:
            break
    if call is None or not call.observed.attempts:
        return
    if not runs:
        if call.observed.failed_operations:
            yield not_retried(call, error)
        return
    problem = problem_of(runs)
    if problem is not None:
        seen = ", ".join(f"{mean:.3f} s" for mean in means(runs)[:8])
        yield Violation(
            "backoff",
            Finding(
                kind="backoff",
                rule=rule_of("backoff"),
                subject=Subject.operation(call.observed.operations[0]),
                expected="waits that grow, each by more than the one before, up to a limit that "
                "the fourth may reach",
                seen=f"{seen} (the mean of each over {len(runs)} runs)",
                nearest=problem.explained(call.observed),
                advice=call.observed.advice("backoff"),
            ),
        )


def _lasting(harness: Harness, error: ErrorOrFault, seed: int) -> CallResult:
    harness.api.reset()
    harness.api.fail(error, times=ALWAYS)
    harness.seed_exchanges(seed)
    return harness.call()


def _waits(call: CallResult) -> list[list[float]]:
    return [
        [wait.seconds for wait in waits]
        for operation in call.observed.operations
        for waits in waits_of(call.observed, operation)
        if waits
    ]


def _forgotten(call: CallResult, error: ErrorOrFault) -> Violation:
    """The violation of a consumer that retried one document, and not the next one."""
    observed = call.observed
    return Violation(
        "retries",
        Finding(
            kind="retryable_error",
            rule="each document gets its retries",
            subject=Subject.operation(observed.operations[0]),
            expected="retries as for the document before. " + documented(observed.provider, error),
            seen="nothing followed",
            advice="count attempts from zero for each document: the counter must not outlive "
            "a call of parse()",
        ),
    )


def retry_after(case: Case, harness: Harness) -> Iterator[Violation]:
    """Parse with one failure that has a ``Retry-After``."""
    error, drawn = case.failure, random.getstate()
    call = _asked_to_wait(case, harness)
    found = list(failure_never_met(call, error, harness))
    found += _too_early(call, error)
    found += [
        _not_awaited(violation.finding, case, call.observed.provider)
        if violation.rule == "retries"
        else violation
        for violation in (*general_violations(call, harness.policy), *recovers(call, error))
    ]
    yield from found
    if not found and random.getstate() != drawn:
        # A jitter around the requested wait is too early in half of the cases.
        harness.api.reset()
        harness.seed_exchanges(_LOW_SEED)
        yield from _too_early(_asked_to_wait(case, harness), error)


def _too_early(call: CallResult, error: ErrorOrFault) -> Iterator[Violation]:
    for finding in too_early(call.observed):
        yield Violation("retry_after", _with_basis(finding, error, call.observed.provider))


def _asked_to_wait(case: Case, harness: Harness) -> CallResult:
    value: float | datetime.datetime = case.retry_after
    if case.as_date:
        wall = simulation_of(harness.api).clock.wall()
        value = datetime.datetime.fromtimestamp(wall + case.retry_after, tz=datetime.UTC)
    harness.api.fail(case.failure, retry_after=value)
    return harness.call()


def _with_basis(finding: Finding, error: ErrorOrFault, provider: Provider) -> Finding:
    """The finding, with a note if no page of the provider documents the header."""
    lines = [finding.advice]
    if error.status == UNAVAILABLE:
        lines.append(_STANDARD)
    if provider.advice_for("retry_after") is None:
        lines.append(
            f"retry_after = True asks for it: no page of {provider.title} names the header"
        )
    return replace(finding, advice="\n".join(filter(None, lines)))


def _not_awaited(finding: Finding, case: Case, provider: Provider) -> Violation:
    """The violation of a consumer that gives up, although the reply asks to wait."""
    advice = (
        f"a consumer that gives up on {case.retry_after} s on purpose states retry_after = False"
    )
    found = _with_basis(finding, case.failure, provider)
    return Violation(
        "retry_after",
        replace(
            found,
            rule="a retry comes after the reply's Retry-After",
            advice="\n".join(filter(None, (found.advice, advice))),
        ),
    )


def earlier_result(case: Case, harness: Harness) -> Iterator[Violation]:
    """Parse a document, and again with a failure that does not end."""
    before = harness.call()
    if before.error is not None:
        yield from success(case, harness)
        return
    harness.api.fail(case.failure, times=ALWAYS)
    call = harness.call()
    # A consumer that returned a kept result without a request did not hide a failure.
    if len(call.observed.attempts) == len(before.observed.attempts):
        harness.api.reset()
        return
    if call.ended_in_failure and call.error is None and not call.stopped:
        same = call.value is before.value or call.value == before.value
        if harness.policy.raises or (same and call.value is not None):
            yield Violation(
                "fresh_results",
                Finding(
                    rule="no earlier result is returned for a failed call",
                    expected="an exception, since the API failed this time",
                    seen=call.outcome + (", the result of the call before" if same else ""),
                    advice="a kept result that is returned after a failure must be marked as such",
                ),
            )


def retryable_flag(case: Case, harness: Harness) -> Iterator[Violation]:
    """Parse with one error whose flag says that it is not retryable."""
    error = case.failure
    if not isinstance(error, DocumentedError):
        return
    harness.api.fail(replace(error, retryable=False))
    call = harness.call()
    for operation in call.observed.operations:
        for before, after in operation.pairs():
            yield Violation(
                "obeys_retryable_flag",
                Finding(
                    kind="retryable_error",
                    rule="the body's retryable flag outweighs the status",
                    subject=Subject.operation(operation),
                    expected=f"no attempt after a {before.status} with retryable: false",
                    seen=f"attempt {after.number} after {after.waited or 0:.3f} s",
                    advice=call.observed.advice("final_errors"),
                ),
            )
            return


def _exact_attempts(
    call: CallResult, error: DocumentedError, harness: Harness
) -> Iterator[Violation]:
    wanted = harness.policy.max_attempts
    if wanted is None or call.stopped or not harness.policy.retries:
        return
    for operation in call.observed.operations:
        if operation.attempts[-1].failed and len(operation.attempts) != wanted:
            yield Violation(
                "gives_up",
                Finding(
                    kind="gave_up",
                    rule=f"the consumer gives up after {counted(wanted, 'attempt')} in all",
                    subject=Subject.operation(operation),
                    expected=f"{counted(wanted, 'attempt')} (max_attempts = {wanted}). "
                    + documented(harness.api.provider, error),
                    seen=counted(len(operation.attempts), "attempt"),
                    advice="the first attempt counts, too",
                ),
            )
