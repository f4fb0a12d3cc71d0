"""Plays webhook deliveries to a receiver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_parseapi.checks.webhooks import repeated_effects
from pytest_parseapi.contract.breach import Breach
from pytest_parseapi.contract.cases import Case
from pytest_parseapi.contract.failure import name_of
from pytest_parseapi.contract.rules import general_breaches
from pytest_parseapi.contract.stage import Stage
from pytest_parseapi.contract.trial import Trial

__all__ = ["repeated_delivery", "single_delivery"]

_OF_WEBHOOKS: Final = (
    "accepts_webhooks",
    "verifies_signature",
    "hides_webhook_secret",
    "hides_credentials",
    "sets_timeouts",
)


def single_delivery(case: Case, stage: Stage) -> Iterator[Breach]:
    """One webhook is delivered, right or wrong."""
    error = None if case.error is None else name_of(case.error)
    trial = stage.deliver(stage.api.webhook(error, wrong=case.wrong))
    yield from _webhook_breaches(trial, stage)


def repeated_delivery(_case: Case, stage: Stage) -> Iterator[Breach]:
    """One webhook is delivered twice."""
    before = 0 if stage.policy.webhook_effects is None else stage.policy.webhook_effects()
    delivery = stage.api.webhook()
    stage.deliver(delivery)
    trial = stage.deliver(delivery)
    yield from _webhook_breaches(trial, stage)
    count = stage.policy.webhook_effects
    effects = None if count is None else (lambda: count() - before)
    for finding in repeated_effects(trial.record, effects):
        yield Breach("handles_events_once", finding)


def _webhook_breaches(trial: Trial, stage: Stage) -> Iterator[Breach]:
    """A receiver is asked for nothing that only a caller of ``parse`` can give."""
    for breach in general_breaches(trial, stage.policy):
        if breach.rule in _OF_WEBHOOKS:
            yield breach
