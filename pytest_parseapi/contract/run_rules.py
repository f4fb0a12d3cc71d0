"""Rules on runs: how they are polled, and whether they are submitted again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_parseapi.checks.polling import polls_after_end, polls_too_close
from pytest_parseapi.checks.resubmissions import wrong_resubmissions
from pytest_parseapi.contract.breach import Breach
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.contract.trial import Trial

__all__ = ["polls", "resubmissions"]

_RESUBMISSIONS: Final = {
    "is not submitted again": "spares_final_reasons",
    "is submitted again with the same payload": "resends_payload",
    "is submitted again after a wait": "backoff",
    "is submitted again": "resubmits",
}


def polls(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    """No run is polled too fast, or after its end."""
    for finding in polls_after_end(trial.record):
        yield Breach("stops_polling", finding)
    for finding in polls_too_close(trial.record):
        yield Breach("polls_politely", finding)


def resubmissions(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    """Documents of failed runs are submitted again where that helps, and only there."""
    for finding in wrong_resubmissions(trial.record):
        rule = next(name for words, name in _RESUBMISSIONS.items() if words in finding.rule)
        yield Breach(rule, finding)
