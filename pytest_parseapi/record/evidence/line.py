"""One line of the consumer's log or output."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_FRAME: Final = re.compile(r'\s*>?\s*File ".*", line \d+')
_MARKS: Final = re.compile(r"[\s^~]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One log record or line of output.

    Args:
        source: ``"logging"``, ``"structlog"``, ``"loguru"``, ``"stdout"``, ``"stderr"`` or a name
            that a ``pytest_parseapi_evidence`` hook gave.
        text: the message, its fields and the texts of its exceptions.
        level: as `logging` counts; None where there is none.
        logger: the logger's name, or an empty text.
        when: virtual seconds since the test began.
        shown: what was written of it in the end, where that is known: a processor, filter or
            formatter of the consumer's may have taken a secret out.
    """

    source: str
    text: str
    level: int | None = None
    logger: str = ""
    when: float = 0.0
    shown: tuple[str, ...] | None = None


def exception_text(error: BaseException | None) -> str:
    """The messages of an exception, its notes and all that it came from; no source lines."""
    return "\n".join(_messages(error, set()))


def _messages(error: BaseException | None, seen: set[int]) -> Iterator[str]:
    # Chains can have cycles: an exception may be its own cause's context.
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        try:
            yield f"{type(error).__name__}: {error}"
        except Exception:  # noqa: BLE001 - a broken __str__ is the consumer's affair
            yield type(error).__name__
        yield from (str(note) for note in getattr(error, "__notes__", ()))
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                yield from _messages(member, seen)
        if error.__cause__ is not None and error.__context__ is not error.__cause__:
            yield from _messages(error.__context__, seen)
        error = error.__cause__ or error.__context__


def without_source_lines(text: str) -> Iterator[str]:
    """The lines of an output without the lines of source code that tracebacks quote."""
    quoted = False
    for line in text.splitlines():
        if _FRAME.match(line):
            quoted = True
        elif quoted and line.startswith("    "):
            # A frame quotes one line; a line that marks a place in it may follow.
            quoted = False
            continue
        elif _MARKS.fullmatch(line):
            continue
        else:
            quoted = False
        yield line
