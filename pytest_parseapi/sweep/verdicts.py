"""The verdict on a variation: how the consumer handled the failure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.printable_text import cut
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.evidence.line import Line
from pytest_parseapi.record.webhook import WebhookAnswer
from pytest_parseapi.sweep.trial import (
    Broken,
    Crash,
    MetFailure,
    Trial,
    met_failure,
    rules_broken_in,
)
from pytest_parseapi.sweep.variations import Variation
from pytest_parseapi.sweep.webhook_excuses import is_excused

Verdict = Literal[
    "endless",
    "crashed",
    "unnoticed",
    "not recovered",
    "recovered",
    "handled",
    "reported",
    "note",
    "not reached",
    "too slow",
]

VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
FINDINGS: Final[tuple[Verdict, ...]] = VERDICTS[:4]
"""The verdicts that are findings, worst first."""

_WARNING_LEVEL: Final = 30
_MANY_ATTEMPTS: Final = 10
"""Who has met a failure so often can be judged before it has come to an end."""
_MAX_SHOWN_CHARS: Final = 160
_LOWEST_FAILURE_STATUS: Final = 400
_UNNOTICED: Final = (
    "the test passes: no later success, no other provider served, and no log record at WARNING or "
    "above names the failure"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The judgement of a variation.

    Args:
        verdict: the first that holds.
        why: what shows it, in a line.
        broken: the rules of the documentation that were broken besides.
        crash: the exception of a crash.
    """

    verdict: Verdict
    why: str
    broken: Sequence[Broken] = ()
    crash: Crash | None = None
    at: str = ""
    """The lines of the consumer's that it points to; empty for the place's own."""

    @property
    def is_finding(self) -> bool:
        """Whether anything is wrong with the consumer."""
        return self.verdict in FINDINGS or bool(self.broken)


def judge(variation: Variation, trial: Trial, plain: Trial) -> Judgement:
    """The verdict on one variation.

    Args:
        variation: what failed.
        trial: what the test showed then.
        plain: what it shows where nothing fails.
    """
    found = met_failure(variation, trial)
    unfinished = _unfinished(variation, trial, plain, found)
    if unfinished is not None and unfinished.verdict != "endless":
        return unfinished
    known = {item.key for item in rules_broken_in(plain)}
    broken = [
        item
        for item in rules_broken_in(trial)
        if item.key not in known and not is_excused(item, found) and not _is_half(item, variation)
    ]
    if unfinished is not None:
        return replace(unfinished, broken=broken)
    if trial.crashes:
        crash = trial.crashes[0]
        how = f"{crash.swallowed} ended with " if crash.swallowed else ""
        why = f"{how}{_text(crash.error)} at {crash.at}"
        return Judgement(verdict="crashed", why=why, broken=broken, crash=crash, at=str(crash.at))
    if trial.status == "skipped":
        return Judgement(verdict="reported", why="the test was skipped", broken=broken)
    if trial.status == "failed":
        return _failed(variation, trial, found, broken)
    verdict, why = _passed(variation, trial, plain, found)
    return Judgement(verdict=verdict, why=why, broken=broken)


def _is_half(broken: Broken, variation: Variation) -> bool:
    """Whether two waits are too few to judge a backoff: the endless failure shows more."""
    return (
        broken.finding.kind == "backoff"
        and len(variation.failures) > 1
        and all(failure.times == 1 for failure in variation.failures)
    )


def _unfinished(
    variation: Variation, trial: Trial, plain: Trial, found: MetFailure
) -> Judgement | None:
    """Whether the run had no end, or met no failure."""
    if trial.too_slow:
        return Judgement(verdict="too slow", why=_line(trial.stop_text))
    if trial.stop == "hang" or (trial.stop == "fuse" and not _is_tests_loop(trial)):
        return Judgement(verdict="endless", why=_line(trial.stop_text), at=_last_place(trial))
    if trial.stop:
        # What the simulation does not cover tells nothing about the consumer, and neither does a
        # test that calls it again and again.
        return Judgement(verdict="reported", why=_line(trial.stop_text))
    if not trial.crashes and not _all_met(variation, found):
        return Judgement(verdict="not reached", why="no request met it: the way changed")
    if trial.busy and not plain.busy and not trial.crashes and len(found.attempts) < _MANY_ATTEMPTS:
        why = "the test ended while the receiver of a webhook was still at work"
        return Judgement(verdict="not reached", why=why)
    return None


def _is_tests_loop(trial: Trial) -> bool:
    """Whether most requests came from other calls of the test than the last one."""
    calls = [item.site.call for item in trial.exchanges if not item.is_delivery]
    return calls[-1] is not None and 2 * calls.count(calls[-1]) < len(calls)


def _last_place(trial: Trial) -> str:
    """The place of the consumer's last request."""
    own = [item for item in trial.exchanges if not item.is_of_the_test]
    return own[-1].place.where if own else ""


def _all_met(variation: Variation, found: MetFailure) -> bool:
    if not found.any:
        return False
    if len(variation.failures) == 1 or variation.first.surface == "webhook":
        return True
    return len(found.attempts) + len(found.runs) >= len(variation.failures)


def _failed(
    variation: Variation, trial: Trial, found: MetFailure, broken: Sequence[Broken]
) -> Judgement:
    how = "the test fails" if trial.error is None else f"the test fails with {_text(trial.error)}"
    if trial.raised_by == "test" and not broken and _last_is_success(found):
        return Judgement(
            verdict="note",
            why=f"the consumer recovered, but the test expects otherwise: {_text(trial.error)}",
        )
    first = variation.first
    once = first.times == 1 and len(variation.failures) == 1
    verdict: Verdict = "not recovered" if first.retryable and once else "reported"
    return Judgement(verdict=verdict, why=how, broken=broken)


def _last_is_success(found: MetFailure) -> bool:
    """Whether the provider's last answer about the document was a success."""
    if found.attempts:
        later = list(found.later())
        return bool(later) and _succeeded(later[-1])
    return bool(found.runs) and _processed_after(found)


def _passed(
    variation: Variation, trial: Trial, plain: Trial, found: MetFailure
) -> tuple[Verdict, str]:
    if found.delivered:
        return _delivered(trial, plain, found)
    if found.runs and _processed_after(found):
        return "recovered", "a later run was processed"
    success = next((item for item in found.later() if _succeeded(item)), None)
    if success is not None:
        return "recovered", f"attempt {success.number} succeeded"
    for name in trial.observed:
        if name != variation.place.provider and trial.successes(name) > plain.successes(name):
            return "handled", f"{trial.observed[name].provider.title} served instead"
    return _shown(variation, trial, plain, found)


def _shown(
    variation: Variation, trial: Trial, plain: Trial, found: MetFailure
) -> tuple[Verdict, str]:
    """Whether anything shows the failure, if the consumer did not recover."""
    line = _logged(variation, trial, plain, found)
    if line is not None:
        return "handled", f"logged: {_line(line.text)}"
    answer = _answered_with_failure(trial, found)
    if answer is not None:
        # The sender is told of the failure, and delivers again.
        return (
            "reported",
            f"a delivery was answered with {_line(answer.raised or str(answer.status))}",
        )
    return "unnoticed", _UNNOTICED


def _delivered(trial: Trial, plain: Trial, found: MetFailure) -> tuple[Verdict, str]:
    if found.answers and all(answer.rejected for answer in found.answers):
        return "handled", "the delivery was rejected"
    if not found.answers and (line := _new_line(trial, plain)) is not None:
        # The test delivers it itself, so the answer is not on record.
        return "handled", f"logged: {_line(line.text)}"
    said = "the test passes"
    if found.answers:
        answer = found.answers[-1]
        said = f"it was answered with {answer.raised or answer.status}"
    return "unnoticed", f"the wrong delivery was not rejected: {said}"


def _succeeded(attempt: Attempt) -> bool:
    shown = attempt.shown
    cancelled = shown is not None and shown.failed
    return not (attempt.failed or attempt.method == "DELETE" or cancelled)


def _processed_after(found: MetFailure) -> bool:
    """Whether a run about the document succeeded after the last failed one."""
    failed = found.runs[-1]
    description = found.observed.provider.runs
    return description is not None and any(
        run.status == description.succeeded
        and run.created >= (failed.ended or failed.created)
        and bool(found.names.intersection(run.names) or not found.names)
        for run in found.observed.runs
    )


def _logged(variation: Variation, trial: Trial, plain: Trial, found: MetFailure) -> Line | None:
    """The line of the consumer's log that names the failure."""
    began = [item.started for item in found.attempts] + [item.created for item in found.runs]
    since = min(began, default=0.0)
    words = sorted(set(_words(variation, found)))
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in words))
    for line in _warnings(trial):
        if line.when >= since and pattern.search(line.text):
            return line
    if found.runs or any(item.request_id is not None for item in found.attempts):
        return None
    # A failure without an id may be logged in any words.
    return _new_line(trial, plain)


def _answered_with_failure(trial: Trial, found: MetFailure) -> WebhookAnswer | None:
    """The delivery during which the failure was met, if its receiver did not accept it."""
    numbers = [item.number for item in found.attempts]
    for answer in trial.observed[found.observed.provider.name].webhook_answers:
        since = answer.attempts_before
        if not answer.taken and any(number > since for number in numbers):
            return answer
    return None


def _new_line(trial: Trial, plain: Trial) -> Line | None:
    before = {line.text for line in plain.lines()}
    return next((line for line in _warnings(trial) if line.text not in before), None)


def _words(variation: Variation, found: MetFailure) -> Iterator[str]:
    for attempt in found.attempts:
        yield from filter(None, (attempt.request_id, attempt.run_id))
        if attempt.status is not None and attempt.status >= _LOWEST_FAILURE_STATUS:
            yield str(attempt.status)
    for run in found.runs:
        yield from filter(None, (run.id, run.failure_reason))
    for failure in variation.failures:
        yield failure.name
        if isinstance(failure.error, DocumentedError) and failure.error.wire_code:
            yield failure.error.wire_code


def _warnings(trial: Trial) -> list[Line]:
    return [
        line for line in trial.lines() if line.level is not None and line.level >= _WARNING_LEVEL
    ]


def _text(error: BaseException | None) -> str:
    return "" if error is None else f"{type(error).__name__}: {_line(str(error))}".rstrip(": ")


def _line(text: str) -> str:
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return cut(first, _MAX_SHOWN_CHARS)
