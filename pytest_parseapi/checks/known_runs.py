"""Finds the runs that a consumer could know of."""

from __future__ import annotations

from pytest_parseapi.checks.observed import Observed, example_code, nothing_to_check
from pytest_parseapi.model.runs import RunShown
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.run import Run


def failed_runs(observed: Observed) -> list[Run]:
    """The failed runs that the consumer could know of."""
    return [run for run in known_runs(observed) if run.failed]


def known_runs(observed: Observed) -> list[Run]:
    """The runs that a reply showed to the consumer, or that a right webhook told of.

    The reply to a submission may be lost, and a receiver must not believe a wrong delivery.
    """
    shown = [shown for item in observed.attempts for shown in shown_by(item)]
    ids = {item.id for item in shown}
    failed = {item.id for item in shown if item.failed}

    def is_known(run: Run) -> bool:
        if run.announced == "right":
            return True
        by = ids if not run.announced else failed
        return run.submitted and (run.id in by or run.batch_id in by)

    return [run for run in observed.runs if is_known(run)]


def need_failed_run(observed: Observed, rule: str) -> None:
    """Fail if the consumer could know of no failed run."""
    if failed_runs(observed):
        return
    going = sum(run.ended is None for run in observed.runs)
    nearest = f"{going} still in progress: nobody polled to the end" if going else ""
    nothing_to_check(
        observed,
        rule,
        "no failed run is on record",
        nearest,
        advice="script a failing run, such as api.fail_run("
        f"{example_code(observed.provider, 'run')})",
    )


def shown_by(attempt: Attempt) -> list[RunShown]:
    """The runs that a reply shows."""
    return [*([] if attempt.shown is None else [attempt.shown]), *attempt.listed]
