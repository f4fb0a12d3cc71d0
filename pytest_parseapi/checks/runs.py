"""Whether runs were polled, logged and submitted again as they should be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from pytest_parseapi.checks.finding import Finding, counted
from pytest_parseapi.checks.logs import level_number
from pytest_parseapi.checks.observed import Observed, example_code, fail, nothing_to_check
from pytest_parseapi.checks.precision import no_wait, tolerance, too_fast, unjudgeable
from pytest_parseapi.model.mistakes import UsageError, as_document, check_count, check_text
from pytest_parseapi.model.runs import RunShown
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.cure import differs_in
from pytest_parseapi.record.evidence.line import Line
from pytest_parseapi.record.run import Run

__all__ = [
    "failed_runs",
    "known_runs",
    "name_of",
    "need_failed_run",
    "no_run_to_check",
    "polled_politely",
    "polling_stopped",
    "polls_after_end",
    "polls_too_close",
    "resubmitted",
    "run_failure_logged",
    "unlogged_failures",
    "wrong_resubmissions",
]


def failed_runs(observed: Observed) -> list[Run]:
    """The runs that failed, as far as the consumer could get to know of them."""
    return [run for run in known_runs(observed) if run.failed]


def known_runs(observed: Observed) -> list[Run]:
    """The runs that a reply showed to the consumer, or that a right webhook told of.

    The reply to a submission may be lost, and a receiver must not believe a wrong delivery.
    """
    shown = [shown for item in observed.attempts for shown in _shown_by(item)]
    ids = {item.id for item in shown}
    failed = {item.id for item in shown if item.failed}

    def is_known(run: Run) -> bool:
        if run.announced == "right":
            return True
        by = ids if not run.announced else failed
        return run.submitted and (run.id in by or run.batch_id in by)

    return [run for run in observed.runs if is_known(run)]


def need_failed_run(observed: Observed, rule: str) -> None:
    """Fail where no run on record failed."""
    if failed_runs(observed):
        return
    going = sum(run.ended is None for run in observed.runs)
    nearest = f"{going} still in progress: nobody polled to the end" if going else ""
    no_run_to_check(observed, rule, "no failed run is on record", nearest)


def no_run_to_check(observed: Observed, rule: str, seen: str, nearest: str = "") -> None:
    """Fail because a check on runs had nothing to look at."""
    nothing_to_check(
        observed,
        rule,
        seen,
        nearest,
        advice="script a failing run, such as api.fail_run("
        f"{example_code(observed.provider, 'run')})",
    )


def name_of(run: Run) -> str:
    """A run and its document, for messages."""
    return f"{run.id}  {run.document}" if run.document else run.id


_STOPPED: Final = "no run is polled again after its end"

_MINIMUM: Final = 0.5
_RESET: Final = "connection_reset"
_TOLERANCE: Final = 1e-6


def polling_stopped(observed: Observed, document: str | None = None) -> None:
    """No run was polled again after a terminal status."""
    observed = observed.about(document, _STOPPED)
    polls = _polls(observed)
    if not any(ended for group in polls.values() for _, ended in group):
        seen = "no run was polled to its end" if polls else "no run was polled"
        no_run_to_check(observed, _STOPPED, seen)
    fail(observed, list(polls_after_end(observed)))


def polled_politely(
    observed: Observed, minimum: float = _MINIMUM, document: str | None = None
) -> None:
    """No two polls of a run came closer than ``minimum`` virtual seconds."""
    if isinstance(minimum, bool) or not isinstance(minimum, (int, float)) or not minimum >= 0:
        raise UsageError(f"minimum must be seconds >= 0, not {minimum!r}{as_document(minimum)}")
    observed = observed.about(document, _polite_rule(minimum))
    if not any(len(group) > 1 for group in _polls(observed).values()):
        no_run_to_check(observed, _polite_rule(minimum), "no run was polled more than once")
    fail(observed, list(polls_too_close(observed, minimum)))


def polls_after_end(observed: Observed) -> Iterator[Finding]:
    """Runs that were polled although their end was known."""
    for run_id, polls in _polls_by_id(observed).items():
        end = next((poll for poll in polls if _ended(poll)), None)
        if end is None:
            continue
        # At one virtual instant the number alone tells what came first.
        later = [item for item in polls if item.started >= end.ended and item.number > end.number]
        later = _without_looks(observed, run_id, end, later)
        # The output is fetched in another form once, by another query.
        forms = {poll.url for poll in later} - {end.url}
        surplus = [poll for poll in later if poll.url == end.url]
        surplus += [poll for poll in later if poll.url in forms][len(forms) :]
        if surplus:
            yield Finding(
                kind="poll_after_end",
                rule=_STOPPED,
                where=run_id,
                expected=f"no poll after attempt {end.number}, which showed {end.run_status}",
                seen=f"{len(surplus)} more, the first {surplus[0].started - end.ended:.3f} s later "
                f"(attempt {surplus[0].number})",
                attempts=(surplus[0].number,),
                advice=f"{_final_statuses(observed)} are final: stop polling at each of them",
            )


def _without_looks(
    observed: Observed, run_id: str, end: Attempt, polls: Sequence[Attempt]
) -> list[Attempt]:
    """The polls but the first one after each webhook about the run: it makes a receiver look."""
    told = [item.attempts_before for item in observed.answers if item.delivery.run_id == run_id]
    run = next((item for item in observed.runs if item.id == run_id), None)
    if run is not None and not (run.submitted or told):
        # The test handed its webhooks over by itself, nobody knows how often.
        return []
    looked = {sum(before < end.number for before in told)}
    found = []
    for poll in polls:
        webhooks = sum(before < poll.number for before in told)
        if webhooks in looked:
            found.append(poll)
        looked.add(webhooks)
    return found


def polls_too_close(observed: Observed, minimum: float = _MINIMUM) -> Iterator[Finding]:
    """Runs that were polled twice within ``minimum`` seconds."""
    told: set[tuple[int, int]] = set()
    for run_id, polls in _polls(observed).items():
        at_once = False
        rule = _polite_rule(minimum)
        if len(polls) > 1 and unjudgeable(observed, polls[-1][0], minimum):
            yield too_fast(observed, rule, polls[-1][0], minimum, run_id)
            continue
        for (one, ended), (two, _) in pairwise(polls):
            gap = two.started - one.started
            again, at_once = at_once, False
            slack = tolerance(observed, two) if two.client == "server" else _TOLERANCE
            if ended or gap >= minimum - slack:
                continue
            if (one.number, two.number) in told:
                # Two looks at a list come too close for all runs that it shows.
                break
            # Where a kept connection turns out to be closed, clients such as aiohttp ask again by
            # themselves, once: nobody has polled twice.
            at_once = one.error == _RESET and not again
            if at_once:
                continue
            told.add((one.number, two.number))
            yield Finding(
                kind="poll_interval",
                rule=rule,
                where=run_id,
                expected=f"{minimum:g} s or more between two polls",
                seen=f"{gap:.3f} s between attempts {one.number} and {two.number}",
                attempts=(two.number,),
                advice=observed.advice("polling"),
            )
            break


def _polite_rule(minimum: float) -> str:
    return f"polls of a run are at least {minimum:g} s apart"


def _polls_by_id(observed: Observed) -> dict[str, list[Attempt]]:
    """The polls that name a run or batch, oldest first."""
    paths = {(item.method, item.path) for item in observed.provider.endpoints if item.polls}
    polls: dict[str, list[Attempt]] = {}
    for attempt in observed.attempts:
        if attempt.run_id is not None and (attempt.method, attempt.endpoint) in paths:
            polls.setdefault(attempt.run_id, []).append(attempt)
    return polls


def _polls(observed: Observed) -> dict[str, list[tuple[Attempt, bool]]]:
    """All polls of each run or batch, and whether they showed its end.

    A look at a list, or at a batch, is a poll of each run that it shows.
    """
    named = _polls_by_id(observed)
    polls = {
        run_id: [(attempt, _ended(attempt)) for attempt in attempts]
        for run_id, attempts in named.items()
    }
    # A list is about no document, and shows the runs of all.
    wanted = {run.id for run in observed.runs} if observed.others else None
    for attempt in (*observed.attempts, *observed.others):
        for shown in attempt.listed:
            if wanted is None or shown.id in wanted:
                polls.setdefault(shown.id, []).append((attempt, shown.ended))
    for found in polls.values():
        found.sort(key=lambda poll: poll[0].number)
    return polls


def _shown_by(attempt: Attempt) -> list[RunShown]:
    """What a reply shows of runs."""
    return [*([] if attempt.shown is None else [attempt.shown]), *attempt.listed]


def _ended(poll: Attempt) -> bool:
    return poll.shown is not None and poll.shown.ended


def _final_statuses(observed: Observed) -> str:
    described = observed.provider.runs
    words = () if described is None else described.terminal
    return " and ".join([", ".join(words[:-1]), *words[-1:]]) if len(words) > 1 else "".join(words)


_AGAIN: Final = "a failed run is followed by a new run for the same document"

_WAIT_TOLERANCE: Final = 1e-6


class Resubmission(NamedTuple):
    """A failed run, and the new run for the same document that came after its end."""

    failed: Run
    again: Run


def resubmitted(observed: Observed, times: int | None = None, document: str | None = None) -> None:
    """Each failed run was followed by a new one, exactly ``times`` in all where given."""
    check_count("times", times, 0)
    rule = _AGAIN if times is None else f"{_AGAIN}, exactly {counted(times, 'new run')}"
    narrowed = observed.about(document, rule)
    need_failed_run(narrowed, rule)
    findings = []
    for runs in _by_document(narrowed, known_runs(narrowed)):
        failed = [run for run in runs if run.failed]
        if not failed:
            continue
        seen = len(_resubmissions(runs))
        if seen == times or (times is None and seen):
            continue
        findings.append(
            Finding(
                kind="resubmitted",
                rule=rule,
                where=name_of(failed[-1]),
                expected="at least 1 new run" if times is None else counted(times, "new run"),
                seen=f"{counted(seen, 'new run')} after {len(failed)} failed"
                + _same_key(narrowed, failed),
                advice=observed.advice("retryable"),
            )
        )
    fail(narrowed, findings)


def wrong_resubmissions(observed: Observed) -> Iterator[Finding]:
    """New runs that the advice speaks against, and those that it asks for and that are missing."""
    creations = {item.run_id: item for item in observed.attempts if _creates(item)}
    shown: dict[str, Attempt] = {}
    for attempt in observed.attempts:
        for item in _shown_by(attempt):
            if item.failed:
                shown.setdefault(item.id, attempt)
    submitted = [run for run in known_runs(observed) if run.submitted]
    for runs in _by_document(observed, submitted):
        pairs = _resubmissions(runs)
        for failed, again in pairs:
            before, after = creations.get(failed.id), creations.get(again.id)
            yield from _judged(observed, failed, again, before, after, shown.get(failed.id))
        answered = {pair.failed.id for pair in pairs} | {pair.again.id for pair in pairs}
        for run in runs:
            # Who submitted again may give up; who never did has not followed the advice.
            if run.failed and run.retryable and run.id not in answered:
                yield Finding(
                    kind="retryable_reason",
                    rule=f"a run that failed with {run.failure_reason} is submitted again",
                    where=name_of(run),
                    expected="a new run for the same document",
                    seen=_same_key(observed, [run]).removeprefix("; ") or "nothing followed",
                    advice=observed.advice("retryable"),
                )


def _judged(
    observed: Observed,
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
    if failed.retryable is False and not _is_cured(failed, before, after):
        cure = failed.cured_by
        yield Finding(
            kind="final_reason",
            rule=f"a run that failed with {failed.failure_reason} is not submitted again",
            where=name_of(failed),
            expected="no new run" + ("" if cure is None else f" with the same {cure}"),
            seen=f"run {again.id}",
            advice=observed.advice("retryable"),
        )
    if failed.retryable and known and difference:
        yield Finding(
            kind="resubmitted_payload",
            rule="a document is submitted again with the same payload",
            where=name_of(failed),
            expected=f"run {again.id} carries what run {failed.id} did",
            seen=difference,
            advice="keep the request, and send it again as it was",
        )
    if failed.retryable and after is not None and showed is not None:
        wait = after.started - showed.ended
        if -_WAIT_TOLERANCE <= wait <= no_wait(observed, after):
            yield Finding(
                kind="resubmitted_wait",
                rule="a document is submitted again after a wait",
                where=name_of(failed),
                expected=f"a wait between attempt {showed.number}, which showed the failure, and "
                f"attempt {after.number}",
                seen=f"{max(0.0, wait):.3f} s",
                advice=observed.advice("backoff"),
            )


def _is_cured(failed: Run, before: Attempt | None, after: Attempt | None) -> bool:
    """Whether the new submission changed in what the failure asks for, and so is another one."""
    if failed.cured_by is None or before is None or after is None:
        return False
    return differs_in(failed.cured_by, before, after)


def _by_document(observed: Observed, runs: Sequence[Run]) -> list[list[Run]]:
    """Runs by document; a file without a name of its own is known by its bytes."""
    files = {item.run_id: item.nameless_file for item in observed.attempts if _creates(item)}
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(files.get(run.id) or run.document or run.id, []).append(run)
    return list(groups.values())


def _resubmissions(runs: Sequence[Run]) -> list[Resubmission]:
    """Each new run with the oldest failed one before it that none has followed yet."""
    waiting: list[Run] = []
    found = []
    for run in sorted(runs, key=lambda item: item.created):
        over = [item for item in waiting if item.ended is not None and item.ended <= run.created]
        # What the test made for a webhook is no act of the consumer's.
        if over and run.submitted:
            waiting.remove(over[0])
            found.append(Resubmission(over[0], run))
        if run.failed:
            waiting.append(run)
    return found


def _same_key(observed: Observed, failed: Sequence[Run]) -> str:
    """Which submission repeated the key of a run that had failed, and so made no new one."""
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
    """Each failed run's id and reason are in the consumer's logs or output."""
    check_text(text)
    number = level_number(level)
    observed = observed.about(document, _logged_rule(observed))
    need_failed_run(observed, _logged_rule(observed))
    fail(observed, list(unlogged_failures(observed, number, text, level)))


def unlogged_failures(
    observed: Observed, number: int | None, text: str | None, level: int | str | None
) -> Iterator[Finding]:
    """Failed runs whose id or reason no line holds."""
    lines = [
        line
        for line in observed.lines(text)
        if number is None or (line.level is not None and line.level >= number)
    ]
    ids = {run.id for run in observed.runs}
    # A line about one run does not tell why another one failed.
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
            where=name_of(run),
            expected=f"{run.id} and {reason}",
            seen=f"{' and '.join(missing)} in none of {counted(len(lines), 'line')} of logs and "
            "output",
            nearest=_nearest(run, lines),
            advice=observed.advice("polling"),
        )


def _logged_rule(observed: Observed) -> str:
    described = observed.provider.runs
    return _LOGGED.format("reason" if described is None else described.failure_field)


def _nearest(run: Run, lines: Sequence[Line]) -> str:
    for word in (run.id, run.failure_reason or run.id):
        for line in reversed(lines):
            if word in line.text:
                return f"{line.source}: {line.text[:100]!r} has {word}"
    return ""
