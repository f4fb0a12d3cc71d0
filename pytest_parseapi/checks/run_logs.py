"""Whether the logs tell which runs failed, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pytest_parseapi.checks.failed_runs import failed_runs, name_of, need_failed_run
from pytest_parseapi.checks.logs import level_number
from pytest_parseapi.checks.record import Finding, Record, counted, fail
from pytest_parseapi.evidence.line import Line
from pytest_parseapi.run import Run

__all__ = ["run_failure_logged", "unlogged_failures"]

_LOGGED: Final = "the id and the failureReason of each failed run are logged"

_WORD: Final = re.compile(r"[A-Za-z]+_\w+")


def run_failure_logged(
    record: Record, level: int | str | None = None, text: str | None = None
) -> None:
    """Each failed run's id and reason are in the consumer's logs or output."""
    __tracebackhide__ = True
    number = level_number(level)
    need_failed_run(record, _LOGGED)
    fail(record, list(unlogged_failures(record, number, text, level)))


def unlogged_failures(
    record: Record, number: int | None, text: str | None, level: int | str | None
) -> Iterator[Finding]:
    """Failed runs whose id or reason no line holds."""
    lines = [
        line
        for line in record.lines(text)
        if number is None or (line.level is not None and line.level >= number)
    ]
    ids = {run.id for run in record.runs}
    # A line about one run does not tell why another one failed.
    about = [(line, set(_WORD.findall(line.text)) & ids) for line in lines]
    rule = _LOGGED + ("" if level is None else f" at {level} or above")
    for run in failed_runs(record):
        reason = run.failure_reason or ""
        with_id = [line for line in lines if run.id in line.text]
        has_reason = any(reason in line.text for line in with_id) or any(
            reason in line.text for line, runs in about if not runs
        )
        if with_id and has_reason:
            continue
        missing = [word for word, there in ((run.id, with_id), (reason, has_reason)) if not there]
        yield Finding(
            rule=rule,
            where=name_of(run),
            expected=f"{run.id} and {reason}",
            seen=f"{' and '.join(missing)} in none of {counted(len(lines), 'line')} of logs and "
            "output",
            nearest=_nearest(run, lines),
            advice=record.advice("polling"),
        )


def _nearest(run: Run, lines: Sequence[Line]) -> str:
    for word in (run.id, run.failure_reason or run.id):
        for line in reversed(lines):
            if word in line.text:
                return f"{line.source}: {line.text[:100]!r} has {word}"
    return ""
