"""The rules that hold whatever was scripted: each looks at one trial and names what is broken."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from pytest_parseapi.catalogue.faults import NetworkFault
from pytest_parseapi.catalogue.model import DocumentedError, Provider
from pytest_parseapi.checks.documentation import missing_retries, unproven_backoff, vain_retries
from pytest_parseapi.checks.logs import leaks, level_number, unlogged
from pytest_parseapi.checks.polling import polls_after_end, polls_too_close
from pytest_parseapi.checks.record import Finding
from pytest_parseapi.checks.requests import changed_payloads, missing_timeouts
from pytest_parseapi.checks.resubmissions import wrong_resubmissions
from pytest_parseapi.checks.run_logs import unlogged_failures
from pytest_parseapi.checks.webhooks import unaccepted, unrejected
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.contract.trial import Trial
from pytest_parseapi.evidence.line import Line, exception_text
from pytest_parseapi.timeline import describe_error
from pytest_parseapi.webhooks.delivery import SECRET

__all__ = ["Breach", "Named", "documented", "general_breaches", "kept", "may_be_retried"]

Named = DocumentedError | NetworkFault

# What code raises on its way to an error that it did not foresee.
_UNRELATED: Final = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    NameError,
    RecursionError,
    TypeError,
    UnboundLocalError,
    UnicodeDecodeError,
)
_TOO_LONG: Final = 86_400.0
_BROKEN_SUCCESS: Final = ("invalid_json", "truncated_body")


class Breach(NamedTuple):
    """A rule of the contract that does not hold, and what shows it."""

    rule: str
    finding: Finding

    @property
    def titled(self) -> Finding:
        """The finding with the name of its rule, which is what turns it off."""
        return replace(self.finding, rule=f"{self.finding.rule} [{self.rule}]")


def general_breaches(trial: Trial, policy: ContractPolicy) -> Iterator[Breach]:
    """Everything that may be broken whatever was scripted."""
    for judge in _GENERAL:
        yield from judge(trial, policy)


def kept(breaches: Iterator[Breach], policy: ContractPolicy) -> list[Breach]:
    """The breaches of rules that the policy holds, each rule and place once."""
    found: dict[tuple[str, str], Breach] = {}
    for breach in breaches:
        if getattr(policy, breach.rule) is not False:
            found.setdefault((breach.rule, breach.finding.where), breach)
    return list(found.values())


def may_be_retried(provider: Provider, error: Named | str | None) -> bool:
    """Whether the provider advises to retry it."""
    if isinstance(error, DocumentedError):
        return error.retryable
    if not isinstance(error, NetworkFault) or error.status is None or error.status < 500:  # noqa: PLR2004
        return False
    same = [item.retryable for item in provider.errors if item.status == error.status]
    return all(same) if same else provider.advice_for("server_errors") is not None


def documented(provider: Provider, error: Named) -> str:
    """What the provider says about an error, and where."""
    if isinstance(error, NetworkFault):
        return f"{error.name}: {error.description}"
    retry = "may be retried" if error.retryable else "is not to be retried"
    basis = "" if error.basis == "documented" else f"; basis: {error.basis}"
    where = f"({error.source}{basis})"
    return f"{provider.title} documents {error.code} ({error.status}): it {retry} {where}"


def _final_errors(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    for operation in trial.record.operations:
        for finding in vain_retries(trial.record, operation):
            yield Breach("spares_final_errors", _with_source(finding, operation.attempts[0].error))


def _retries(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    for operation in trial.record.operations:
        for finding in missing_retries(trial.record, operation):
            yield Breach("retries", _with_source(finding, operation.attempts[-1].error))


def _with_source(finding: Finding, error: object) -> Finding:
    if not isinstance(error, DocumentedError) or not error.source:
        return finding
    page = f"{error.code} is documented at {error.source}"
    return replace(finding, advice="\n".join(filter(None, (finding.advice, page))))


def _backoff(trial: Trial, policy: ContractPolicy) -> Iterator[Breach]:
    if policy.immediate_first_retry:
        return
    for operation in trial.record.operations:
        for finding in unproven_backoff(trial.record, operation):
            yield Breach("backoff", finding)


def _payload(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    for finding in changed_payloads(trial.record):
        yield Breach("resends_payload", finding)


def _timeouts(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    for finding in missing_timeouts(trial.record):
        yield Breach("sets_timeouts", finding)


def _credentials(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    secret = frozenset({SECRET})
    record = trial.record
    for finding in leaks(replace(record, credentials=record.credentials - secret)):
        yield Breach("hides_credentials", finding)
    for finding in leaks(replace(record, credentials=record.credentials & secret)):
        yield Breach("hides_webhook_secret", finding)


def _stops(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    attempts = trial.record.attempts
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


def _raises(trial: Trial, policy: ContractPolicy) -> Iterator[Breach]:
    last = trial.last
    run = trial.failed_run
    if policy.raises and run is not None and trial.error is None and not trial.stopped:
        yield Breach(
            "raises",
            Finding(
                rule="parse raises where the run failed",
                where=run.id,
                expected="an exception that says why the run failed",
                seen=f"{trial.outcome} although run {run.id} ended FAILED: {run.failure_reason}",
                advice=trial.record.advice("polling"),
            ),
        )
    # Who tells failures by what it returns is the only one to read it.
    if not policy.raises or last is None or not last.failed:
        return
    if trial.error is not None or trial.stopped:
        return
    broken = last.error in _BROKEN_SUCCESS
    yield Breach(
        "rejects_broken_success" if broken else "raises",
        Finding(
            rule="a 200 with a broken body is no result"
            if broken
            else "parse raises where the last attempt failed",
            where=f"{last.method} {last.endpoint}",
            expected="an exception that says what failed",
            seen=f"{trial.outcome} after the {describe_error(last)} of attempt {last.number}",
            advice="read the body before trusting the status"
            if broken
            else "raise, so that no caller takes a failed document for a parsed one; a consumer "
            "that tells failures otherwise states raises = False",
        ),
    )


def _clear_errors(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    error = trial.error
    if error is None or not (isinstance(error, json.JSONDecodeError) or type(error) in _UNRELATED):
        return
    last = trial.last
    met = "" if last is None else f" on the {describe_error(last)} of attempt {last.number}"
    yield Breach(
        "clear_errors",
        Finding(
            rule="an error that was not foreseen is still told as the API's failure",
            expected="an exception about the failed request",
            seen=f"{type(error).__name__}: {error}{met}",
            advice="bodies may lack fields, carry codes added later, or be a gateway's HTML: read "
            "them with .get() and with a default, and catch what decoding raises",
        ),
    )


def _request_ids(trial: Trial, policy: ContractPolicy) -> Iterator[Breach]:
    level = level_number(policy.log_level) or 0
    record = trial.record
    lines = [line for line in record.lines(None) if line.level is None or line.level >= level]
    for operation in record.operations:
        last = operation.attempts[-1]
        if not last.failed or last.request_id is None or trial.stopped:
            continue
        for finding in unlogged(record, operation, [last], lines):
            below = [line for line in record.lines(None) if last.request_id in line.text]
            nearest = finding.nearest
            if below:
                nearest = f"a record below {policy.log_level} has it, which production drops"
            elif trial.error is not None and last.request_id in exception_text(trial.error):
                nearest = "the exception that parse raised carries it, but nothing logged it"
            yield Breach("logs_request_id", replace(finding, nearest=nearest))


def _run_logs(trial: Trial, policy: ContractPolicy) -> Iterator[Breach]:
    level = level_number(policy.log_level) or 0

    def lines(text: str | None) -> list[Line]:
        found = trial.record.lines(text)
        return [line for line in found if line.level is None or line.level >= level]

    heard = replace(trial.record, lines=lines)
    for finding in unlogged_failures(heard, None, None, None):
        yield Breach("logs_run_failures", finding)


def _polls(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    for finding in polls_after_end(trial.record):
        yield Breach("stops_polling", finding)
    for finding in polls_too_close(trial.record):
        yield Breach("polls_politely", finding)


def _resubmissions(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    for finding in wrong_resubmissions(trial.record):
        rule = next(name for words, name in _RESUBMISSIONS.items() if words in finding.rule)
        yield Breach(rule, finding)


def _webhooks(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    for finding in unaccepted(trial.record):
        yield Breach("accepts_webhooks", finding)
    for finding in unrejected(trial.record):
        yield Breach("verifies_signature", finding)


_RESUBMISSIONS: Final = {
    "is not submitted again": "spares_final_reasons",
    "is submitted again with the same payload": "resends_payload",
    "is submitted again after a wait": "backoff",
    "is submitted again": "resubmits",
}
_Judge = Callable[[Trial, ContractPolicy], Iterator[Breach]]
_GENERAL: Final[tuple[_Judge, ...]] = (
    _stops,
    _retries,
    _final_errors,
    _backoff,
    _payload,
    _timeouts,
    _credentials,
    _raises,
    _clear_errors,
    _request_ids,
    _run_logs,
    _polls,
    _resubmissions,
    _webhooks,
)
