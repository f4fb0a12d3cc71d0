"""Plays a case: scripts the API, lets the consumer parse, and judges what it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pytest_parseapi.contract import http_plays, run_plays, webhook_plays
from pytest_parseapi.contract.breach import Breach, kept
from pytest_parseapi.contract.cases import Case
from pytest_parseapi.contract.stage import Stage

__all__ = ["PLAYS", "play"]

PLAYS: Final[dict[str, Callable[[Case, Stage], Iterator[Breach]]]] = {
    "success": http_plays.success,
    "documented_error": http_plays.single_failure,
    "lasting_error": http_plays.lasting_failure,
    "network_fault": http_plays.single_failure,
    "lasting_network_fault": http_plays.lasting_failure,
    "backoff": http_plays.backoff,
    "retry_after": http_plays.retry_after,
    "earlier_result": http_plays.earlier_result,
    "retryable_flag": http_plays.retryable_flag,
    "run_failure": run_plays.run_failure,
    "lasting_run_failure": run_plays.lasting_run_failure,
    "poll_error": http_plays.single_failure,
    "poll_fault": http_plays.single_failure,
    "webhook": webhook_plays.single_delivery,
    "wrong_webhook": webhook_plays.single_delivery,
    "repeated_webhook": webhook_plays.repeated_delivery,
}
"""How each kind of case is played."""


def play(case: Case, stage: Stage) -> list[Breach]:
    """The rules that a consumer breaks in a case."""
    __tracebackhide__ = True
    return kept(PLAYS[case.test](case, stage), stage.policy)
