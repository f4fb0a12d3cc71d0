"""Plays what replies bring: a success, errors and network faults, once or without end."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pytest_parseapi.checks.finding import Finding
from pytest_parseapi.checks.waits import too_early, waits_of
from pytest_parseapi.contract.cases import Case, Named, documented, may_be_retried
from pytest_parseapi.contract.growth import growth_problem, means
from pytest_parseapi.contract.rules import Breach, general_breaches
from pytest_parseapi.contract.scripted_rules import met, not_retried, recovers
from pytest_parseapi.contract.trial import Stage, Trial
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.service.script import ALWAYS

__all__ = [
    "backoff",
    "earlier_result",
    "lasting_failure",
    "retry_after",
    "retryable_flag",
    "single_failure",
    "success",
]

_SEEDS: Final = 16
_LULL: Final = 600.0


def success(_case: Case, stage: Stage) -> Iterator[Breach]:
    """A document is parsed where nothing fails."""
    trial = stage.call()
    yield from general_breaches(trial, stage.policy)
    if trial.error is not None or trial.last is None or trial.last.failed:
        asked = "sent no request" if trial.last is None else "sent requests"
        yield Breach(
            "succeeds",
            Finding(
                rule="a document is parsed where nothing fails",
                expected=f"a request to {stage.api.base_url}, and a result",
                seen=f"{trial.outcome}; it {asked}",
                advice="the contract needs a parse() that works: it is called with "
                f"{stage.document!r}",
            ),
        )


def single_failure(case: Case, stage: Stage) -> Iterator[Breach]:
    """A failure comes once."""
    error = case.failure
    stage.api.fail(error, endpoint=case.endpoint)
    trial = stage.call()
    yield from met(trial, error, stage)
    yield from general_breaches(trial, stage.policy)
    if may_be_retried(stage.api.provider, error):
        yield from recovers(trial, error)


def lasting_failure(case: Case, stage: Stage) -> Iterator[Breach]:
    """A failure comes again and again."""
    error = case.failure
    stage.api.fail(error, times=ALWAYS)
    trial = stage.call()
    yield from met(trial, error, stage)
    yield from general_breaches(trial, stage.policy)
    if isinstance(error, DocumentedError):
        yield from _exact_attempts(trial, error, stage)


def backoff(case: Case, stage: Stage) -> Iterator[Breach]:
    """A failure lasts, and the waits between attempts are measured with several seeds."""
    error = case.failure
    runs: list[list[float]] = []
    trial: Trial | None = None
    for seed in range(_SEEDS):
        trial = _lasting(stage, error, seed)
        if runs and not _waits(trial) and not trial.stopped:
            # What is kept on purpose, such as a circuit breaker, forgets a failure in time.
            stage.api.reset()
            stage.api.clock.advance(_LULL)
            stage.call()
            trial = _lasting(stage, error, seed)
            if not (_waits(trial) or trial.stopped) and trial.last and trial.last.error == error:
                yield _forgotten(trial, error)
                break
        yield from met(trial, error, stage)
        runs += _waits(trial)
        if trial.stopped:
            break
    if trial is None or not trial.record.attempts:
        return
    if not runs:
        yield not_retried(trial, error)
        return
    problem = growth_problem(runs, immediate_first=stage.policy.immediate_first_retry)
    if problem:
        seen = ", ".join(f"{mean:.3f} s" for mean in means(runs)[:8])
        yield Breach(
            "backoff",
            Finding(
                rule="waits before retries grow exponentially",
                where=trial.record.operations[0].name,
                expected="waits that grow, each by more than the one before, up to a limit that "
                "the fourth may reach",
                seen=f"{seen} (the mean of each over {len(runs)} runs)",
                nearest=problem,
                advice=trial.record.advice("backoff"),
            ),
        )


def _lasting(stage: Stage, error: Named, seed: int) -> Trial:
    stage.api.reset()
    stage.api.fail(error, times=ALWAYS)
    stage.draw_alike(seed)
    try:
        return stage.call()
    finally:
        stage.draw_alike(None)


def _waits(trial: Trial) -> list[list[float]]:
    return [
        [wait.seconds for wait in waits]
        for operation in trial.record.operations
        for waits in waits_of(operation)
        if waits
    ]


def _forgotten(trial: Trial, error: Named) -> Breach:
    """The breach of a consumer that retried one document, and not the next."""
    record = trial.record
    return Breach(
        "retries",
        Finding(
            rule="each document gets its retries",
            where=record.operations[0].name,
            expected="retries as for the document before. " + documented(record.provider, error),
            seen="nothing followed",
            advice="count attempts anew for each document: what counts them must not outlive a "
            "call of parse()",
        ),
    )


def retry_after(case: Case, stage: Stage) -> Iterator[Breach]:
    """A failure comes once, with ``Retry-After``."""
    error = case.failure
    value: float | datetime.datetime = case.retry_after
    if case.as_date:
        wall = stage.api._simulation.clock.wall()
        value = datetime.datetime.fromtimestamp(wall + case.retry_after, tz=datetime.UTC)
    stage.api.fail(error, retry_after=value)
    trial = stage.call()
    yield from met(trial, error, stage)
    yield from (Breach("retry_after", finding) for finding in too_early(trial.record))
    for breach in general_breaches(trial, stage.policy):
        if breach.rule == "retries":
            yield _not_awaited(breach.finding, case)
        else:
            yield breach
    yield from recovers(trial, error)


def _not_awaited(finding: Finding, case: Case) -> Breach:
    """The breach of a consumer that gives up where it is asked to wait."""
    advice = (
        f"a consumer that gives up on {case.retry_after} s on purpose states retry_after = False"
    )
    return Breach(
        "retry_after",
        replace(
            finding,
            rule="a retry comes after the reply's Retry-After",
            advice=f"{finding.advice}\n{advice}",
        ),
    )


def earlier_result(case: Case, stage: Stage) -> Iterator[Breach]:
    """A failure lasts after the same document was parsed."""
    before = stage.call()
    if before.error is not None:
        yield from success(case, stage)
        return
    stage.api.fail(case.failure, times=ALWAYS)
    trial = stage.call()
    # A consumer that keeps results and asks no more has not taken a failure for a success.
    if len(trial.record.attempts) == len(before.record.attempts):
        stage.api.reset()
        return
    if trial.ended_in_failure and trial.error is None and not trial.stopped:
        same = trial.value is before.value or trial.value == before.value
        if stage.policy.raises or (same and trial.value is not None):
            yield Breach(
                "fresh_results",
                Finding(
                    rule="no earlier result stands in for a failed one",
                    expected="an exception, since the API failed this time",
                    seen=trial.outcome + (", the result of the call before" if same else ""),
                    advice="a result that was kept for a failure has to say so",
                ),
            )


def retryable_flag(case: Case, stage: Stage) -> Iterator[Breach]:
    """An error comes once, as one that is not to be retried."""
    error = case.failure
    if not isinstance(error, DocumentedError):
        return
    stage.api.fail(replace(error, retryable=False))
    trial = stage.call()
    for operation in trial.record.operations:
        for before, after in operation.pairs():
            yield Breach(
                "obeys_retryable_flag",
                Finding(
                    rule="the body's retryable flag outweighs the status",
                    where=operation.name,
                    expected=f"no attempt after a {before.status} with retryable: false",
                    seen=f"attempt {after.number} after {after.waited or 0:.3f} s",
                    advice=trial.record.advice("retryable"),
                ),
            )
            return


def _exact_attempts(trial: Trial, error: DocumentedError, stage: Stage) -> Iterator[Breach]:
    wanted = stage.policy.max_attempts
    if wanted is None or trial.stopped or not stage.policy.retries:
        return
    for operation in trial.record.operations:
        if operation.attempts[-1].failed and len(operation.attempts) != wanted:
            yield Breach(
                "gives_up",
                Finding(
                    rule=f"the consumer gives up after {wanted} attempts in all",
                    where=operation.name,
                    expected=f"{wanted} attempts (max_attempts = {wanted}). "
                    + documented(stage.api.provider, error),
                    seen=f"{len(operation.attempts)} attempts",
                    advice="the first attempt counts, too",
                ),
            )
