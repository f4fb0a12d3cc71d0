"""Plays a case: scripts the API, lets the consumer parse, and judges what it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pytest_parseapi.api.runs import run_book
from pytest_parseapi.checks.finding import Finding
from pytest_parseapi.checks.webhooks import repeated_effects
from pytest_parseapi.contract import http_plays
from pytest_parseapi.contract.cases import Case, documented, name_of
from pytest_parseapi.contract.rules import Breach, general_breaches, kept
from pytest_parseapi.contract.scripted_rules import run_met
from pytest_parseapi.contract.trial import Stage, Trial
from pytest_parseapi.service.script import ALWAYS

__all__ = [
    "PLAYS",
    "lasting_run_failure",
    "play",
    "repeated_delivery",
    "run_failure",
    "single_delivery",
]


_MANY: Final = 30


def run_failure(case: Case, stage: Stage) -> Iterator[Breach]:
    """One run fails."""
    error = case.failure
    stage.api.fail_run(name_of(error))
    trial = stage.call()
    yield from run_met(trial, error, stage)
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


def lasting_run_failure(case: Case, stage: Stage) -> Iterator[Breach]:
    """Run after run fails."""
    error = case.failure
    # No fuse counts runs: each of them is created by a request that succeeds.
    stage.api.fail_run(name_of(error), times=_MANY)
    trial = stage.call()
    for step in run_book(stage.api._service).script.unused():
        # What a consumer that gave up left of the script is no mistake of the test.
        step.times = ALWAYS
    yield from run_met(trial, error, stage)
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


_OF_WEBHOOKS: Final = (
    "accepts_webhooks",
    "verifies_signature",
    "hides_webhook_secret",
    "hides_credentials",
    "sets_timeouts",
)


def single_delivery(case: Case, stage: Stage) -> Iterator[Breach]:
    """One webhook is delivered, right or wrong."""
    error = None if case.error is None else name_of(case.error)
    trial = stage.deliver(stage.api.webhook(error, wrong=case.wrong))
    yield from _webhook_breaches(trial, stage)


def repeated_delivery(_case: Case, stage: Stage) -> Iterator[Breach]:
    """One webhook is delivered twice."""
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


PLAYS: Final[dict[str, Callable[[Case, Stage], Iterator[Breach]]]] = {
    "success": http_plays.success,
    "documented_error": http_plays.single_failure,
    "lasting_error": http_plays.lasting_failure,
    "network_fault": http_plays.single_failure,
    "lasting_network_fault": http_plays.lasting_failure,
    "backoff": http_plays.backoff,
    "retry_after": http_plays.retry_after,
    "earlier_result": http_plays.earlier_result,
    "retryable_flag": http_plays.retryable_flag,
    "run_failure": run_failure,
    "lasting_run_failure": lasting_run_failure,
    "poll_error": http_plays.single_failure,
    "poll_fault": http_plays.single_failure,
    "webhook": single_delivery,
    "wrong_webhook": single_delivery,
    "repeated_webhook": repeated_delivery,
}
"""How each kind of case is played."""


def play(case: Case, stage: Stage) -> list[Breach]:
    """The rules that a consumer breaks in a case."""
    return kept(PLAYS[case.test](case, stage), stage.policy)
