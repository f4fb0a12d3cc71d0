"""The rules that hold whatever was scripted: each looks at one trial and names what is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pytest_parseapi.contract import (
    attempt_rules,
    log_rules,
    result_rules,
    run_rules,
    webhook_rules,
)
from pytest_parseapi.contract.breach import Breach
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.contract.trial import Trial

__all__ = ["general_breaches"]

_Judge = Callable[[Trial, ContractPolicy], Iterator[Breach]]
_GENERAL: Final[tuple[_Judge, ...]] = (
    attempt_rules.stops,
    attempt_rules.retries,
    attempt_rules.final_errors,
    attempt_rules.backoff,
    attempt_rules.payloads,
    attempt_rules.timeouts,
    log_rules.credentials,
    result_rules.raises,
    result_rules.clear_errors,
    log_rules.request_ids,
    log_rules.run_logs,
    run_rules.polls,
    run_rules.resubmissions,
    webhook_rules.webhooks,
)


def general_breaches(trial: Trial, policy: ContractPolicy) -> Iterator[Breach]:
    """Everything that may be broken whatever was scripted."""
    for judge in _GENERAL:
        yield from judge(trial, policy)
