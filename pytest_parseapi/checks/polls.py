"""Checks of polls: none after the end of a run, and not too fast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from pytest_parseapi.checks.finding import Finding, Subject
from pytest_parseapi.checks.kinds import rule_of
from pytest_parseapi.checks.observed import Observed, nothing_to_check, raise_findings
from pytest_parseapi.checks.waits import tolerance, too_fast, unjudgeable
from pytest_parseapi.model.mistakes import UsageError, as_document, number_of
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.webhook import WebhookAnswer

_STOPPED: Final = rule_of("poll_after_end")
_MINIMUM: Final = 0.5
_SLOWER: Final = "wait before each poll, longer each time: 1, 2, 4 s and so on, up to 30 s"
_POLL: Final = (
    "call a consumer that polls its runs to their end; api.runs_take(polls=3) gives it more to poll"
)
_RESET: Final = "connection_reset"
_TOLERANCE: Final = 1e-6


def polling_stopped(observed: Observed, document: str | None = None) -> None:
    """Check that no run was polled again after a terminal status."""
    observed = observed.about(document, _STOPPED)
    polls = _polls(observed)
    if not any(ended for group in polls.values() for _, ended in group):
        seen = "no run was polled to its end" if polls else "no run was polled"
        nothing_to_check(observed, _STOPPED, seen, advice=_POLL)
    raise_findings(observed, list(polls_after_end(observed)))


def polled_politely(
    observed: Observed, minimum: float = _MINIMUM, document: str | None = None
) -> None:
    """Check that no two polls of a run are closer than ``minimum`` virtual seconds."""
    number = number_of(minimum)
    if number is None or number < 0:
        raise UsageError(f"minimum must be seconds >= 0, not {minimum!r}{as_document(minimum)}")
    observed = observed.about(document, _polite_rule(minimum))
    if not any(len(group) > 1 for group in _polls(observed).values()):
        seen = "no run was polled more than once"
        nothing_to_check(observed, _polite_rule(minimum), seen, advice=_POLL)
    raise_findings(observed, list(polls_too_close(observed, minimum)))


def polls_after_end(observed: Observed) -> Iterator[Finding]:
    """Find runs that were polled although a reply had shown their end."""
    for run_id, polls in _polls_by_id(observed).items():
        end = next((poll for poll in polls if _ended(poll)), None)
        if end is None:
            continue
        # At the same virtual time, only the number shows the order.
        later = [
            poll
            for poll in _without_looks(observed, run_id, polls, end)
            if poll.started >= end.ended
        ]
        # A poll with another query may fetch the output in another form, once.
        forms = {poll.url for poll in later} - {end.url}
        surplus = [poll for poll in later if poll.url == end.url]
        surplus += [poll for poll in later if poll.url in forms][len(forms) :]
        if surplus:
            yield Finding(
                kind="poll_after_end",
                rule=_STOPPED,
                subject=Subject.run_id(run_id),
                expected=f"no poll after attempt {end.number}, which showed {end.run_status}",
                seen=f"{len(surplus)} more, the first {surplus[0].started - end.ended:.3f} s later "
                f"(attempt {surplus[0].number})",
                attempts=(surplus[0].number,),
                advice=f"{_final_statuses(observed)} are final: stop polling at each of them",
            )


def _without_looks(
    observed: Observed, run_id: str, polls: Sequence[Attempt], end: Attempt
) -> list[Attempt]:
    """The polls after the end of a run, without one for each webhook, which may cause a poll.

    A receiver may put webhooks into a queue, so several can come before the first poll.
    """
    webhooks = [item for item in observed.webhook_answers if item.delivery.run_id == run_id]
    run = next((item for item in observed.runs if item.id == run_id), None)
    if run is not None and not (run.submitted or webhooks):
        # The test delivered its webhooks by itself: their number is unknown.
        return []
    cause = _taken_from(webhooks, end)
    # Code that polls anyway may have seen the end before the receiver of the webhook polls.
    both = cause is not None and any(poll.number <= cause.attempts_before for poll in polls)
    found = []
    for poll in polls:
        if poll.number <= end.number or _taken_from(webhooks, poll) is not None:
            continue
        if both and poll.started - end.ended < _MINIMUM:
            both = False
        else:
            found.append(poll)
    return found


def _taken_from(webhooks: list[WebhookAnswer], poll: Attempt) -> WebhookAnswer | None:
    """Remove and return the webhook that may have caused a poll; None if there is none."""
    for item in webhooks:
        # A receiver that does not answer with a 2xx does its work before it answers.
        during = item.agreed or item.started <= poll.started <= item.ended
        if item.attempts_before < poll.number and during:
            webhooks.remove(item)
            return item
    return None


def polls_too_close(observed: Observed, minimum: float = _MINIMUM) -> Iterator[Finding]:
    """Find runs that were polled twice within ``minimum`` seconds."""
    told: set[tuple[int, int]] = set()
    for run_id, polls in _polls(observed).items():
        at_once = False
        rule = _polite_rule(minimum)
        if len(polls) > 1 and unjudgeable(observed, polls[-1][0], minimum):
            yield too_fast(observed, rule, polls[-1][0], minimum, Subject.run_id(run_id))
            continue
        for (one, ended), (two, _) in pairwise(polls):
            gap = two.started - one.started
            again, at_once = at_once, False
            slack = tolerance(observed, two) if two.client == "server" else _TOLERANCE
            if ended or gap >= minimum - slack or observed.asked_anew(one, two):
                continue
            if (one.number, two.number) in told:
                # Two polls of a list are too close for all runs that it shows.
                break
            # If a kept connection was closed, clients such as aiohttp send the request again by
            # themselves, once. That is not a second poll of the consumer.
            at_once = one.error == _RESET and not again
            if at_once:
                continue
            told.add((one.number, two.number))
            yield Finding(
                kind="poll_interval",
                rule=rule,
                subject=Subject.run_id(run_id),
                expected=f"{minimum:g} s or more between two polls",
                seen=f"{gap:.3f} s between attempts {one.number} and {two.number}",
                attempts=(two.number,),
                advice=_SLOWER,
            )
            break


def _polite_rule(minimum: float) -> str:
    return f"polls of a run are at least {minimum:g} s apart"


def _polls_by_id(observed: Observed) -> dict[str, list[Attempt]]:
    """The polls that name a run or batch, oldest first."""
    paths = {(item.method, item.path) for item in observed.provider.endpoints if item.polls}
    polls: dict[str, list[Attempt]] = {}
    for attempt in observed.attempts:
        if attempt.run_id is not None and (attempt.method, attempt.endpoint) in paths:
            polls.setdefault(attempt.run_id, []).append(attempt)
    return polls


def _polls(observed: Observed) -> dict[str, list[tuple[Attempt, bool]]]:
    """All polls of each run or batch, and whether they showed its end.

    A request for a list or a batch is a poll of each run that the reply shows.
    """
    named = _polls_by_id(observed)
    polls = {
        run_id: [(attempt, _ended(attempt)) for attempt in attempts]
        for run_id, attempts in named.items()
    }
    # A list names no document, and shows the runs of all documents.
    wanted = {run.id for run in observed.runs} if observed.others else None
    for attempt in (*observed.attempts, *observed.others):
        for shown in attempt.listed:
            if wanted is None or shown.id in wanted:
                polls.setdefault(shown.id, []).append((attempt, shown.ended))
    for found in polls.values():
        found.sort(key=lambda poll: poll[0].number)
    return polls


def _ended(poll: Attempt) -> bool:
    return poll.shown is not None and poll.shown.ended


def _final_statuses(observed: Observed) -> str:
    description = observed.provider.runs
    words = () if description is None else description.terminal
    return " and ".join([", ".join(words[:-1]), *words[-1:]]) if len(words) > 1 else "".join(words)
