"""Rules on what is logged: what support will ask for, and no secret."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pytest_parseapi.checks.logs import leaks, level_number, unlogged
from pytest_parseapi.checks.run_logs import unlogged_failures
from pytest_parseapi.contract.breach import Breach
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.contract.trial import Trial
from pytest_parseapi.evidence.line import Line, exception_text
from pytest_parseapi.webhooks.delivery import SECRET

__all__ = ["credentials", "request_ids", "run_logs"]


def credentials(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    """Neither a credential nor the webhook secret is logged or printed."""
    secret = frozenset({SECRET})
    record = trial.record
    for finding in leaks(replace(record, credentials=record.credentials - secret)):
        yield Breach("hides_credentials", finding)
    for finding in leaks(replace(record, credentials=record.credentials & secret)):
        yield Breach("hides_webhook_secret", finding)


def request_ids(trial: Trial, policy: ContractPolicy) -> Iterator[Breach]:
    """The ``requestId`` of a last failed reply is logged."""
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


def run_logs(trial: Trial, policy: ContractPolicy) -> Iterator[Breach]:
    """The id and reason of each failed run are logged."""
    level = level_number(policy.log_level) or 0

    def lines(text: str | None) -> list[Line]:
        found = trial.record.lines(text)
        return [line for line in found if line.level is None or line.level >= level]

    heard = replace(trial.record, lines=lines)
    for finding in unlogged_failures(heard, None, None, None):
        yield Breach("logs_run_failures", finding)
