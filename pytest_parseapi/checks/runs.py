"""Checks of failed runs, as far as the consumer could know of them: resubmitted, and logged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from pytest_parseapi.checks.finding import Finding, Subject
from pytest_parseapi.checks.kinds import rule_of
from pytest_parseapi.checks.logs import level_number
from pytest_parseapi.checks.observed import (
    Observed,
    example_code,
    nothing_to_check,
    raise_findings,
)
from pytest_parseapi.checks.waits import no_wait
from pytest_parseapi.model.mistakes import check_count, check_text, counted
from pytest_parseapi.model.runs import RunShown
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.evidence.line import Line
from pytest_parseapi.record.request_changes import differs_in
from pytest_parseapi.record.run import Run

_AGAIN: Final = rule_of("resubmitted")

_WAIT_TOLERANCE: Final = 1e-6


def failed_runs(observed: Observed) -> list[Run]:
    """The failed runs that the consumer could know of."""
    return [run for run in _known_runs(observed) if run.failed]


def _known_runs(observed: Observed) -> list[Run]:
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


def _need_failed_run(observed: Observed, rule: str) -> None:
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


class Resubmission(NamedTuple):
    """A failed run, and the new run for the same document that came after its end."""

    failed: Run
    again: Run


def resubmitted(observed: Observed, times: int | None = None, document: str | None = None) -> None:
    """Check that each failed run was followed by a new one, exactly ``times`` in all if given."""
    check_count("times", times, 0)
    rule = _AGAIN if times is None else f"{_AGAIN}, exactly {counted(times, 'new run')}"
    narrowed = observed.about(document, rule)
    _need_failed_run(narrowed, rule)
    findings = []
    for runs in _by_document(narrowed, _known_runs(narrowed)):
        failed = [run for run in runs if run.failed]
        if not failed:
            continue
        seen = _count_new(runs)
        if seen == times or (times is None and seen):
            continue
        findings.append(
            Finding(
                kind="resubmitted",
                rule=rule,
                subject=Subject.run(failed[-1]),
                expected="at least 1 new run" if times is None else counted(times, "new run"),
                seen=f"{counted(seen, 'new run')} after {len(failed)} failed"
                + _same_key(narrowed, failed),
                advice=observed.advice("server_errors"),
            )
        )
    raise_findings(narrowed, findings)


def wrong_resubmissions(observed: Observed) -> Iterator[Finding]:
    """Find new runs that the advice forbids, and missing ones that it asks for."""
    creations = {item.run_id: item for item in observed.attempts if _creates(item)}
    shown: dict[str, Attempt] = {}
    for attempt in observed.attempts:
        for item in shown_by(attempt):
            if item.failed:
                shown.setdefault(item.id, attempt)
    submitted = [run for run in _known_runs(observed) if run.submitted]
    for runs in _by_document(observed, submitted):
        pairs = _resubmissions(runs)
        for failed, again in pairs:
            before, after = creations.get(failed.id), creations.get(again.id)
            yield from _judged(observed, failed, again, before, after, shown.get(failed.id))
        answered = {pair.failed.id for pair in pairs} | {pair.again.id for pair in pairs}
        for run in runs:
            # A consumer that has resubmitted may give up; one that never did ignored the advice.
            if run.failed and run.retryable and run.id not in answered:
                yield Finding(
                    kind="retryable_reason",
                    rule=f"a run that failed with {run.failure_reason} is submitted again",
                    subject=Subject.run(run),
                    expected="a new run for the same document",
                    seen=_same_key(observed, [run]).removeprefix("; ") or "nothing followed",
                    advice=observed.advice("server_errors"),
                )


def _judged(
    observed: Observed,
    failed: Run,
    again: Run,
    before: Attempt | None,
    after: Attempt | None,
    showed: Attempt | None,
) -> Iterator[Finding]:
    difference = None
    if before is not None and after is not None:
        difference = before.payload.difference(after.payload)
    if failed.retryable is False and not _is_cured(failed, before, after):
        cure = failed.cured_by
        yield Finding(
            kind="final_reason",
            rule=f"a run that failed with {failed.failure_reason} is not submitted again",
            subject=Subject.run(failed),
            expected="no new run" + ("" if cure is None else f" with the same {cure}"),
            seen=f"run {again.id}",
            advice=observed.advice("final_errors"),
        )
    if failed.retryable and difference:
        yield Finding(
            kind="resubmitted_payload",
            rule=rule_of("resubmitted_payload"),
            subject=Subject.run(failed),
            expected=f"run {again.id} carries what run {failed.id} did",
            seen=difference,
            advice="keep the request, and send it again as it was",
        )
    if failed.retryable and after is not None and showed is not None:
        wait = after.started - showed.ended
        at_once = -_WAIT_TOLERANCE <= wait <= no_wait(observed, after)
        if at_once and not observed.asked_anew(showed, after):
            yield Finding(
                kind="resubmitted_wait",
                rule=rule_of("resubmitted_wait"),
                subject=Subject.run(failed),
                expected=f"a wait between attempt {showed.number}, which showed the failure, and "
                f"attempt {after.number}",
                seen=f"{max(0.0, wait):.3f} s",
                advice=observed.advice("backoff"),
            )


def _is_cured(failed: Run, before: Attempt | None, after: Attempt | None) -> bool:
    """Whether the new submission was changed as the failure asks, so that it is no resubmission."""
    if failed.cured_by is None or before is None or after is None:
        return False
    return differs_in(failed.cured_by, before, after)


def _by_document(observed: Observed, runs: Sequence[Run]) -> list[list[Run]]:
    """Group runs by document and part. A file without a name is identified by its bytes."""
    created = [item for item in observed.attempts if _creates(item)]
    files = {item.run_id: item.nameless_file for item in created}
    parts = {item.run_id: item.part for item in created}
    groups: dict[tuple[str, str | None], list[Run]] = {}
    for run in runs:
        document = files.get(run.id) or run.document or run.id
        groups.setdefault((document, parts.get(run.id)), []).append(run)
    return list(groups.values())


def _resubmissions(runs: Sequence[Run]) -> list[Resubmission]:
    """Pair each new run with the oldest failed one before it that has no new run yet."""
    waiting: list[Run] = []
    found = []
    for run in sorted(runs, key=lambda item: item.created):
        over = [item for item in waiting if item.ended is not None and item.ended <= run.created]
        # A run that the test made for a webhook was not submitted by the consumer.
        if over and run.submitted:
            waiting.remove(over[0])
            found.append(Resubmission(over[0], run))
        if run.failed:
            waiting.append(run)
    return found


def _count_new(runs: Sequence[Run]) -> int:
    """The number of runs that were submitted after a failed one, until one succeeded."""
    count = 0
    before: list[Run] = []
    for run in sorted(runs, key=lambda item: item.created):
        ends = [(item.ended, not item.failed) for item in before if item.ended is not None]
        over = [end for end in ends if end[0] <= run.created]
        # A submission after a success is no resubmission, but a new order.
        count += run.submitted and bool(over) and not max(over)[1]
        before.append(run)
    return count


def _same_key(observed: Observed, failed: Sequence[Run]) -> str:
    """The submission that repeated the idempotency key of a failed run, and made no new run."""
    header = observed.provider.idempotency_header
    if header is None:
        return ""
    for run in failed:
        made = [item for item in observed.attempts if _creates(item) and item.run_id == run.id]
        for again in made[1:]:
            key = again.header(header.lower())
            if key and run.ended is not None and run.ended <= again.started:
                return (
                    f"; attempt {again.number} sent {header} {key!r} again, which gives the failed "
                    f"run {run.id}: a new submission needs a new key"
                )
    return ""


def _creates(attempt: Attempt) -> bool:
    return attempt.method == "POST" and attempt.run_id is not None and "{" not in attempt.endpoint


_LOGGED: Final = "the id and the {} of each failed run are logged"

_WORD: Final = re.compile(r"[A-Za-z]+_\w+")


def run_failure_logged(
    observed: Observed,
    level: int | str | None = None,
    text: str | None = None,
    document: str | None = None,
) -> None:
    """Check that each failed run's id and reason are in the consumer's logs or output."""
    check_text(text)
    level_number(level)  # raises for a wrong one
    observed = observed.about(document, _logged_rule(observed))
    _need_failed_run(observed, _logged_rule(observed))
    raise_findings(observed, list(unlogged_failures(observed, text, level)))


def unlogged_failures(
    observed: Observed, text: str | None = None, level: int | str | None = None
) -> Iterator[Finding]:
    """Find failed runs whose id or reason is in no line."""
    number = level_number(level)
    lines = [
        line
        for line in observed.lines(text)
        if number is None or (line.level is not None and line.level >= number)
    ]
    ids = {run.id for run in observed.runs}
    # A line about one run does not show why another one failed.
    about = [(line, set(_WORD.findall(line.text)) & ids) for line in lines]
    rule = _logged_rule(observed) + ("" if level is None else f" at {level} or above")
    for run in failed_runs(observed):
        reason = run.failure_reason or ""
        with_id = [line for line in lines if run.id in line.text]
        texts = [line.text for line in with_id]
        texts += [line.text for line, runs in about if not runs]
        has_reason = any(word in text for word in run.failure_texts for text in texts)
        if with_id and has_reason:
            continue
        missing = [word for word, there in ((run.id, with_id), (reason, has_reason)) if not there]
        yield Finding(
            kind="run_failure",
            rule=rule,
            subject=Subject.run(run),
            expected=f"{run.id} and {reason}",
            seen=f"{' and '.join(missing)} not in {counted(len(lines), 'line')} of logs and output"
            if lines
            else "nothing logged or printed",
            nearest=_nearest(run, lines),
            advice=observed.advice("polling"),
        )


def _logged_rule(observed: Observed) -> str:
    description = observed.provider.runs
    return _LOGGED.format("reason" if description is None else description.failure_field)


def _nearest(run: Run, lines: Sequence[Line]) -> str:
    for word in (run.id, run.failure_reason or run.id):
        for line in reversed(lines):
            if word in line.text:
                return f"{line.source}: {line.text[:100]!r} has {word}"
    return ""
