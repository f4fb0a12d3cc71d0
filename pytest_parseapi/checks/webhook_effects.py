"""Checks that a receiver acts on each event once: by its requests, or by a count of the test."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from pytest_parseapi.checks.finding import Finding, Subject
from pytest_parseapi.checks.kinds import rule_of
from pytest_parseapi.checks.observed import Observed, proves_nothing, raise_findings
from pytest_parseapi.checks.runs import shown_by
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.mistakes import UsageError, counted
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.webhook import WebhookAnswer

_ONCE: Final = rule_of("webhook_handled_once")


def webhook_handled_once(
    observed: Observed,
    effects: Callable[..., Any] | None = None,
    document: str | None = None,
) -> None:
    """Check that each event that was delivered more than once had one effect."""
    if effects is not None and not callable(effects):
        raise UsageError(f"effects is a callable that counts them, not {effects!r}")
    observed = observed.about(document, _ONCE)
    raise_findings(observed, repeated_effects(observed, effects))


def repeated_effects(
    observed: Observed, effects: Callable[..., Any] | None = None
) -> list[Finding]:
    """Find events that were delivered more than once and had more than one effect."""
    events = _events(observed)
    repeated = [answers for answers in events.values() if len(answers) > 1]
    if not repeated:
        # A receiver need not send requests of its own.
        proves_nothing(
            observed,
            _ONCE,
            "no event was delivered more than once",
            advice="deliver one delivery twice: api.deliver(delivery, receiver), two times",
        )
    return _counted(observed, list(events.values()), repeated, effects)


def _events(observed: Observed) -> dict[str, list[WebhookAnswer]]:
    """The answers to right deliveries, by event."""
    events: dict[str, list[WebhookAnswer]] = {}
    for answer in observed.webhook_answers:
        if answer.delivery.wrong is None:
            events.setdefault(answer.delivery.event_id, []).append(answer)
    return events


def _counted(
    observed: Observed,
    events: Sequence[Sequence[WebhookAnswer]],
    repeated: Sequence[Sequence[WebhookAnswer]],
    effects: Callable[..., Any] | None,
) -> list[Finding]:
    if effects is None:
        found = [_by_requests(observed, answers) for answers in repeated]
    elif inspect.signature(effects).parameters:
        found = [
            _finding(observed, answers[0], f"{count}, as effects({event!r}) counts")
            for answers in repeated
            for event in [answers[0].delivery.event_id]
            for count in [effects(event)]
            if count != 1
        ]
    else:
        count, wanted = effects(), len(events)
        text = f"{count} for {counted(wanted, 'event')}, as effects() counts"
        found = [] if count == wanted else [_finding(observed, repeated[0][0], text)]
    return [finding for finding in found if finding is not None]


def _by_requests(observed: Observed, answers: Sequence[WebhookAnswer]) -> Finding | None:
    if (lost := _never_acted_on(observed, answers)) is not None:
        return lost
    requests = effects_of(observed, answers[0].delivery.run_id, since=answers[0])
    if not requests:
        proves_nothing(
            observed,
            _ONCE,
            "the receiver sent nothing to the API about the event's run",
            advice="count its effect otherwise: assert_webhook_handled_once(effects=callable)",
        )
    return _repeated(observed, answers)


def repeated_acts(observed: Observed) -> Iterator[Finding]:
    """Find events that were delivered more than once, and were acted on each time, or never.

    Only what was asked of the API shows.
    """
    for answers in _events(observed).values():
        if len(answers) > 1:
            found = _never_acted_on(observed, answers) or _repeated(observed, answers)
            if found is not None:
                yield found


def _never_acted_on(observed: Observed, answers: Sequence[WebhookAnswer]) -> Finding | None:
    """An event that a receiver failed on, and later accepted without acting on it.

    That a receiver acts by asking the API is known where it tried to on this event, or did on
    another one of its kind.
    """
    first, last = answers[0], answers[-1]
    broke = next((item for item in answers if not item.agreed), None)
    run_id = first.delivery.run_id
    if broke is None or not last.agreed or _shows_end(observed, run_id):
        return None
    if effects_of(observed, run_id, since=first):
        return None
    errors = _errors_met_during([item for item in answers if not item.agreed], observed)
    if observed.lasting_errors & set(errors):
        # A later delivery would meet the same failure.
        return None
    # A final error is not retried.
    tried = any(
        not isinstance(error, DocumentedError) or error.retryable for error in errors.values()
    )
    # It sent a request about the run during the last delivery, or after it.
    again = any(
        attempt.run_id == run_id and attempt.number > last.attempts_before
        for attempt in observed.attempts
    )
    if again or not (tried or _acts_on_others(observed, answers)):
        return None
    return replace(
        _finding(
            observed,
            broke,
            f"0: {said(broke)}, and answered a later delivery without asking the API",
        ),
        advice="mark an event as seen when its work is done, not before; where it works without "
        "the API, count its effect: assert_webhook_handled_once(effects=callable)",
    )


def _errors_met_during(
    answers: Sequence[WebhookAnswer], observed: Observed
) -> dict[str | None, DocumentedError | str | None]:
    """The errors of requests about the event's run during the delivery; None for a success."""
    return {
        attempt.error_name: attempt.error
        for item in answers
        for attempt in observed.attempts
        if item.attempts_before < attempt.number
        and item.started <= attempt.started <= attempt.ended <= item.ended
        and attempt.run_id == item.delivery.run_id
    }


def _acts_on_others(observed: Observed, answers: Sequence[WebhookAnswer]) -> bool:
    """Whether each other accepted event of the same type had an effect."""
    kind, own = answers[0].delivery.event_type, answers[0].delivery.event_id
    others = [
        items
        for event, items in _events(observed).items()
        if event != own and items[0].delivery.event_type == kind and items[-1].agreed
    ]
    return bool(others) and all(
        effects_of(observed, items[0].delivery.run_id, since=items[0]) for items in others
    )


def _shows_end(observed: Observed, run_id: str | None) -> bool:
    """Whether any reply has shown the end of a run."""
    return any(
        item.id == run_id and item.ended
        for attempt in observed.attempts
        for item in shown_by(attempt)
    )


def _repeated(observed: Observed, answers: Sequence[WebhookAnswer]) -> Finding | None:
    """The request that an event caused more often than there were events."""
    acts = _acts(observed, answers)
    most = max(acts, key=lambda act: acts[act], default="")
    if not most or acts[most] <= _events_beside(observed, answers):
        return None
    return _finding(observed, answers[0], f"{acts[most]}: {most}")


def _events_beside(observed: Observed, answers: Sequence[WebhookAnswer]) -> int:
    """The number of events about a run that were delivered at the same time as this one.

    A queue's worker may act on all of them later.
    """
    first, last = answers[0].attempts_before, answers[-1].attempts_before
    return len(
        {
            item.delivery.event_id
            for item in observed.webhook_answers
            if first <= item.attempts_before <= last and is_right_about(item, answers[0])
        }
    )


def _acts(observed: Observed, answers: Sequence[WebhookAnswer]) -> dict[str, int]:
    """The number of times that an event caused each request."""
    first = answers[0]
    starts = [answer.attempts_before for answer in observed.webhook_answers]
    end = min((number for number in starts if number > answers[-1].attempts_before), default=None)
    counts: dict[str, int] = {}
    looks: dict[tuple[str, int], list[Attempt]] = {}
    for attempt in effects_of(observed, first.delivery.run_id, since=first):
        if end is not None and attempt.number > end:
            break
        if attempt.method == "GET":
            begun = max(n for item in answers if (n := item.attempts_before) < attempt.number)
            looks.setdefault((request_text(attempt), begun), []).append(attempt)
        else:
            counts[request_text(attempt)] = counts.get(request_text(attempt), 0) + 1
    for (request, begun), found in looks.items():
        # A receiver that failed on a delivery has to send its request again. Of several requests
        # because of one delivery, all but the first are polls.
        taken = [item for item in answers if item.attempts_before == begun and item.agreed]
        ended = sum(look.shown is not None and look.shown.ended for look in found)
        counts[request] = counts.get(request, 0) + min(max(ended, 1), len(taken))
    return counts


def effects_of(observed: Observed, run_id: str | None, *, since: WebhookAnswer) -> list[Attempt]:
    """The consumer's requests about a run and its document, from a point in time on."""
    run = next((item for item in observed.runs if item.id == run_id), None)
    names = () if run is None else run.names
    return [
        attempt
        for attempt in observed.attempts
        if attempt.number > since.attempts_before
        and not attempt.failed
        and (
            attempt.run_id == run_id or (attempt.document is not None and attempt.document in names)
        )
    ]


def _finding(observed: Observed, answer: WebhookAnswer, seen: str) -> Finding:
    return Finding(
        kind="webhook_handled_once",
        rule=_ONCE,
        subject=Subject.event(answer.delivery),
        expected="1 effect",
        seen=seen,
        advice=observed.advice("webhook"),
    )


def said(answer: WebhookAnswer) -> str:
    """The answer of a receiver, as text."""
    late = f" after {answer.ended - answer.started:.3f} s" if answer.late else ""
    if answer.status is None:
        return f"it raised {answer.raised}{late}"
    raised = "" if answer.raised is None else f", and raised {answer.raised}"
    return f"it answered {answer.status}{late}{raised}"


def request_text(attempt: Attempt) -> str:
    """A request, as text."""
    return f"{attempt.method} {attempt.path}"


def is_right_about(answer: WebhookAnswer, other: WebhookAnswer) -> bool:
    """Whether an answer belongs to a right delivery about the same run or document."""
    mine, its = answer.delivery, other.delivery
    same = mine.run_id == its.run_id or (
        mine.document is not None and mine.document == its.document
    )
    return same and not mine.must_be_rejected
