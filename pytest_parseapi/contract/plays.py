"""Plays a case: scripts the API, lets the consumer parse, and judges what it did."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from pytest_parseapi.asynchronous import run_book
from pytest_parseapi.catalogue.faults import NetworkFault
from pytest_parseapi.catalogue.model import DocumentedError
from pytest_parseapi.checks.record import Finding
from pytest_parseapi.checks.retry_after import too_early
from pytest_parseapi.checks.waits import waits_of
from pytest_parseapi.checks.webhooks import repeated_effects
from pytest_parseapi.contract.cases import Case
from pytest_parseapi.contract.growth import growth_problem, means
from pytest_parseapi.contract.rules import (
    Breach,
    Named,
    documented,
    general_breaches,
    kept,
    may_be_retried,
)
from pytest_parseapi.contract.stage import Stage
from pytest_parseapi.contract.trial import Trial
from pytest_parseapi.service.script import ALWAYS

__all__ = ["PLAYS", "play"]

_SEEDS: Final = 16
_MANY: Final = 30


def play(case: Case, stage: Stage) -> list[Breach]:
    """The rules that a consumer breaks in a case."""
    __tracebackhide__ = True
    return kept(PLAYS[case.test](case, stage), stage.policy)


def _success(_case: Case, stage: Stage) -> Iterator[Breach]:
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


def _documented_error(case: Case, stage: Stage) -> Iterator[Breach]:
    error = _scripted(case)
    stage.api.fail(error, endpoint=case.endpoint)
    trial = stage.call()
    yield from _met(trial, error, stage)
    yield from general_breaches(trial, stage.policy)
    if may_be_retried(stage.api.provider, error):
        yield from _recovers(trial, error)


def _lasting(case: Case, stage: Stage) -> Iterator[Breach]:
    error = _scripted(case)
    stage.api.fail(error, times=ALWAYS)
    trial = stage.call()
    yield from _met(trial, error, stage)
    yield from general_breaches(trial, stage.policy)
    if isinstance(error, DocumentedError):
        yield from _exact_attempts(trial, error, stage)


def _backoff(case: Case, stage: Stage) -> Iterator[Breach]:
    error = _scripted(case)
    runs: list[list[float]] = []
    trial: Trial | None = None
    for seed in range(_SEEDS):
        stage.api.reset()
        stage.api.fail(error, times=ALWAYS)
        stage.draw_alike(seed)
        try:
            trial = stage.call()
        finally:
            stage.draw_alike(None)
        yield from _met(trial, error, stage)
        runs += [
            [wait.seconds for wait in waits]
            for operation in trial.record.operations
            for waits in waits_of(operation)
            if waits
        ]
        if trial.stopped:
            break
    if trial is None or not trial.record.attempts:
        return
    if not runs:
        yield _not_retried(trial, error)
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


def _retry_after(case: Case, stage: Stage) -> Iterator[Breach]:
    error = _scripted(case)
    value: float | datetime.datetime = case.retry_after
    if case.as_date:
        wall = stage.api._simulation.clock.wall()
        value = datetime.datetime.fromtimestamp(wall + case.retry_after, tz=datetime.UTC)
    stage.api.fail(error, retry_after=value)
    trial = stage.call()
    yield from _met(trial, error, stage)
    yield from (Breach("retry_after", finding) for finding in too_early(trial.record))
    yield from general_breaches(trial, stage.policy)
    yield from _recovers(trial, error)


def _earlier_result(case: Case, stage: Stage) -> Iterator[Breach]:
    before = stage.call()
    if before.error is not None:
        yield from _success(case, stage)
        return
    stage.api.fail(_scripted(case), times=ALWAYS)
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


def _retryable_flag(case: Case, stage: Stage) -> Iterator[Breach]:
    error = _scripted(case)
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


def _run_failure(case: Case, stage: Stage) -> Iterator[Breach]:
    error = _scripted(case)
    stage.api.fail_run(_name(error))
    trial = stage.call()
    yield from _run_met(trial, error, stage)
    yield from general_breaches(trial, stage.policy)
    if trial.record.runs and not trial.failed_run and trial.error is not None:
        yield Breach(
            "resubmits",
            Finding(
                rule="the result of a new run is used",
                where=trial.record.runs[-1].id,
                expected=f"a result: run {trial.record.runs[-1].id} ended "
                f"{trial.record.runs[-1].status}",
                seen=trial.outcome,
            ),
        )


def _lasting_run_failure(case: Case, stage: Stage) -> Iterator[Breach]:
    error = _scripted(case)
    # No fuse counts runs: each of them is created by a request that succeeds.
    stage.api.fail_run(_name(error), times=_MANY)
    trial = stage.call()
    for step in run_book(stage.api._service).script.unused():
        # What a consumer that gave up left of the script is no mistake of the test.
        step.times = ALWAYS
    yield from _run_met(trial, error, stage)
    yield from general_breaches(trial, stage.policy)
    if len(trial.record.runs) > _MANY:
        yield Breach(
            "gives_up",
            Finding(
                rule="the consumer gives up on a document whose runs fail",
                expected=f"an end to it. {documented(stage.api.provider, error)}",
                seen=f"{_MANY} runs failed, and another one was submitted",
                advice="limit how often a document is submitted",
            ),
        )


def _webhook(case: Case, stage: Stage) -> Iterator[Breach]:
    error = None if case.error is None else _name(case.error)
    trial = stage.deliver(stage.api.webhook(error, wrong=case.wrong))
    yield from _webhook_breaches(trial, stage)


def _repeated_webhook(_case: Case, stage: Stage) -> Iterator[Breach]:
    before = 0 if stage.policy.webhook_effects is None else stage.policy.webhook_effects()
    delivery = stage.api.webhook()
    stage.deliver(delivery)
    trial = stage.deliver(delivery)
    yield from _webhook_breaches(trial, stage)
    count = stage.policy.webhook_effects
    effects = None if count is None else (lambda: count() - before)
    for finding in repeated_effects(trial.record, effects):
        yield Breach("handles_events_once", finding)


def _webhook_breaches(trial: Trial, stage: Stage) -> Iterator[Breach]:
    """A receiver is asked for nothing that only a caller of ``parse`` can give."""
    for breach in general_breaches(trial, stage.policy):
        if breach.rule in _OF_WEBHOOKS:
            yield breach


_OF_WEBHOOKS: Final = (
    "accepts_webhooks",
    "verifies_signature",
    "hides_webhook_secret",
    "hides_credentials",
    "sets_timeouts",
)


def _run_met(trial: Trial, error: Named, stage: Stage) -> Iterator[Breach]:
    if any(run.failed for run in trial.record.runs) or trial.stopped:
        return
    runs = ", ".join(f"{run.id} {run.status}" for run in trial.record.runs) or "no run"
    yield Breach(
        "succeeds",
        Finding(
            rule=f"the consumer submits a run to {stage.api.provider.title} and polls it",
            expected=f"a run that is polled to its end, which was to be FAILED: {_name(error)}",
            seen=f"{trial.outcome}; {runs}",
            advice=trial.record.advice("polling"),
        ),
    )


def _name(error: Named) -> str:
    return error.code if isinstance(error, DocumentedError) else error.name


def _scripted(case: Case) -> Named:
    if case.error is None:
        raise TypeError(f"the case {case.id} of {case.test} scripts nothing")
    return case.error


def _met(trial: Trial, error: Named, stage: Stage) -> Iterator[Breach]:
    """A case proves nothing where the consumer never met its failure."""
    if trial.stopped or any(attempt.failed for attempt in trial.record.attempts):
        return
    sent = ", ".join(f"{item.method} {item.endpoint}" for item in trial.record.attempts[:3])
    yield Breach(
        "succeeds",
        Finding(
            rule=f"the consumer asks {stage.api.provider.title} to parse",
            expected=f"a request to {stage.api.provider.endpoints[0]}, which was to meet {error}",
            seen=f"{trial.outcome} after {sent or 'no request'}",
            advice=f"parse() is called with {stage.document!r}, and api_key and base_url are on "
            "the test class",
        ),
    )


def _recovers(trial: Trial, error: Named) -> Iterator[Breach]:
    """After one failure that may be retried, the result of the retry is what ``parse`` gives."""
    provider = trial.record.provider
    last = trial.last
    if last is None or trial.stopped:
        return
    if last.failed:
        alone = any(operation.attempts == [last] for operation in trial.record.operations)
        if alone and isinstance(error, NetworkFault):
            yield _not_retried(trial, error)
        return
    if trial.error is not None:
        yield Breach(
            "retries",
            Finding(
                rule="the result of a retry is used",
                expected=f"a result: attempt {last.number} succeeded. "
                + documented(provider, error),
                seen=trial.outcome,
            ),
        )


def _not_retried(trial: Trial, error: Named) -> Breach:
    record = trial.record
    server_errors = isinstance(error, NetworkFault)
    return Breach(
        "retries",
        Finding(
            rule=f"{getattr(error, 'code', error)} is retried",
            where=record.operations[0].name,
            expected=f"a retry. {documented(record.provider, error)}",
            seen="nothing followed",
            advice=record.advice("server_errors" if server_errors else "retryable")
            or record.advice("retryable"),
        ),
    )


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


PLAYS: Final[dict[str, Callable[[Case, Stage], Iterator[Breach]]]] = {
    "success": _success,
    "documented_error": _documented_error,
    "lasting_error": _lasting,
    "network_fault": _documented_error,
    "lasting_network_fault": _lasting,
    "backoff": _backoff,
    "retry_after": _retry_after,
    "earlier_result": _earlier_result,
    "retryable_flag": _retryable_flag,
    "run_failure": _run_failure,
    "lasting_run_failure": _lasting_run_failure,
    "poll_error": _documented_error,
    "poll_fault": _documented_error,
    "webhook": _webhook,
    "wrong_webhook": _webhook,
    "repeated_webhook": _repeated_webhook,
}
"""How each kind of case is played."""
