"""The text picture of a test's attempts and waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.redaction import redacted
from pytest_parseapi.record.attempt import Attempt

__all__ = ["describe_error", "draw", "rows_of", "short_document"]

_FIRST: Final = 12
_LAST: Final = 8
_HEADINGS: Final = ("#", "at", "waited", "request", "document", "reply", "requestId")
_RIGHT: Final = {0, 1, 2}
_SHOWN: Final = 0.0005


def draw(title: str, attempts: Sequence[Attempt], dropped: int = 0) -> str:
    """The attempts as a table, one a line; the middle of a long record is left out.

    Args:
        title: the provider's name.
        attempts: oldest first.
        dropped: how many older ones are on record no longer.

    Returns:
        The picture, without a line break at its end.
    """
    if not attempts:
        gone = f" (older ones dropped to save memory: {dropped:,})" if dropped else ""
        return f"timeline of {title}: no attempt on record{gone}"
    shown = list(attempts)
    left_out = 0
    if len(shown) > _FIRST + _LAST + 1:
        left_out = len(shown) - _FIRST - _LAST
        shown = shown[:_FIRST] + shown[-_LAST:]
    rows = [_HEADINGS, *(_row(attempt) for attempt in shown)]
    used = [column for column in range(len(_HEADINGS)) if any(row[column] for row in rows[1:])]
    widths = {column: max(len(row[column]) for row in rows) for column in used}
    lines = []
    for number, row in enumerate(rows):
        if dropped and number == 1:
            lines.append(f"    ... older attempts dropped to save memory: {dropped:,} ...")
        if left_out and number == _FIRST + 1:
            lines.append(f"    ... {left_out} more ...")
        cells = (
            row[column].rjust(widths[column])
            if column in _RIGHT
            else row[column].ljust(widths[column])
            for column in used
        )
        lines.append(("    " + "  ".join(cells)).rstrip())
    lines += [
        f"    attempt {attempt.number} was answered by {attempt.mock}: {attempt.contradiction}"
        for attempt in shown
        if attempt.contradiction is not None
    ]
    return f"timeline of {title} (virtual seconds)\n" + "\n".join(lines)


def rows_of(attempts: Sequence[Attempt]) -> frozenset[str]:
    """The lines of a timeline with single blanks, to know them again where it is printed."""
    return frozenset(" ".join(" ".join(_row(attempt)).split()) for attempt in attempts)


def _row(attempt: Attempt) -> tuple[str, ...]:
    took = attempt.ended - attempt.started
    reply = describe_error(attempt) if attempt.failed else str(attempt.status)
    if attempt.run_status is not None:
        reply += f" {attempt.run_status}" + (f" {attempt.run_reason}" if attempt.run_reason else "")
    if took >= _SHOWN:
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
    name = attempt.error.code if isinstance(attempt.error, DocumentedError) else attempt.error
    return " ".join(str(part) for part in (attempt.status, name) if part is not None)


def short_document(document: str | None) -> str:
    """The last segment of a document's name."""
    if document is None:
        return ""
    shown = redacted(document).partition("?")[0].rstrip("/").rpartition("/")[2]
    return shown or redacted(document)
