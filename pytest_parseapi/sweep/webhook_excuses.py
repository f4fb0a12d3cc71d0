"""Excuses broken rules about webhooks that are a consequence of the failed request."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.webhook import WebhookAnswer
from pytest_parseapi.sweep.trial import Broken, MetFailure

_TIMEOUTS = ("connect_timeout", "read_timeout")
_POLLS = {"poll_after_end": 1, "poll_interval": 2}
"""How many deliveries explain a poll: it looks for one that it was still busy with when the next
one came, or two of them look side by side."""


def is_excused(broken: Broken, found: MetFailure) -> bool:
    """Whether a receiver broke a rule about webhooks only because its request failed.

    It did right to reject the delivery: the provider delivers again.
    """
    kind, subject = broken.finding.kind, broken.finding.subject
    where = () if subject is None else subject.name.split()
    if kind == "webhook_accepted":
        answers = [
            item for item in found.observed.webhook_answers if item.delivery.event_id in where
        ]
        missed = [item for item in answers[:-1] if item.late] + answers[-1:]
        return all(item.taken or _cannot_take(item, found) for item in missed)
    if kind in _POLLS:
        late = [item for item in found.observed.webhook_answers if _cannot_take(item, found)]
        polls = [item for item in found.observed.attempts if item.number in broken.finding.attempts]
        return bool(polls) and all(
            sum(_is_during(poll, answer) for answer in late) >= _POLLS[kind] for poll in polls
        )
    if kind == "run_failure":
        answers = [item for item in found.observed.webhook_answers if item.delivery.run_id in where]
        shown = any(item.shown is not None and item.run_id in where for item in _fine(found))
        # The receiver cannot know a run that no reply and no accepted delivery has shown.
        return bool(answers) and not shown and all(_cannot_take(item, found) for item in answers)
    return False


def _cannot_take(answer: WebhookAnswer, found: MetFailure) -> bool:
    """Whether the failure was met during a delivery, and explains why it was not accepted."""
    met = [item for item in found.attempts if _is_during(item, answer)]
    if answer.taken or not met:
        return False
    is_success = answer.status is not None and 200 <= answer.status < 300  # noqa: PLR2004
    silent = sum(item.ended - item.started for item in met if item.error in _TIMEOUTS)
    return not is_success or answer.ended - answer.started - silent <= answer.limit


def _is_during(attempt: Attempt, answer: WebhookAnswer) -> bool:
    return attempt.number > answer.attempts_before and attempt.started <= answer.ended


def _fine(found: MetFailure) -> Sequence[Attempt]:
    return [item for item in found.observed.attempts if not item.failed]
