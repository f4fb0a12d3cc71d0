"""The rules about the scripted failure: the consumer meets it, and recovers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_parseapi.checks.finding import Finding, Subject
from pytest_parseapi.contract.call import CallResult, Harness
from pytest_parseapi.contract.cases import documented
from pytest_parseapi.contract.rules import Violation
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import NetworkFault
from pytest_parseapi.model.lookup import ErrorOrFault, name_of
from pytest_parseapi.record.timeline import describe_error

_RESET_ADVICE: Final = (
    "; reset before each test what outlives a call and may prevent a request (a cache, a circuit "
    "breaker)"
)


def failure_never_met(
    call: CallResult, error: ErrorOrFault, harness: Harness
) -> Iterator[Violation]:
    """The violation of a consumer that never met the scripted failure."""
    if call.stopped or any(attempt.failed for attempt in call.observed.attempts):
        return
    sent = ", ".join(f"{item.method} {item.endpoint}" for item in call.observed.attempts[:3])
    yield Violation(
        "succeeds",
        Finding(
            rule=f"the consumer asks {harness.api.provider.title} to parse",
            expected=f"a request to {harness.api.provider.endpoints[0]}, which was to meet {error}",
            seen=f"{call.outcome} after {sent or 'no request'}",
            advice=f"parse() is called with {harness.document!r}, and api_key and base_url are on "
            "the test class" + ("" if call.observed.attempts else _RESET_ADVICE),
        ),
    )


def run_failure_never_met(
    call: CallResult, error: ErrorOrFault, harness: Harness
) -> Iterator[Violation]:
    """The violation of a consumer that never met the failed run."""
    if any(run.failed for run in call.observed.runs) or call.stopped:
        return
    runs = ", ".join(f"{run.id} {run.status}" for run in call.observed.runs) or "no run"
    yield Violation(
        "succeeds",
        Finding(
            rule=f"the consumer submits a run to {harness.api.provider.title} and polls it",
            expected=f"a run that is polled to its end, which was to fail: {name_of(error)}",
            seen=f"{call.outcome}; {runs}",
            advice=call.observed.advice("polling"),
        ),
    )


def recovers(call: CallResult, error: ErrorOrFault) -> Iterator[Violation]:
    """After one retryable failure, ``parse`` returns the result of the retry."""
    provider = call.observed.provider
    last = call.last
    if last is None or call.stopped:
        return
    if last.failed:
        alone = any(operation.attempts == [last] for operation in call.observed.operations)
        if alone and isinstance(error, NetworkFault):
            yield not_retried(call, error)
        if not alone:
            yield from _rejected(call, error)
        return
    if call.error is not None:
        yield Violation(
            "retries",
            Finding(
                kind="retryable_error",
                rule="the result of a retry is used",
                expected=f"a result: attempt {last.number} succeeded. "
                + documented(provider, error),
                seen=call.outcome,
            ),
        )


def _rejected(call: CallResult, error: ErrorOrFault) -> Iterator[Violation]:
    """The violation of a retry that the provider rejected without a script."""
    for operation in call.observed.operations:
        for before, after in operation.pairs():
            if after is not call.last or not isinstance(after.error, DocumentedError):
                continue
            own = before.same_credential(after)
            name = call.observed.provider.credential.name
            other_key = f"its {name} is not that of attempt {before.number}"
            yield Violation(
                "retries",
                Finding(
                    kind="retryable_error",
                    rule="a retry is sent as the attempt before was",
                    subject=Subject.operation(operation),
                    expected=f"a success, since only attempt {before.number} was to fail. "
                    + documented(call.observed.provider, error),
                    seen=f"attempt {after.number} met {describe_error(after)}",
                    nearest="" if own else other_key,
                    advice="build the request once, and send the same again, headers included",
                ),
            )


def not_retried(call: CallResult, error: ErrorOrFault) -> Violation:
    """The violation of a consumer that should have retried."""
    observed = call.observed
    # An upload or a submission may have succeeded before, and has an operation of its own.
    *_, operation = observed.failed_operations
    *_, met = (item for item in operation.attempts if item.failed)
    return Violation(
        "retries",
        Finding(
            kind="retryable_error",
            rule=f"{name_of(error)} is retried",
            subject=Subject.operation(operation),
            expected=f"a retry. {documented(observed.provider, error)}",
            seen="nothing followed",
            advice=observed.advice_on(met),
        ),
    )
