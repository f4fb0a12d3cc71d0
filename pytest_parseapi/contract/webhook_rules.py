"""Rules on webhooks: which deliveries a receiver takes."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_parseapi.checks.webhooks import unaccepted, unrejected
from pytest_parseapi.contract.breach import Breach
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.contract.trial import Trial

__all__ = ["webhooks"]


def webhooks(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    """Good deliveries are taken, and wrong ones are turned down."""
    for finding in unaccepted(trial.record):
        yield Breach("accepts_webhooks", finding)
    for finding in unrejected(trial.record):
        yield Breach("verifies_signature", finding)
