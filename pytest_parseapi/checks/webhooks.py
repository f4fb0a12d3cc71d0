"""Whether a receiver rejects wrong deliveries, takes good ones, and handles each event once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from pytest_parseapi.checks.finding import Finding, Subject
from pytest_parseapi.checks.kinds import rule_of
from pytest_parseapi.checks.known_runs import shown_by
from pytest_parseapi.checks.observed import Observed, proves_nothing, raise_findings
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.webhooks import UNKNOWN_EVENT_TYPE, WebhookDescription
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.webhook import WebhookAnswer

_REJECTED: Final = rule_of("webhook_rejected")
_ACCEPTED: Final = rule_of("webhook_accepted")
_ONCE: Final = rule_of("webhook_handled_once")
_VERIFIED: Final = (
    "the receiver may verify with another secret than webhook_secret, "
    "or another body than the raw one"
)
_NEAREST: Final = {
    401: f"401: {_VERIFIED}",
    403: f"403: {_VERIFIED}",
    404: "404: the app may serve another path, which deliver(..., path=...) names",
}
_ADDED: Final = (
    f"{UNKNOWN_EVENT_TYPE} is no wrong delivery: a receiver answers it with a 2xx, which "
    "assert_webhook_accepted() asks"
)
_GOOD: Final = "the deliveries on record are good ones, which assert_webhook_accepted() judges"
_WRONG: Final = "the deliveries on record are wrong ones, which assert_webhook_rejected() judges"
_DELIVER: Final = "deliver one: api.deliver(api.webhook({}), receiver)"


def webhook_rejected(observed: Observed, document: str | None = None) -> None:
    """Each wrong delivery was answered with a 4xx and had no effect."""
    observed = observed.about(document, _REJECTED)
    wrong = [answer for answer in observed.webhook_answers if answer.delivery.must_be_rejected]
    if not wrong:
        advice = _DELIVER.format("wrong='bad_signature'")
        added = any(answer.delivery.wrong for answer in observed.webhook_answers)
        nearest = _ADDED if added else _GOOD if observed.webhook_answers else ""
        seen = "no wrong delivery is on record"
        proves_nothing(observed, _REJECTED, seen, nearest, advice=advice)
    raise_findings(observed, list(wrong_ones_not_rejected(observed)))


def wrong_ones_not_rejected(observed: Observed) -> Iterator[Finding]:
    """Wrong deliveries that the receiver took, or acted on."""
    for answer in observed.webhook_answers:
        if not answer.delivery.must_be_rejected:
            continue
        effects = _effects_of_wrong(observed, answer)
        if not answer.rejected:
            seen = _said(answer)
        elif effects:
            seen = f"{_said(answer)}, but {_request(effects[0])} followed"
        else:
            continue
        yield Finding(
            kind="webhook_rejected",
            rule=_REJECTED,
            subject=Subject.event(answer.delivery),
            expected="a 4xx, or an exception from a plain function, and no effect",
            seen=seen,
            advice="verify signature and timestamp of the raw body before anything else"
            + _verifier(observed),
        )


def _verifier(observed: Observed) -> str:
    verifier = _description(observed).verifier
    return f", such as by the official client's {verifier}" if verifier else ""


def _description(observed: Observed) -> WebhookDescription:
    webhooks = observed.provider.webhooks
    assert webhooks is not None  # it delivered something
    return webhooks


def _effects_of_wrong(observed: Observed, answer: WebhookAnswer) -> list[Attempt]:
    """What followed a wrong delivery, and had no other cause that is on record."""
    run_id = answer.delivery.run_id
    own = next((run.submitted for run in observed.runs if run.id == run_id), False)
    later = observed.webhook_answers[observed.webhook_answers.index(answer) + 1 :]
    end = min(
        (item.attempts_before for item in later if _is_right_about(item, answer)), default=None
    )
    return [
        attempt
        for attempt in _effects(observed, run_id, since=answer)
        # Of its own run, the consumer asks by itself.
        if not (own and attempt.method == "GET") and (end is None or attempt.number <= end)
    ]


def _is_right_about(answer: WebhookAnswer, other: WebhookAnswer) -> bool:
    """Whether it answers a right delivery about the run or document of another one."""
    mine, its = answer.delivery, other.delivery
    same = mine.run_id == its.run_id or (
        mine.document is not None and mine.document == its.document
    )
    return same and not mine.must_be_rejected


def webhook_accepted(observed: Observed, document: str | None = None) -> None:
    """The last delivery of each good event was answered with a 2xx in time."""
    observed = observed.about(document, _ACCEPTED)
    last = _last_answers(observed)
    if not last:
        advice = _DELIVER.format("")
        nearest = _WRONG if observed.webhook_answers else ""
        seen = "no good delivery is on record"
        proves_nothing(observed, _ACCEPTED, seen, nearest, advice=advice)
    raise_findings(observed, list(good_ones_not_accepted(observed)))


def good_ones_not_accepted(observed: Observed) -> Iterator[Finding]:
    """Good events that the receiver did not take in the end, or was once too slow for."""
    last = {id(answer) for answer in _last_answers(observed)}
    found: set[str] = set()
    for answer in observed.webhook_answers:
        event = answer.delivery.event_id
        wrong = answer.late or (id(answer) in last and not answer.taken)
        if answer.delivery.must_be_rejected or not wrong or event in found:
            continue
        found.add(event)
        same = [item for item in observed.webhook_answers if item.delivery.event_id == event]
        yield Finding(
            kind="webhook_accepted",
            rule=_ACCEPTED,
            subject=Subject.event(answer.delivery),
            expected=f"a 2xx within {_description(observed).answer_seconds:g} s",
            seen=_said(answer) + (f" ({len(same)} deliveries)" if len(same) > 1 else ""),
            nearest=_NEAREST.get(answer.status or 0, ""),
            advice=observed.advice("webhook"),
        )


def _last_answers(observed: Observed) -> list[WebhookAnswer]:
    last = {
        answer.delivery.event_id: answer
        for answer in observed.webhook_answers
        if not answer.delivery.must_be_rejected
    }
    return list(last.values())


def webhook_handled_once(
    observed: Observed,
    effects: Callable[..., Any] | None = None,
    document: str | None = None,
) -> None:
    """Each event that was delivered more than once had one effect."""
    if effects is not None and not callable(effects):
        raise UsageError(f"effects is a callable that counts them, not {effects!r}")
    observed = observed.about(document, _ONCE)
    raise_findings(observed, repeated_effects(observed, effects))


def repeated_effects(
    observed: Observed, effects: Callable[..., Any] | None = None
) -> list[Finding]:
    """Events that were delivered more than once and had more than one effect."""
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
        text = f"{count} for {wanted} event{'' if wanted == 1 else 's'}, as effects() counts"
        found = [] if count == wanted else [_finding(observed, repeated[0][0], text)]
    return [finding for finding in found if finding is not None]


def _by_requests(observed: Observed, answers: Sequence[WebhookAnswer]) -> Finding | None:
    if (lost := _lost(observed, answers)) is not None:
        return lost
    requests = _effects(observed, answers[0].delivery.run_id, since=answers[0])
    if not requests:
        proves_nothing(
            observed,
            _ONCE,
            "the receiver sent nothing to the API about the event's run",
            advice="count its effect otherwise: assert_webhook_handled_once(effects=callable)",
        )
    return _repeated(observed, answers)


def repeated_acts(observed: Observed) -> Iterator[Finding]:
    """Events that were delivered more than once, and acted on each time, or never.

    Only what was asked of the API shows.
    """
    for answers in _events(observed).values():
        if len(answers) > 1:
            found = _lost(observed, answers) or _repeated(observed, answers)
            if found is not None:
                yield found


def _lost(observed: Observed, answers: Sequence[WebhookAnswer]) -> Finding | None:
    """The event that a receiver broke on, and later took without having acted on it.

    That a receiver acts by asking the API is known where it tried to on this event, or did on
    another one of its kind.
    """
    first, last = answers[0], answers[-1]
    broke = next((item for item in answers if not item.agreed), None)
    run_id = first.delivery.run_id
    if broke is None or not last.agreed or _shows_end(observed, run_id):
        return None
    if _effects(observed, run_id, since=first):
        return None
    errors = {
        attempt.error_name: attempt.error
        for item in answers
        if not item.agreed
        for attempt in observed.attempts
        if item.attempts_before < attempt.number
        and item.started <= attempt.started <= attempt.ended <= item.ended
        and attempt.run_id == run_id
    }
    if observed.lasting & set(errors):
        # To act on it later would have failed as well.
        return None
    # What cannot be mended need not be tried again.
    tried = any(
        not isinstance(error, DocumentedError) or error.retryable for error in errors.values()
    )
    # One whose failure was on the way to the answer has tried again.
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
            f"0: {_said(broke)}, and answered a later delivery without asking the API",
        ),
        advice="mark an event as seen when its work is done, not before",
    )


def _acts_on_others(observed: Observed, answers: Sequence[WebhookAnswer]) -> bool:
    """Whether each other event of the same type that the receiver took had an effect."""
    kind, own = answers[0].delivery.event_type, answers[0].delivery.event_id
    others = [
        items
        for event, items in _events(observed).items()
        if event != own and items[0].delivery.event_type == kind and items[-1].agreed
    ]
    return bool(others) and all(
        _effects(observed, items[0].delivery.run_id, since=items[0]) for items in others
    )


def _shows_end(observed: Observed, run_id: str | None) -> bool:
    """Whether any reply has shown the end of a run."""
    return any(
        item.id == run_id and item.ended
        for attempt in observed.attempts
        for item in shown_by(attempt)
    )


def _repeated(observed: Observed, answers: Sequence[WebhookAnswer]) -> Finding | None:
    """The request that was made more often because of an event than there were events."""
    acts = _acts(observed, answers)
    most = max(acts, key=lambda act: acts[act], default="")
    if not most or acts[most] <= _events_beside(observed, answers):
        return None
    return _finding(observed, answers[0], f"{acts[most]}: {most}")


def _events_beside(observed: Observed, answers: Sequence[WebhookAnswer]) -> int:
    """How many events about a run were delivered while one of them was, that one included.

    A queue's worker may act on all of them later.
    """
    first, last = answers[0].attempts_before, answers[-1].attempts_before
    return len(
        {
            item.delivery.event_id
            for item in observed.webhook_answers
            if first <= item.attempts_before <= last and _is_right_about(item, answers[0])
        }
    )


def _acts(observed: Observed, answers: Sequence[WebhookAnswer]) -> dict[str, int]:
    """How many times each request was made because of an event."""
    first = answers[0]
    starts = [answer.attempts_before for answer in observed.webhook_answers]
    end = min((number for number in starts if number > answers[-1].attempts_before), default=None)
    counts: dict[str, int] = {}
    looks: dict[tuple[str, int], list[Attempt]] = {}
    for attempt in _effects(observed, first.delivery.run_id, since=first):
        if end is not None and attempt.number > end:
            break
        if attempt.method == "GET":
            begun = max(n for item in answers if (n := item.attempts_before) < attempt.number)
            looks.setdefault((_request(attempt), begun), []).append(attempt)
        else:
            counts[_request(attempt)] = counts.get(_request(attempt), 0) + 1
    for (request, begun), found in looks.items():
        # One that broke on a delivery has to look again. Of several looks because of one delivery,
        # all but the first are polls.
        taken = [item for item in answers if item.attempts_before == begun and item.agreed]
        ended = sum(look.shown is not None and look.shown.ended for look in found)
        counts[request] = counts.get(request, 0) + min(max(ended, 1), len(taken))
    return counts


def _effects(observed: Observed, run_id: str | None, *, since: WebhookAnswer) -> list[Attempt]:
    """What the consumer asked of the API about a run, and for its document, from a moment on."""
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


def _said(answer: WebhookAnswer) -> str:
    late = f" after {answer.ended - answer.started:.3f} s" if answer.late else ""
    if answer.status is None:
        return f"it raised {answer.raised}{late}"
    raised = "" if answer.raised is None else f", and raised {answer.raised}"
    return f"it answered {answer.status}{late}{raised}"


def _request(attempt: Attempt) -> str:
    return f"{attempt.method} {attempt.path}"
