"""Runs the cases about failed runs and webhook deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_parseapi.api.internals import service_of
from pytest_parseapi.api.runs import run_table_of
from pytest_parseapi.checks.finding import Finding, Subject
from pytest_parseapi.checks.kinds import rule_of
from pytest_parseapi.checks.webhook_effects import repeated_effects
from pytest_parseapi.contract.call import CallResult, Harness
from pytest_parseapi.contract.cases import MANY_RUNS, Case, documented
from pytest_parseapi.contract.rules import Violation, general_violations
from pytest_parseapi.contract.scripted_rules import run_failure_never_met
from pytest_parseapi.model.lookup import name_of
from pytest_parseapi.model.mistakes import counted
from pytest_parseapi.service.script import ALWAYS


def run_failure(case: Case, harness: Harness) -> Iterator[Violation]:
    """Parse with one run that fails."""
    error = case.failure
    harness.api.fail_run(name_of(error))
    call = harness.call()
    yield from run_failure_never_met(call, error, harness)
    yield from general_violations(call, harness.policy)
    # A consumer that does not wait for the first run's end never saw it fail.
    if len(call.observed.runs) > 1 and not call.failed_run and call.error is not None:
        last = call.observed.runs[-1]
        how = "was still" if last.ended is None else "ended"
        yield Violation(
            "resubmits",
            Finding(
                kind="retryable_reason",
                rule="the result of a new run is used",
                subject=Subject.run_id(last.id),
                expected=f"a result: run {last.id} {how} {last.status}",
                seen=call.outcome,
            ),
        )


def lasting_run_failure(case: Case, harness: Harness) -> Iterator[Violation]:
    """Parse with runs that all fail."""
    error = case.failure
    # The fuse does not count runs: each is created by a request that succeeds.
    harness.api.fail_run(name_of(error), times=MANY_RUNS)
    call = harness.call()
    for step in run_table_of(service_of(harness.api)).script.unused():
        # If the consumer gave up, the unused rest of the script is no mistake of the test.
        step.times = ALWAYS
    yield from run_failure_never_met(call, error, harness)
    yield from general_violations(call, harness.policy)
    yield from _exact_submissions(call, harness)
    if len(call.observed.runs) > MANY_RUNS:
        yield Violation(
            "gives_up",
            Finding(
                kind="gave_up",
                rule="the consumer gives up on a document whose runs fail",
                expected=f"an end. {documented(harness.api.provider, error)}",
                seen=f"{MANY_RUNS} runs failed, and another one was submitted",
                advice="limit how often a document is submitted",
            ),
        )


def _exact_submissions(call: CallResult, harness: Harness) -> Iterator[Violation]:
    wanted = harness.policy.max_submissions
    runs = call.observed.runs
    if wanted is None or call.stopped or not runs or not runs[-1].failed:
        return
    if len(runs) != wanted:
        yield Violation(
            "gives_up",
            Finding(
                kind="gave_up",
                rule=f"the consumer gives up after {counted(wanted, 'run')} of a document in all",
                subject=Subject.run_id(runs[-1].id),
                expected=f"{counted(wanted, 'run')} (max_submissions = {wanted})",
                seen=f"{counted(len(runs), 'run')}, the last of which failed, too",
                advice="the first submission counts, too; max_attempts counts the HTTP attempts "
                "of one request",
            ),
        )


_OF_WEBHOOKS: Final = (
    "accepts_webhooks",
    "verifies_signature",
    "hides_webhook_secret",
    "hides_credentials",
    "sets_timeouts",
)


def single_delivery(case: Case, harness: Harness) -> Iterator[Violation]:
    """Deliver one webhook, right or wrong."""
    error = None if case.error is None else name_of(case.error)
    call = harness.deliver(harness.api.webhook(error, wrong=case.wrong))
    yield from _webhook_violations(call, harness)


def repeated_delivery(_case: Case, harness: Harness) -> Iterator[Violation]:
    """Deliver one webhook twice; to a slow receiver once more during the first delivery."""
    before = 0 if harness.policy.webhook_effects is None else harness.policy.webhook_effects()
    delivery = harness.api.webhook()
    harness.deliver(delivery, tries=2)
    # A sender signs each try again, so the receiver cannot recognise it by signature or time.
    call = harness.deliver(harness.signed_again(delivery))
    yield from _webhook_violations(call, harness)
    count = harness.policy.webhook_effects
    effects = None if count is None else (lambda: count() - before)
    try:
        found = repeated_effects(call.observed, effects)
    except AssertionError:
        # Nothing shows what the receiver did with the event.
        found = [_UNSEEN_EFFECT]
    for finding in found:
        yield Violation("handles_events_once", finding)


_UNSEEN_EFFECT: Final = Finding(
    kind="nothing_to_check",
    rule=rule_of("webhook_handled_once"),
    expected="a request to the API about the event's run, or webhook_effects",
    seen="the receiver sent nothing to the API about the event's run",
    advice="define webhook_effects(self): how many events had an effect so far, such as the rows "
    "that the receiver wrote",
)


def _webhook_violations(call: CallResult, harness: Harness) -> Iterator[Violation]:
    """The violations that can concern a receiver: not those of a caller of ``parse``."""
    for violation in general_violations(call, harness.policy):
        if violation.rule in _OF_WEBHOOKS:
            yield violation
