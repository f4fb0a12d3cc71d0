"""The failed runs on record, and what a check on runs says where there are none."""

from __future__ import annotations

from pytest_parseapi.checks.record import Record, nothing_to_check
from pytest_parseapi.run import IN_PROGRESS, Run

__all__ = ["failed_runs", "name_of", "need_failed_run", "no_run_to_check"]


def failed_runs(record: Record) -> list[Run]:
    """The runs that ended ``FAILED``."""
    return [run for run in record.runs if run.failed]


def need_failed_run(record: Record, rule: str) -> None:
    """Fail where no run on record failed."""
    __tracebackhide__ = True
    if failed_runs(record):
        return
    going = sum(run.status in IN_PROGRESS for run in record.runs)
    nearest = f"{going} still in progress: nobody polled to the end" if going else ""
    no_run_to_check(record, rule, "no failed run is on record", nearest)


def no_run_to_check(record: Record, rule: str, seen: str, nearest: str = "") -> None:
    """Fail because a check on runs had nothing to look at."""
    __tracebackhide__ = True
    nothing_to_check(
        record,
        rule,
        seen,
        nearest,
        advice="script a failing run, such as api.fail_run('OCR_ERROR')",
    )


def name_of(run: Run) -> str:
    """A run and its document, for messages."""
    return f"{run.id}  {run.document}" if run.document else run.id
