"""Checks that a receiver rejects wrong deliveries and accepts right ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_parseapi.checks.finding import Finding, Subject
from pytest_parseapi.checks.kinds import rule_of
from pytest_parseapi.checks.observed import Observed, proves_nothing, raise_findings
from pytest_parseapi.checks.webhook_effects import effects_of, is_right_about, request_text, said
from pytest_parseapi.model.webhooks import UNKNOWN_EVENT_TYPE, WebhookDescription
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.webhook import WebhookAnswer

_REJECTED: Final = rule_of("webhook_rejected")
_ACCEPTED: Final = rule_of("webhook_accepted")
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
    """Check that each wrong delivery was answered with a 4xx and had no effect."""
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
    """Find wrong deliveries that the receiver accepted, or acted on."""
    for answer in observed.webhook_answers:
        if not answer.delivery.must_be_rejected:
            continue
        effects = _effects_of_wrong(observed, answer)
        if not answer.rejected:
            seen = said(answer)
        elif effects:
            seen = f"{said(answer)}, but {request_text(effects[0])} followed"
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
    """The requests after a wrong delivery that have no other cause on record."""
    run_id = answer.delivery.run_id
    own = next((run.submitted for run in observed.runs if run.id == run_id), False)
    later = observed.webhook_answers[observed.webhook_answers.index(answer) + 1 :]
    end = min(
        (item.attempts_before for item in later if is_right_about(item, answer)), default=None
    )
    return [
        attempt
        for attempt in effects_of(observed, run_id, since=answer)
        # The consumer sends requests about its own run anyway.
        if not (own and attempt.method == "GET") and (end is None or attempt.number <= end)
    ]


def webhook_accepted(observed: Observed, document: str | None = None) -> None:
    """Check that the last delivery of each right event was answered with a 2xx in time."""
    observed = observed.about(document, _ACCEPTED)
    last = _last_answers(observed)
    if not last:
        advice = _DELIVER.format("")
        nearest = _WRONG if observed.webhook_answers else ""
        seen = "no good delivery is on record"
        proves_nothing(observed, _ACCEPTED, seen, nearest, advice=advice)
    raise_findings(observed, list(good_ones_not_accepted(observed)))


def good_ones_not_accepted(observed: Observed) -> Iterator[Finding]:
    """Find right events that the receiver did not accept in the end, or answered too late once."""
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
            seen=said(answer) + (f" ({len(same)} deliveries)" if len(same) > 1 else ""),
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
