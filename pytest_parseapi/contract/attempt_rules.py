"""Rules on attempts: which are retried, after which wait, with what, and that they end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pytest_parseapi.attempt import Attempt
from pytest_parseapi.catalogue.model import DocumentedError
from pytest_parseapi.checks.documentation import missing_retries, unproven_backoff, vain_retries
from pytest_parseapi.checks.record import Finding, Record
from pytest_parseapi.checks.requests import changed_payloads, missing_timeouts
from pytest_parseapi.contract.breach import Breach
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.contract.trial import Trial
from pytest_parseapi.timeline import describe_error, short_document

__all__ = ["backoff", "final_errors", "payloads", "retries", "stops", "timeouts"]

_TOO_LONG: Final = 86_400.0
_AT_ONCE: Final = "urllib3's Retry sends its first retry at once"
_ALLOWED: Final = "immediate_first_retry = True allows that"


def stops(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    """Retries and polls end."""
    attempts = trial.record.attempts
    if trial.stopped == "hang":
        yield from _hanging(trial)
        return
    if trial.stopped != "fuse":
        yield from _endless(trial)
        return
    last = attempts[-1]
    polled_on = not last.failed
    yield Breach(
        "stops_polling" if polled_on else "gives_up",
        Finding(
            rule="the consumer stops polling" if polled_on else "the consumer gives up",
            expected="an end to it: a limit of attempts, or a deadline",
            seen=f"{len(attempts)} attempts, and the next was about to follow; the last was a "
            f"{describe_error(last)}",
            advice="limit the attempts, and raise what the last one met",
        ),
    )


def _hanging(trial: Trial) -> Iterator[Breach]:
    """A consumer that waits for what will never come; a client without time-outs is told so."""
    last = trial.last
    if last is not None and last.timeouts.missing:
        return
    stops = trial.api._simulation.stops
    met = "" if last is None else f" after the {describe_error(last)} of attempt {last.number}"
    yield Breach(
        "raises",
        Finding(
            rule="parse comes back",
            expected="a result or an exception",
            seen=f"it waits for ever{met}" + (f", in {stops.site}" if stops.site else ""),
            advice="what fails in a thread or a task has to reach the caller: hand on its "
            "exception, and wait with a time-out",
        ),
    )


def _endless(trial: Trial) -> Iterator[Breach]:
    """Waits that double without a limit come to centuries before any fuse blows."""
    longest = max((attempt.waited or 0.0 for attempt in trial.record.attempts), default=0.0)
    if longest > _TOO_LONG:
        yield Breach(
            "gives_up",
            Finding(
                rule="the consumer gives up",
                expected="an end to it: a limit of attempts, a deadline, or a longest wait",
                seen=f"{len(trial.record.attempts)} attempts, one of them after a wait of "
                f"{longest / 86_400:,.0f} days",
                advice="limit the attempts, and the longest wait",
            ),
        )


def retries(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    """Errors that may be retried are."""
    for operation in trial.record.operations:
        for finding in missing_retries(trial.record, operation):
            last = operation.attempts[-1]
            nearest = _instead(trial.record, last)
            yield Breach("retries", _with_source(replace(finding, nearest=nearest), last.error))


def _instead(record: Record, last: Attempt) -> str:
    """What the consumer asked for next, where that was no retry."""
    after = next((item for item in record.attempts if item.number > last.number), None)
    if after is None:
        return ""
    document = short_document(after.document)
    about = f" about {document}" if document else ""
    return f"attempt {after.number} is {after.method} {after.endpoint}{about}, and no retry"


def final_errors(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    """Errors that no retry can mend get a single attempt."""
    for operation in trial.record.operations:
        for finding in vain_retries(trial.record, operation):
            yield Breach("spares_final_errors", _with_source(finding, operation.attempts[0].error))


def _with_source(finding: Finding, error: object) -> Finding:
    if not isinstance(error, DocumentedError) or not error.source:
        return finding
    page = f"{error.code} is documented at {error.source}"
    return replace(finding, advice="\n".join(filter(None, (finding.advice, page))))


def backoff(trial: Trial, policy: ContractPolicy) -> Iterator[Breach]:
    """Waits before retries grow, as far as one run can tell."""
    if policy.immediate_first_retry:
        return
    for operation in trial.record.operations:
        for finding in unproven_backoff(trial.record, operation):
            nearest = finding.nearest.replace(_AT_ONCE, f"{_AT_ONCE}: {_ALLOWED}")
            yield Breach("backoff", replace(finding, nearest=nearest))


def payloads(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    """Each retry carries the same payload."""
    for finding in changed_payloads(trial.record):
        yield Breach("resends_payload", finding)


def timeouts(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    """Every request is sent with time-outs."""
    for finding in missing_timeouts(trial.record):
        yield Breach("sets_timeouts", finding)
