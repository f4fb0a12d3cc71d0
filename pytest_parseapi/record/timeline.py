"""Draws the timeline: a table of a test's attempts and waits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Final

from pytest_parseapi.model.printable_text import aligned, one_line, shortened
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.redaction import redacted
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.webhook import WebhookAnswer

_FIRST_ROWS: Final = 12
_LAST_ROWS: Final = 8
# The most lines of a table, if only a few documents of many matter.
_MOST_LINES: Final = 32
_HEADINGS: Final = ("#", "at", "waited", "request", "document", "reply")
_RIGHT: Final = {0, 1, 2}
# The widest cell sets the width of its column in every line.
_MAX_CELL_CHARS: Final = 200
_MIN_SHOWN_SECONDS: Final = 0.0005


def timeline_of(
    provider: Provider,
    attempts: Sequence[Attempt],
    answers: Sequence[WebhookAnswer] = (),
    *,
    focus: Collection[int] = (),
    events: Collection[str] = (),
    notes: Sequence[str] = (),
    dropped: int = 0,
) -> str:
    """The attempts as a table, one a line; of a long record, a part is left out.

    Args:
        provider: whose attempts they are.
        attempts: oldest first.
        answers: how webhook deliveries were answered, oldest first.
        focus: the numbers of the attempts that matter most; where they are given, the others are
            left out first, else the middle is.
        events: the ids of the webhook events that matter as much.
        notes: what else happened, a line each.
        dropped: how many older ones are on record no longer.

    Returns:
        The picture, without a line break at its end.
    """
    told = "".join(f"\n    {one_line(note)}" for note in notes)
    if not (attempts or answers):
        gone = f" (older ones dropped to save memory: {dropped:,})" if dropped else ""
        return f"timeline of {provider.title}: no attempt on record{gone}{told}"
    items = _in_order(attempts, answers)
    shown = _chosen(items, frozenset(focus), frozenset(events))
    headings = (*_HEADINGS, provider.request_id_name)
    rows = [headings, *(_row(items[position]) for position in shown)]
    used = [column for column in range(len(headings)) if any(row[column] for row in rows[1:])]
    right = {place for place, column in enumerate(used) if column in _RIGHT}
    texts = aligned([[row[column] for column in used] for row in rows], right)
    about = any(isinstance(item, Attempt) and item.number not in focus for item in items)
    about = about and bool(focus or events)
    lines: list[str] = []
    before = -1
    for position, text in zip((-1, *shown), texts, strict=True):
        if dropped and len(lines) == 1:
            lines.append(f"    ... older attempts dropped to save memory: {dropped:,} ...")
        if position > before + 1:
            lines.append(_gap(items[before + 1 : position], about=about))
        before = position
        lines.append(f"    {text}")
    if before + 1 < len(items):
        lines.append(_gap(items[before + 1 :], about=about))
    lines += [
        one_line(f"    attempt {item.number} was answered by {item.mock}: {item.contradiction}")
        for item in (items[position] for position in shown)
        if isinstance(item, Attempt) and item.contradiction is not None
    ]
    return f"timeline of {provider.title} (virtual seconds)\n" + "\n".join(lines) + told


def _chosen(
    items: Sequence[Attempt | WebhookAnswer], focus: frozenset[int], events: frozenset[str]
) -> list[int]:
    """The indexes of the rows to show, in order."""
    every = list(range(len(items)))
    if len(items) <= _FIRST_ROWS + _LAST_ROWS + 1:
        return every
    wanted = [
        at
        for at in every
        if (isinstance(item := items[at], Attempt) and item.number in focus)
        or (isinstance(item, WebhookAnswer) and item.delivery.event_id in events)
    ]
    if not wanted or len(wanted) == len(items):
        return every[:_FIRST_ROWS] + every[-_LAST_ROWS:]
    for number in range(len(wanted), 1, -1):
        first = number - number * _LAST_ROWS // (_FIRST_ROWS + _LAST_ROWS)
        found = wanted[:first] + wanted[len(wanted) - number + first :]
        gaps = 2 + sum(two > one + 1 for one, two in pairwise(found))
        if len(found) + gaps <= _MOST_LINES:
            return found
    return wanted[:1]


def _gap(left_out: Sequence[Attempt | WebhookAnswer], *, about: bool) -> str:
    """The line that replaces rows that are left out."""
    documents = {_document(item) for item in left_out} - {None}
    others = f", about {len(documents)} document{'s' * (len(documents) != 1)}" if about else ""
    return f"    ... {len(left_out)} more{others} ..."


def _document(item: Attempt | WebhookAnswer) -> str | None:
    return item.document if isinstance(item, Attempt) else item.delivery.document


def rows_of(attempts: Sequence[Attempt], answers: Sequence[WebhookAnswer] = ()) -> frozenset[str]:
    """The lines of a timeline with single blanks, to recognise them in printed output."""
    return frozenset(
        " ".join(" ".join(_row(item)).split()) for item in _in_order(attempts, answers)
    )


def _in_order(
    attempts: Sequence[Attempt], answers: Sequence[WebhookAnswer]
) -> list[Attempt | WebhookAnswer]:
    """Sort the rows by time; a delivery comes before the requests of its receiver."""
    found: list[Attempt | WebhookAnswer] = [*answers]
    found += attempts
    found.sort(key=_place)
    return found


def _place(item: Attempt | WebhookAnswer) -> tuple[int, float]:
    if isinstance(item, WebhookAnswer):
        return item.attempts_before, item.started + 1
    return item.number, 0


def _describe_answer(answer: WebhookAnswer) -> str:
    """How a receiver answered, such as ``204 after 40.000 s``."""
    said = [] if answer.status is None else [str(answer.status)]
    if answer.raised is not None:
        said.append(f"raised {answer.raised}".partition("\n")[0])
    took = answer.ended - answer.started
    return " and ".join(said) + (f" after {took:.3f} s" if took >= _MIN_SHOWN_SECONDS else "")


def _row(item: Attempt | WebhookAnswer) -> tuple[str, ...]:
    cells = _attempt_row(item) if isinstance(item, Attempt) else _delivery_row(item)
    *others, request_id = map(one_line, cells)
    return (*(shortened(cell, _MAX_CELL_CHARS) for cell in others), request_id)


def _delivery_row(answer: WebhookAnswer) -> tuple[str, ...]:
    delivery = answer.delivery
    return (
        "",
        f"{answer.started:.3f}",
        "",
        f"webhook {delivery.event_type}" + (f" ({delivery.wrong})" if delivery.wrong else ""),
        short_document(delivery.document),
        _describe_answer(answer),
        delivery.event_id,
    )


def _attempt_row(attempt: Attempt) -> tuple[str, ...]:
    took = attempt.ended - attempt.started
    reply = describe_error(attempt) if attempt.failed else str(attempt.status)
    if attempt.run_status is not None:
        reply += f" {attempt.run_status}" + (f" {attempt.run_reason}" if attempt.run_reason else "")
    if took >= _MIN_SHOWN_SECONDS:
        reply += f" after {took:.3f} s"
    if attempt.retry_after is not None:
        reply += f" (Retry-After: {attempt.retry_after})"
    if attempt.mock is not None:
        reply += f" [{attempt.mock}]"
    return (
        str(attempt.number),
        f"{attempt.started:.3f}",
        "" if attempt.waited is None else f"{attempt.waited:.3f}",
        f"{attempt.method} {attempt.path}",
        short_document(attempt.document),
        reply,
        attempt.request_id or "",
    )


def describe_error(attempt: Attempt) -> str:
    """How an attempt ended, such as ``500 OCR_ERROR`` or ``read_timeout``."""
    parts = (attempt.status, attempt.error_name)
    return " ".join(str(part) for part in parts if part is not None)


def short_document(document: str | None) -> str:
    """The last segment of a document's name."""
    if document is None:
        return ""
    shown = redacted(document).partition("?")[0].rstrip("/").rpartition("/")[2]
    return shown or redacted(document)
