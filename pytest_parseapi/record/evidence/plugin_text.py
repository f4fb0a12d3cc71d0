"""Removes the plugin's own text from what was printed, so that only the consumer's is left."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.evidence.line import Line
from pytest_parseapi.record.timeline import rows_of
from pytest_parseapi.record.webhook import WebhookAnswer

# The ``repr`` of the plugin's own objects, alone or in a list. A consumer may have a class of the
# same name, but not with the same fields.
_OBJECT: Final = re.compile(
    r"\b(?:Attempt\(number=|Run\(id='[^']*', document=.*?, status='[^']*', failed="
    r"|WebhookDelivery\(body=.*?, headers=.*?, event_id='|RequestIds\(\[).*"
)
_FINDING: Final = re.compile(
    r"(?:E\s)?\s{2,}(?:operation  |expected   |seen       |nearest    |next       )\S.*"
)


class RequestIds(list[str]):
    """The list of request ids of failed replies. If a test prints it, it can be recognised."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({super().__repr__()})"


def without_plugin_text(
    lines: Iterable[Line], attempts: Sequence[Attempt], answers: Sequence[WebhookAnswer] = ()
) -> list[Line]:
    """The lines of the consumer, without the plugin's own text.

    Timelines, findings, attempts, runs, deliveries, and lists of these and of request ids.

    Args:
        lines: the evidence.
        attempts: what is on record, oldest first.
        answers: how webhook deliveries were answered.
    """
    rows = rows_of(attempts, answers)
    found = []
    for line in lines:
        parts = line.text.splitlines()
        kept = [text for part in parts if (text := _consumers(part, rows)) is not None]
        if kept == parts:
            found.append(line)
        elif kept:
            found.append(replace(line, text="\n".join(kept)))
    return found


def _consumers(text: str, rows: frozenset[str]) -> str | None:
    """The part of a line that is the consumer's; None if there is none."""
    words = " ".join(text.removeprefix("E ").split())
    if words in rows or _FINDING.fullmatch(text):
        return None
    return _OBJECT.sub("", text) if "(" in text else text
