"""Checks whether failed operations were retried, and how they ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus

from pytest_parseapi.checks.finding import Finding, Subject, asked_to_wait
from pytest_parseapi.checks.kinds import rule_of
from pytest_parseapi.checks.observed import Observed, nothing_to_check, raise_findings
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.mistakes import check_count, counted
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.operation import Operation
from pytest_parseapi.record.timeline import describe_error


def retried(observed: Observed, times: int | None = None, document: str | None = None) -> None:
    """Check that each failed operation was retried, exactly ``times`` times if given."""
    check_count("times", times, 0)
    rule = rule_of("retried")
    if times is not None:
        rule += f", exactly {counted(times, 'more time')}"

    def judge(operation: Operation) -> Finding | None:
        retries = sum(1 for _ in operation.pairs())
        if retries == times or (times is None and retries):
            return None
        last = operation.last
        met = next((item for item in reversed(operation.attempts) if item.failed), last)
        advice = observed.advice("backoff") if retries else observed.advice_on(met)
        if times is not None and times > retries and not last.failed:
            advice = f"script enough failures: {times} retries need times={times} or more"
        return Finding(
            kind="retried",
            rule=rule,
            subject=Subject.operation(operation),
            expected="at least 1 retry" if times is None else counted(times, "retry"),
            seen=f"{counted(retries, 'retry')} after {_failures(operation)}",
            nearest=_nearest(observed, last)
            if last.failed
            else f"attempt {last.number} succeeded ({last.status})",
            advice=advice,
        )

    _judge(observed, rule, document, judge)


def not_retried(observed: Observed, document: str | None = None) -> None:
    """Check that no failed operation was retried."""
    rule = rule_of("not_retried")

    def judge(operation: Operation) -> Finding | None:
        pairs = list(operation.pairs())
        if not pairs:
            return None
        before, after = pairs[0]
        return Finding(
            kind="not_retried",
            rule=rule,
            subject=Subject.operation(operation),
            expected="no retry",
            seen=f"{counted(len(pairs), 'retry')}: attempt {after.number} came "
            f"{after.waited:.3f} s after the {describe_error(before)} of attempt {before.number}",
            advice=observed.advice_on(before),
        )

    _judge(observed, rule, document, judge)


def gave_up(observed: Observed, attempts: int | None = None, document: str | None = None) -> None:
    """Check that each failed operation ended in failure, after ``attempts`` in all if given."""
    check_count("attempts", attempts, 1)
    rule = rule_of("gave_up")
    if attempts is not None:
        rule += f" after {counted(attempts, 'attempt')} in all"

    def judge(operation: Operation) -> Finding | None:
        last = observed.success_beside(operation) or operation.last
        if not last.failed:
            seen = f"attempt {last.number} succeeded ({last.status})"
        elif attempts is None or operation.failures == attempts:
            return None
        else:
            seen = f"{counted(operation.failures, 'attempt')}, the last a {describe_error(last)}"
        expected = "a failure at the end" if attempts is None else counted(attempts, "attempt")
        return Finding(
            kind="gave_up",
            rule=rule,
            subject=Subject.operation(operation),
            expected=expected + ("" if attempts is None else ", all failed"),
            seen=seen,
            advice="script enough failures: times=ALWAYS never recovers"
            if not last.failed
            else "compare the consumer's limit of attempts (the first one counts, too)",
        )

    _judge(observed, rule, document, judge)


def recovered(observed: Observed, document: str | None = None) -> None:
    """Check that each failed operation succeeded in the end."""
    rule = rule_of("recovered")

    def judge(operation: Operation) -> Finding | None:
        if not operation.last.failed or observed.success_beside(operation):
            return None
        return Finding(
            kind="recovered",
            rule=rule,
            subject=Subject.operation(operation),
            expected="a success at the end",
            seen=f"{_failures(operation)}, and nothing followed",
            nearest=_nearest(observed, operation.last),
            advice=observed.advice_on(operation.last),
        )

    _judge(observed, rule, document, judge)


def parsed_once(observed: Observed, document: str | None = None) -> None:
    """Check that no document was parsed or submitted again after a success.

    A run that failed or was cancelled is no success: submitting its document again is a
    resubmission.
    """
    rule = rule_of("parsed_once")
    narrowed = observed.about(document, rule)
    description = narrowed.provider.runs
    cancelled = None if description is None else description.cancelled
    not_done = {run.id for run in narrowed.runs if run.failed or run.status == cancelled}
    main = narrowed.provider.main_endpoint
    done = [
        operation
        for operation in narrowed.operations
        if operation.endpoint.submits or operation.endpoint.path == main
        if (success := _success(operation)) is not None and success.run_id not in not_done
    ]
    if not done:
        nothing_to_check(
            narrowed,
            rule,
            "no document was parsed with success",
            advice="let the consumer parse a document; each success is billed",
        )
    raise_findings(narrowed, [found for operation in done for found in _again(operation, not_done)])


def _again(operation: Operation, not_done: set[str]) -> Iterator[Finding]:
    before, second = operation.preceding, _success(operation)
    while before is not None and second is not None:
        first = _success(before)
        # One idempotency key gives one run, however often it is submitted.
        known = not_done if second.run_id is None else {*not_done, second.run_id}
        if first is not None and first.run_id not in known:
            yield Finding(
                kind="parsed_once",
                rule=rule_of("parsed_once"),
                subject=Subject.operation(operation),
                expected=f"nothing after attempt {first.number}, which succeeded",
                seen=f"attempt {second.number} parsed it again, and is billed again",
                advice="keep the result of the first success, or hold back the second caller",
                attempts=(first.number, second.number),
            )
            return
        before = before.preceding


def _success(operation: Operation) -> Attempt | None:
    return next((attempt for attempt in operation.attempts if not attempt.failed), None)


def pointless_retries(observed: Observed, operation: Operation) -> Iterator[Finding]:
    """Find the first retry after an error that no retry can fix."""
    for before, after in operation.pairs():
        error = before.error
        if not isinstance(error, DocumentedError) or error.retryable:
            continue
        if not before.same_credential(after):
            # Another credential is another request.
            continue
        if observed.delivered_between(before, after):
            # The provider has delivered again, so the receiver has to send its request again.
            continue
        yield Finding(
            kind="final_error",
            rule=f"{error.code} is not retried",
            subject=Subject.operation(operation),
            expected=f"no attempt after the {describe_error(before)} of attempt {before.number}"
            + _basis(error),
            seen=f"attempt {after.number} after {after.waited or 0:.3f} s",
            advice=observed.advice_on(before),
        )
        break


def missing_retries(observed: Observed, operation: Operation) -> Iterator[Finding]:
    """Find an operation with a single attempt that met a retryable error."""
    attempts = operation.attempts
    last = attempts[-1]
    if len(attempts) > 1 and attempts[-2].failed:
        return
    error = last.error
    if (
        not observed.advises_retry(last)
        or observed.success_beside(operation)
        or _became_run(observed, last)
    ):
        return
    yield Finding(
        kind="retryable_error",
        rule=f"{last.error_name} is retried",
        subject=Subject.operation(operation),
        expected=f"a retry after the {describe_error(last)} of attempt {last.number}"
        + (_basis(error) if isinstance(error, DocumentedError) else ""),
        seen="nothing followed",
        nearest=_nearest(observed, last),
        advice=observed.advice_on(last),
    )


def _nearest(observed: Observed, last: Attempt) -> str:
    """What comes nearest to a retry of a failed attempt, or why there was none.

    It may be a later attempt at another part of the document, or at its URL with another query.
    What begins at the moment of the failure may be another worker's.
    """
    if asked := asked_to_wait(last):
        return asked
    option, part = observed.provider.part_option, last.part
    for item in observed.attempts:
        if item.endpoint != last.endpoint or item.started <= last.ended:
            continue
        if item.names == last.names:
            if part and item.part != part:
                return f"attempt {item.number} asked for another {option}, and so for other pages"
        elif _without_query(item) == _without_query(last) is not None:
            return (
                f"attempt {item.number} is about another document, {item.document} (a parameter "
                f"that only signs a link belongs in parseapi_signing_parameters)"
            )
    return ""


def _without_query(attempt: Attempt) -> str | None:
    return None if attempt.document is None else attempt.document.partition("?")[0]


def _became_run(observed: Observed, last: Attempt) -> bool:
    """Whether a request that took too long was followed by a run, which has no such limit."""
    submits = {item.path for item in observed.provider.endpoints if item.submits}
    return last.status == HTTPStatus.GATEWAY_TIMEOUT and any(
        item.number > last.number
        and item.endpoint in submits - {last.endpoint}
        and not set(item.names).isdisjoint(last.names)
        for item in observed.attempts
    )


def _judge(
    observed: Observed,
    rule: str,
    document: str | None,
    judge: Callable[[Operation], Finding | None],
) -> None:
    narrowed = observed.about(document, rule)
    failed = narrowed.failed_operations
    if not failed:
        nothing_to_check(narrowed, rule, "no failed attempt is on record")
    findings = [judge(operation) for operation in failed]
    raise_findings(narrowed, [finding for finding in findings if finding is not None])


def _failures(operation: Operation) -> str:
    last = [attempt for attempt in operation.attempts if attempt.failed][-1]
    count = sum(attempt.failed for attempt in operation.attempts)
    return f"{counted(count, 'failed attempt')}, the last a {describe_error(last)}"


def _basis(error: DocumentedError) -> str:
    return "" if error.basis == "documented" else f" (basis: {error.basis})"
