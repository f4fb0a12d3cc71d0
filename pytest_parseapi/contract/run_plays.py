"""Plays runs that fail, once or again and again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_parseapi.asynchronous import run_book
from pytest_parseapi.checks.record import Finding
from pytest_parseapi.contract.breach import Breach
from pytest_parseapi.contract.cases import Case
from pytest_parseapi.contract.failure import documented, name_of
from pytest_parseapi.contract.rules import general_breaches
from pytest_parseapi.contract.scripted_rules import run_met
from pytest_parseapi.contract.stage import Stage
from pytest_parseapi.service.script import ALWAYS

__all__ = ["lasting_run_failure", "run_failure"]

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
