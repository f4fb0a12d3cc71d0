"""The results of a sweep as plain data: what workers send, and what reports hold."""

from __future__ import annotations

from typing import TypedDict

__all__ = ["NO_FAILURE", "BrokenData", "LeftOutData", "PlaceData", "ResultData", "SweepData"]

NO_FAILURE = "no failure"
"""What stands for the failure where a rule is broken although nothing fails."""


class PlaceData(TypedDict):
    """A place."""

    provider: str
    endpoint: str
    chain: str
    """The functions, such as ``ask() <- read_estimate()``."""
    key: str
    """The place without line numbers."""
    where: str
    """File and line of the innermost function; empty where none was seen."""
    id: str
    """The place with line numbers."""


class BrokenData(TypedDict):
    """A rule of the documentation that was broken."""

    kind: str
    rule: str
    seen: str
    lines: list[str]
    """What to paste into the test."""


class ResultData(TypedDict):
    """One variation of one test."""

    test: str
    place: PlaceData
    failure: str
    name: str
    """What ``fail``, ``fail_run`` or ``webhook(wrong=)`` takes."""
    kind: str
    verdict: str
    why: str
    at: str
    """The line that the verdict points to, where that is not the place's own."""
    lines: list[str]
    """What to paste into the test."""
    broken: list[BrokenData]
    timeline: str
    accepted: str
    """Why the test's author accepts it; empty where it is not accepted."""


class LeftOutData(TypedDict):
    """A test that is not swept, or not to its end, and why."""

    test: str
    reason: str
    counted: bool
    """Whether it is only counted, and not named."""


class SweepData(TypedDict):
    """What the sweep of a session gave."""

    results: list[ResultData]
    left_out: list[LeftOutData]
    own_calls: int
    """How many places are the tests' own calls."""
