"""Whether runs were polled politely, and no longer than to their end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from pytest_parseapi.attempt import Attempt
from pytest_parseapi.checks.failed_runs import no_run_to_check
from pytest_parseapi.checks.record import Finding, Record, fail
from pytest_parseapi.errors import UsageError
from pytest_parseapi.run import IN_PROGRESS

__all__ = ["polled_politely", "polling_stopped", "polls_after_end", "polls_too_close"]

_STOPPED: Final = "no run is polled again after its end"

_MINIMUM: Final = 0.5
_RESET: Final = "connection_reset"
_TOLERANCE: Final = 1e-6


def polling_stopped(record: Record) -> None:
    """No run was polled again after a terminal status."""
    __tracebackhide__ = True
    polls = _polls(record)
    if not any(_ended(poll) for group in polls.values() for poll in group):
        seen = "no run was polled to its end" if polls else "no run was polled"
        no_run_to_check(record, _STOPPED, seen)
    fail(record, list(polls_after_end(record)))


def polled_politely(record: Record, minimum: float = _MINIMUM) -> None:
    """No two polls of a run came closer than ``minimum`` virtual seconds."""
    __tracebackhide__ = True
    if isinstance(minimum, bool) or not isinstance(minimum, (int, float)) or not minimum >= 0:
        raise UsageError(f"minimum is seconds from 0 up, not {minimum!r}")
    if not any(len(group) > 1 for group in _polls(record).values()):
        no_run_to_check(record, _polite_rule(minimum), "no run was polled more than once")
    fail(record, list(polls_too_close(record, minimum)))


def polls_after_end(record: Record) -> Iterator[Finding]:
    """Runs that were polled although their end was known."""
    for run_id, polls in _polls(record).items():
        end = next((poll for poll in polls if _ended(poll)), None)
        if end is None:
            continue
        # At one virtual instant the number alone tells what came first.
        later = [item for item in polls if item.started >= end.ended and item.number > end.number]
        # The output is fetched in another form once, by another query.
        forms = {poll.url for poll in later} - {end.url}
        surplus = [poll for poll in later if poll.url == end.url]
        surplus += [poll for poll in later if poll.url in forms][len(forms) :]
        if surplus:
            yield Finding(
                rule=_STOPPED,
                where=run_id,
                expected=f"no poll after attempt {end.number}, which showed {end.run_status}",
                seen=f"{len(surplus)} more, the first {surplus[0].started - end.ended:.3f} s later "
                f"(attempt {surplus[0].number})",
                advice="PROCESSED, FAILED and CANCELLED are final: stop polling at each of them",
            )


def polls_too_close(record: Record, minimum: float = _MINIMUM) -> Iterator[Finding]:
    """Runs that were polled twice within ``minimum`` seconds."""
    for run_id, polls in _polls(record).items():
        at_once = False
        for one, two in pairwise(polls):
            gap = two.started - one.started
            again, at_once = at_once, False
            if _ended(one) or gap >= minimum - _TOLERANCE:
                continue
            # Where a kept connection turns out to be closed, clients such as aiohttp ask again by
            # themselves, once: nobody has polled twice.
            at_once = one.error == _RESET and not again
            if at_once:
                continue
            yield Finding(
                rule=_polite_rule(minimum),
                where=run_id,
                expected=f"{minimum:g} s or more between two polls",
                seen=f"{gap:.3f} s between attempts {one.number} and {two.number}",
                advice=record.advice("polling"),
            )
            break


def _polite_rule(minimum: float) -> str:
    return f"polls of a run are at least {minimum:g} s apart"


def _polls(record: Record) -> dict[str, list[Attempt]]:
    """The polls by run or batch, oldest first."""
    paths = {(item.method, item.path) for item in record.provider.endpoints if item.polls}
    polls: dict[str, list[Attempt]] = {}
    for attempt in record.attempts:
        if attempt.run_id is not None and (attempt.method, attempt.endpoint) in paths:
            polls.setdefault(attempt.run_id, []).append(attempt)
    return polls


def _ended(poll: Attempt) -> bool:
    return poll.run_status is not None and poll.run_status not in IN_PROGRESS
