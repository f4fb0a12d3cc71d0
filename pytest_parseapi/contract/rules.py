"""The rules that hold in every case. Each judges one call, and yields violations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from pytest_parseapi.api.internals import simulation_of
from pytest_parseapi.checks.backoff import missing_backoff
from pytest_parseapi.checks.finding import Finding, Subject
from pytest_parseapi.checks.kinds import Kind
from pytest_parseapi.checks.logs import leaks, level_number, reply_to_log, unlogged
from pytest_parseapi.checks.observed import Observed
from pytest_parseapi.checks.polls import polls_after_end, polls_too_close
from pytest_parseapi.checks.requests import changed_payloads, missing_timeouts
from pytest_parseapi.checks.retries import missing_retries, pointless_retries
from pytest_parseapi.checks.runs import unlogged_failures, wrong_resubmissions
from pytest_parseapi.checks.unrelated_errors import unrelated_in
from pytest_parseapi.checks.webhooks import good_ones_not_accepted, wrong_ones_not_rejected
from pytest_parseapi.contract.call import CallResult
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.evidence.line import Line, exception_text
from pytest_parseapi.record.timeline import describe_error, short_document


class Violation(NamedTuple):
    """A broken rule of the contract, with the finding that shows it."""

    rule: str
    finding: Finding

    @property
    def titled(self) -> Finding:
        """The finding with the name of its rule, by which the rule can be turned off."""
        return replace(self.finding, rule=f"{self.finding.rule} [{self.rule}]")


def kept(violations: Iterator[Violation], policy: ContractPolicy) -> list[Violation]:
    """The violations of rules that the policy has on, each rule and place once."""
    found: dict[tuple[str, Subject | None], Violation] = {}
    for violation in violations:
        if getattr(policy, violation.rule) is not False:
            found.setdefault((violation.rule, violation.finding.subject), violation)
    return list(found.values())


_MAX_SECONDS: Final = 86_400.0


def _stops(call: CallResult, _policy: ContractPolicy) -> Iterator[Violation]:
    """Retries and polls end."""
    attempts = call.observed.attempts
    if call.stopped == "hang":
        yield from _hanging(call)
        return
    if call.stopped != "fuse":
        yield from _endless(call)
        return
    last = attempts[-1]
    polled_on = not last.failed
    yield Violation(
        "stops_polling" if polled_on else "gives_up",
        Finding(
            kind="poll_after_end" if polled_on else "gave_up",
            rule="the consumer stops polling" if polled_on else "the consumer gives up",
            expected="an end: a limit of attempts, or a deadline",
            seen=f"{len(attempts)} attempts, and the next was about to follow; the last was a "
            f"{describe_error(last)}",
            advice="limit the attempts, and raise what the last one met",
        ),
    )


def _hanging(call: CallResult) -> Iterator[Violation]:
    """The violation of a consumer that waits forever, perhaps without a time-out."""
    last = call.last
    if last is not None and last.timeouts.missing:
        return
    stops = simulation_of(call.api).stops
    met = "" if last is None else f" after the {describe_error(last)} of attempt {last.number}"
    yield Violation(
        "raises",
        Finding(
            rule="parse returns or raises",
            expected="a result or an exception",
            seen=f"it waits forever{met}" + (f", in {stops.site}" if stops.site else ""),
            advice="an exception in a thread or a task has to reach the caller: pass it on, "
            "and wait with a time-out",
        ),
    )


def _endless(call: CallResult) -> Iterator[Violation]:
    """The violation of waits that double without a limit, which soon last centuries."""
    longest = max((attempt.waited or 0.0 for attempt in call.observed.attempts), default=0.0)
    if longest > _MAX_SECONDS:
        yield Violation(
            "gives_up",
            Finding(
                kind="gave_up",
                rule="the consumer gives up",
                expected="an end: a limit of attempts, a deadline, or a longest wait",
                seen=f"{len(call.observed.attempts)} attempts, one of them after a wait of "
                f"{longest / 86_400:,.0f} days",
                advice="limit the attempts, and the longest wait",
            ),
        )


def _retries(call: CallResult, _policy: ContractPolicy) -> Iterator[Violation]:
    """Retryable errors are retried."""
    for operation in call.observed.operations:
        for finding in missing_retries(call.observed, operation):
            last = operation.attempts[-1]
            nearest = _instead(call.observed, last)
            yield Violation("retries", _with_source(replace(finding, nearest=nearest), last.error))


def _instead(observed: Observed, last: Attempt) -> str:
    """The next request of the consumer, if it was no retry."""
    after = next((item for item in observed.attempts if item.number > last.number), None)
    if after is None:
        return ""
    document = short_document(after.document)
    about = f" about {document}" if document else ""
    return f"attempt {after.number} is {after.method} {after.endpoint}{about}, and no retry"


def _final_errors(call: CallResult, _policy: ContractPolicy) -> Iterator[Violation]:
    """Errors that no retry can fix get a single attempt."""
    for operation in call.observed.operations:
        for finding in pointless_retries(call.observed, operation):
            about = [item for item in operation.attempts if item.number in finding.attempts]
            about = [item for item in about or operation.attempts if _is_final(item.error)]
            error = about[0].error if about else None
            yield Violation("no_retry_on_final_errors", _with_source(finding, error))


def _is_final(error: object) -> bool:
    return isinstance(error, DocumentedError) and not error.retryable


def _with_source(finding: Finding, error: object) -> Finding:
    if not isinstance(error, DocumentedError) or not error.source:
        return finding
    page = f"{error.code} is documented at {error.source}"
    return replace(finding, advice="\n".join(filter(None, (finding.advice, page))))


def _backoff(call: CallResult, policy: ContractPolicy) -> Iterator[Violation]:
    """Waits before retries grow, as far as one run can tell."""
    if policy.immediate_first_retry:
        return
    for operation in call.observed.operations:
        for finding in missing_backoff(call.observed, operation, "immediate_first_retry = True"):
            yield Violation("backoff", finding)


_BROKEN_SUCCESS: Final = ("invalid_json", "truncated_body")


def _raises(call: CallResult, policy: ContractPolicy) -> Iterator[Violation]:
    """A final failure is raised, and no broken body is returned as a result."""
    last = call.last
    run = call.failed_run
    if policy.raises and run is not None and call.error is None and not call.stopped:
        yield Violation(
            "raises",
            Finding(
                rule="parse raises if the run failed",
                subject=Subject.run_id(run.id),
                expected="an exception that says why the run failed",
                seen=f"{call.outcome} although run {run.id} ended {run.status}: "
                f"{run.failure_reason}",
                advice=call.observed.advice("polling"),
            ),
        )
    # A consumer that shows failures by its results is not judged: only it can read them.
    if not policy.raises or last is None or not last.failed:
        return
    if call.error is not None or call.stopped:
        return
    broken = last.error in _BROKEN_SUCCESS
    yield Violation(
        "rejects_broken_success" if broken else "raises",
        Finding(
            rule="a 200 with a broken body is no result"
            if broken
            else "parse raises if the last attempt failed",
            subject=Subject.endpoint(last),
            expected="an exception that says what failed",
            seen=f"{call.outcome} after the {describe_error(last)} of attempt {last.number}",
            advice="read the body before trusting the status"
            if broken
            else "raise, so that no caller takes a failed document for a parsed one; a consumer "
            "that tells failures otherwise states raises = False",
        ),
    )


def _clear_errors(call: CallResult, _policy: ContractPolicy) -> Iterator[Violation]:
    """What is raised is about the failure."""
    error = next(unrelated_in(call.error), None)
    if error is None:
        return
    last = call.last
    within = "" if error is call.error else " (in a group of exceptions)"
    met = "" if last is None else f" on the {describe_error(last)} of attempt {last.number}"
    yield Violation(
        "clear_errors",
        Finding(
            rule="an unexpected error is still reported as the API's failure",
            expected="an exception about the failed request",
            seen=f"{type(error).__name__}: {error}{within}{met}",
            advice="bodies may lack fields, carry codes added later, or be a gateway's HTML: read "
            "them with .get() and with a default, and catch what decoding raises",
        ),
    )


def _credentials(call: CallResult, _policy: ContractPolicy) -> Iterator[Violation]:
    """Neither a credential nor the webhook secret is logged or printed."""
    observed = call.observed
    webhooks = observed.provider.webhooks
    secret = frozenset(() if webhooks is None else {webhooks.signing.secret})
    for finding in leaks(replace(observed, credentials=observed.credentials - secret)):
        yield Violation("hides_credentials", finding)
    for finding in leaks(replace(observed, credentials=observed.credentials & secret)):
        yield Violation("hides_webhook_secret", finding)


def _at_level(observed: Observed, policy: ContractPolicy) -> Observed:
    """The record, without log lines below the level of production."""
    level = level_number(policy.log_level) or 0

    def lines(text: str | None) -> list[Line]:
        found = observed.lines(text)
        return [line for line in found if line.level is None or line.level >= level]

    return replace(observed, lines=lines)


def _request_ids(call: CallResult, policy: ContractPolicy) -> Iterator[Violation]:
    """The ``requestId`` of a last failed reply is logged."""
    observed = call.observed
    lines = _at_level(observed, policy).lines(None)
    for operation in observed.operations:
        last = [] if call.stopped else reply_to_log(observed, operation)
        for finding in unlogged(observed, operation, last, lines):
            request_id = last[0].request_id or ""
            below = [line for line in observed.lines(None) if request_id in line.text]
            nearest = finding.nearest
            if below:
                nearest = f"a record below {policy.log_level} has it, which production drops"
            elif call.error is not None and request_id in exception_text(call.error):
                nearest = "the exception that parse raised carries it, but nothing logged it"
            yield Violation("logs_request_id", replace(finding, nearest=nearest))


def _run_logs(call: CallResult, policy: ContractPolicy) -> Iterator[Violation]:
    """The id and reason of each failed run are logged."""
    for finding in unlogged_failures(_at_level(call.observed, policy)):
        yield Violation("logs_run_failures", finding)


_RESUBMISSIONS: Final[Mapping[Kind, str]] = {
    "final_reason": "no_resubmit_on_final_reasons",
    "resubmitted_payload": "resends_payload",
    "resubmitted_wait": "backoff",
    "retryable_reason": "resubmits",
}


def _resubmissions(call: CallResult, _policy: ContractPolicy) -> Iterator[Violation]:
    """Documents of failed runs are submitted again if the reason is retryable, and only then."""
    for finding in wrong_resubmissions(call.observed):
        yield Violation(_RESUBMISSIONS[finding.kind], finding)


_Judge = Callable[[CallResult, ContractPolicy], Iterator[Violation]]


def _as_checked(rule: str, find: Callable[[Observed], Iterator[Finding]]) -> _Judge:
    """Make a rule that is judged by one function of `checks/`."""

    def judge(call: CallResult, _policy: ContractPolicy) -> Iterator[Violation]:
        for finding in find(call.observed):
            yield Violation(rule, finding)

    return judge


_GENERAL: Final[tuple[_Judge, ...]] = (
    _stops,
    _retries,
    _final_errors,
    _backoff,
    _as_checked("resends_payload", changed_payloads),
    _as_checked("sets_timeouts", missing_timeouts),
    _credentials,
    _raises,
    _clear_errors,
    _request_ids,
    _run_logs,
    _as_checked("stops_polling", polls_after_end),
    _as_checked("polls_politely", polls_too_close),
    _resubmissions,
    _as_checked("accepts_webhooks", good_ones_not_accepted),
    _as_checked("verifies_signature", wrong_ones_not_rejected),
)


def general_violations(call: CallResult, policy: ContractPolicy) -> Iterator[Violation]:
    """Yield the violations of all these rules."""
    for judge in _GENERAL:
        yield from judge(call, policy)
