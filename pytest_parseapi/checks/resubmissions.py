"""Whether documents whose runs failed were submitted again where that helps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from pytest_parseapi.attempt import Attempt
from pytest_parseapi.catalogue.arguments import check_count
from pytest_parseapi.checks.failed_runs import name_of, need_failed_run
from pytest_parseapi.checks.record import Finding, Record, counted, fail
from pytest_parseapi.checks.waits import NO_WAIT
from pytest_parseapi.run import Run

__all__ = ["resubmitted", "wrong_resubmissions"]

_AGAIN: Final = "a failed run is followed by a new run for the same document"

_TOLERANCE: Final = 1e-6


class Resubmission(NamedTuple):
    """A failed run, and the new run for the same document that came after its end."""

    failed: Run
    again: Run


def resubmitted(record: Record, times: int | None = None, document: str | None = None) -> None:
    """Each failed run was followed by a new one, exactly ``times`` in all where given."""
    __tracebackhide__ = True
    check_count("times", times, 0)
    rule = _AGAIN if times is None else f"{_AGAIN}, exactly {counted(times, 'new run')}"
    narrowed = record.about(document, rule)
    need_failed_run(narrowed, rule)
    findings = []
    for runs in _by_document(narrowed.runs):
        failed = [run for run in runs if run.failed]
        if not failed:
            continue
        seen = len(_resubmissions(runs))
        if seen == times or (times is None and seen):
            continue
        findings.append(
            Finding(
                rule=rule,
                where=name_of(failed[-1]),
                expected="at least 1 new run" if times is None else counted(times, "new run"),
                seen=f"{counted(seen, 'new run')} after {len(failed)} failed",
                advice=record.advice("retryable"),
            )
        )
    fail(narrowed, findings)


def wrong_resubmissions(record: Record) -> Iterator[Finding]:
    """New runs that the advice speaks against, and those that it asks for and that are missing."""
    creations = {item.run_id: item for item in record.attempts if _creates(item)}
    shown: dict[str, Attempt] = {}
    for attempt in record.attempts:
        if attempt.run_status == "FAILED" and attempt.run_id is not None:
            shown.setdefault(attempt.run_id, attempt)
    for runs in _by_document(record.runs):
        pairs = _resubmissions(runs)
        for failed, again in pairs:
            before, after = creations.get(failed.id), creations.get(again.id)
            yield from _judged(record, failed, again, before, after, shown.get(failed.id))
        answered = {pair.failed.id for pair in pairs} | {pair.again.id for pair in pairs}
        for run in runs:
            # Who submitted again may give up; who never did has not followed the advice.
            if run.failed and run.retryable and run.id not in answered:
                yield Finding(
                    rule=f"a run that failed with {run.failure_reason} is submitted again",
                    where=name_of(run),
                    expected="a new run for the same document",
                    seen="nothing followed",
                    advice=record.advice("retryable"),
                )


def _judged(
    record: Record,
    failed: Run,
    again: Run,
    before: Attempt | None,
    after: Attempt | None,
    showed: Attempt | None,
) -> Iterator[Finding]:
    known = before is not None and after is not None
    difference = (
        before.payload.difference(after.payload)
        if before is not None and after is not None
        else None
    )
    if failed.retryable is False and not difference:
        # With another payload (a password, say) it is another request.
        yield Finding(
            rule=f"a run that failed with {failed.failure_reason} is not submitted again",
            where=name_of(failed),
            expected="no new run with the same payload",
            seen=f"run {again.id}",
            advice=record.advice("retryable"),
        )
    if failed.retryable and known and difference:
        yield Finding(
            rule="a document is submitted again with the same payload",
            where=name_of(failed),
            expected=f"run {again.id} carries what run {failed.id} did",
            seen=difference,
            advice="keep the request, and send it again as it was",
        )
    if failed.retryable and after is not None and showed is not None:
        wait = after.started - showed.ended
        if -_TOLERANCE <= wait <= NO_WAIT:
            yield Finding(
                rule="a document is submitted again after a wait",
                where=name_of(failed),
                expected=f"a wait between attempt {showed.number}, which showed the failure, and "
                f"attempt {after.number}",
                seen=f"{max(0.0, wait):.3f} s",
                advice=record.advice("backoff"),
            )


def _by_document(runs: Sequence[Run]) -> list[list[Run]]:
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.document or run.id, []).append(run)
    return list(groups.values())


def _resubmissions(runs: Sequence[Run]) -> list[Resubmission]:
    """Each new run with the oldest failed one before it that none has followed yet."""
    waiting: list[Run] = []
    found = []
    for run in sorted(runs, key=lambda item: item.created):
        over = [item for item in waiting if item.ended is not None and item.ended <= run.created]
        if over:
            waiting.remove(over[0])
            found.append(Resubmission(over[0], run))
        if run.failed:
            waiting.append(run)
    return found


def _creates(attempt: Attempt) -> bool:
    return attempt.method == "POST" and attempt.run_id is not None and "{" not in attempt.endpoint
